"""Whether the conditions of a clearance hold, judged by what was observed. Newer facts undo older ones.

A fact from before a surgery says nothing about what that surgery left: surgery starts the clocks again (evidence file,
section 2.9). Knows no row and no clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from schedules.plan.gates import Gate, Needed
from schedules.plan.vocabulary import Condition, Grade, Observation


class Ground(StrEnum):
    """Why a condition holds, does not hold, or is not known to hold."""

    met = "met"
    too_early = "too_early"
    no_day = "no_day"  # no day does it: a clinician decides
    never_recorded = "never_recorded"
    says_no = "says_no"
    too_recent = "too_recent"
    hours_not_set = "hours_not_set"  # the clinic has not said how many hours without opioids it asks for
    not_done = "not_done"
    not_seen = "not_seen"


@dataclass(frozen=True, slots=True)
class Observed:
    """One fact: at which instant, and on which day of the clinic's calendar. `stage` None: of no single surgery."""

    id: str
    what: Observation
    at: datetime
    on: date
    stage: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A condition as it stands. `holds` None: not known. `rests_on` is the id of the fact that decided."""

    condition: Condition
    holds: bool | None
    ground: Ground
    rests_on: str | None
    grade: Grade
    sources: tuple[str, ...]


_Verdict = tuple[bool | None, Ground, str | None]
_NOTHING: _Verdict = (None, Ground.never_recorded, None)
_ORDER = {False: 0, None: 1, True: 2}
_MEANING: Mapping[Condition, Mapping[Observation, Ground]] = {
    Condition.wound_closed: {Observation.wound_closed: Ground.met, Observation.wound_open: Ground.says_no},
    Condition.collar_off: {Observation.collar_off: Ground.met, Observation.collar_on: Ground.says_no},
    Condition.emergency_stop: {
        Observation.emergency_stop_able: Ground.met,
        Observation.emergency_stop_unable: Ground.says_no,
    },
    Condition.no_motor_deficit: {
        Observation.motor_deficit_absent: Ground.met,
        Observation.motor_deficit_present: Ground.says_no,
    },
    Condition.xray_satisfactory: {
        Observation.xray_satisfactory: Ground.met,
        Observation.xray_unsatisfactory: Ground.says_no,
        Observation.xray_ordered: Ground.not_done,
        Observation.xray_done: Ground.not_seen,
    },
}
_MEDICINES = (Observation.opioid_taken, Observation.sedative_taken)


def judge(
    gate: Gate,
    observed: Iterable[Observed],
    *,
    on: date,
    at: datetime,
    day0s: Mapping[int, date | None],
    opioid_free_hours: int | None,
) -> tuple[Judgement, ...]:
    """Return how each condition of `gate` stands for a clearance on the day `on`, as known at the instant `at`.

    `day0s` are the days of surgery by stage; `opioid_free_hours` the clinic's own number, None while it is blank.
    """
    facts = tuple(observed)

    def verdict(needed: Needed) -> _Verdict:
        if needed.condition is Condition.day_reached:
            return _day(gate.eligible_on, on)
        if needed.condition is Condition.off_opioids:
            since_on = max((day for stage in needed.stages if (day := day0s.get(stage)) is not None), default=None)
            return _off_opioids(facts, since_on=since_on, on=on, at=at, hours=opioid_free_hours)
        return _observed(needed, facts, day0s=day0s, at=at)

    return tuple(Judgement(each.condition, *verdict(each), each.grade, each.sources) for each in gate.needed)


def _day(eligible_on: date | None, on: date) -> _Verdict:
    if eligible_on is None:
        return None, Ground.no_day, None
    return (True, Ground.met, None) if eligible_on <= on else (False, Ground.too_early, None)


def _off_opioids(
    facts: tuple[Observed, ...], *, since_on: date | None, on: date, at: datetime, hours: int | None
) -> _Verdict:
    """What was taken on the day itself is too recent whatever the clinic's hours, and so is what lies ahead."""
    taken = [each for each in facts if each.what in _MEDICINES and since_on is not None and each.on >= since_on]
    if not taken:
        return (None, Ground.hours_not_set, None) if hours is None else _NOTHING
    last = max(taken, key=lambda each: (each.at, each.id))
    if last.on >= on:
        return False, Ground.too_recent, last.id
    if hours is None:
        return None, Ground.hours_not_set, last.id
    if at - last.at < timedelta(hours=hours):
        return False, Ground.too_recent, last.id
    return True, Ground.met, last.id


def _observed(
    needed: Needed, facts: tuple[Observed, ...], *, day0s: Mapping[int, date | None], at: datetime
) -> _Verdict:
    """Return the worst verdict over the stages. Of a stage that is not asked about only a no counts."""
    meaning = _MEANING[needed.condition]
    known = [each for each in facts if each.what in meaning]
    verdicts = [_at_stage(stage, meaning, known, day0=day0s.get(stage), at=at) for stage in needed.stages]
    others = {each.stage for each in known if each.stage is not None} - set(needed.stages)
    for stage in sorted(others):
        verdict = _at_stage(stage, meaning, known, day0=day0s.get(stage), at=at)
        if verdict[0] is False:
            verdicts.append(verdict)
    return min(verdicts, key=lambda verdict: _ORDER[verdict[0]])


def _at_stage(
    stage: int,
    meaning: Mapping[Observation, Ground],
    known: Iterable[Observed],
    *,
    day0: date | None,
    at: datetime,
) -> _Verdict:
    """A yes counts from the day after surgery and not before its time; a no from the day of surgery on."""
    if day0 is None:
        return _NOTHING
    counting = [
        each
        for each in known
        if each.stage in (None, stage)
        and ((each.on > day0 and each.at <= at) if meaning[each.what] is Ground.met else each.on >= day0)
    ]
    if not counting:
        return _NOTHING
    newest = max(counting, key=lambda each: (each.at, meaning[each.what] is not Ground.met, each.id))
    ground = meaning[newest.what]
    return ground is Ground.met, ground, newest.id
