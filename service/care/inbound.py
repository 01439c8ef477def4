"""Use cases: an SMS that a patient sent is taken and answered, and staff read what asks for a person.

A provider knows no practice: patients are found by the keyed hash of the number, practice by practice. The worker reads
opt-outs again before each message.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import InboundMessage, Patient, Practice, journal
from models.audit import ActorKind, AuditAction
from models.bulk import store_pending
from models.care import Reporter
from models.isolation import see, through_doors
from models.private import lookup_hash
from models.receipts import InboundKind
from models.report import Task, TaskKind, TaskState
from schedules.plan.protocol import Text
from schedules.plan.vocabulary import Channel, Language, Provider
from schedules.planning import answers_now
from schedules.planning.message_tasks import ask_of_patient
from service.care.emergency import emergency_advice
from service.care.lists import rows_after
from service.care.versions import former_columns, keep_former_version

LONGEST_TEXT = 2000  # a provider joins at most ten parts of 160 characters
MOST_NAMED = 50
_WORDS = {
    **dict.fromkeys(
        ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "ALTO", "PARAR", "BAJA"), InboundKind.stop
    ),
    **dict.fromkeys(("START", "UNSTOP", "ALTA"), InboundKind.start),
    **dict.fromkeys(("HELP", "INFO", "AYUDA"), InboundKind.help),
}
_HELP = Text(
    en="Messages from your care team. Questions? Call {phone}. Reply STOP to end SMS.",
    es="Mensajes de su equipo de atención. ¿Preguntas? Llame al {phone}. Responda ALTO para no recibir más SMS.",
)


@dataclass(frozen=True, slots=True)
class Sms:
    """An SMS as it came in. `message_id` is the provider's name for it, `sender` a number in E.164."""

    message_id: str
    sender: str
    text: str


def kind_of(text: str) -> InboundKind:
    """Return what an SMS asks for: a single word of command, whatever its case and marks, or anything else.

    >>> str(kind_of(" stop. ")), str(kind_of("Please stop the pain"))
    ('stop', 'message')
    """
    return _WORDS.get(re.sub(r"[\W_]+", "", text).upper(), InboundKind.message)


def take_sms(session: Session, sms: Sms, *, route: str, now: datetime) -> str | None:
    """Take an SMS for every patient who has the number, and return the answer; None for no answer, and for a stranger.

    Taken twice, it changes nothing the second time. The provider itself confirms STOP and START.
    """
    kind = kind_of(sms.text)
    answer = None
    with through_doors(session):
        practices = session.scalars(select(Practice).order_by(Practice.id)).all()
    for practice in practices:
        see(session, practice.id)
        for patient in _patients_of(session, practice.id, sms.sender):
            _take(session, sms, kind, patient, route=route, now=now)
            answer = answer or _answer(kind, patient, practice.phone)
        store_pending(session)
    return None if kind in (InboundKind.stop, InboundKind.start) else answer


def list_inbound(
    session: Session, practice_id: str, patient_id: str | None, *, after: str | None, limit: int
) -> Sequence[InboundMessage]:
    """Return up to `limit` SMS of the practice's patients, the oldest first, from the one after the id `after` on."""
    place = (InboundMessage.received_at, InboundMessage.id)
    query = select(InboundMessage).filter_by(practice_id=practice_id)
    if patient_id is not None:
        query = query.filter_by(patient_id=patient_id)
    return rows_after(session, query, place, practice_id=practice_id, after=after, limit=limit)


def _patients_of(session: Session, practice_id: str, number: str) -> Sequence[Patient]:
    """Return the patients of a practice who have the number, locked, in the order in which everybody locks."""
    query = (
        select(Patient)
        .where(Patient.practice_id == practice_id, Patient.phone_lookup == lookup_hash(number, practice_id))
        .where(Patient.deleted.is_(False))
        .order_by(Patient.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).all()


def _take(session: Session, sms: Sms, kind: InboundKind, patient: Patient, *, route: str, now: datetime) -> None:
    identity = f"{Provider.sms}\0{sms.message_id}\0{patient.id}"
    row = InboundMessage(practice_id=patient.practice_id, id=hashlib.sha256(identity.encode()).hexdigest())
    if session.get(InboundMessage, (row.practice_id, row.id)) is not None:
        return
    row.patient_id, row.received_at, row.kind = patient.id, now, kind
    session.add(row)
    if kind is InboundKind.message:
        row.text = sms.text[:LONGEST_TEXT]
        _ask_to_read(session, row, now)
    elif kind is not InboundKind.help:
        _opt(session, patient, now, out=kind is InboundKind.stop)
    act = journal.Act(
        actor_kind=ActorKind.provider,
        actor_id=Provider.sms,
        action=AuditAction.write,
        route=route,
        status=200,
        about={"inbound_message_id": row.id, "kind": kind},
        patient_ids=[patient.id],
    )
    journal.append(session, row.practice_id, act, now)


def _opt(session: Session, patient: Patient, now: datetime, *, out: bool) -> None:
    others = [channel for channel in patient.opted_out if channel != Channel.sms]
    wanted = [*others, Channel.sms.value] if out else others
    if sorted(wanted) != sorted(patient.opted_out):
        keep_former_version(session, patient, former_columns(patient, ["opted_out"]), now, by=Reporter.patient)
        patient.opted_out = wanted
        # Whoever locks the delivery rows first decides: a send that has not passed its last check sees the change.
        answers_now(session, patient.practice_id, patient.id)


def _ask_to_read(session: Session, row: InboundMessage, now: datetime) -> None:
    """Ask that somebody reads it. What waits unread already is named with it: a patient has one such task."""
    waiting = session.scalars(
        select(Task).filter_by(
            practice_id=row.practice_id,
            patient_id=row.patient_id,
            kind=TaskKind.message_received,
            state=TaskState.open,
        )
    ).first()
    named = [] if waiting is None else list(waiting.about.get("inbound_message_ids", ()))
    about = {"inbound_message_ids": [*named, row.id][-MOST_NAMED:]}
    kind = TaskKind.message_received
    ask_of_patient(session, kind, row.practice_id, row.patient_id, subject="sms", about=about, now=now)


def _answer(kind: InboundKind, patient: Patient, phone: str) -> str:
    language = Language(patient.language)
    if kind is InboundKind.help:
        return _HELP.in_language(language).format(phone=phone)
    return emergency_advice(patient.country, language, phone).text
