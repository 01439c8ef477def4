"""Several surgeries in one episode, over any days: one answer whatever the order, and always the stricter one."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise, permutations
from typing import Any, NamedTuple, TypeVar

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schedules.plan.build import PatientFacts, Plan, PlannedMilestone, PlannedRestriction, Stage, build_plan, plan_cases
from schedules.plan.combine import combine
from schedules.plan.errors import PlanError
from schedules.plan.items import ClinicRules, FilledSlot
from schedules.plan.library import load_library
from schedules.plan.merging import belongs_before_surgery, merge_occurrences
from schedules.plan.milestones import plan_milestones
from schedules.plan.vocabulary import MilestoneKind, Phase, RestrictionKind, SurgeryStatus, WorkClass
from schedules.plan.work import work_eligibility

Dated = TypeVar("Dated", Stage, PlannedMilestone, PlannedRestriction, FilledSlot)

NO_CLINIC = ClinicRules()
LIBRARY = load_library()
PROTOCOL_IDS = st.sampled_from([each.id for each in LIBRARY.protocols])
USUAL_DAYS = st.dates(date(2000, 1, 1), date(2060, 12, 31))
PATIENTS = st.builds(
    PatientFacts,
    work_class=st.none() | st.sampled_from(WorkClass),
    low_bone_density=st.booleans(),
    wants_contact_sport=st.booleans(),
    workers_comp=st.booleans(),
)
CLINICS = st.builds(ClinicRules, workers_comp_percent=st.integers(100, 250))
FILLED = st.dictionaries(st.sampled_from(["medicines_pause", "medicines_restart"]), st.integers(-20, 40), max_size=2)


class Sketch(NamedTuple):
    """A stage in few words, so that a failing example can be read: protocol, number, day, brace, days of medicines."""

    protocol_id: str
    ordinal: int
    on: date
    is_braced: bool
    medicines: dict[str, int]

    def stage(self) -> Stage:
        slots = {
            key: FilledSlot(for_day0=self.on, due_on=self.on + timedelta(days=days))
            for key, days in self.medicines.items()
        }
        protocol = LIBRARY.protocol(self.protocol_id, 1)
        return Stage(
            self.ordinal, protocol, self.on, SurgeryStatus.performed, None, brace_ordered=self.is_braced, slots=slots
        )


@st.composite
def sketches(draw: st.DrawFn, *, least: int = 1, most: int = 4) -> list[Sketch]:
    """Return some dated stages in the order of their days, their numbers in any order."""
    count = draw(st.integers(least, most))
    on = draw(USUAL_DAYS)
    found = []
    for number in draw(st.permutations(range(1, count + 1))):
        found.append(Sketch(draw(PROTOCOL_IDS), number, on, draw(st.booleans()), draw(FILLED)))
        on += timedelta(days=draw(st.integers(0, 120)))
    return found


def stages_of(some: Iterable[Sketch]) -> list[Stage]:
    return [sketch.stage() for sketch in some]


def build(stages: Iterable[Stage], patient: PatientFacts, clinic: ClinicRules = NO_CLINIC) -> Plan:
    return build_plan(list(stages), patient, enrolled_on=date(2030, 6, 1), clinic=clinic)


def lines(a_plan: Plan) -> dict[tuple[str, str], list[PlannedMilestone]]:
    """Return the occurrences of each milestone."""
    found: dict[tuple[str, str], list[PlannedMilestone]] = {}
    for item in a_plan.milestones:
        found.setdefault((item.key, item.kind), []).append(item)
    return found


def holds_on(row: PlannedRestriction, on: date) -> bool:
    return row.from_on is not None and row.from_on <= on and (row.through_on is None or on <= row.through_on)


@settings(max_examples=25, deadline=None)
@given(sketches(), PATIENTS, CLINICS)
def test_the_order_of_the_stages_changes_nothing_to_the_byte(
    some: list[Sketch], patient: PatientFacts, clinic: ClinicRules
) -> None:
    stages = stages_of(some)

    expected = build(stages, patient, clinic)

    for order in list(permutations(stages))[1:4]:
        again = build(order, patient, clinic)
        assert repr(again) == repr(expected)
        assert hash(again) == hash(expected)


@settings(max_examples=40, deadline=None)
@given(sketches(least=3, most=3), PATIENTS)
def test_merging_two_and_then_the_third_is_merging_all_at_once(some: list[Sketch], patient: PatientFacts) -> None:
    cases = plan_cases(stages_of(some), patient, enrolled_on=date(2030, 6, 1), clinic=NO_CLINIC)
    cases.sort(key=lambda case: (case.stage.day0 or date.min, case.stage.ordinal))
    own = [plan_milestones(case) for case in cases]
    combined = combine(list(zip(cases, own, strict=True)))

    for first in own[0]:
        second, third = (next((item for item in items if item.key == first.key), None) for items in own[1:])
        if second and third and combined.standing(first).occurrence == third.occurrence:
            left = merge_occurrences(merge_occurrences(first, second, cases[1]), third, cases[2])
            right = merge_occurrences(first, merge_occurrences(second, third, cases[2]), cases[2])
            assert left == right == replace(combined.standing(first), superseded_on=None, superseded_by=None)


@settings(max_examples=40, deadline=None)
@given(sketches(), PATIENTS)
def test_occurrences_of_one_item_follow_each_other_without_overlap(some: list[Sketch], patient: PatientFacts) -> None:
    day0s = {sketch.ordinal: sketch.on for sketch in some}

    for (_, kind), items in lines(build(stages_of(some), patient)).items():
        items.sort(key=lambda item: (day0s[item.occurrence], item.occurrence))
        if kind == MilestoneKind.lifting_step or belongs_before_surgery(items[0]):
            assert all(item.superseded_on is None or item.phase is Phase.after_surgery for item in items)
            continue
        for item, following in pairwise(items):
            assert (item.superseded_by, item.superseded_on in day0s.values()) == (following.occurrence, True)
            assert item.eligible_on is not None
            assert item.eligible_on < (item.superseded_on or date.min)
        assert items[-1].superseded_on is None


@settings(max_examples=30, deadline=None)
@given(sketches(most=3), PATIENTS)
def test_on_every_day_of_400_each_limit_is_at_least_as_strict_as_any_stages_own(
    some: list[Sketch], patient: PatientFacts
) -> None:
    together: dict[tuple[str, str | None], list[PlannedRestriction]] = {}
    for row in build(stages_of(some), patient).restrictions:
        together.setdefault((row.kind, row.lifted_by), []).append(row)
    alone = [row for stage in stages_of(some) for row in build([stage], patient).restrictions]

    for on in (some[0].on + timedelta(days=after) for after in range(400)):
        for row in alone:
            if holds_on(row, on):
                same = together[row.kind, row.lifted_by]
                assert any(holds_on(other, on) and _is_as_strict(other, row, on) for other in same)


def _is_as_strict(other: PlannedRestriction, row: PlannedRestriction, on: date) -> bool:
    """Whether `other` limits at least as much: not more pounds, and not eligible to end sooner, seen from today."""
    if row.kind is RestrictionKind.lifting:
        return (other.occurrence, other.limit_lb, other.eligible_on) == (row.occurrence, row.limit_lb, row.eligible_on)
    if other.eligible_on is None or (row.eligible_on is not None and row.eligible_on <= on):
        return True
    return row.eligible_on is not None and other.eligible_on >= row.eligible_on


@settings(max_examples=40, deadline=None)
@given(sketches(), PATIENTS)
def test_every_limit_points_to_a_milestone_that_stands(some: list[Sketch], patient: PatientFacts) -> None:
    a_plan = build(stages_of(some), patient)
    standing = {(item.key, item.occurrence): item for item in a_plan.milestones}

    for row in a_plan.restrictions:
        if row.lifted_by is not None and row.lifted_by_occurrence is not None:
            ends = standing[row.lifted_by, row.lifted_by_occurrence]
            assert (ends.lifts, ends.eligible_on) == (row.kind, row.eligible_on)
            assert (row.through_on is None) == (ends.superseded_on is None)
    ended = {(row.lifted_by, row.lifted_by_occurrence) for row in a_plan.restrictions if row.lifted_by}
    assert ended == {identity for identity, item in standing.items() if item.lifts is not None}


@settings(max_examples=30, deadline=None)
@given(sketches(), PATIENTS, CLINICS, st.integers(-3000, 3000))
def test_moving_every_surgery_by_some_days_moves_every_date_by_as_many(
    some: list[Sketch], patient: PatientFacts, clinic: ClinicRules, days: int
) -> None:
    stages = stages_of(some)

    moved = build_plan([_moved(stage, days) for stage in stages], patient, enrolled_on=date.min, clinic=clinic)
    still = build_plan(stages, patient, enrolled_on=date.min, clinic=clinic)

    assert [_moved(item, days) for item in still.milestones] == list(moved.milestones)
    assert [_moved(row, days) for row in still.restrictions] == list(moved.restrictions)


def _moved(item: Dated, days: int) -> Dated:
    dates = {name: getattr(item, name) for name in item.__slots__}
    moved: dict[str, Any] = {name: on + timedelta(days=days) for name, on in dates.items() if isinstance(on, date)}
    if isinstance(item, Stage):
        return replace(item, **moved, slots={key: _moved(slot, days) for key, slot in item.slots.items()})
    return replace(item, **moved)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dates(), min_size=2, max_size=3), PROTOCOL_IDS, PATIENTS)
@example([date.min, date.max], "MD-MISS", PatientFacts(work_class=None))
@example([date(2024, 2, 29), date(2028, 2, 29)], "ACDF-2+", PatientFacts(work_class=None))
@example([date(1, 3, 1), date(1, 3, 5)], "INTRACEPT", PatientFacts(work_class=None))
def test_any_dates_give_a_plan_or_a_refusal(days: list[date], protocol_id: str, patient: PatientFacts) -> None:
    stages = stages_of(Sketch(protocol_id, ordinal, on, True, {}) for ordinal, on in enumerate(days, 1))
    try:
        first = build_plan(stages, patient, enrolled_on=date(2026, 1, 1))
    except PlanError:
        assert any(on.year < 2 or on.year > 9996 for on in days)
        return

    assert repr(first) == repr(build_plan(stages[::-1], patient, enrolled_on=date(2026, 1, 1)))


@settings(max_examples=40, deadline=None)
@given(st.data(), PATIENTS, USUAL_DAYS)
def test_less_invasive_is_never_later_than_open(data: st.DataObject, patient: PatientFacts, on: date) -> None:
    """Every after-surgery target, alone and after the same first stage (evidence file, section 11)."""
    procedures = [("MD-MISS", "MD-OPEN"), ("LAM-MISS", "LAM-OPEN"), ("TLIF-MISS", "TLIF-OPEN"), ("PCF-MISS", "PC-OPEN")]
    pair = data.draw(st.sampled_from(procedures))
    first = data.draw(st.none() | st.builds(Sketch, PROTOCOL_IDS, st.just(1), st.just(on), st.booleans(), st.just({})))
    days_before = data.draw(st.integers(0, 60))
    stages = [] if first is None else stages_of([first._replace(on=on - timedelta(days=days_before))])
    miss, opened = (_after(stages, protocol_id, on, patient) for protocol_id in pair)

    for key, targets in miss.items():
        if key in opened:
            assert all(
                one is None or other is None or one <= other for one, other in zip(targets, opened[key], strict=True)
            )


def _after(
    first: list[Stage], protocol_id: str, on: date, patient: PatientFacts
) -> dict[str, tuple[date | None, date | None]]:
    later = Sketch(protocol_id, 2, on, is_braced=False, medicines={}).stage()
    a_plan = build([*first, later], patient)
    return {
        item.key: (item.target_on, item.eligible_on)
        for item in a_plan.milestones
        if item.occurrence == 2 and item.phase is Phase.after_surgery and item.kind != MilestoneKind.lifting_step
    }


@settings(max_examples=30, deadline=None)
@given(sketches(), PATIENTS, CLINICS)
def test_work_is_eligible_only_where_the_lifting_limits_of_all_stages_admit_it(
    some: list[Sketch], patient: PatientFacts, clinic: ClinicRules
) -> None:
    a_plan = build(stages_of(some), patient, clinic)
    pounds = {level.milestone: level.occasional.to_lb for level in LIBRARY.protocols[0].work.levels}
    pounds[MilestoneKind.rtw_heavy] = None

    for item in a_plan.milestones:
        if item.lifts is RestrictionKind.work and item.eligible_on is not None:
            needed_lb = pounds[MilestoneKind(item.kind)]
            for row in a_plan.restrictions:
                may_end = row.eligible_on is not None and row.eligible_on <= item.eligible_on
                if row.limit_lb is not None and holds_on(row, item.eligible_on) and not may_end:
                    assert needed_lb is not None
                    assert needed_lb <= row.limit_lb


@settings(max_examples=30, deadline=None)
@given(sketches(), PATIENTS, CLINICS)
def test_what_a_patient_may_work_is_what_the_plan_says(
    some: list[Sketch], patient: PatientFacts, clinic: ClinicRules
) -> None:
    stages = stages_of(some)

    options = work_eligibility(stages, patient, clinic)
    a_plan = build(stages, patient, clinic)

    for item in a_plan.milestones:
        if item.lifts is RestrictionKind.work and item.superseded_on is None:
            option = next(each for each in options.values() if f"rtw_{_SHORT[each.work_class]}" == item.key)
            assert (option.eligible_on, option.target_on, option.latest_on, option.occurrence) == (
                item.eligible_on,
                item.target_on,
                item.latest_on,
                item.occurrence,
            )


_SHORT = {
    WorkClass.sedentary: "sed",
    WorkClass.light: "light",
    WorkClass.medium: "med",
    WorkClass.heavy: "heavy",
    WorkClass.very_heavy: "very_heavy",
}
