"""On which days patients are asked how they are, and when staff call: the clinic's rhythm and its changes. Pure.

Days count from the day of surgery (day 0). A change holds from a day on; what was asked before it stays as it was.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import Grade, Setting

LAST_DAY: Final = 365  # after surgery: no rhythm goes on for longer
MOST_PHASES: Final = 6
LAST_CALL_DAY: Final = 30
MOST_CALLS: Final = 10
_DAYS_A_WEEK: Final = 7
_LOOKED_FOR_UNTIL: Final = 90  # who is silent is looked for until then at least
_ONE_DAY: Final = timedelta(days=1)
LONGEST_WINDOW: Final = 14  # days: a week of one phase that was not over, and one of the next
_REMEMBERED: Final = timedelta(days=LAST_DAY + 35)


@dataclass(frozen=True, slots=True)
class RhythmPhase:
    """So many check-ins a week (1 to 7) from the day after the phase before, or from day 1, up to `through_day`."""

    through_day: int
    times_a_week: int


def _check_phases(phases: tuple[RhythmPhase, ...]) -> None:
    if len(phases) > MOST_PHASES:
        raise PlanError("phases", f"at most {MOST_PHASES} phases", str(len(phases)))
    before = 0
    for number, phase in enumerate(phases):
        if not before < phase.through_day <= LAST_DAY:
            expected = f"a day from {before + 1} to {LAST_DAY}"
            raise PlanError(f"phases.{number}.through_day", expected, str(phase.through_day))
        if not 1 <= phase.times_a_week <= _DAYS_A_WEEK:
            raise PlanError(f"phases.{number}.times_a_week", "1 to 7 times a week", str(phase.times_a_week))
        before = phase.through_day


def _check_red_flags(through: int | None) -> None:
    if through is not None and not 0 <= through <= LAST_CALL_DAY:
        raise PlanError("red_flags_through_day", f"a day from 0 to {LAST_CALL_DAY}, or nothing", str(through))


@dataclass(frozen=True, slots=True)
class CheckInRhythm:
    """What a clinic asks after surgery. No phases: nobody is asked to check in.

    After day surgery the check-ins of day 0 up to `red_flags_through_day` ask for red flags; None: none does. On
    `call_days` staff call the patient.
    """

    phases: tuple[RhythmPhase, ...]
    red_flags_through_day: int | None
    call_days: tuple[int, ...]

    def __post_init__(self) -> None:
        """Raise PlanError for a rhythm that cannot be."""
        _check_phases(self.phases)
        _check_red_flags(self.red_flags_through_day)
        if list(self.call_days) != sorted({day for day in self.call_days if 0 <= day <= LAST_CALL_DAY}):
            raise PlanError("call_days", f"days from 0 to {LAST_CALL_DAY} in order, each once", str(self.call_days))
        if len(self.call_days) > MOST_CALLS:
            raise PlanError("call_days", f"at most {MOST_CALLS} days", str(len(self.call_days)))

    @property
    def last_day(self) -> int:
        """Return the last day after surgery on which somebody may be asked; -1 if nobody is."""
        return self.phases[-1].through_day if self.phases else -1


# No source states a rhythm: grade E, and shown so.
DEFAULT_RHYTHM: Final = CheckInRhythm(
    phases=(RhythmPhase(14, 7), RhythmPhase(42, 2), RhythmPhase(90, 1)), red_flags_through_day=3, call_days=(1, 3)
)
DEFAULT_GRADE: Final = Grade.E


@dataclass(frozen=True, slots=True)
class RhythmVersion:
    """A rhythm and from which day of the clinic's calendar on it holds."""

    number: int
    from_on: date
    rhythm: CheckInRhythm


@dataclass(frozen=True, slots=True)
class CheckInDay:
    """A day on which a patient is asked, `pod` days after surgery."""

    pod: int
    on: date
    asks_red_flags: bool


@dataclass(frozen=True, slots=True)
class RhythmHistory:
    """The rhythms that a clinic has set, the first one first; none: the clinic has set no rhythm, and nobody is asked.

    Each holds from its own day up to that of the next one.
    """

    versions: tuple[RhythmVersion, ...] = ()

    @property
    def latest(self) -> RhythmVersion | None:
        """Return what was set last, whether it holds already or not."""
        return self.versions[-1] if self.versions else None

    def on(self, day: date) -> CheckInRhythm | None:
        """Return the rhythm that holds on a day of the clinic's calendar; None before the first."""
        return next((each.rhythm for each in reversed(self.versions) if each.from_on <= day), None)

    def changed(self, rhythm: CheckInRhythm, today: date) -> "RhythmHistory":
        """Return the history with another rhythm from the day after `today` on.

        What was to begin then gives way to it, and what no plan follows any more is forgotten.
        """
        new = RhythmVersion(1 if self.latest is None else self.latest.number + 1, today + _ONE_DAY, rhythm)
        before = [each for each in self.versions if each.from_on < new.from_on]
        kept = (each for each, heir in pairwise((*before, new)) if heir.from_on > today - _REMEMBERED)
        return RhythmHistory((*kept, new))


NO_RHYTHM: Final = RhythmHistory()


