"""Which milestones a patient has, on which days, and what binds them."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from schedules.plan.build import ClinicRules, PatientFacts, Plan, Stage, build_plan
from schedules.plan.errors import PlanError
from schedules.plan.protocol import EligibleBy, PoundsRange
from schedules.plan.vocabulary import (
    Binding,
    Grade,
    MilestoneKind,
    OpioidUse,
    Owner,
    PastPolicy,
    Phase,
    Procedure,
    RestrictionKind,
    Setting,
    SurgeryStatus,
    WorkClass,
)
from tests.unit.plan.samples import BEFORE_EVERYTHING, DAY0, PROTOCOL_IDS, braced, keys, milestone, plan, stage


def facts(work_class: WorkClass | None = None) -> PatientFacts:
    return PatientFacts(work_class=work_class)


def with_days(key: str, protocol_id: str = "MD-MISS", **days: int | None) -> Stage:
    """Return a stage whose protocol has other days for one milestone, as a clinic's own copy may have."""
    found = stage(protocol_id)
    changed: dict[str, Any] = dict(days)
    milestones = tuple(replace(each, **changed) if each.key == key else each for each in found.protocol.milestones)
    return replace(found, protocol=replace(found.protocol, milestones=milestones))


def test_a_milestone_has_its_window_date_grade_and_sources() -> None:
    drive = milestone(plan(stage("MD-OPEN")), "drive")

    assert (drive.earliest_days, drive.target_days, drive.latest_days) == (14, 21, 28)
    assert (drive.earliest_on, drive.target_on, drive.latest_on) == (
        date(2026, 3, 16),
        date(2026, 3, 23),
        date(2026, 3, 30),
    )
    assert (drive.grade, drive.sources, drive.phase, drive.pod) == (Grade.C, ("S16",), Phase.after_surgery, 21)
    assert (drive.binding_procedure, drive.day0) == (Procedure.lumbar_microdiscectomy, DAY0)


def test_days_before_surgery_count_backwards_and_have_no_pod() -> None:
    baseline = milestone(plan(stage()), "prom_baseline")

    assert (baseline.target_days, baseline.target_on) == (-14, date(2026, 2, 16))
    assert (baseline.phase, baseline.pod) == (Phase.before_surgery, None)


def test_days_run_over_the_29th_of_february_and_the_year_end() -> None:
    leap = plan(stage(day0=date(2028, 2, 28)))
    new_year = plan(stage(day0=date(2026, 12, 25)))

    assert milestone(leap, "shower").target_on == date(2028, 3, 1)
    assert milestone(new_year, "incision").target_on == date(2027, 1, 8)


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_a_stage_without_a_date_has_the_same_offsets_and_no_dates(protocol_id: str) -> None:
    dated, undated = plan(stage(protocol_id)), plan(stage(protocol_id, day0=None))

    for item, other in zip(dated.milestones, undated.milestones, strict=True):
        assert (item.key, item.target_days, item.eligible_days) == (other.key, other.target_days, other.eligible_days)
        assert other.earliest_on is other.target_on is other.latest_on is other.eligible_on is other.day0 is None
    for restriction in undated.restrictions:
        assert restriction.from_on is restriction.through_on is restriction.eligible_on is None


def test_a_cancelled_stage_has_no_items() -> None:
    cancelled = replace(stage(), status=SurgeryStatus.cancelled)

    assert plan(cancelled).milestones == ()
    assert plan(cancelled).restrictions == ()


def test_who_goes_home_on_the_day_of_surgery_has_a_plan() -> None:
    home = replace(stage(), discharged_on=DAY0)

    assert plan(home) == plan(stage())


def test_an_outpatient_goes_home_on_day_0() -> None:
    outpatient = plan(replace(stage("TLIF-OPEN"), setting=Setting.outpatient))

    discharge = milestone(outpatient, "discharge")

    assert (discharge.earliest_days, discharge.target_days, discharge.latest_days) == (0, 0, 0)
    assert milestone(plan(stage("TLIF-OPEN")), "discharge").target_days == 4


