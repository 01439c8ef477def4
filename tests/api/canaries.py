"""A patient of whom every table holds something, all of it marked, and a search for the marks wherever data rests."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from models import (
    Alert,
    AlertEntry,
    CareAssignment,
    Clearance,
    ClinicalEvent,
    DeadAddress,
    DeliveryAttempt,
    Device,
    DeviceChange,
    DevicePull,
    DeviceWake,
    EmergencyAccess,
    EnrolmentCode,
    InboundMessage,
    Milestone,
    ObservedFact,
    OpioidTaper,
    Patient,
    PlanChange,
    Receipt,
    RecordHold,
    RecordMerge,
    Reminder,
    ReminderAck,
    SlotEntry,
    SyncHeal,
    Task,
    Visit,
    WoundPhoto,
    private,
)
from models.base import Base, table_of
from models.care import Reporter
from models.caseload import EmergencyReason
from models.hold import HoldReason
from models.merging import FormerVersion
from models.receipts import InboundKind, ReceiptKind
from models.report import ClinicalEventKind, TaskKind, VisitKind, VisitState
from models.wake import EVERY_TABLE
from schedules.plan.vocabulary import (
    AlertKind,
    AlertLine,
    AlertState,
    AlertUrgency,
    ContactMethod,
    MoveReason,
    Observation,
    Provider,
    SkipReason,
)
from tests import builders
from tests.api.conftest import Caller, Clinic, as_patient, as_staff
from tests.api.keyed import keyed
from tests.api.message_reader import send_due
from tests.clock import FixedClock

MARK = "Zqxcanary"
EMAIL, PHONE, MRN = "zqxcanary@example.org", "+12125559876", "ZQXCANARY1"
BORN = date(1933, 11, 7)
NAMES = {"given_name": f"{MARK}given", "family_name": f"{MARK}family"}
MARKS = (MARK.lower(), PHONE, "5559876", BORN.isoformat(), MRN.lower())
AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def mark(session: Session, clinic: Clinic) -> None:
    """Give the clinic's first patient names, numbers and addresses that stand nowhere else."""
    patient = session.get_one(Patient, (clinic.id, clinic.patient.id))
    patient.given_name, patient.family_name, patient.mrn = NAMES["given_name"], NAMES["family_name"], MRN
    patient.email, patient.phone, patient.date_of_birth = EMAIL, PHONE, BORN
    patient.channels = ["push", "email"]
    clinic.episode.coordinator_id = clinic.coordinator.id
    clinic.surgery.site, clinic.surgery.indication = f"{MARK} hospital", f"{MARK} indication"
    session.commit()


