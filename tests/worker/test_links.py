"""The gate writes a link into each message, and asks anew what may show before it is opened."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models import MessageLink
from models.people import Patient
from schedules.delivery.message import render
from schedules.plan.vocabulary import Channel
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.worker.desks import PUBLIC_URL, claim_all, pass_now, reminder_draft

WAITS, SAYS = "A message from your care team", "Build up your walking: a few minutes, several times a day"


def test_the_gate_stores_the_hash_of_a_link_and_what_it_leads_to(session: Session, clock: FixedClock) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    session.commit()

    permit = pass_now(session, claim_all(session, clock)[0])

    assert permit is not None
    link = session.query(MessageLink).one()
    assert link.token_hash == hashlib.sha256(reminder_draft(permit).token.encode()).digest()
    assert (link.id, link.reminder_id, link.patient_id) == (delivery.id, delivery.reminder_id, delivery.patient_id)
    assert (link.made_at, link.opened_at, link.failed_tries) == (MONDAY_AFTERNOON, None, 0)
    assert link.expires_at == MONDAY_AFTERNOON + timedelta(hours=72)  # three days from the due hour end before that
    assert link.said is not None
    assert link.said.startswith(SAYS)


@pytest.mark.sqlite_only
def test_a_link_lives_as_long_as_its_message_is_useful(session: Session, clock: FixedClock) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    delivery.useful_until = MONDAY_AFTERNOON + timedelta(days=10)
    session.commit()

    pass_now(session, claim_all(session, clock)[0])

    assert session.query(MessageLink).one().expires_at == MONDAY_AFTERNOON + timedelta(days=10)


@pytest.mark.sqlite_only
def test_no_two_messages_share_a_link(session: Session, clock: FixedClock) -> None:
    first, second = builders.practice(session), builders.practice(session)
    for practice in (first, first, second):
        builders.due_delivery(session, practice)
    session.commit()

    permits = [pass_now(session, claim) for claim in claim_all(session, clock)]

    assert len({reminder_draft(permit).token for permit in permits if permit is not None}) == 3


def test_what_may_show_is_asked_after_the_claim(session: Session, clock: FixedClock) -> None:
    practice = builders.practice(session)
    agreed = builders.due_delivery(session, practice, details_consent_at=MONDAY_AFTERNOON)
    withdrew = builders.due_delivery(session, practice, details_consent_at=MONDAY_AFTERNOON)
    session.commit()
    claims = {claim.delivery_id: claim for claim in claim_all(session, clock)}
    session.get_one(Patient, (practice.id, withdrew.patient_id)).details_consent_at = None
    session.commit()

    shown = {}
    for delivery_id, claim in claims.items():
        permit = pass_now(session, claim)
        assert permit is not None
        by_sms = replace(reminder_draft(permit), channel=Channel.sms)
        mail, sms = (
            render(each, "x@example.org", clock.now(), PUBLIC_URL) for each in (reminder_draft(permit), by_sms)
        )
        shown[delivery_id] = (mail.subject[:57], mail.notice[:57], sms.notice[:57])

    assert shown[agreed.id] == (SAYS, SAYS, SAYS)
    assert [WAITS in shown[withdrew.id][0], *("walking" in each for each in shown[withdrew.id])] == [True] + [False] * 3