@pytest.mark.parametrize(
    ("work_class", "expected"),
    [
        (WorkClass.sedentary, {"rtw_sed"}),
        (WorkClass.light, {"rtw_light"}),
        (WorkClass.medium, {"rtw_med"}),
        (WorkClass.heavy, {"rtw_heavy"}),
        (WorkClass.very_heavy, {"rtw_very_heavy"}),
        (WorkClass.not_working, set()),
        (None, {"rtw_sed", "rtw_light", "rtw_med", "rtw_heavy"}),
    ],
)
def test_a_patient_returns_to_the_own_work_class_only(work_class: WorkClass | None, expected: set[str]) -> None:
    own = keys(plan(stage(), patient=facts(work_class)))

    assert {key for key in own if key.startswith("rtw_")} == expected


@pytest.mark.parametrize(
    ("protocol_id", "key", "days", "binds"),
    [
        ("MD-MISS", "rtw_sed", 14, Binding.target),
        ("MD-MISS", "rtw_light", 28, Binding.target),
        ("MD-MISS", "rtw_med", 57, Binding.lifting),
        ("MD-MISS", "rtw_heavy", 85, Binding.lifting),
        ("LAM-MISS", "rtw_heavy", 90, Binding.lifting),
        ("TLIF-OPEN", "rtw_heavy", 366, Binding.lifting),
        ("KYPHO", "rtw_light", 43, Binding.lifting),
        ("KYPHO", "rtw_med", None, Binding.surgeon),
        ("KYPHO", "rtw_heavy", None, Binding.surgeon),
    ],
)
def test_work_is_eligible_on_the_later_of_target_and_lifting_limit(
    protocol_id: str, key: str, days: int | None, binds: Binding
) -> None:
    work = milestone(plan(stage(protocol_id)), key)

    assert (work.eligible_days, work.binds) == (days, binds)


@pytest.mark.parametrize(("target_days", "binds"), [(84, Binding.lifting), (85, Binding.target)])
def test_where_target_and_lifting_limit_are_the_same_day_the_target_binds(target_days: int, binds: Binding) -> None:
    work = milestone(plan(with_days("rtw_heavy", earliest_days=42, target_days=target_days)), "rtw_heavy")

    assert (work.eligible_days, work.binds) == (85, binds)


@pytest.mark.parametrize("percent", [100, 150])
def test_work_that_only_a_clinician_dates_waits_for_the_surgeon(percent: int) -> None:
    undated = with_days("rtw_heavy", earliest_days=None, target_days=None, latest_days=None)
    patient = replace(facts(WorkClass.heavy), workers_comp=True)

    work = milestone(plan(undated, patient=patient, clinic=ClinicRules(workers_comp_percent=percent)), "rtw_heavy")

    assert (work.target_days, work.latest_days, work.eligible_days) == (None, None, None)
    assert work.binds is Binding.surgeon


def test_work_that_a_clinics_table_frees_waits_for_the_end_of_the_limits_whatever_its_pounds() -> None:
    shipped = stage().protocol.work
    levels = tuple(
        replace(level, eligible_by=EligibleBy.unrestricted, occasional=PoundsRange(None, 50))
        if level.work_class is WorkClass.medium
        else level
        for level in shipped.levels
    )

    work = milestone(plan(stage(), clinic=ClinicRules(work=replace(shipped, levels=levels))), "rtw_med")

    assert (work.eligible_days, work.binds) == (85, Binding.lifting)  # 50 lb are allowed from day 57


def test_desk_work_of_the_day_of_surgery_stands_with_low_bone_density() -> None:
    fragile = replace(facts(WorkClass.sedentary), low_bone_density=True)
    at_once = with_days("rtw_sed", "INTRACEPT", earliest_days=0, target_days=0)

    work = milestone(plan(at_once, patient=fragile), "rtw_sed")

    assert (work.eligible_days, work.binds) == (0, Binding.target)


def test_very_heavy_work_has_no_date_and_never_comes_before_heavy() -> None:
    work = milestone(plan(stage(), patient=facts(WorkClass.very_heavy)), "rtw_very_heavy")

    assert (work.earliest_days, work.target_days, work.latest_days, work.eligible_days) == (None, None, None, None)
    assert (work.binds, work.not_before_days, work.not_before_on) == (Binding.surgeon, 85, date(2026, 5, 26))
    assert work.lifts is RestrictionKind.work


