"""What the demo clinic did itself: who is on call, which cards it signed, and the alerts that wait for somebody."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Alert, CheckIn, Patient, Practice, Staff, Surgery
from models.ids import new_id
from models.people import StaffRole
from schedules.plan.cards import Statement
from schedules.plan.vocabulary import Channel, Grade, Language, OnCallPlace, SurgeryStatus
from service.care.alerts import acknowledge_alert
from service.care.cards import edit_card, sign_card, view_card
from service.care.check_ins import put_check_in
from service.care.on_call import ShiftRecord, put_shift, tell_phones
from service.care.records import CheckInRecord
from service.care.staff_addresses import set_address
from service.cli.context import monitoring
from service.cli.demo_life import Desk
from service.identity.principal import Principal

_SIGNED_CARDS: Final = ("dressing", "bathing", "stairs")
_WAITING_CARD: Final = "refills"
_WATCH: Final = (timedelta(days=-1), timedelta(days=27))  # around today: a shift lasts a month at most
_RECENT: Final = timedelta(days=10)
# What was said how long ago. The first is called out now and goes up the chain, the second is in hand, the third is for
# today. None is so old that its time is up before a worker could call anybody.
_SAID: Final = (
    (timedelta(minutes=2), "chest"),
    (timedelta(minutes=50), "calf"),
    (timedelta(minutes=25), "wound_infection"),
)
_IN_HAND: Final = "calf"


def open_clinic(session: Session, practice: Practice, desk: Desk) -> None:
    """Put the staff on call, and sign cards, in the session's transaction."""
    _put_on_call(session, practice, desk)
    surgeon = Principal(practice.id, desk.surgeon_id, role=StaffRole.clinician)
    for card_id in _SIGNED_CARDS:
        for language in Language:
            sign_card(session, surgeon, card_id, language, now=desk.now, require_tag=_take_any)
    text = view_card(session, surgeon, _WAITING_CARD, Language.en).newest.text
    own = Statement("We answer requests for a refill on working days.", Grade.E)
    changed = replace(text, statements=(*text.statements, own))
    edit_card(session, surgeon, _WAITING_CARD, Language.en, changed, now=desk.now, require_tag=_take_any)


def raise_alerts(session: Session, practice: Practice, desk: Desk) -> None:
    """Let patients say what asks for a person, as their phones would, in the session's transaction."""
    coordinator = Principal(practice.id, desk.coordinator_id, role=StaffRole.coordinator)
    for (ago, flag), surgery in zip(_SAID, _recent_surgeries(session, practice, desk), strict=False):
        at = desk.now - ago
        caller = Principal(practice.id, "demo-phone", patient_id=surgery.patient_id)
        said = CheckInRecord(episode_id=surgery.episode_id, reported_at=at, pain=7, red_flags=(flag,))
        put_check_in(session, caller, new_id(at), said, now=at, require_match=lambda _row: None)
        session.flush()
        if flag == _IN_HAND:
            alert = session.scalars(
                select(Alert).filter_by(practice_id=practice.id, patient_id=surgery.patient_id)
            ).one()
            acknowledge_alert(session, coordinator, alert.id, now=at + timedelta(minutes=6))


def _put_on_call(session: Session, practice: Practice, desk: Desk) -> None:
    begins, ends = (desk.today + each for each in _WATCH)
    for staff_id, place in ((desk.coordinator_id, OnCallPlace.first), (desk.surgeon_id, OnCallPlace.second)):
        person = session.get_one(Staff, (practice.id, staff_id))
        set_address(session, person, Channel.email, str(person.email), rank=0, now=desk.now)
        record = ShiftRecord(
            staff_id=staff_id, place=place, from_on=begins, from_at=time(8), until_on=ends, until_at=time(8)
        )
        put_shift(session, practice.id, f"demo-{place}", record, require_tag=_take_any)
    session.flush()
    tell_phones(session, practice.id, desk.now, monitoring())


def _recent_surgeries(session: Session, practice: Practice, desk: Desk) -> list[Surgery]:
    """Return the latest surgeries of patients who are at home and answer, one a patient, by the patients' numbers."""
    answers = select(CheckIn.id).where(
        CheckIn.practice_id == Surgery.practice_id, CheckIn.episode_id == Surgery.episode_id
    )
    query = (
        select(Surgery)
        .join(Patient, (Patient.practice_id == Surgery.practice_id) & (Patient.id == Surgery.patient_id))
        .where(Surgery.practice_id == practice.id, Surgery.status == SurgeryStatus.performed)
        .where(Surgery.surgery_on < desk.today, Surgery.surgery_on >= desk.today - _RECENT)
        .where(answers.exists())
        .order_by(Patient.mrn, Surgery.id)
    )
    return list({row.patient_id: row for row in session.scalars(query)}.values())


def _take_any(_tag: str) -> None:
    """Take whatever stands: nobody else works in a clinic that is being made."""
