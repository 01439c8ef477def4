"""What must hold before a limit is lifted, and how each condition is judged."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from schedules.plan.build import PatientFacts, Plan, Stage
from schedules.plan.conditions import Ground, Judgement, Observed, judge
from schedules.plan.gates import Gate, Needed, gate_of
from schedules.plan.vocabulary import Condition, Grade, Observation, WorkClass
from tests.unit.plan.samples import DAY0, braced, milestone, plan, protocol, stage

STAGE_2_ON = date(2026, 3, 9)
EVERYTHING = PatientFacts(work_class=None, wants_contact_sport=True)
AT = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)
ON = date(2026, 6, 1)
C = Condition
O = Observation  # noqa: E741 - read beside the conditions


def gate(
    key: str,
    *stages: Stage,
    occurrence: int = 1,
    patient: PatientFacts = EVERYTHING,
    work_class: WorkClass | None = None,
) -> Gate:
    """Return the gate of a milestone as it stands on 1 June 2026, by the table of work that ships."""
    surgeries = stages or (stage(),)
    a_plan = plan(*surgeries, patient=patient)
    found = gate_of(
        milestone(a_plan, key, occurrence),
        a_plan,
        on=ON,
        day0s={each.ordinal: each.day0 for each in surgeries},
        work=protocol("MD-MISS").work,
        work_class=work_class,
        bone_density_holds=patient.low_bone_density,
    )
    assert found is not None
    return found


def conditions(of: Gate) -> list[Condition]:
    return [each.condition for each in of.needed]


def fact(what: Observation, day: date, *, hour: int = 9, id_: str = "fact", stage: int | None = None) -> Observed:
    return Observed(id_, what, datetime(day.year, day.month, day.day, hour, tzinfo=UTC), day, stage)


def judged(
    of: Gate,
    *facts: Observed,
    on: date = ON,
    at: datetime = AT,
    hours: int | None = 24,
    day0s: dict[int, date | None] | None = None,
) -> dict[Condition, tuple[bool | None, Ground, str | None]]:
    found = judge(of, facts, on=on, at=at, day0s={1: DAY0} if day0s is None else day0s, opioid_free_hours=hours)
    return {each.condition: (each.holds, each.ground, each.rests_on) for each in found}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("drive", [C.day_reached, C.off_opioids, C.emergency_stop, C.no_motor_deficit]),
        ("sport_low", [C.day_reached, C.wound_closed]),
        ("sport_nc", [C.day_reached, C.wound_closed]),
        ("sport_ct", [C.day_reached, C.wound_closed]),
        ("rtw_sed", [C.day_reached, C.wound_closed]),
        ("rtw_heavy", [C.day_reached, C.wound_closed]),
        ("blt_end", [C.day_reached]),
        ("lifting_4", [C.day_reached]),
    ],
)
def test_each_kind_of_milestone_has_its_own_conditions(key: str, expected: list[Condition]) -> None:
    assert conditions(gate(key)) == expected


@pytest.mark.parametrize("key", ["drive", "sport_low", "sport_nc", "sport_ct"])
def test_driving_and_sport_wait_for_a_collar_that_was_ordered(key: str) -> None:
    assert C.collar_off in conditions(gate(key, braced("ACDF-2+")))
    assert C.collar_off not in conditions(gate(key, stage("ACDF-2+")))


@pytest.mark.parametrize("key", ["rtw_sed", "blt_end", "brace_wean"])
def test_work_bending_and_the_brace_itself_do_not_wait_for_it(key: str) -> None:
    assert C.collar_off not in conditions(gate(key, braced("ACDF-2+")))


def test_a_collar_of_an_earlier_surgery_that_is_still_worn_counts_too() -> None:
    second = stage("INTRACEPT", day0=STAGE_2_ON, ordinal=2)

    assert C.collar_off in conditions(gate("drive", braced("ACDF-2+"), second, occurrence=2))


def test_what_lifts_nothing_has_no_gate() -> None:
    a_plan = plan(stage())

    for key in ("pt_start", "walk30", "prom_6wk"):
        found = gate_of(milestone(a_plan, key), a_plan, on=ON, day0s={1: DAY0}, work=protocol("MD-MISS").work)
        assert found is None


def test_a_condition_shows_the_support_of_its_rule() -> None:
    day, opioids, stop, deficit = gate("drive").needed

    assert (day.grade, day.sources, day.stages) == (Grade.B, ("S20", "S21"), (1,))
    assert (stop.grade, stop.sources) == (Grade.E, ("S47", "S48", "S49"))
    assert {(each.grade, each.sources) for each in (opioids, deficit)} == {(Grade.E, ())}


@pytest.mark.parametrize(
    ("protocol_id", "key", "person_only"),
    [
        ("TLIF-MISS", "lifting_2", False),
        ("TLIF-MISS", "lifting_3", True),
        ("TLIF-MISS", "rtw_heavy", True),
        ("TLIF-MISS", "rtw_med", False),
        ("TLIF-OPEN", "lifting_4", True),
        ("ACDF-1", "lifting_3", True),
    ],
)
def test_after_fusion_lifting_and_heavy_work_wait_for_the_x_ray(protocol_id: str, key: str, person_only: bool) -> None:
    found = gate(key, stage(protocol_id))

    assert conditions(found)[-1] is C.xray_satisfactory
    assert found.person_only is person_only
    assert (found.needed[-1].grade, found.needed[-1].stages) == (Grade.E, (1,))


@pytest.mark.parametrize("key", ["rtw_sed", "rtw_light", "blt_end", "sport_ct"])
def test_what_raises_no_such_limit_does_not_wait_for_the_x_ray(key: str) -> None:
    found = gate(key, stage("TLIF-MISS"))

    assert C.xray_satisfactory not in conditions(found)
    assert not found.person_only


def test_the_x_ray_shows_the_support_of_the_limit_with_the_weakest() -> None:
    shipped = plan(stage("TLIF-MISS"), patient=EVERYTHING)
    sources = {2: (Grade.C, ("S45",)), 3: (Grade.D, ("S46", "S72"))}
    rows = tuple(
        replace(row, grade=sources[row.sequence][0], sources=sources[row.sequence][1]) if row.condition else row
        for row in shipped.restrictions
    )

    found = gate_of(
        milestone(shipped, "rtw_heavy"),
        Plan(shipped.milestones, rows),
        on=ON,
        day0s={1: DAY0},
        work=protocol("MD-MISS").work,
    )

    assert found is not None
    assert found.needed[-1] == Needed(C.xray_satisfactory, (1,), Grade.D, ("S46", "S72"))


def test_a_fusion_of_an_earlier_surgery_counts_and_of_a_later_one_does_not() -> None:
    fusion, other = stage("TLIF-MISS"), stage("INTRACEPT", day0=STAGE_2_ON, ordinal=2)
    after = gate("rtw_heavy", fusion, other, occurrence=2)

    assert after.needed[-1] == Needed(C.xray_satisfactory, (1,), Grade.E, ())
    before = gate("rtw_sed", stage("INTRACEPT"), replace(fusion, ordinal=2, day0=STAGE_2_ON))
    assert C.xray_satisfactory not in conditions(before)
    apart = gate("rtw_light", stage("INTRACEPT"), replace(fusion, ordinal=2, day0=date(2027, 3, 1)))
    assert C.xray_satisfactory not in conditions(apart)


def test_of_two_surgeries_on_one_day_the_earlier_stage_counts_for_the_later() -> None:
    fusion, other = stage("TLIF-MISS"), stage("INTRACEPT", ordinal=2)

    assert gate("rtw_heavy", fusion, other, occurrence=2).needed[-1].stages == (1,)


def test_very_heavy_work_comes_after_heavy_and_from_a_person() -> None:
    very = gate("rtw_very_heavy", patient=PatientFacts(WorkClass.very_heavy))

    assert (very.after_class, very.person_only, very.eligible_on) == (WorkClass.heavy, True, None)
    assert gate("rtw_heavy").after_class is None
    assert not gate("rtw_heavy").person_only


def test_modified_duty_has_no_day_and_only_the_conditions_of_its_class() -> None:
    fusion = stage("TLIF-MISS")
    heavy, light, medium = (
        gate("rtw_heavy", fusion, work_class=work_class) for work_class in (None, WorkClass.light, WorkClass.medium)
    )

    assert (heavy.eligible_on, light.eligible_on) == (date(2026, 8, 30), None)
    assert (conditions(light), light.person_only) == ([C.day_reached, C.wound_closed], False)
    assert conditions(medium) == [C.day_reached, C.wound_closed, C.xray_satisfactory]
    assert gate("rtw_heavy", fusion, work_class=WorkClass.heavy) == heavy
    down = gate("rtw_very_heavy", patient=PatientFacts(WorkClass.very_heavy), work_class=WorkClass.heavy)
    assert (down.after_class, down.person_only) == (None, False)


@pytest.mark.parametrize(
    ("key", "person_only"), [("lifting_3", True), ("lifting_4", True), ("rtw_light", True), ("drive", False)]
)
def test_what_a_low_bone_density_holds_is_for_a_person(key: str, person_only: bool) -> None:
    patient = replace(EVERYTHING, low_bone_density=True)

    assert gate(key, stage("INTRACEPT"), patient=patient).person_only is person_only


def test_lifting_steps_are_cleared_in_their_order() -> None:
    fusion = stage("TLIF-MISS")

    assert gate("lifting_2", fusion).after == ()
    assert gate("lifting_3", fusion).after == (("lifting_2", 1),)
    assert gate("rtw_heavy", fusion).after == ()
    bones = replace(EVERYTHING, low_bone_density=True)
    assert gate("lifting_4", stage("INTRACEPT"), patient=bones).after == ()
    assert gate("lifting_3", stage("INTRACEPT"), patient=bones).after == (("lifting_4", 1),)


def test_a_merged_milestone_asks_about_every_surgery_whose_limits_it_lifts() -> None:
    found = gate("blt_end", stage(), stage("MD-OPEN", day0=STAGE_2_ON, ordinal=2), occurrence=2)

    assert [each.stages for each in found.needed] == [(1, 2)]


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2026, 3, 29), (False, Ground.too_early, None)),
        (date(2026, 3, 30), (True, Ground.met, None)),
        (date(2026, 6, 1), (True, Ground.met, None)),
    ],
)
def test_the_day_is_reached_on_the_first_day(on: date, expected: tuple[bool, Ground, None]) -> None:
    assert judged(gate("blt_end"), on=on)[C.day_reached] == expected


def test_without_a_day_a_clinician_decides() -> None:
    very = gate("rtw_very_heavy", patient=PatientFacts(WorkClass.very_heavy))

    assert judged(very)[C.day_reached] == (None, Ground.no_day, None)


def test_what_nobody_recorded_is_not_known() -> None:
    found = judged(gate("drive"))

    assert found[C.off_opioids] == found[C.emergency_stop] == (None, Ground.never_recorded, None)
    assert found[C.no_motor_deficit] == (None, Ground.never_recorded, None)


def test_a_judgement_carries_condition_grade_and_sources() -> None:
    (_, _, stop, _) = judge(gate("drive"), (), on=ON, at=AT, day0s={1: DAY0}, opioid_free_hours=24)

    assert stop == Judgement(C.emergency_stop, None, Ground.never_recorded, None, Grade.E, ("S47", "S48", "S49"))


@pytest.mark.parametrize(
    ("hour", "hours", "expected"),
    [
        (15, 24, (True, Ground.met, "fact")),
        (16, 24, (False, Ground.too_recent, "fact")),
        (15, 25, (False, Ground.too_recent, "fact")),
        (15, None, (None, Ground.hours_not_set, "fact")),
    ],
)
@pytest.mark.parametrize("what", [O.opioid_taken, O.sedative_taken])
def test_off_opioids_counts_the_clinics_own_hours_since_the_last(
    what: Observation, hour: int, hours: int | None, expected: tuple[bool | None, Ground, str]
) -> None:
    assert judged(gate("drive"), fact(what, date(2026, 5, 31), hour=hour), hours=hours)[C.off_opioids] == expected


def test_the_newest_of_opioids_and_sedatives_counts() -> None:
    facts = (
        fact(O.sedative_taken, date(2026, 5, 31), hour=20, id_="b"),
        fact(O.opioid_taken, date(2026, 5, 2), id_="a"),
    )

    assert judged(gate("drive"), *facts)[C.off_opioids] == (False, Ground.too_recent, "b")


@pytest.mark.parametrize("hours", [None, 1])
@pytest.mark.parametrize("taken_on", [date(2026, 6, 1), date(2026, 6, 2)])
def test_what_was_taken_on_the_day_itself_is_too_recent_whatever_the_hours(hours: int | None, taken_on: date) -> None:
    found = judged(gate("drive"), fact(O.opioid_taken, taken_on, hour=0), hours=hours)

    assert found[C.off_opioids] == (False, Ground.too_recent, "fact")


def test_while_the_clinics_hours_are_blank_nothing_recorded_is_enough() -> None:
    assert judged(gate("drive"), hours=None)[C.off_opioids] == (None, Ground.hours_not_set, None)


def test_opioids_from_before_the_surgery_say_nothing_and_those_of_its_day_do() -> None:
    before, on_it = fact(O.opioid_taken, date(2026, 3, 1)), fact(O.opioid_taken, DAY0)

    assert judged(gate("drive"), before)[C.off_opioids] == (None, Ground.never_recorded, None)
    assert judged(gate("drive"), on_it)[C.off_opioids] == (True, Ground.met, "fact")
    assert judged(gate("drive"), on_it, day0s={1: None})[C.off_opioids] == (None, Ground.never_recorded, None)


@pytest.mark.parametrize(
    ("key", "condition", "what", "ground"),
    [
        ("rtw_sed", C.wound_closed, O.wound_closed, Ground.met),
        ("rtw_sed", C.wound_closed, O.wound_open, Ground.says_no),
        ("drive", C.collar_off, O.collar_off, Ground.met),
        ("drive", C.collar_off, O.collar_on, Ground.says_no),
        ("drive", C.emergency_stop, O.emergency_stop_able, Ground.met),
        ("drive", C.emergency_stop, O.emergency_stop_unable, Ground.says_no),
        ("drive", C.no_motor_deficit, O.motor_deficit_absent, Ground.met),
        ("drive", C.no_motor_deficit, O.motor_deficit_present, Ground.says_no),
        ("lifting_3", C.xray_satisfactory, O.xray_satisfactory, Ground.met),
        ("lifting_3", C.xray_satisfactory, O.xray_unsatisfactory, Ground.says_no),
        ("lifting_3", C.xray_satisfactory, O.xray_ordered, Ground.not_done),
        ("lifting_3", C.xray_satisfactory, O.xray_done, Ground.not_seen),
    ],
)
def test_each_fact_means_yes_or_no_for_its_own_condition(
    key: str, condition: Condition, what: Observation, ground: Ground
) -> None:
    found = judged(gate(key, braced("ACDF-1")), fact(what, date(2026, 5, 1)))

    assert found.pop(condition) == (ground is Ground.met, ground, "fact")
    assert all(ground_ is not Ground.met for known, (_, ground_, _) in found.items() if known is not C.day_reached)


def test_a_newer_fact_undoes_an_older_one_both_ways() -> None:
    closed, opened = fact(O.wound_closed, date(2026, 5, 1), id_="a"), fact(O.wound_open, date(2026, 5, 2), id_="b")
    again = fact(O.wound_closed, date(2026, 5, 3), id_="c")

    assert judged(gate("rtw_sed"), opened, closed)[C.wound_closed] == (False, Ground.says_no, "b")
    assert judged(gate("rtw_sed"), again, opened, closed)[C.wound_closed] == (True, Ground.met, "c")


def test_of_two_facts_at_one_instant_the_no_counts() -> None:
    yes, no = fact(O.wound_closed, date(2026, 5, 1), id_="z"), fact(O.wound_open, date(2026, 5, 1), id_="a")

    assert judged(gate("rtw_sed"), yes, no)[C.wound_closed] == (False, Ground.says_no, "a")
    assert judged(gate("rtw_sed"), no, yes)[C.wound_closed] == (False, Ground.says_no, "a")


def test_a_yes_counts_from_the_day_after_surgery_and_a_no_from_its_day() -> None:
    def wound(what: Observation, day: date) -> bool | None:
        return judged(gate("rtw_sed"), fact(what, day))[C.wound_closed][0]

    assert [wound(O.wound_closed, date(2026, 3, day)) for day in (1, 2, 3)] == [None, None, True]
    assert [wound(O.wound_open, date(2026, 3, day)) for day in (1, 2, 3)] == [None, False, False]


def test_a_yes_from_the_future_does_not_count_yet_and_a_no_does() -> None:
    tomorrow, now = date(2026, 6, 2), replace(fact(O.wound_closed, ON), at=AT)

    assert judged(gate("rtw_sed"), fact(O.wound_closed, tomorrow))[C.wound_closed][0] is None
    assert judged(gate("rtw_sed"), fact(O.wound_open, tomorrow))[C.wound_closed][0] is False
    assert judged(gate("rtw_sed"), now)[C.wound_closed][0] is True


def test_without_a_day_of_surgery_nothing_observed_counts() -> None:
    found = judged(gate("rtw_sed"), fact(O.wound_closed, date(2026, 5, 1)), day0s={1: None})

    assert found[C.wound_closed] == (None, Ground.never_recorded, None)


class TestSeveralSurgeries:
    """Two wounds, one milestone for both."""

    PLAN: tuple[Stage, Stage] = (stage(), stage("MD-OPEN", day0=STAGE_2_ON, ordinal=2))
    DAY0S: dict[int, date | None] = {1: DAY0, 2: STAGE_2_ON}

    def wound(self, *facts: Observed) -> tuple[bool | None, Ground, str | None]:
        of = gate("rtw_light", *self.PLAN, occurrence=2)
        assert of.needed[1].stages == (1, 2)
        return judged(of, *facts, day0s=self.DAY0S)[C.wound_closed]

    def test_each_wound_must_be_closed(self) -> None:
        second = fact(O.wound_closed, date(2026, 4, 1), id_="second", stage=2)
        first = fact(O.wound_closed, date(2026, 4, 1), id_="first", stage=1)

        assert self.wound(second) == (None, Ground.never_recorded, None)
        assert self.wound(second, first)[0] is True

    def test_a_fact_of_no_single_surgery_is_about_each(self) -> None:
        assert self.wound(fact(O.wound_closed, date(2026, 4, 1))) == (True, Ground.met, "fact")
        assert self.wound(fact(O.wound_closed, date(2026, 3, 9)))[0] is None

    def test_one_open_wound_is_enough_for_a_no(self) -> None:
        both = fact(O.wound_closed, date(2026, 4, 1))
        reopened = fact(O.wound_open, date(2026, 4, 2), id_="first", stage=1)

        assert self.wound(both, reopened) == (False, Ground.says_no, "first")

    def test_a_no_of_a_surgery_that_is_not_asked_about_counts_and_its_yes_does_not(self) -> None:
        of = gate("rtw_sed", stage(), stage("MD-OPEN", day0=date(2026, 4, 1), ordinal=2), occurrence=2)
        day0s: dict[int, date | None] = {1: DAY0, 2: date(2026, 4, 1)}
        own = fact(O.wound_closed, date(2026, 5, 1), id_="own", stage=2)

        def wound(other: Observation) -> tuple[bool | None, Ground, str | None]:
            return judged(of, own, fact(other, date(2026, 4, 20), id_="other", stage=1), day0s=day0s)[C.wound_closed]

        assert of.needed[1].stages == (2,)
        assert wound(O.wound_open) == (False, Ground.says_no, "other")
        assert wound(O.wound_closed) == (True, Ground.met, "own")

    def test_opioids_count_from_the_last_surgery_of_all(self) -> None:
        stages = (stage(), stage("MD-OPEN", day0=STAGE_2_ON, ordinal=2))
        of = gate("drive", *stages, occurrence=2)

        def opioids(day: date) -> bool | None:
            return judged(of, fact(O.opioid_taken, day), day0s=self.DAY0S)[C.off_opioids][0]

        assert of.needed[1].stages == (1, 2)
        assert [opioids(date(2026, 3, 8)), opioids(date(2026, 3, 9))] == [None, True]


def test_a_gate_of_an_empty_plan_is_its_milestones_own() -> None:
    (drive,) = [each for each in plan(stage()).milestones if each.key == "drive"]

    found = gate_of(drive, Plan((drive,), ()), on=ON, day0s={}, work=protocol("MD-MISS").work)

    assert found is not None
    assert [each.stages for each in found.needed] == [(1,), (1,), (1,), (1,)]


def test_a_step_whose_limit_the_plan_lacks_comes_after_none_and_is_nobodys_alone() -> None:
    step = milestone(plan(stage()), "lifting_4")

    found = gate_of(step, Plan((step,), ()), on=ON, day0s={1: DAY0}, work=protocol("MD-MISS").work)

    assert found is not None
    assert (found.after, found.person_only) == ((), False)