def test_low_bone_density_after_a_vertebral_procedure_leaves_lifting_to_a_clinician() -> None:
    patient = PatientFacts(work_class=None, low_bone_density=True)

    low = plan(stage("INTRACEPT"), patient=patient)

    assert (milestone(low, "rtw_sed").eligible_days, milestone(low, "rtw_sed").binds) == (3, Binding.target)
    for key in ("rtw_light", "rtw_med", "rtw_heavy"):
        assert (milestone(low, key).eligible_days, milestone(low, key).binds) == (None, Binding.bone_density)
    assert milestone(plan(stage("MD-MISS"), patient=patient), "rtw_light").eligible_days == 28


def test_brace_items_exist_only_when_a_brace_was_ordered() -> None:
    without, ordered = plan(stage("ACDF-2+")), plan(braced("ACDF-2+"))

    assert "brace_wean" not in keys(without)
    assert "brace_fitted" not in keys(without, Phase.before_surgery)
    assert milestone(ordered, "brace_wean").target_days == 63
    assert milestone(ordered, "brace_fitted").target_days == -7


def test_driving_exercise_and_therapy_wait_for_the_collar() -> None:
    patient = PatientFacts(work_class=None, wants_contact_sport=True)

    ordered, without = plan(braced("ACDF-2+"), patient=patient), plan(stage("ACDF-2+"), patient=patient)

    def bound(of_plan: Plan, key: str) -> tuple[int | None, str]:
        item = milestone(of_plan, key)
        return item.eligible_days, item.binds

    assert bound(ordered, "drive") == (63, Binding.collar)
    assert bound(ordered, "pt_start") == (63, Binding.collar)
    assert bound(ordered, "sport_low") == (63, Binding.target)
    assert bound(ordered, "sport_nc") == (120, Binding.target)
    assert bound(without, "drive") == (28, Binding.target)
    assert bound(ordered, "rtw_sed") == bound(without, "rtw_sed") == (28, Binding.target)


def test_a_brace_without_days_holds_what_waits_for_it() -> None:
    ordered = plan(braced("MD-MISS"))

    wean, drive = milestone(ordered, "brace_wean"), milestone(ordered, "drive")

    assert (wean.target_days, wean.eligible_days, wean.binds) == (None, None, Binding.surgeon)
    assert (drive.target_days, drive.eligible_days, drive.binds) == (14, None, Binding.collar)


def test_contact_sport_is_planned_only_where_wanted() -> None:
    wanted = plan(stage(), patient=PatientFacts(work_class=None, wants_contact_sport=True))

    assert "sport_ct" not in keys(plan(stage()))
    assert milestone(wanted, "sport_ct").target_days == 90


def test_opioid_milestones_depend_on_use_before_surgery() -> None:
    def opioid_plan(use: OpioidUse) -> set[str]:
        return keys(plan(stage(), patient=PatientFacts(work_class=None, opioid_use=use)))

    long_term = PatientFacts(work_class=None, opioid_use=OpioidUse.daily_long_term)
    taper = milestone(plan(stage(), patient=long_term), "opioid_stop")

    assert "opioid_stop" not in opioid_plan(OpioidUse.none_taken)
    assert "opioid_stop" in opioid_plan(OpioidUse.unknown) & opioid_plan(OpioidUse.short_term)
    assert (taper.target_days, taper.target_on, taper.binds) == (None, None, Binding.prescriber)
    assert taper.text is not None
    assert taper.text.en == "Taper with your prescriber; do not stop suddenly."


def test_slots_that_a_clinician_fills_have_no_day() -> None:
    pause = milestone(plan(stage()), "medicines_pause")

    assert (pause.earliest_days, pause.target_days, pause.eligible_days) == (None, None, None)
    assert (pause.binds, pause.past_policy) == (Binding.clinician, None)
    assert pause.text is not None
    assert pause.text.en == "Do not stop or restart by yourself; your clinician enters your dates."


