"""Who lifted which limit, on what grounds, and the clinical facts that a clearance waits for."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, OfPatient, Tenant, of_patient, reference, words
from models.care import Reporter
from models.private import Sealed
from schedules.plan.vocabulary import Observation, WorkClass


class Clearance(OfPatient, Base):
    """A limit lifted for one milestone, by a named clinician or by a rule that a clinician of the clinic signed.

    It is never changed, only revoked. With `work_class` it allows that class of work, which may be less than the
    patient's own. `grounds` are the conditions as they stood, by code; `override` says why one that did not hold was
    passed over.
    """

    __tablename__ = "clearance"
    __table_args__ = of_patient(
        reference("episode"),
        reference("milestone"),
        reference("staff", "cleared_by"),
        reference("staff", "revoked_by"),
        reference("clearance_rule", "rule_id"),
        Index(None, "practice_id", "episode_id"),
        Index(None, "practice_id", "milestone_id"),
        CheckConstraint("(cleared_by IS NULL) <> (rule_id IS NULL)", name="by_person_or_rule"),
        CheckConstraint("(revoked_on IS NULL) = (revoked_at IS NULL)", name="revoked_whole"),
        CheckConstraint("(revoked_on IS NULL) = (revoked_by IS NULL)", name="revoked_by_somebody"),
        CheckConstraint("revoked_on >= cleared_on", name="revoked_after_cleared"),
    )

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    milestone_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    cleared_on: Mapped[date]  # by the clinic's calendar
    cleared_at: Mapped[datetime]
    cleared_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    rule_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    work_class: Mapped[WorkClass | None] = mapped_column(words(WorkClass))
    grounds: Mapped[dict[str, str]] = mapped_column(default=dict)
    override_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    revoked_on: Mapped[date | None]  # it holds no more from this day on
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    revoked_because_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    override = Sealed("override_sealed")
    revoked_because = Sealed("revoked_because_sealed")


class ClearanceRule(Tenant, Base):
    """A clinic's own rule: what lifts by itself once every condition of its kind of milestone holds.

    It counts from its signature until it is retired; without `protocol_id` for every protocol.
    """

    __tablename__ = "clearance_rule"
    __table_args__ = (reference("staff", "signed_by"), reference("staff", "retired_by"))

    milestone_kind: Mapped[str] = mapped_column(String(40))
    protocol_id: Mapped[str | None] = mapped_column(String(40))
    signed_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    signed_at: Mapped[datetime]
    retired_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    retired_at: Mapped[datetime | None]


class ObservedFact(OfPatient, Base):
    """One clinical fact at one time; of one subject the newest counts. The reporter picks `id`."""

    __tablename__ = "observed_fact"
    __table_args__ = of_patient(
        reference("episode"),
        reference("surgery"),
        reference("staff", "recorded_by"),
        Index(None, "practice_id", "episode_id"),
    )

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    surgery_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))  # None: of no single surgery
    what: Mapped[Observation] = mapped_column(words(Observation))
    observed_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    reported_by: Mapped[Reporter] = mapped_column(words(Reporter))
    recorded_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))  # the member of staff, None for a patient
