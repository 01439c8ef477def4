"""How an episode's course stands on a day: adherence, what is behind and why, what waits for the clinic, what next."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from models import Episode, Milestone, Patient, Practice, Surgery
from schedules.plan.course import Adherence, Behind, CourseItem, ItemKey, Waiting, course_on
from schedules.plan.protocol import Text
from schedules.plan.state_words import patient_words
from schedules.plan.vocabulary import EpisodeStatus, MilestoneState, SurgeryStatus
from service.care.plan_rows import PlanRows, course_items, load_plan_rows

_GOES_ON = (EpisodeStatus.active, EpisodeStatus.paused)


@dataclass(frozen=True, slots=True)
class StagePod:
    """One surgery of the course, and its postoperative day on the day that is looked at: negative before surgery."""

    stage: int
    surgery_on: date | None
    pod: int | None


@dataclass(frozen=True, slots=True)
class ProgressItem:
    """A milestone of the course with its state on the day."""

    row: Milestone
    state: MilestoneState

    @property
    def patient_text(self) -> Text:
        """Return the state in words for the patient."""
        return patient_words(self.state, self.row.owner, lifts=self.row.lifts is not None)


@dataclass(frozen=True, slots=True)
class BehindItem(ProgressItem):
    """An own item of the patient whose last day has passed."""

    behind: Behind


@dataclass(frozen=True, slots=True)
class WaitingItem(ProgressItem):
    """An item that waits for the clinic."""

    waiting: Waiting


@dataclass(frozen=True, slots=True)
class ProgressView:
    """The course on a day. `goes_on`: the episode is active or paused; of one that has ended nothing is expected."""

    episode: Episode
    as_of: date
    revision: int
    goes_on: bool
    stages: tuple[StagePod, ...]
    adherence: Adherence
    behind: tuple[BehindItem, ...]
    waiting_for_clinic: tuple[WaitingItem, ...]
    next: tuple[ProgressItem, ...]


def view_progress(session: Session, practice: Practice, episode: Episode, as_of: date) -> ProgressView:
    """Return how the episode's course stands on `as_of`, a day of the clinic's calendar."""
    rows = load_plan_rows(session, practice, episode)
    patient = session.get_one(Patient, (episode.practice_id, episode.patient_id))
    goes_on = episode.status in _GOES_ON and patient.died_on is None
    return progress_of(rows, as_of, goes_on=goes_on, revision=max(rows.revision, patient.rev))


def progress_of(rows: PlanRows, as_of: date, *, goes_on: bool, revision: int) -> ProgressView:
    """Return how stored rows stand on `as_of`."""
    items = course_items(rows)
    course = course_on(items, as_of)
    by_id = _rows_of(rows, items)
    states = course.states
    return ProgressView(
        episode=rows.episode,
        as_of=as_of,
        revision=revision,
        goes_on=goes_on,
        stages=tuple(_stage(each, as_of) for each in rows.surgeries if each.status is not SurgeryStatus.cancelled),
        adherence=course.adherence,
        behind=tuple(BehindItem(by_id[each.id], states[each.id], each) for each in course.behind if goes_on),
        waiting_for_clinic=tuple(
            WaitingItem(by_id[each.id], states[each.id], each) for each in course.waiting_for_clinic if goes_on
        ),
        next=tuple(ProgressItem(by_id[each], states[each]) for each in course.next if goes_on),
    )


def _rows_of(rows: PlanRows, items: tuple[CourseItem, ...]) -> dict[ItemKey, Milestone]:
    return {item.id: row for item, row in zip(items, rows.milestones, strict=True)}


def _stage(surgery: Surgery, as_of: date) -> StagePod:
    day0 = surgery.surgery_on
    return StagePod(surgery.stage, day0, None if day0 is None else (as_of - day0).days)