@pytest.mark.parametrize(
    ("blood_thinner", "diabetes", "expected"),
    [(False, False, False), (None, False, True), (False, None, True), (True, False, True), (None, None, True)],
)
def test_medicine_slots_go_only_when_nobody_could_need_them(
    *, blood_thinner: bool | None, diabetes: bool | None, expected: bool
) -> None:
    patient = PatientFacts(work_class=None, takes_blood_thinner=blood_thinner, has_diabetes_or_glp1=diabetes)

    before = keys(plan(stage(), patient=patient), Phase.before_surgery)

    assert ("medicines_pause" in before) is expected
    assert ("medicines_restart" in before) is expected


def test_who_uses_no_nicotine_is_not_told_to_stop() -> None:
    non_smoker = plan(stage(), patient=PatientFacts(work_class=None, uses_nicotine=False))

    assert "stop_smoking" not in keys(non_smoker, Phase.before_surgery)
    assert "stop_smoking" in keys(plan(stage()), Phase.before_surgery)


def test_who_does_not_work_is_not_told_to_ask_for_a_work_note() -> None:
    def before(work_class: WorkClass | None) -> set[str]:
        return keys(plan(stage(), patient=facts(work_class)), Phase.before_surgery)

    assert "work_note_before" not in before(WorkClass.not_working)
    assert "work_note_before" in before(None) & before(WorkClass.very_heavy)


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_gentle_exercise_before_bending_ends_says_what_is_allowed(protocol_id: str) -> None:
    exercise = milestone(plan(stage(protocol_id)), "sport_low")

    assert exercise.text is not None
    assert exercise.text.en == "Walking or stationary bike only until bending is cleared."


def test_the_end_of_bending_limits_says_that_the_lifting_limit_continues() -> None:
    bending = milestone(plan(stage()), "blt_end")

    assert bending.text is not None
    assert bending.text.en.endswith("bending and twisting limits end; your lifting limit continues.")
    assert bending.text.es.endswith("terminan los límites para inclinarse y girar; su límite de peso continúa.")


def test_milestones_that_lift_a_restriction_say_which() -> None:
    patient = PatientFacts(work_class=None, wants_contact_sport=True)

    lifts = {item.key: item.lifts for item in plan(braced("ACDF-1"), patient=patient).milestones if item.lifts}

    assert lifts == {
        "drive": RestrictionKind.driving,
        "lifting_3": RestrictionKind.lifting,
        "blt_end": RestrictionKind.bending_twisting,
        "brace_wean": RestrictionKind.brace,
        "rtw_sed": RestrictionKind.work,
        "rtw_light": RestrictionKind.work,
        "rtw_med": RestrictionKind.work,
        "rtw_heavy": RestrictionKind.work,
        "sport_low": RestrictionKind.sport,
        "sport_nc": RestrictionKind.sport,
        "sport_ct": RestrictionKind.sport,
    }


def test_only_the_patients_own_steps_are_the_patients() -> None:
    own = {item.kind for item in plan(stage()).milestones if item.owner is Owner.patient}

    assert own == {
        MilestoneKind.prom_baseline,
        MilestoneKind.prom_followup,
        MilestoneKind.opioid_stop,
        MilestoneKind.walk30,
        MilestoneKind.sit60,
    }


@pytest.mark.parametrize(
    ("key", "last_open_on", "policy"),
    [
        ("mobilise", date(2026, 3, 2), PastPolicy.not_applicable),
        ("shower", date(2026, 3, 5), PastPolicy.not_applicable),
        ("walk30", date(2026, 3, 23), PastPolicy.catch_up),
        ("incision", date(2026, 3, 16), PastPolicy.ask_coordinator),
        ("drive", date(2026, 3, 16), PastPolicy.ask_coordinator),
        ("prom_baseline", date(2026, 3, 2), PastPolicy.skip),
        ("prom_2wk", date(2026, 3, 23), PastPolicy.skip),
    ],
)
def test_an_item_is_past_from_the_day_after_its_window(key: str, last_open_on: date, policy: PastPolicy) -> None:
    on_time = plan(stage(), enrolled_on=last_open_on)
    late = plan(stage(), enrolled_on=date.fromordinal(last_open_on.toordinal() + 1))

    assert milestone(on_time, key).past_policy is None
    assert milestone(late, key).past_policy is policy


