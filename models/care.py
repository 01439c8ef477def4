"""The course of care: episodes, their surgeries, and the plan rows that the server alone writes.

A milestone's state is never stored: it is computed on reading, from the dates here and the facts in
`milestone_progress`.
"""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import DEFERRED, ID_LENGTH, Base, OfPatient, of_patient, reference, words
from models.private import Sealed
from schedules.plan.vocabulary import (
    Approach,
    ApproachClass,
    Binding,
    CancelReason,
    EpisodeStatus,
    Grade,
    Owner,
    PastPolicy,
    Phase,
    Procedure,
    RestrictionKind,
    Setting,
    SkipReason,
    SurgeryStatus,
)


class Reporter(StrEnum):
    """Who reported a fact."""

    patient = "patient"
    staff = "staff"


class Episode(OfPatient, Base):
    """A course of care that holds one or more surgeries (staged, combined, revision)."""

    __tablename__ = "episode"
    __table_args__ = of_patient(
        UniqueConstraint("practice_id", "patient_id", "label"),
        reference("staff", "coordinator_id"),
        Index(None, "practice_id", "coordinator_id"),
        Index(
            "ix_episode_open",
            "practice_id",
            "patient_id",
            "id",
            sqlite_where=text("status IN ('active', 'paused')"),
            postgresql_where=text("status IN ('active', 'paused')"),
        ),
    )

    label: Mapped[str] = mapped_column(String(64))  # the clinic's own word for it, such as E1
    status: Mapped[EpisodeStatus] = mapped_column(words(EpisodeStatus))
    coordinator_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    workers_comp: Mapped[bool] = mapped_column(default=False)
    enrolled_at: Mapped[datetime]
    # What a phone shows to be ticked off, with its days, see `schedules.plan.exercise_windows`; None: not written yet.
    exercises: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))


class Surgery(OfPatient, Base):
    """One procedure on one date. It pins the protocol version that its plan was built from."""

    __tablename__ = "surgery"
    __table_args__ = of_patient(
        reference("episode"),
        reference("staff", "surgeon_id"),
        UniqueConstraint("practice_id", "episode_id", "stage"),
        Index(None, "practice_id", "surgery_on"),
        Index(None, "practice_id", "surgeon_id"),
        CheckConstraint("stage >= 1", name="stage_from_1"),
        CheckConstraint("blood_loss_ml >= 0", name="blood_loss_not_negative"),
        CheckConstraint("discharged_on >= surgery_on", name="discharged_after_surgery"),
    )

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    stage: Mapped[int]  # 1 is the first of the episode
    procedure: Mapped[Procedure] = mapped_column(words(Procedure))
    approach: Mapped[Approach] = mapped_column(words(Approach))
    approach_class: Mapped[ApproachClass | None] = mapped_column(words(ApproachClass))
    levels: Mapped[list[str]] = mapped_column(default=list)  # L4-L5 is one level; for vertebral procedures, vertebrae
    surgery_on: Mapped[date | None]  # day 0 by the clinic's calendar; None: not known yet
    dated_at: Mapped[datetime | None]  # when we first knew the date; what was past by then follows its own policy
    # Days that it had before, by ISO date, and when each became known: a move back finds its own day as it was.
    former_dates: Mapped[dict[str, str]] = mapped_column(default=dict, server_default=text("'{}'"))
    status: Mapped[SurgeryStatus] = mapped_column(words(SurgeryStatus))
    setting: Mapped[Setting | None] = mapped_column(words(Setting))
    surgeon_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    site: Mapped[str | None]  # hospital or surgery centre
    indication_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    arrival_at: Mapped[time | None]  # wall time in the clinic's zone
    discharged_on: Mapped[date | None]
    blood_loss_ml: Mapped[int | None]
    brace_ordered: Mapped[bool] = mapped_column(default=False)
    protocol_id: Mapped[str] = mapped_column(String(40))
    protocol_version: Mapped[int]
    protocol_digest: Mapped[str] = mapped_column(String(64))

    indication = Sealed("indication_sealed")