def fill(app: Flask, engine: Engine, session: Session, clinic: Clinic, clock: FixedClock) -> None:
    """Have every table that holds something on patients hold something on the clinic's first patient."""
    mark(session, clinic)
    phone = as_patient(app, session, clinic.patient)
    report = {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T08:30:00Z", "pain": 4, "note": f"{MARK} one"}
    report["red_flags"] = ["cold_leg"]
    said = keyed(phone).put("/check-ins/marked-check-in", report)
    assert said.status_code == 201, said.json
    answers = {"instrument": "nrs", "answered_at": "2026-03-02T08:30:00Z", "answers": {"back": 4}}
    phone.put("/questionnaire-answers/marked", answers | {"episode_id": clinic.episode.id})
    phone.put("/push-address", {"provider": "apns", "token": "c0" * 32})
    _hand_out(as_staff(app, session, clinic.coordinator), clinic)
    _add_rows(session, clinic)
    session.commit()
    assert send_due(engine, session, clock)
    _add_after_sending(session, clinic)
    session.commit()


def _hand_out(desk: Caller, clinic: Clinic) -> None:
    release = {"recipient": "carrier", "signed_on": "2026-02-20", "valid_through_on": "2026-08-20"}
    private_words = {"name": f"{MARK} carrier", "address": f"{MARK} street", "claim_number": f"{MARK} claim"}
    desk.put("/letter-releases/marked", release | private_words | {"episode_id": clinic.episode.id})
    letter = {"episode_id": clinic.episode.id, "release_id": "marked", "language": "en"}
    assert desk.put("/letters/marked", letter).status_code == 201
    assert desk.post(f"/patients/{clinic.patient.id}/calendar-feed").status_code == 201


def _add_rows(session: Session, clinic: Clinic) -> None:
    whose = {"practice_id": clinic.id, "patient_id": clinic.patient.id}
    of_episode = whose | {"episode_id": clinic.episode.id}
    item = session.scalars(select(Milestone).filter_by(**of_episode, key="fasting")).one()
    walking = session.scalars(select(Milestone).filter_by(**of_episode, key="walk30")).one()
    last = select(Milestone).filter_by(**of_episode).order_by(Milestone.target_on.desc().nulls_last()).limit(1)
    builders.progress(
        session, session.scalars(last).one(), achieved_on=None, skip_reason=SkipReason.other, note=f"{MARK} skipped"
    )
    builders.conflict(session, clinic.patient, kept=f'"{MARK} kept"', lost=f'"{MARK} lost"')
    builders.refused_row(session, clinic.patient, content=f'"{MARK} refused"')
    builders.proxy_consent(session, clinic.patient, clinic.coordinator, name=f"{MARK} proxy")
    contact = {"method": ContactMethod.phone, "is_reached": True}
    rows: list[Any] = [
        ObservedFact(id="marked", what=Observation.opioid_taken, observed_at=AT, recorded_at=AT, **of_episode),
        Visit(id="marked", kind=VisitKind.call, state=VisitState.booked, **of_episode),
        WoundPhoto(
            id="marked",
            taken_at=AT,
            received_at=AT,
            reported_by=Reporter.patient,
            sent_digest="",
            width=1,
            height=1,
            size_bytes=1,
            **of_episode,
        ),
        ClinicalEvent(
            id="marked", kind=ClinicalEventKind.readmission, occurred_on=AT.date(), recorded_at=AT, **of_episode
        ),
        PlanChange(id="marked", reason=MoveReason.other, changed_by=clinic.coordinator.id, changed_at=AT, **of_episode),
        Clearance(
            id="marked",
            milestone_id=walking.id,
            cleared_on=AT.date(),
            cleared_at=AT,
            cleared_by=clinic.clinician.id,
            grounds={},
            **of_episode,
        ),
        OpioidTaper(
            id="marked", mme_tenths_per_dose=75, steps=[], entered_by=clinic.clinician.id, entered_at=AT, **of_episode
        ),
        SlotEntry(id=item.id, for_day0=AT.date(), entered_by=clinic.clinician.id, entered_at=AT, **whose),
        InboundMessage(id="marked", received_at=AT, kind=InboundKind.message, **whose),
        FormerVersion(id="marked", collection="check_ins", row_id="marked-check-in", replaced_at=AT, **whose),
        Task(id="marked", kind=TaskKind.fill_slot, created_at=AT, about={}, **of_episode),
        Alert(
            id="marked",
            kind=AlertKind.no_check_in,
            urgency=AlertUrgency.next_day,
            state=AlertState.open,
            raised_at=AT,
            about={},
            **of_episode,
        ),
        AlertEntry(id="marked", alert_id="marked", line=AlertLine.contact, made_at=AT, **contact, **whose),
        EmergencyAccess(
            id="marked",
            staff_id=clinic.clinician.id,
            reason=EmergencyReason.other,
            opened_at=AT,
            expires_at=AT + timedelta(hours=1),
            **whose,
        ),
        CareAssignment(
            id="marked", staff_id=clinic.clinician.id, assigned_at=AT, assigned_by=clinic.clinician.id, **whose
        ),
    ]
    for row, private_name in zip(
        rows,
        (
            *(None, "note", "picture", "detail", "reason_text", "override"),
            *(None, "instruction", "text", "content", None, None, "note", "note", None),
        ),
        strict=True,
    ):
        session.add(row)
        if isinstance(row, ObservedFact):
            row.reported_by = Reporter.patient
        if private_name is not None:
            setattr(row, private_name, f"{MARK} {private_name}")
    session.flush()
    absorbed = builders.patient(session, clinic.practice, id="absorbed", deleted=True)
    merge = RecordMerge(id="marked", absorbed_id=absorbed.id, merged_at=AT, choices={}, moved={}, answers={}, **whose)
    session.add(merge)
    merge.former = f'"{MARK} former"'
    session.add(RecordHold(id="marked", reason=HoldReason.complaint, placed_at=AT, ended_at=AT, **whose))
    session.add(
        EnrolmentCode(id="marked", code_hash=b"marked", made_by=clinic.clinician.id, made_at=AT, expires_at=AT, **whose)
    )


def _add_after_sending(session: Session, clinic: Clinic) -> None:
    of_practice = {"practice_id": clinic.id}
    whose = of_practice | {"patient_id": clinic.patient.id}
    device_id = session.scalars(select(Device.id).filter_by(**whose)).first()
    attempt = session.scalars(select(DeliveryAttempt).filter_by(**of_practice)).first()
    reminder_id = session.scalars(select(Reminder.id).filter_by(**whose)).first()
    assert attempt is not None
    seen = {"reminder_id": reminder_id, "acknowledged_at": AT, "received_at": AT, "reported_by": Reporter.patient}
    session.add(ReminderAck(id=f"{reminder_id}.ack", **seen, **whose))
    told = {"delivery_id": attempt.delivery_id, "provider": Provider.smtp, "died_at": AT}
    session.add(DeadAddress(target=private.lookup_hash(EMAIL, clinic.id), **told, **of_practice))
    of_attempt = {"delivery_id": attempt.delivery_id, "fence": attempt.fence, "happened_at": AT, "received_at": AT}
    session.add(Receipt(id="marked", kind=ReceiptKind.bounced, is_read=True, **of_attempt, **of_practice))
    session.add(DeviceChange(revision=1, device_id=device_id, **of_practice))
    session.add(DevicePull(device_id=device_id, table_name=EVERY_TABLE, revision=1, **of_practice))
    session.add(DeviceWake(device_id=device_id, wanted_rev=1, **of_practice))
    healed = {"collection": "check_ins", "healed_at": AT, "heals": 1, "rows": 1}
    session.execute(insert(table_of(SyncHeal)).values(actor_id=device_id, **healed, **of_practice))


def marks_in(engine: Engine) -> list[str]:
    """Return each table with a column in which a mark stands."""
    found = []
    with engine.connect().execution_options(reads=True) as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                found += [f"{table.name}.{name}" for name, value in row.items() if is_marked(value)]
    return found


def is_marked(value: object) -> bool:
    """Return whether a mark stands in a value, as text or as bytes."""
    told = bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
    return any(each in told.lower() for each in MARKS)


def marks_in_files(folder: Path) -> list[str]:
    """Return the names of the files under a folder in which a mark stands."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if is_marked(path.read_bytes())]