def test_an_open_ended_item_is_past_after_its_target() -> None:
    patient = PatientFacts(work_class=None, wants_contact_sport=True)

    late = plan(stage("TLIF-OPEN"), patient=patient, enrolled_on=date(2027, 3, 3))

    assert milestone(late, "sport_ct").target_on == date(2027, 3, 2)
    assert milestone(late, "sport_ct").past_policy is PastPolicy.ask_coordinator


def test_every_stage_has_its_own_occurrences() -> None:
    staged = plan(stage("MD-MISS", ordinal=2, day0=date(2026, 3, 23)), stage("INTRACEPT", ordinal=1))

    first, second = milestone(staged, "rtw_sed", 1), milestone(staged, "rtw_sed", 2)

    assert (first.target_on, first.binding_procedure) == (date(2026, 3, 5), Procedure.intracept)
    assert (second.target_on, second.binding_procedure) == (date(2026, 4, 6), Procedure.lumbar_microdiscectomy)
    identities = [(item.key, item.occurrence) for item in staged.milestones]
    assert len(set(identities)) == len(identities)


def test_the_order_in_which_stages_come_does_not_matter() -> None:
    one, two = stage("INTRACEPT", ordinal=1), stage("MD-MISS", ordinal=2, day0=date(2026, 3, 23))

    assert plan(one, two) == plan(two, one)


def test_milestones_stand_in_the_order_of_their_days() -> None:
    items = plan(stage()).milestones

    days = [item.target_days for item in items if item.target_days is not None]

    assert days == sorted(days)
    assert [item.phase for item in items] == sorted((item.phase for item in items), key=list(Phase).index)


def test_stages_that_cannot_be_are_refused() -> None:
    early = replace(stage(), discharged_on=date(2026, 3, 1))
    with_time = replace(stage(), day0=datetime(2026, 3, 2))  # noqa: DTZ001

    with pytest.raises(PlanError, match="stages: expected ordinals from 1, each once, got 1, 1"):
        plan(stage(), stage())
    with pytest.raises(PlanError, match="stages: expected ordinals from 1, each once, got 0"):
        plan(stage(ordinal=0))
    with pytest.raises(PlanError, match="discharged_on: expected 2026-03-02 or later, got 2026-03-01"):
        plan(early)
    with pytest.raises(PlanError, match="day0: expected a date without a time"):
        plan(with_time)


@pytest.mark.parametrize("day0", [date(1, 1, 1), date(1, 3, 1), date(9998, 1, 2), date(9999, 12, 31)])
def test_a_day_of_surgery_at_the_ends_of_the_calendar_is_refused(day0: date) -> None:
    with pytest.raises(PlanError, match="years 1 to 9999"):
        plan(stage(day0=day0))


def test_no_stage_gives_an_empty_plan() -> None:
    empty = build_plan([], PatientFacts(work_class=None), enrolled_on=BEFORE_EVERYTHING)

    assert (empty.milestones, empty.restrictions) == ((), ())


@pytest.mark.parametrize(
    ("sport_from", "bending_targets", "is_said"),
    [(27, [28], True), (28, [28], False), (29, [28], False), (None, [28], True), (29, [None], True), (29, [], True)],
)
def test_gentle_exercise_that_may_not_start_before_bending_leaves_out_the_advice_for_the_time_before(
    sport_from: int | None, bending_targets: list[int | None], is_said: bool
) -> None:
    base = stage()
    milestones = []
    for each in base.protocol.milestones:
        if each.kind is MilestoneKind.blt_end:
            milestones += [replace(each, target_days=target) for target in bending_targets]
        else:
            milestones.append(replace(each, earliest_days=sport_from) if each.kind == "sport_low" else each)
    changed = replace(base, protocol=replace(base.protocol, milestones=tuple(milestones)))

    assert (milestone(plan(changed), "sport_low").text is not None) is is_said
