"""A message that really went out, and the browser in which its link is opened."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import MessageLink, Practice
from schedules.delivery.channels import Message
from schedules.plan.vocabulary import Provider
from tests import builders
from tests.clock import FixedClock
from tests.worker.desks import PUBLIC_URL, Outbox, claim_all, deliver, desk_of

BORN = {"day": "17", "month": "5", "year": "1980"}
WRONG = BORN | {"day": "18"}
Answer = Any  # werkzeug's TestResponse


@dataclass
class Reader:
    """A patient's browser, with the path of a link."""

    client: FlaskClient
    path: str
    headers: dict[str, str] = field(default_factory=dict)

    def look(self, query: str = "") -> Answer:
        return self.client.get(self.path + query, headers=self.headers)

    def open(self, born: dict[str, str] = BORN, query: str = "") -> Answer:
        """Fill in the form with a date of birth and send it."""
        return self.client.post(self.path + query, data={"form": form_of(self.look(query)), **born})

    def answer(self, page: Answer, **answers: str) -> Answer:
        return self.client.post(self.path + "/check-in", data={"form": form_of(page), **answers})


def form_of(page: Answer) -> str:
    """Return the hidden token of the form that a page shows."""
    found = re.search(r'name="form" value="([^"]+)"', page.get_data(as_text=True))
    assert found, page.get_data(as_text=True)
    return found.group(1)


def text_of(page: Answer) -> str:
    return str(page.get_data(as_text=True))


def send_due(engine: Engine, session: Session, clock: FixedClock) -> list[Message]:
    """Deliver what is due, and return the messages."""
    outbox = Outbox()
    for claim in claim_all(session, clock):
        deliver(desk_of(engine, clock, {Provider.smtp: outbox}), claim)
    return outbox.messages


def path_in(message: Message) -> str:
    """Return the path of the link in a message's text."""
    found = re.search(rf"{PUBLIC_URL}(/m/[A-Za-z0-9_-]{{22}})\n", message.body)
    assert found, message.body
    return found.group(1)


@pytest.fixture
def small_clinic(session: Session) -> Practice:
    """Return a clinic with nobody in it."""
    return builders.practice(session)


@pytest.fixture
def message(engine: Engine, session: Session, small_clinic: Practice, clock: FixedClock) -> Message:
    """Return the message that encourages a patient to walk, as it went out."""
    builders.due_delivery(session, small_clinic)
    session.commit()
    (sent,) = send_due(engine, session, clock)
    return sent


@pytest.fixture
def reader(app: Flask, message: Message) -> Reader:
    return Reader(app.test_client(), path_in(message))


def link_of(look: Callable[..., Any]) -> MessageLink:
    row: MessageLink
    (row,) = look(MessageLink)
    return row
