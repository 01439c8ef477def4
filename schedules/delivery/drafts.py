"""Puts together, still at the gate, what a message will say: one item, or all that goes to one address of a patient."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.practice import Practice
from models.private import keys_of
from schedules.delivery.book import Claim, Held
from schedules.delivery.call_message import CallDraft
from schedules.delivery.calls import Call
from schedules.delivery.decide import Send
from schedules.delivery.digest import texts_said_along
from schedules.delivery.facts import Care, count_open_tries
from schedules.delivery.links import with_link
from schedules.delivery.message import Draft, Item
from schedules.delivery.notice_message import NoticeDraft
from schedules.plan.library import load_library
from schedules.plan.protocol import Protocol
from schedules.plan.vocabulary import Provider
from schedules.planning.library import find_protocol


@dataclass(frozen=True, slots=True)
class Going:
    """A delivery that goes out, and what it hangs on."""

    claim: Claim
    delivery: Held
    care: Care | Call
    verdict: Send


def draft_of(session: Session, message: Sequence[Going], now: datetime) -> Draft | CallDraft | NoticeDraft:
    """Return what a message says, the longest due first, under the name of its first delivery."""
    first = message[0]
    care, delivery = first.care, first.delivery
    if isinstance(care, Call):
        return _call_draft(session, delivery, care, first.verdict)
    draft = Draft(
        practice_id=delivery.practice_id,
        delivery_id=delivery.id,
        generation=delivery.generation,
        language=care.language,
        practice_name=care.practice_name,
        practice_phone=care.practice_phone,
        items=tuple(_item(session, each.delivery, each.care, now) for each in message if isinstance(each.care, Care)),
        useful_until=min(each.delivery.useful_until for each in message),
        country=care.country,
        channel=first.verdict.channel,
        with_details=care.details_consent_at is not None,
        open_tries=count_open_tries(session, delivery),
        patient_id=delivery.patient_id,
        episode_id=care.episode_id,
        webhook_secret=_webhook_secret(session, care, first.verdict),
    )
    return with_link(session, [each.delivery for each in message], draft, now)


def _call_draft(session: Session, delivery: Held, call: Call, verdict: Send) -> CallDraft | NoticeDraft:
    if call.opened is not None:
        return NoticeDraft(
            practice_id=delivery.practice_id,
            delivery_id=delivery.id,
            generation=delivery.generation,
            opened=call.opened,
            language=call.language,
            useful_until=delivery.useful_until,
            open_tries=count_open_tries(session, delivery),
        )
    return CallDraft(
        practice_id=delivery.practice_id,
        delivery_id=delivery.id,
        generation=delivery.generation,
        alert_id=call.subject_id,
        channel=verdict.channel,
        language=call.language,
        useful_until=delivery.useful_until,
        open_tries=count_open_tries(session, delivery),
    )


def _webhook_secret(session: Session, care: Care, verdict: Send) -> str | None:
    """Return what signs a message to the clinic's own system; None for another channel."""
    if verdict.provider is not Provider.webhook:
        return None
    practice_id, sealed = care.practice_id, care.webhook_secret_sealed
    keys = keys_of(session, practice_id, (sealed,))
    return Practice.webhook_secret.opened(sealed, keys, practice_id=practice_id, row_id=practice_id)


def _item(session: Session, delivery: Held, care: Care, now: datetime) -> Item:
    own = _own_protocol(session, care)
    return Item(
        protocol_id=care.protocol_id,
        protocol_version=care.protocol_version,
        milestone_kind=care.milestone_kind,
        reminder_key=care.reminder_key,
        own=own,
        is_correction=delivery.is_correction,
        also=texts_said_along(session, care, own, now),
        arrival_at=care.arrival_at,
    )


def _own_protocol(session: Session, care: Care) -> Protocol | None:
    """Return the practice's own protocol that a surgery pins, read here: rendering has no transaction."""
    if load_library().find(care.protocol_id, care.protocol_version) is not None:
        return None
    return find_protocol(session, care.practice_id, care.protocol_id, care.protocol_version)