class Milestone(OfPatient, Base):
    """One dated item of a patient's plan. `id` is a hash of practice, episode, key and occurrence."""

    __tablename__ = "milestone"
    __table_args__ = of_patient(
        reference("episode"),
        reference("surgery"),
        UniqueConstraint("practice_id", "episode_id", "key", "occurrence"),
        Index(None, "practice_id", "surgery_id"),
        # What may wait for a clinician or be behind; its days, so that the others' rows are not read.
        Index(
            "ix_milestone_may_wait",
            *("practice_id", "episode_id", "earliest_on", "latest_on", "eligible_on", "target_on", "lifts"),
            sqlite_where=text("cancelled_at IS NULL AND (lifts IS NOT NULL OR owner = 'patient')"),
            postgresql_where=text("cancelled_at IS NULL AND (lifts IS NOT NULL OR owner = 'patient')"),
        ),
    )

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    surgery_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    key: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(40))
    occurrence: Mapped[int]
    phase: Mapped[Phase] = mapped_column(words(Phase))
    earliest_days: Mapped[int | None]
    target_days: Mapped[int | None]
    latest_days: Mapped[int | None]
    eligible_days: Mapped[int | None]
    earliest_on: Mapped[date | None]
    target_on: Mapped[date | None]
    latest_on: Mapped[date | None]
    eligible_on: Mapped[date | None]
    not_before_days: Mapped[int | None]  # bounds an item that only a clinician dates
    not_before_on: Mapped[date | None]
    binds: Mapped[Binding] = mapped_column(words(Binding))  # what fixes eligible_days
    binding_procedure: Mapped[Procedure] = mapped_column(words(Procedure))
    binding_stage: Mapped[int] = mapped_column(server_default="1")  # the stage whose procedure binds
    superseded_on: Mapped[date | None]  # from this day on a later stage's occurrence stands in its place
    superseded_by: Mapped[int | None]  # that stage
    lifts: Mapped[RestrictionKind | None] = mapped_column(words(RestrictionKind))
    owner: Mapped[Owner] = mapped_column(words(Owner))
    grade: Mapped[Grade | None] = mapped_column(words(Grade))
    sources: Mapped[list[str]] = mapped_column(default=list)
    note: Mapped[str | None]
    text: Mapped[dict[str, str] | None]  # by language
    past_policy: Mapped[PastPolicy | None] = mapped_column(words(PastPolicy))  # set if its day was past at enrolment
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[CancelReason | None] = mapped_column(words(CancelReason))


class MilestoneProgress(OfPatient, Base):
    """What people report of a milestone. Same id as the milestone; a row exists once something was reported."""

    __tablename__ = "milestone_progress"
    __table_args__ = of_patient(
        ForeignKeyConstraint(["practice_id", "id"], ["milestone.practice_id", "milestone.id"], **DEFERRED),
        CheckConstraint("achieved_on IS NULL OR skip_reason IS NULL", name="achieved_or_skipped"),
    )

    achieved_on: Mapped[date | None]
    skip_reason: Mapped[SkipReason | None] = mapped_column(words(SkipReason))
    note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    reported_by: Mapped[Reporter] = mapped_column(words(Reporter))
    reported_at: Mapped[datetime]

    note = Sealed("note_sealed")


class Restriction(OfPatient, Base):
    """A limit that is active over a span of days; without `through_on` it holds until a clinician clears it."""

    __tablename__ = "restriction"
    __table_args__ = of_patient(
        reference("episode"),
        reference("surgery"),
        UniqueConstraint("practice_id", "episode_id", "kind", "occurrence", "sequence"),
        CheckConstraint("limit_lb >= 0", name="limit_not_negative"),
        Index(None, "practice_id", "surgery_id"),
    )

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    surgery_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    kind: Mapped[RestrictionKind] = mapped_column(words(RestrictionKind))
    occurrence: Mapped[int]
    sequence: Mapped[int]
    from_days: Mapped[int]
    through_days: Mapped[int | None]
    from_on: Mapped[date | None]
    through_on: Mapped[date | None]
    eligible_days: Mapped[int | None]  # a clinician may clear it from this day on; the day itself ends nothing
    eligible_on: Mapped[date | None]
    lifted_by: Mapped[str | None] = mapped_column(String(40))  # key of the milestone whose clearance ends it
    lifted_by_occurrence: Mapped[int | None]
    condition: Mapped[str | None]  # what the clinician must have seen
    limit_lb: Mapped[int | None]  # pounds; None for a limit that is not a weight
    limit_minutes: Mapped[int | None]  # at a time; None for a limit that is not a duration
    text: Mapped[dict[str, str]]  # by language
    binding_procedure: Mapped[Procedure] = mapped_column(words(Procedure))
    binding_stage: Mapped[int] = mapped_column(server_default="1")  # the stage whose procedure binds
    grade: Mapped[Grade] = mapped_column(words(Grade))
    sources: Mapped[list[str]] = mapped_column(default=list)
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[CancelReason | None] = mapped_column(words(CancelReason))
