"""What holds for every page whatever it shows: headers, no script, nothing secret in the log, and an end to asking."""

import io
import logging
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from config import Settings
from models.people import StaffRole
from schedules.plan.kind_words import kind_name
from schedules.plan.red_flag import Urgency
from schedules.plan.red_flags import RED_FLAGS, flags_of
from schedules.plan.vocabulary import Grade, MilestoneKind, WoundSign
from service.app import create_app
from service.db import db
from service.logs import JsonFormatter
from service.pages import views
from service.pages.render import POLICY
from service.pages.words import WORDS
from service.rate_limits import RateLimits
from tests.api.message_reader import Reader, text_of
from tests.clock import FixedClock

UNKNOWN = "/m/AAAAAAAAAAAAAAAAAAAAAA"
TEMPLATES = {file.name: file.read_text("utf-8") for file in (views.STYLE.parents[2] / "pages/templates").iterdir()}
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@pytest.mark.sqlite_only
def test_every_response_has_the_headers_that_keep_it_to_itself(
    app: Flask,
    reader: Reader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = app.test_client()
    reader.open()
    answers = [
        client.get(UNKNOWN),
        Reader(client, UNKNOWN).open(),
        Reader(client, UNKNOWN).open({}),
        client.post(UNKNOWN),
        reader.look(),
        reader.answer(reader.look()),
        reader.answer(reader.look(), pain="4"),
        client.get("/pages/pages.css"),
        client.get("/pages/other.css"),
        client.put(UNKNOWN),
        client.get("/m/"),
        client.post(UNKNOWN, data=b"x" * 3_000_000, content_type="application/x-www-form-urlencoded"),
    ]
    monkeypatch.setattr(views, "ask_page", None)
    answers.append(client.get(UNKNOWN))
    monkeypatch.setattr(RateLimits, "_admits", lambda *_: False)
    answers.append(client.get(UNKNOWN))

    came = [each.status_code for each in answers]
    assert came == [200, 403, 422, 403, 200, 422, 303, 200, 404, 405, 404, 413, 500, 429]
    for answer in answers:
        told = dict(answer.headers)
        assert {name: told[name] for name in HEADERS} == HEADERS
        assert "default-src 'none'" in told["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in told["Content-Security-Policy"]
        assert not re.search("unsafe|http:|https:|data:", told["Content-Security-Policy"])
        assert "Strict-Transport-Security" not in told


@pytest.mark.sqlite_only
def test_a_service_on_https_tells_browsers_to_stay_there(settings: Settings, clock: FixedClock) -> None:
    app = create_app(replace(settings, public_url="https://recovery.example.org/care"), clock)

    answers = [app.test_client().get(path) for path in (UNKNOWN, "/health", "/nothing", "/api/v1/patients")]

    assert {each.headers["Strict-Transport-Security"] for each in answers} == {"max-age=31536000"}
    assert 'action="/care/m/AAAAAAAAAAAAAAAAAAAAAA?language=en"' in text_of(answers[0])
    assert 'href="/care/pages/pages.css"' in text_of(answers[0])
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Yield what the service logs from now on."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    yield text
    logging.getLogger().removeHandler(handler)


@pytest.mark.sqlite_only
def test_no_secret_and_no_date_of_birth_is_logged(log: io.StringIO, reader: Reader) -> None:
    reader.open({"day": "18", "month": "5", "year": "1981"})
    reader.open()
    reader.answer(reader.look(), pain="4", note="Zyzzyva")

    assert "POST /m/{token}" in log.getvalue()
    assert not re.search(f"{reader.path[3:]}|1981|zyzzyva", log.getvalue(), re.IGNORECASE)


@pytest.mark.sqlite_only
def test_who_asks_too_often_is_told_to_wait_and_opens_no_transaction(app: Flask, engine: Engine) -> None:
    reader = Reader(app.test_client(), UNKNOWN)
    statements: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    statuses = [reader.client.post(UNKNOWN).status_code for _ in range(25)]
    asked = len(statements)

    refusal = reader.look()

    assert statuses == [403] * 24 + [429]
    assert (refusal.status_code, refusal.headers["Retry-After"]) == (429, "60")
    assert len(statements) == asked
    assert reader.client.get("/health").status_code == 200


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_has_a_script_a_style_or_an_unquoted_or_unescaped_value(name: str) -> None:
    html = TEMPLATES[name]

    assert not re.search(r"<script|<style|\bstyle=|\bon[a-z]+=|\|\s*safe|autoescape|javascript:|https?:", html)
    assert not re.search(r"\s[a-z-]+=\s*\{\{", html)


def test_every_word_that_a_template_says_is_there_and_every_word_is_said() -> None:
    code = (views.STYLE.parents[2] / "pages").glob("*.py")
    everything = " ".join((*TEMPLATES.values(), *(file.read_text("utf-8") for file in code if file.name != "words.py")))
    said = set(re.findall(r'say\("([a-z_]+)"\)', " ".join(TEMPLATES.values())))

    assert said <= set(WORDS)
    in_messages = set(Urgency) - {"emergency_number", "same_day", "next_day"}
    of_vocabularies = {*StaffRole, *in_messages, *WoundSign, *(f"grade_{grade}" for grade in Grade)}
    assert {word for word in WORDS if f'"{word}"' not in everything} == of_vocabularies
    assert all(text.en != text.es for word, text in WORDS.items() if word != "no")


def test_the_policy_lets_nothing_in() -> None:
    assert POLICY.split("; ") == [
        "default-src 'none'",
        "style-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]


def test_every_kind_of_milestone_and_every_red_flag_is_told_in_both_languages() -> None:
    texts = [kind_name(kind) for kind in MilestoneKind] + [flag.text for flag in RED_FLAGS]

    assert all(text.en.strip() and text.es.strip() and text.en != text.es for text in texts)
    assert sum(len(flags_of(urgency)) for urgency in Urgency) == len(RED_FLAGS)
    assert all(flag.sources for flag in RED_FLAGS)
    assert not any(re.search(r"\b(911|112|999)\b", f"{flag.text.en} {flag.text.es}") for flag in RED_FLAGS)
