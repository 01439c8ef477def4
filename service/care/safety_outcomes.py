"""Use cases: how often something went otherwise than planned after a procedure, and how stays and blood loss spread.

Counted is what staff entered. A surgery counts once its whole window has passed; who was lost counts as without an
event, so a share may be too low.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from operator import attrgetter
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import ClinicalEvent, Practice
from models.report import ClinicalEventKind
from schedules.outcomes.proportions import spread, wilson
from schedules.outcomes.windows import Window, are_few, told_part, told_windows
from schedules.plan.protocol import Text
from schedules.plan.vocabulary import ApproachClass, Grade, Procedure
from service.care.outcome_rows import IndexSurgery, read_cohort
from service.care.outcomes import GRADE, NOTE, Smallest

WINDOWS: Final = (30, 90)  # days from surgery


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of `of` surgeries had the event within `days`. `count` None: that or a share would tell of few."""

    kind: ClinicalEventKind
    days: int
    of: int
    count: int | None
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Known:
    """The quartiles of a value, of the `count` surgeries it is known of. `count` None: of a few it is missing."""

    count: int | None
    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class SafetyGroup:
    """One approach class. `count` None: too few. Rates and spreads are of those for whom they are known, if not few."""

    approach_class: ApproachClass | None
    count: int | None
    rates: tuple[Rate, ...]
    nights: Known | None
    blood_loss_ml: Known | None


@dataclass(frozen=True, slots=True)
class SafetyOutcome:
    """What went otherwise than planned after one procedure, up to `as_of`, by approach class."""

    procedure: Procedure
    as_of: date
    grade: Grade
    note: Text
    smallest: Smallest
    groups: tuple[SafetyGroup, ...]


def view_safety_outcome(
    session: Session, practice: Practice, *, procedure: Procedure, today: date, smallest: Smallest
) -> SafetyOutcome:
    """Return the rates, stays and blood loss of the practice's surgeries of a procedure. Two SELECTs."""
    cohort = read_cohort(session, practice.id, procedure, today)
    members: dict[ApproachClass | None, list[IndexSurgery]] = {}
    for each in cohort.surgeries:
        members.setdefault(each.approach_class, []).append(each)
    events = _read_events(session, practice.id)
    return SafetyOutcome(
        procedure=procedure,
        as_of=today,
        grade=GRADE,
        note=NOTE,
        smallest=smallest,
        groups=tuple(_group(each, members[each], events, today, smallest) for each in sorted(members, key=str)),
    )


def _read_events(session: Session, practice_id: str) -> Mapping[tuple[str, ClinicalEventKind], list[date]]:
    """Return the days of events by course and kind."""
    query = select(ClinicalEvent.episode_id, ClinicalEvent.kind, ClinicalEvent.occurred_on).where(
        ClinicalEvent.practice_id == practice_id, ClinicalEvent.deleted.is_(False)
    )
    events: dict[tuple[str, ClinicalEventKind], list[date]] = {}
    for row in session.execute(query):
        events.setdefault((row.episode_id, row.kind), []).append(row.occurred_on)
    return events


def _group(
    approach_class: ApproachClass | None,
    surgeries: list[IndexSurgery],
    events: Mapping[tuple[str, ClinicalEventKind], list[date]],
    today: date,
    smallest: Smallest,
) -> SafetyGroup:
    if len(surgeries) < smallest.group:
        return SafetyGroup(approach_class, None, (), None, None)
    nights = [(each.discharged_on - each.day0).days for each in surgeries if each.discharged_on is not None]
    lost = [each.blood_loss_ml for each in surgeries if each.blood_loss_ml is not None]
    return SafetyGroup(
        approach_class=approach_class,
        count=len(surgeries),
        rates=tuple(sorted(_rates(surgeries, events, today, smallest), key=attrgetter("days"))),
        nights=_known(nights, len(surgeries), smallest),
        blood_loss_ml=_known(lost, len(surgeries), smallest),
    )


def _rates(
    surgeries: list[IndexSurgery],
    events: Mapping[tuple[str, ClinicalEventKind], list[date]],
    today: date,
    smallest: Smallest,
) -> Iterator[Rate]:
    followed = _followed(surgeries, today, smallest)
    for kind in ClinicalEventKind:
        windows = [
            Window(len(whole), sum(_has_any(each, events.get((each.episode_id, kind), ()), days) for each in whole))
            for days, whole in followed
        ]
        for (days, _), window, count in zip(followed, windows, told_windows(windows, smallest.cell), strict=True):
            if count is None:
                yield Rate(kind, days, window.of, None, None, None, None)
            else:
                rate = wilson(count, window.of)
                yield Rate(kind, days, window.of, count, rate.share, rate.low, rate.high)


def _followed(
    surgeries: list[IndexSurgery], today: date, smallest: Smallest
) -> tuple[tuple[int, list[IndexSurgery]], ...]:
    """Return whose whole window has passed, for each that has passed of enough.

    Where the longer one has passed of just a few less, these few are in neither: both counts would give them away.
    """
    followed: list[tuple[int, list[IndexSurgery]]] = []
    for days in reversed(WINDOWS):
        whole = [each for each in surgeries if each.day0 + timedelta(days=days) <= today]
        if followed and are_few(len(whole) - len(followed[-1][1]), smallest.cell):
            whole = followed[-1][1]
        if len(whole) >= smallest.group:
            followed.append((days, whole))
    return tuple(reversed(followed))


def _has_any(surgery: IndexSurgery, on: Iterable[date], days: int) -> bool:
    return any(surgery.day0 <= each <= surgery.day0 + timedelta(days=days) for each in on)


def _known(values: list[int], of: int, smallest: Smallest) -> Known | None:
    found = spread(values)
    if found is None or found.count < smallest.group:
        return None
    count, _ = told_part(found.count, of, smallest.cell)
    return Known(count, found.low, found.median, found.high)
