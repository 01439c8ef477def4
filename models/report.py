"""What is reported and what staff must do: check-ins, questionnaires, visits, clinical events, tasks."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, OfPatient, of_patient, reference, words
from models.care import Reporter
from models.private import Sealed
from schedules.plan.vocabulary import Instrument


class VisitKind(StrEnum):
    """Why a patient comes."""

    wound_check = "wound_check"
    follow_up = "follow_up"
    imaging = "imaging"
    physical_therapy = "physical_therapy"
    call = "call"


class VisitState(StrEnum):
    """How far a visit has come."""

    booked = "booked"
    done = "done"
    seen = "seen"  # of imaging: a clinician has seen the pictures
    no_show = "no_show"
    cancelled = "cancelled"


class ClinicalEventKind(StrEnum):
    """What went otherwise than planned."""

    complication = "complication"
    emergency_visit = "emergency_visit"
    readmission = "readmission"
    reoperation = "reoperation"


class TaskKind(StrEnum):
    """What a coordinator is asked."""

    confirm_surgery = "confirm_surgery"  # the planned day has passed: did it happen?
    past_items = "past_items"  # items whose day was past at enrolment: which were done?
    fill_slot = "fill_slot"  # a personal instruction before surgery that a clinician must enter
    arrival_time = "arrival_time"  # the hospital's arrival time is not known
    call_patient = "call_patient"  # advice, its surgery or a clearance changed after the patient was told
    address_failed = "address_failed"  # no message reaches an address: is it still valid?
    message_received = "message_received"  # the patient wrote by SMS
    too_many_messages = "too_many_messages"  # the day's fuse holds a patient's messages: is the plan right?
    recovery_call = "recovery_call"  # a day of the clinic's rhythm on which staff call the patient after surgery


class TaskState(StrEnum):
    """Whether a task still waits."""

    open = "open"
    done = "done"
    withdrawn = "withdrawn"


class CheckIn(OfPatient, Base):
    """What a patient reported at one time. The phone picks `id`, so sending twice stores once."""

    __tablename__ = "check_in"
    __table_args__ = of_patient(
        reference("episode"),
        Index("ix_check_in_heard", "practice_id", "episode_id", "reported_at", "deleted"),
        *(
            CheckConstraint(f"{column} BETWEEN 0 AND 10", name=f"{column}_range")
            for column in (
                *("pain", "pain_back", "pain_leg", "pain_neck", "pain_arm"),
                *("sleep", "mood", "confidence"),
            )
        ),
        CheckConstraint("walking_minutes BETWEEN 0 AND 1440", name="walking_minutes_range"),
        CheckConstraint("steps BETWEEN 0 AND 200000", name="steps_range"),
        CheckConstraint("opioid_doses BETWEEN 0 AND 100", name="opioid_doses_range"),
        CheckConstraint("temperature_tenths_c BETWEEN 300 AND 450", name="temperature_tenths_c_range"),
    )

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    reported_at: Mapped[datetime]  # UTC, by the phone's clock: data, not order
    received_at: Mapped[datetime]  # UTC, ours
    reported_by: Mapped[Reporter] = mapped_column(words(Reporter))
    proxy_consent_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))  # of the proxy who reported it
    pain: Mapped[int]  # the worst now; 0 is none, 10 the worst imaginable
    pain_back: Mapped[int | None]
    pain_leg: Mapped[int | None]
    pain_neck: Mapped[int | None]
    pain_arm: Mapped[int | None]
    walking_minutes: Mapped[int | None]  # of the day, in all
    steps: Mapped[int | None]  # of the day
    took_opioid: Mapped[bool | None]  # or a sedative, since the last check-in
    red_flags: Mapped[list[str] | None] = mapped_column(
        JSON(none_as_null=True)
    )  # keys of those said yes to; None: not asked
    opioid_doses: Mapped[int | None]  # of the prescribed opioid in the 24 hours before
    temperature_tenths_c: Mapped[int | None]  # in tenths of a degree Celsius
    wound_signs: Mapped[list[str] | None] = mapped_column(
        JSON(none_as_null=True)
    )  # words of `WoundSign`; None: not asked
    exercises: Mapped[list[str] | None] = mapped_column(
        JSON(none_as_null=True)
    )  # keys of those that were done on the day; None: not asked
    sleep: Mapped[int | None]  # these three: 0 is the worst, 10 the best
    mood: Mapped[int | None]
    confidence: Mapped[int | None]  # in moving about
    note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    note = Sealed("note_sealed")


class QuestionnaireAnswer(OfPatient, Base):
    """A questionnaire as it was answered: the raw items, or where a licence forbids those, the score that was entered.

    The phone picks `id`, so sending twice stores once. Scores are computed from these, never taken from a client.
    """

    __tablename__ = "questionnaire_answer"
    __table_args__ = of_patient(
        reference("episode"), reference("milestone"), Index(None, "practice_id", "episode_id", "answered_at")
    )

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    milestone_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))  # the questionnaire's day that it answers
    instrument: Mapped[Instrument] = mapped_column(words(Instrument))
    answered_at: Mapped[datetime]  # UTC, by the phone's clock: data, not order
    received_at: Mapped[datetime]  # UTC, ours
    reported_by: Mapped[Reporter] = mapped_column(words(Reporter))
    proxy_consent_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))  # of the proxy who reported it
    answers: Mapped[dict[str, Any]]  # the instrument's parts, see `schedules.plan.questionnaires`


class ReminderAck(OfPatient, Base):
    """A message was seen, as a phone says. `id` is the reminder's with `.ack`, so that two phones make one row."""

    __tablename__ = "reminder_ack"
    __table_args__ = of_patient(reference("reminder"))

    reminder_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    acknowledged_at: Mapped[datetime]  # UTC, by the phone's clock: data, not order
    received_at: Mapped[datetime]  # UTC, ours
    reported_by: Mapped[Reporter] = mapped_column(words(Reporter))


class Visit(OfPatient, Base):
    """An appointment that was booked, and how it ended."""

    __tablename__ = "visit"
    __table_args__ = of_patient(reference("episode"), reference("milestone"), Index(None, "practice_id", "episode_id"))

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    milestone_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    kind: Mapped[VisitKind] = mapped_column(words(VisitKind))
    state: Mapped[VisitState] = mapped_column(words(VisitState))
    booked_for: Mapped[datetime | None]
    note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    note = Sealed("note_sealed")


class ClinicalEvent(OfPatient, Base):
    """A complication, emergency visit, readmission or reoperation."""

    __tablename__ = "clinical_event"
    __table_args__ = of_patient(reference("episode"), reference("surgery"), Index(None, "practice_id", "episode_id"))

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    surgery_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    kind: Mapped[ClinicalEventKind] = mapped_column(words(ClinicalEventKind))
    occurred_on: Mapped[date]
    recorded_at: Mapped[datetime]
    detail_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    detail = Sealed("detail_sealed")


class Task(OfPatient, Base):
    """A question that waits for a coordinator. `id` is derived from what it asks, so asking twice makes one."""

    __tablename__ = "task"
    __table_args__ = of_patient(
        reference("episode"),
        reference("surgery"),
        reference("staff", "done_by"),
        Index(
            "ix_task_open",
            "practice_id",
            "episode_id",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    surgery_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    kind: Mapped[TaskKind] = mapped_column(words(TaskKind))
    state: Mapped[TaskState] = mapped_column(words(TaskState), default=TaskState.open)
    due_on: Mapped[date | None]
    about: Mapped[dict[str, Any]] = mapped_column(default=dict)  # keys of plan rows, never a name or free text
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
