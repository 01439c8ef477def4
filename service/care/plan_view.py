"""The plan of an episode as it stands on one day of the clinic's calendar. States are computed here, on reading."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

from sqlalchemy.orm import Session

from models import Episode, Milestone, MilestoneProgress, Patient, Practice, Restriction, Surgery
from schedules.plan.course import course_on
from schedules.plan.limit_rows import LimitRow, limit_row_on
from schedules.plan.progress import ProgressFacts
from schedules.plan.protocol import Text
from schedules.plan.state_words import patient_words
from schedules.plan.vocabulary import MilestoneState, Phase, ProtocolStatus, RestrictionKind, SkipReason
from schedules.planning.clearing import ClearingCase, load_clearing_case
from service.care.plan_rows import PlanRows, course_items, load_plan_rows
from service.care.protocol_states import Signature, signatures_of

_MARK_LENGTH = 12


@dataclass(frozen=True, slots=True)
class StageView:
    """One surgery of the plan. `pod` is the postoperative day on the plan's day: negative before surgery.

    `signature` is the clinic's, under the content that the surgery pins.
    """

    surgery: Surgery
    pod: int | None
    signature: Signature | None

    @property
    def protocol_status(self) -> ProtocolStatus:
        """Return whether a named clinician of the clinic signed what the plan was built from."""
        return ProtocolStatus.draft if self.signature is None else ProtocolStatus.signed


@dataclass(frozen=True, slots=True)
class MilestoneView:
    """A milestone, what was reported of it, and how it stands.

    `first_stage_days` are the days from the episode's first surgery to the target: the second axis of a staged course.
    """

    row: Milestone
    progress: MilestoneProgress | None
    state: MilestoneState
    cleared_on: date | None
    first_stage_days: int | None

    @property
    def pod(self) -> int | None:
        """Return the postoperative day of the target; None before surgery and without a target."""
        return self.row.target_days if self.row.phase is Phase.after_surgery else None

    @property
    def patient_text(self) -> Text:
        """Return the state in words for the patient."""
        return patient_words(self.state, self.row.owner, lifts=self.row.lifts is not None)

    @property
    def achieved_on(self) -> date | None:
        """Return the day on which it was reached."""
        return self.progress.achieved_on if self.progress is not None else None

    @property
    def skip_reason(self) -> SkipReason | None:
        """Return why it was skipped."""
        return self.progress.skip_reason if self.progress is not None else None


@dataclass(frozen=True, slots=True)
class RestrictionView:
    """A restriction, and how it stands on the plan's day."""

    row: Restriction
    on_day: LimitRow

    @property
    def cleared_on(self) -> date | None:
        """Return the day on which a clearance ended it before its last day; None if none did."""
        ended_on, through_on = self.on_day.ended_on, self.row.through_on
        return ended_on if through_on is None or (ended_on is not None and ended_on <= through_on) else None


@dataclass(frozen=True, slots=True)
class PlanView:
    """A whole plan. `revision` is the highest of all rows that it follows from."""

    episode: Episode
    as_of: date
    revision: int
    surgeries: tuple[StageView, ...]
    milestones: tuple[MilestoneView, ...]
    restrictions: tuple[RestrictionView, ...]
    next: tuple[MilestoneView, ...]

    @property
    def mark(self) -> str:
        """Return what changes with everything that the plan shows on its day, settings and signatures included."""
        shown = ([each.signature for each in self.surgeries], [each.on_day for each in self.restrictions])
        return f"{self.revision}.{sha256(repr(shown).encode()).hexdigest()[:_MARK_LENGTH]}"


def view_plan(session: Session, practice: Practice, episode: Episode, as_of: date, now: datetime) -> PlanView:
    """Return the episode's plan as it stands on `as_of`, a day of the clinic's calendar, by what is known at `now`."""
    patient = session.get_one(Patient, (episode.practice_id, episode.patient_id))
    clearing = load_clearing_case(session, practice, patient, episode.id)
    rows = load_plan_rows(session, practice, episode)
    signatures = signatures_of(session, practice)
    items = course_items(rows)
    course = course_on(items, as_of)
    milestones = {
        item.id: _milestone(row, rows, item.progress, state=course.states[item.id], as_of=as_of)
        for row, item in zip(rows.milestones, items, strict=True)
    }
    return PlanView(
        episode=episode,
        as_of=as_of,
        revision=rows.revision,
        surgeries=tuple(_stage(surgery, signatures, as_of) for surgery in rows.surgeries),
        milestones=tuple(milestones.values()),
        restrictions=_restrictions(clearing, rows, as_of, now),
        next=tuple(milestones[item_id] for item_id in course.next),
    )


def _stage(surgery: Surgery, signatures: Mapping[str, Signature], as_of: date) -> StageView:
    pod = None if surgery.surgery_on is None else (as_of - surgery.surgery_on).days
    return StageView(surgery, pod, signatures.get(surgery.protocol_digest))


def _milestone(
    row: Milestone, rows: PlanRows, progress: ProgressFacts, *, state: MilestoneState, as_of: date
) -> MilestoneView:
    cleared = [span.cleared_on for span in progress.clearances if span.holds(as_of)]
    first_on = rows.first_surgery_on
    return MilestoneView(
        row=row,
        progress=rows.progress.get(row.id),
        state=state,
        cleared_on=min(cleared, default=None),
        first_stage_days=None if row.target_on is None or first_on is None else (row.target_on - first_on).days,
    )


def _restrictions(clearing: ClearingCase, rows: PlanRows, as_of: date, now: datetime) -> tuple[RestrictionView, ...]:
    standing, barred = clearing.standing(as_of), clearing.barred(as_of, now)
    kinds = {milestone.key: milestone.kind for milestone in clearing.plan.milestones}
    by_identity = {
        (limit.kind, limit.occurrence, limit.sequence): limit_row_on(
            limit, as_of, clearances=standing, work=clearing.work, kinds=kinds, barred=barred
        )
        for limit in clearing.plan.restrictions
    }
    gone = LimitRow(active=False)
    return tuple(
        RestrictionView(row, by_identity.get((RestrictionKind(row.kind), row.occurrence, row.sequence), gone))
        for row in rows.restrictions
    )
