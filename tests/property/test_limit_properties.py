"""What a patient may do on any day: the strictest of all rows holds, and only a clearance that stands loosens it."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.plan.build import PatientFacts, Plan, PlannedRestriction, Stage, build_plan
from schedules.plan.library import load_library
from schedules.plan.limits import Cleared, DayLimits, Limit, limits_on, strictest
from schedules.plan.vocabulary import LimitState, RestrictionKind, Setting, SurgeryStatus, WorkClass

FIRST = date(2026, 3, 2)
DAYS = 400
WORK = load_library().protocols[0].work
HELD = (LimitState.eligible, LimitState.restricted)
OF_ONE_KIND = {
    "bending_twisting": RestrictionKind.bending_twisting,
    "driving": RestrictionKind.driving,
    "brace": RestrictionKind.brace,
}


@dataclass(frozen=True)
class Course:
    """Up to three surgeries within half a year, and the plan of a patient."""

    plan: Plan
    day0s: dict[int, date | None]
    work_class: WorkClass | None

    def limits(self, days: int, *cleared: Cleared) -> DayLimits:
        on = FIRST + timedelta(days)
        return limits_on(self.plan, on, clearances=cleared, day0s=self.day0s, work=WORK, own_class=self.work_class)

    def active(self, days: int, kind: RestrictionKind) -> list[PlannedRestriction]:
        on = FIRST + timedelta(days)
        return [
            row
            for row in self.plan.restrictions
            if row.kind is kind and row.from_on is not None and row.from_on <= on <= (row.through_on or date.max)
        ]


@st.composite
def courses(draw: st.DrawFn) -> Course:
    offsets = draw(st.lists(st.integers(0, 180), min_size=1, max_size=3))
    stages = [
        Stage(
            ordinal=ordinal,
            protocol=draw(st.sampled_from(load_library().protocols)),
            day0=FIRST + timedelta(offset),
            status=SurgeryStatus.performed,
            setting=Setting.inpatient,
            brace_ordered=draw(st.booleans()),
        )
        for ordinal, offset in enumerate(offsets, start=1)
    ]
    work_class = draw(st.none() | st.sampled_from(WorkClass))
    facts = PatientFacts(work_class, low_bone_density=draw(st.booleans()), wants_contact_sport=draw(st.booleans()))
    plan = build_plan(stages, facts, enrolled_on=FIRST)
    return Course(plan, {each.ordinal: each.day0 for each in stages}, work_class)


@st.composite
def clearances(draw: st.DrawFn, course: Course) -> tuple[Cleared, ...]:
    lifting = [each for each in course.plan.milestones if each.lifts is not None]
    found = []
    for each in draw(st.lists(st.sampled_from(lifting), max_size=4)) if lifting else []:
        cleared_on = FIRST + timedelta(draw(st.integers(-5, DAYS)))
        found.append(Cleared(each.key, each.occurrence, cleared_on))
    return tuple(found)


def every_limit(day: DayLimits) -> list[Limit]:
    sport = [day.sport.low_impact, day.sport.non_contact, day.sport.contact]
    work = [day.work.limit, *(each.limit for each in day.work.classes)]
    return [day.lifting, day.bending_twisting, day.driving, day.sitting, day.brace, *sport, *work]


def strictness(limit: Limit) -> tuple[bool, int]:
    amount = limit.limit_lb if limit.limit_lb is not None else limit.limit_minutes
    return (limit.state in HELD, -(10**6 if amount is None else amount) if limit.state in HELD else 0)


@settings(max_examples=15)
@given(courses())
def test_on_every_day_the_strictest_of_all_active_limits_holds(course: Course) -> None:
    for days in range(-1, DAYS):
        day = course.limits(days)
        pounds = [row.limit_lb for row in course.active(days, RestrictionKind.lifting) if row.limit_lb is not None]
        assert day.lifting.limit_lb == min(pounds, default=None)
        for name, kind in OF_ONE_KIND.items():
            assert (getattr(day, name).state in HELD) == bool(course.active(days, kind))


@given(courses(), st.integers(-1, DAYS))
def test_without_a_clearance_nothing_is_ever_cleared(course: Course, days: int) -> None:
    assert all(limit.state is not LimitState.cleared for limit in every_limit(course.limits(days)))


@settings(max_examples=40)
@given(st.data(), courses(), st.integers(-1, DAYS))
def test_a_clearance_never_tightens_and_one_that_does_not_stand_changes_nothing(
    data: st.DataObject, course: Course, days: int
) -> None:
    given_ones = data.draw(clearances(course))
    on = FIRST + timedelta(days)
    revoked = [replace(each, revoked_on=each.cleared_on) for each in given_ones]
    ahead = [each for each in given_ones if each.cleared_on > on]

    plain, cleared = course.limits(days), course.limits(days, *given_ones)

    assert course.limits(days, *reversed(given_ones)) == cleared
    assert course.limits(days, *revoked) == course.limits(days, *ahead) == plain
    pairs = zip(every_limit(plain), every_limit(cleared), strict=True)
    assert all(strictness(after) <= strictness(before) for before, after in pairs)


@settings(max_examples=40)
@given(courses(), courses(), st.integers(-1, DAYS))
def test_of_two_episodes_nothing_is_looser_than_either(first: Course, second: Course, days: int) -> None:
    one, two = first.limits(days), second.limits(days)

    both, turned = strictest([one, two]), strictest([two, one])

    for merged, other, left, right in zip(*map(every_limit, (both, turned, one, two)), strict=True):
        assert strictness(merged) == strictness(other) == max(strictness(left), strictness(right))


@settings(max_examples=40)
@given(st.data(), courses())
def test_a_second_surgery_ends_what_was_cleared_before_it(data: st.DataObject, course: Course) -> None:
    given_ones = data.draw(clearances(course))
    for ordinal, day0 in course.day0s.items():
        assert day0 is not None
        before = [each for each in given_ones if each.cleared_on < day0]
        rows = course.active((day0 - FIRST).days, RestrictionKind.driving)
        if any(row.occurrence == ordinal for row in rows):
            assert course.limits((day0 - FIRST).days, *before).driving.state in HELD
