"""What is forbidden, how long, and who ends it."""

from datetime import date

import pytest

from schedules.plan.build import PatientFacts
from schedules.plan.vocabulary import Grade, RestrictionKind, WorkClass
from tests.unit.plan.samples import PROTOCOL_IDS, braced, plan, restrictions, stage

# First day, last day (None: until cleared) and pounds of every phase; then the day on which the end may be cleared.
LIFTING = {
    "MD-MISS": ([(0, 14, 10), (15, 28, 20), (29, 56, 35), (57, None, 50)], 85),
    "MD-OPEN": ([(0, 14, 10), (15, 42, 15), (43, 70, 35), (71, None, 50)], 85),
    "LAM-MISS": ([(0, 14, 10), (15, 42, 20), (43, 84, 35), (85, None, 50)], 90),
    "LAM-OPEN": ([(0, 28, 10), (29, 56, 20), (57, 90, 35), (91, None, 50)], 121),
    "TLIF-MISS": ([(0, 42, 10), (43, None, 20), (85, None, 50)], 181),
    "TLIF-OPEN": ([(0, 42, 10), (43, 90, 15), (91, 180, 25), (181, None, 50)], 366),
    "ALIF-MISS": ([(0, 42, 10), (43, None, 20), (85, None, 50)], 181),
    "LLIF-MISS": ([(0, 42, 10), (43, None, 20), (85, None, 50)], 181),
    "INTRACEPT": ([(0, 7, 10), (8, 14, 20), (15, None, 50)], 43),
    "KYPHO": ([(0, 42, 10), (43, 84, 20), (85, None, 20)], None),
    "ACDF-1": ([(0, 21, 10), (22, 84, 22), (85, None, 50)], 121),
    "ACDF-2+": ([(0, 42, 10), (43, 90, 22), (91, None, 35)], 181),
    "PCF-MISS": ([(0, 14, 10), (15, 28, 20), (29, None, 50)], 43),
    "PC-OPEN": ([(0, 28, 10), (29, 56, 20), (57, None, 50)], 91),
}


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_lifting_limits_rise_by_phase_and_end_by_clearance(protocol_id: str) -> None:
    phases = restrictions(plan(stage(protocol_id)), RestrictionKind.lifting)

    spans = [(phase.from_days, phase.through_days, phase.limit_lb) for phase in phases]

    assert (spans, phases[-1].eligible_days) == LIFTING[protocol_id]
    assert [phase.sequence for phase in phases] == list(range(1, len(phases) + 1))


def test_a_phase_has_dates_text_grade_and_sources() -> None:
    first, second, *_ = restrictions(plan(stage()), RestrictionKind.lifting)

    assert (first.from_on, first.through_on) == (date(2026, 3, 2), date(2026, 3, 16))
    assert (second.from_on, second.through_on) == (date(2026, 3, 17), date(2026, 3, 30))
    assert (first.text.en, first.grade, first.sources) == ("Lift no more than 10 lb.", Grade.D, ("S61",))


def test_a_step_that_needs_an_x_ray_holds_the_step_before_it() -> None:
    _, second, third = restrictions(plan(stage("TLIF-MISS")), RestrictionKind.lifting)

    assert (second.through_days, second.eligible_days, second.condition) == (None, 85, "X-ray satisfactory")
    assert (third.through_days, third.eligible_days, third.condition) == (None, 181, "fusion progress")


def test_every_kind_of_limit_is_numbered_from_1() -> None:
    numbers = {kind: [row.sequence for row in restrictions(plan(braced("MD-MISS")), kind)] for kind in RestrictionKind}

    assert all(numbers.values())
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


@pytest.mark.parametrize("protocol_id", ["INTRACEPT", "KYPHO"])
def test_low_bone_density_holds_lifting_at_10_pounds_until_a_clinician_raises_it(protocol_id: str) -> None:
    patient = PatientFacts(work_class=None, low_bone_density=True)

    *phases, hold = restrictions(plan(stage(protocol_id), patient=patient), RestrictionKind.lifting)

    assert (hold.from_days, hold.through_days, hold.limit_lb, hold.eligible_days) == (0, None, 10, 43)
    assert (hold.eligible_on, hold.sources, hold.sequence) == (date(2026, 4, 14), ("S87",), 4)
    assert (hold.lifted_by, hold.lifted_by_occurrence) == ("lifting_4", 1)
    assert "no increase until a clinician sets it" in hold.text.en
    assert phases == restrictions(plan(stage(protocol_id)), RestrictionKind.lifting)


def test_low_bone_density_changes_nothing_after_other_procedures() -> None:
    patient = PatientFacts(work_class=None, low_bone_density=True)

    assert plan(stage(), patient=patient) == plan(stage())


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_no_restriction_with_a_clearance_ends_by_date(protocol_id: str) -> None:
    everything = plan(braced(protocol_id), patient=PatientFacts(work_class=None, wants_contact_sport=True))

    cleared = [item for item in everything.restrictions if item.lifted_by]

    assert all(item.through_days is None for item in cleared)
    assert all(item.from_days == 0 for item in cleared if item.kind is not RestrictionKind.lifting)
    assert {item.lifted_by for item in cleared} == {item.key for item in everything.milestones if item.lifts}
    for item in cleared:
        (lifting,) = [other for other in everything.milestones if other.key == item.lifted_by]
        assert (item.eligible_days, item.eligible_on) == (lifting.eligible_days, lifting.eligible_on)
        assert (item.kind, item.lifted_by_occurrence) == (lifting.lifts, lifting.occurrence)


def test_who_does_not_work_has_no_work_limit() -> None:
    patient = PatientFacts(work_class=WorkClass.not_working)

    assert restrictions(plan(stage(), patient=patient), RestrictionKind.work) == []


def test_very_heavy_work_stays_forbidden_without_a_day() -> None:
    (only,) = restrictions(plan(stage(), patient=PatientFacts(WorkClass.very_heavy)), RestrictionKind.work)

    assert (only.text.en, only.eligible_days) == ("No very heavy work until your surgeon clears it.", None)
    assert only.lifted_by == "rtw_very_heavy"


def test_a_brace_is_worn_only_when_ordered() -> None:
    (worn,) = restrictions(plan(braced("ACDF-2+")), RestrictionKind.brace)

    assert (worn.through_days, worn.eligible_days, worn.lifted_by) == (None, 63, "brace_wean")
    assert restrictions(plan(stage("ACDF-2+")), RestrictionKind.brace) == []


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_sitting_is_limited_for_two_weeks_after_lumbar_decompression_and_fusion(protocol_id: str) -> None:
    limits = restrictions(plan(stage(protocol_id)), RestrictionKind.sitting)

    if protocol_id.startswith(("MD", "LAM", "TLIF", "ALIF", "LLIF")):
        assert [(item.from_days, item.through_days, item.through_on) for item in limits] == [(0, 14, date(2026, 3, 16))]
        assert "20 minutes at a time" in limits[0].text.en
        assert (limits[0].limit_minutes, limits[0].limit_lb, limits[0].lifted_by) == (20, None, None)
    else:
        assert limits == []


def test_identities_of_restrictions_never_clash() -> None:
    staged = plan(stage("INTRACEPT"), stage("MD-MISS", ordinal=2, day0=date(2026, 3, 23)))

    identities = [(item.kind, item.occurrence, item.sequence) for item in staged.restrictions]

    assert len(set(identities)) == len(identities)