def check_in_days(history: RhythmHistory, day0: date | None, setting: Setting | None) -> tuple[CheckInDay, ...]:
    """Return the days on which a patient is asked after a surgery on `day0`, in order.

    Where the setting is not known it may have been day surgery: red flags are asked for.
    """
    return tuple(_check_in_days(history, day0, setting)) if day0 is not None and history.versions else ()


def _check_in_days(history: RhythmHistory, day0: date, setting: Setting | None) -> Iterator[CheckInDay]:
    for pod, on in _days_from(day0, LAST_DAY):
        rhythm = history.on(on)
        if rhythm is None:
            continue
        through = rhythm.red_flags_through_day
        asks_red_flags = setting is not Setting.inpatient and through is not None and pod <= through
        if asks_red_flags or pod in _days_of(rhythm):
            yield CheckInDay(pod, on, asks_red_flags)


def asked_by_day(history: RhythmHistory, since: date, until: date) -> tuple[tuple[date, frozenset[int]], ...]:
    """Return for dates of the clinic's calendar on which days after surgery patients are asked, by the rhythm of each.

    Before the clinic's first rhythm the default counts. The dates begin as long before `since` as a window can last.
    """
    days = range((until - since).days + 1 + LONGEST_WINDOW)
    dates = (since + timedelta(days=each - LONGEST_WINDOW) for each in days)
    return tuple((on, _days_of(history.on(on) or DEFAULT_RHYTHM)) for on in dates)


def check_in_windows(
    asked: Iterable[tuple[date, frozenset[int]]], day0: date, since: date
) -> Iterator[tuple[date, date]]:
    """Yield first and last day of each window that ends on `since` or later, after a surgery on `day0`.

    A window asks for one check-in, on the day that is asked for or on one after the day that was asked for before.
    """
    begins = day0 + _ONE_DAY
    for on, days in asked:
        if (on - day0).days in days:
            if on >= since:
                yield max(begins, on - timedelta(days=LONGEST_WINDOW - 1)), on
            begins = on + _ONE_DAY


def call_days(history: RhythmHistory, day0: date | None) -> tuple[tuple[int, date], ...]:
    """Return the days on which staff call after a surgery on `day0`: how many after it, and the date, in order."""
    if day0 is None:
        return ()
    on_days = ((pod, on, history.on(on)) for pod, on in _days_from(day0, LAST_CALL_DAY))
    return tuple((pod, on) for pod, on, rhythm in on_days if rhythm is not None and pod in rhythm.call_days)


def _days_from(day0: date, last_pod: int) -> Iterator[tuple[int, date]]:
    first = day0.toordinal()
    for pod in range(min(last_pod, date.max.toordinal() - first) + 1):
        yield pod, date.fromordinal(first + pod)


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch of days without a sign of a patient: none after `since_on`, and now it is `today`."""

    day0: date
    since_on: date
    today: date

    @property
    def days(self) -> int:
        """Return how long it has lasted."""
        return (self.today - self.since_on).days


def count_missed(history: RhythmHistory, silence: Silence, *, most: int) -> int | None:
    """Return how many check-ins were asked for on days in between and have no answer, counting up to `most`.

    None: the clinic's rhythm did not hold, or asked nobody, for all of the time; it says nothing then. None counts
    any more once the rhythm and day 90 are over.
    """
    first, now = history.on(silence.since_on), history.on(silence.today)
    if first is None or now is None or not first.phases or not now.phases:
        return None
    if (silence.today - silence.day0).days > max(now.last_day, _LOOKED_FOR_UNTIL):
        return 0
    missed, on = 0, silence.since_on + _ONE_DAY
    end = min(silence.today, silence.day0 + timedelta(days=LAST_DAY + 1))
    while on < end and missed < most:
        rhythm = history.on(on)
        missed += rhythm is not None and (on - silence.day0).days in _days_of(rhythm)
        on += _ONE_DAY
    return missed


@lru_cache(maxsize=512)
def _days_of(rhythm: CheckInRhythm) -> frozenset[int]:
    """Return the days of a rhythm's phases. So many a week are spread evenly, the last on the week's last day."""
    days, start = set(), 0
    for phase in rhythm.phases:
        for number in range(1, phase.through_day - start + 1):
            if number * phase.times_a_week // _DAYS_A_WEEK > (number - 1) * phase.times_a_week // _DAYS_A_WEEK:
                days.add(start + number)
        start = phase.through_day
    return frozenset(days)


def read_history(stored: list[dict[str, Any]] | None) -> RhythmHistory:
    """Return the history that `write_history` made. None: the clinic has set no rhythm."""
    return RhythmHistory(tuple(_read_version(each) for each in stored or ()))


def write_history(history: RhythmHistory) -> list[dict[str, Any]]:
    """Return a history as JSON, for a row."""
    return [
        {
            "number": each.number,
            "from_on": each.from_on.isoformat(),
            "phases": [[phase.through_day, phase.times_a_week] for phase in each.rhythm.phases],
            "red_flags_through_day": each.rhythm.red_flags_through_day,
            "call_days": list(each.rhythm.call_days),
        }
        for each in history.versions
    ]


def _read_version(stored: dict[str, Any]) -> RhythmVersion:
    rhythm = CheckInRhythm(
        tuple(RhythmPhase(*each) for each in stored["phases"]),
        stored["red_flags_through_day"],
        tuple(stored["call_days"]),
    )
    return RhythmVersion(stored["number"], date.fromisoformat(stored["from_on"]), rhythm)
