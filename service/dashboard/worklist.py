"""Who needs the clinic now: patients in groups, by danger and then by lateness. Pure; knows no database.

A patient stands once, in the first group that has a reason; the other reasons stand beside it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from heapq import nsmallest
from operator import attrgetter
from typing import Any, Final
from zoneinfo import ZoneInfo

from schedules.plan.check_ins import NO_RHYTHM, RhythmHistory
from schedules.plan.vocabulary import ApproachClass, Procedure
from service.dashboard.queries.worklist import Caseload, Person, Stage
from service.dashboard.worklist_day import Day, make_day
from service.dashboard.worklist_reasons import (
    GROUPS,
    Found,
    Place,
    Reason,
    Why,
    find_reasons,
    first_place,
    tell_reasons,
)


class Sort(StrEnum):
    """The order of the worklist. By urgency it has groups."""

    urgency = "urgency"
    name = "name"
    pod = "pod"


@dataclass(frozen=True, slots=True)
class Entry:
    """A patient on the worklist. `surgery` is the latest that was performed, or else the next one."""

    person: Person
    surgery: Stage | None
    pod: int | None
    coordinator: str | None
    reasons: tuple[Reason, ...]

    @property
    def why(self) -> Why:
        """Return the group."""
        return self.reasons[0].why


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries somebody wants to see, and in which order."""

    why: Why | None = None
    procedure: Procedure | None = None
    approach_class: ApproachClass | None = None
    coordinator_id: str | None = None
    sort: Sort = Sort.urgency


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the entries is shown. `number` counts from 1."""

    number: int = 1
    size: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Worklist:
    """The entries of page `number` of `pages`, in order; `sizes` counts those of all pages by their groups.

    `counts`: how many patients have a reason of each kind, whatever `why` asks for; `needing`: how many have any.
    """

    entries: tuple[Entry, ...]
    number: int
    pages: int
    sizes: Mapping[Why, int]
    counts: Mapping[Why, int]
    needing: int
    open_count: int

    @property
    def count(self) -> int:
        """Return how many entries there are on all pages."""
        return sum(self.sizes.values())


WHOLE: Final = Page()


def make_worklist(
    caseload: Caseload,
    wanted: Wanted,
    today: date,
    zone: ZoneInfo,
    page: Page = WHOLE,
    *,
    rhythms: RhythmHistory = NO_RHYTHM,
) -> Worklist:
    """Return a page of the worklist of a day of the clinic's calendar; the last one, if there are fewer.

    `rhythms` say when the clinic's patients are asked to check in.
    All patients are given their places, but what there is to say is worked out for those on the page alone.
    """
    day, key, narrowed = make_day(today, zone, rhythms), _KEYS[wanted.sort], _is_narrowed(wanted)
    counts, sizes, needing = [0] * len(GROUPS), [0] * len(GROUPS), 0
    placed: list[tuple[Any, ...]] = []
    for person in caseload.people:
        surgery = _present(person.stages, today)
        found = () if narrowed and not _fits(person, surgery, wanted) else find_reasons(caseload, person, surgery, day)
        if not found:
            continue
        needing += 1
        for group in {place[0] for place, _ in found}:
            counts[group] += 1
        first = first_place(found, wanted.why)
        if first is not None:
            sizes[first[0]] += 1
            placed.append((key(first, surgery, person), person.patient_id, person.episode_id, person, surgery, found))
    number = min(page.number, pages_of(len(placed), page.size))
    shown = nsmallest(number * page.size, placed)[(number - 1) * page.size :]
    return Worklist(
        entries=tuple([_entry(caseload, wanted, day, each[3:]) for each in shown]),
        number=number,
        pages=pages_of(len(placed), page.size),
        sizes={why: sizes[group] for why, group in GROUPS.items()},
        counts={why: counts[group] for why, group in GROUPS.items()},
        needing=needing,
        open_count=caseload.open_count,
    )


def _entry(caseload: Caseload, wanted: Wanted, day: Day, about: tuple[Person, Stage | None, Sequence[Found]]) -> Entry:
    person, surgery, found = about
    pod = None if surgery is None or surgery.surgery_on is None else (day.today - surgery.surgery_on).days
    reasons = tell_reasons(found, wanted.why, person, day)
    return Entry(person, surgery, pod, caseload.staff.get(person.coordinator_id or ""), reasons)


def _present(stages: Sequence[Stage], today: date) -> Stage | None:
    """Return the latest surgery up to today, or else the next one, or one without a date."""
    if len(stages) == 1:
        return stages[0]
    stages = sorted(stages, key=attrgetter("stage"))
    dated = sorted((each for each in stages if each.surgery_on is not None), key=lambda each: str(each.surgery_on))
    past = [each for each in dated if each.surgery_on is not None and each.surgery_on <= today]
    return past[-1] if past else next(iter([*dated, *stages]), None)


def _is_narrowed(wanted: Wanted) -> bool:
    return bool(wanted.coordinator_id or wanted.procedure or wanted.approach_class)


def _fits(person: Person, surgery: Stage | None, wanted: Wanted) -> bool:
    return (
        (wanted.coordinator_id is None or person.coordinator_id == wanted.coordinator_id)
        and (wanted.procedure is None or (surgery is not None and surgery.procedure == wanted.procedure))
        and (wanted.approach_class is None or (surgery is not None and surgery.approach_class == wanted.approach_class))
    )


def _by_urgency(place: Place, _surgery: Stage | None, person: Person) -> tuple[Any, ...]:
    return (*place, person.family_name.casefold(), person.given_name.casefold())


def _by_name(_place: Place, _surgery: Stage | None, person: Person) -> tuple[Any, ...]:
    return person.family_name.casefold(), person.given_name.casefold()


def _by_pod(place: Place, surgery: Stage | None, person: Person) -> tuple[Any, ...]:
    """The latest surgery first, and at the end whoever has no date."""
    on = None if surgery is None else surgery.surgery_on
    return (on is None, 0 if on is None else -on.toordinal(), *_by_name(place, surgery, person))


_KEYS: Final[Mapping[Sort, Callable[[Place, Stage | None, Person], tuple[Any, ...]]]] = {
    Sort.urgency: _by_urgency,
    Sort.name: _by_name,
    Sort.pod: _by_pod,
}


def pages_of(count: int, size: int) -> int:
    """Return how many pages of `size` so many rows fill: at least one."""
    return max(1, -(-count // size))


def groups_of(entries: Iterable[Entry]) -> list[tuple[Why, list[Entry]]]:
    """Return entries that stand in the order of urgency by their groups, without empty ones."""
    groups: dict[Why, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.why, []).append(entry)
    return list(groups.items())
