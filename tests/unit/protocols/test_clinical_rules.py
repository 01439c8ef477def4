"""What the clinical content must keep, whatever its figures: the validation rules over all protocols."""

import pytest

from schedules.plan.build import PatientFacts
from schedules.plan.eligibility import first_day_by_lifting
from schedules.plan.library import load_library
from schedules.plan.protocol import Protocol
from schedules.plan.vocabulary import Grade, MilestoneKind, PastPolicy, Phase, ReminderCategory, RestrictionKind
from tests.unit.plan.samples import PROTOCOL_IDS, braced, plan, protocol, restrictions, stage

MISS_AND_OPEN = (("MD-MISS", "MD-OPEN"), ("LAM-MISS", "LAM-OPEN"), ("TLIF-MISS", "TLIF-OPEN"), ("PCF-MISS", "PC-OPEN"))
LADDERS = (("rtw_sed", "rtw_light", "rtw_med", "rtw_heavy"), ("sport_low", "sport_nc", "sport_ct"))

# First day on which the lifting limit admits the class, where it is later than the class's own target.
FIRST_DAYS_BY_LIFTING = {
    "MD-MISS": {"rtw_med": 57, "rtw_heavy": 85},
    "MD-OPEN": {"rtw_light": 43, "rtw_med": 71, "rtw_heavy": 85},
    "LAM-MISS": {"rtw_med": 85, "rtw_heavy": 90},
    "LAM-OPEN": {"rtw_med": 91, "rtw_heavy": 121},
    "TLIF-MISS": {"rtw_heavy": 181},
    "TLIF-OPEN": {"rtw_light": 91, "rtw_med": 181, "rtw_heavy": 366},
    "ALIF-MISS": {"rtw_heavy": 181},
    "LLIF-MISS": {"rtw_heavy": 181},
    "INTRACEPT": {"rtw_light": 8, "rtw_heavy": 43},
    "KYPHO": {"rtw_light": 43, "rtw_med": None, "rtw_heavy": None},
    "ACDF-1": {"rtw_med": 85, "rtw_heavy": 121},
    "ACDF-2+": {"rtw_light": 43, "rtw_med": 181, "rtw_heavy": 181},
    "PCF-MISS": {"rtw_heavy": 43},
    "PC-OPEN": {"rtw_heavy": 91},
}

# Milestones per grade A to E, of the recovery milestones (not of imaging).
GRADE_COUNTS = {
    "MD-MISS": (2, 5, 2, 7, 2),
    "MD-OPEN": (2, 2, 3, 4, 7),
    "LAM-MISS": (0, 5, 0, 2, 11),
    "LAM-OPEN": (0, 1, 0, 6, 11),
    "TLIF-MISS": (2, 5, 1, 5, 6),
    "TLIF-OPEN": (2, 2, 3, 6, 6),
    "ALIF-MISS": (0, 0, 0, 6, 13),
    "LLIF-MISS": (0, 1, 0, 3, 15),
    "INTRACEPT": (1, 1, 0, 2, 14),
    "KYPHO": (0, 0, 0, 5, 14),
    "ACDF-1": (0, 4, 3, 7, 5),
    "ACDF-2+": (0, 0, 3, 3, 13),
    "PCF-MISS": (0, 4, 0, 7, 8),
    "PC-OPEN": (0, 1, 0, 0, 18),
}

# Every milestone whose days differ between MISS and open: earliest, target, latest of each. None: no upper bound.
DIFFERENCES = {
    ("MD-MISS", "MD-OPEN"): {
        "mobilise": ((0, 0, 0), (0, 0, 1)),
        "discharge": ((0, 0, 1), (0, 1, 2)),
        "shower": ((1, 2, 3), (2, 3, 5)),
        "opioid_stop": ((3, 7, 14), (7, 14, 28)),
        "drive": ((7, 14, 14), (14, 21, 28)),
        "walk30": ((7, 14, 21), (7, 14, 28)),
        "sit60": ((14, 28, 42), (14, 35, 42)),
        "pt_start": ((14, 28, 42), (28, 42, 42)),
        "rtw_sed": ((7, 14, 21), (14, 28, 42)),
        "rtw_light": ((14, 28, 42), (28, 42, 51)),
        "rtw_med": ((28, 42, 56), (42, 56, 84)),
        "rtw_heavy": ((42, 56, 84), (42, 70, 112)),
        "blt_end": ((14, 28, 42), (14, 42, 42)),
        "sport_low": ((14, 28, 42), (28, 42, 56)),
        "sport_nc": ((28, 56, 84), (60, 84, 120)),
        "sport_ct": ((84, 90, 180), (90, 120, 180)),
        "full": ((56, 84, 120), (84, 120, 180)),
    },
    ("LAM-MISS", "LAM-OPEN"): {
        "mobilise": ((0, 0, 0), (0, 1, 1)),
        "discharge": ((0, 1, 2), (1, 2, 4)),
        "shower": ((1, 2, 3), (2, 4, 5)),
        "opioid_stop": ((3, 7, 14), (7, 14, 28)),
        "drive": ((7, 14, 21), (14, 21, 42)),
        "walk30": ((7, 14, 21), (7, 21, 28)),
        "sit60": ((14, 28, 42), (14, 35, 42)),
        "pt_start": ((14, 28, 42), (28, 42, 84)),
        "rtw_sed": ((7, 14, 28), (14, 28, 42)),
        "rtw_light": ((21, 28, 42), (28, 46, 56)),
        "rtw_med": ((42, 56, 70), (56, 70, 84)),
        "rtw_heavy": ((56, 84, 90), (84, 90, 120)),
        "blt_end": ((14, 28, 42), (28, 42, 84)),
        "sport_low": ((21, 35, 42), (28, 42, 56)),
        "sport_nc": ((56, 84, 120), (84, 120, 180)),
        "sport_ct": ((90, 120, 180), (120, 180, 180)),
        "full": ((60, 90, 180), (90, 180, 365)),
    },
    ("TLIF-MISS", "TLIF-OPEN"): {
        "mobilise": ((0, 0, 1), (0, 1, 3)),
        "discharge": ((0, 2, 3), (2, 4, 6)),
        "shower": ((2, 3, 4), (3, 4, 7)),
        "opioid_stop": ((7, 14, 28), (14, 28, 42)),
        "drive": ((14, 21, 28), (28, 35, 42)),
        "walk30": ((7, 21, 28), (14, 28, 42)),
        "sit60": ((14, 28, 42), (28, 42, 56)),
        "rtw_sed": ((14, 28, 42), (28, 42, 84)),
        "rtw_light": ((42, 56, 84), (42, 90, 120)),
        "rtw_med": ((84, 90, 120), (84, 120, 180)),
        "rtw_heavy": ((84, 180, 250), (84, 210, 365)),
        "blt_end": ((42, 84, 90), (84, 90, 180)),
        "sport_low": ((42, 60, 90), (42, 90, 120)),
        "sport_nc": ((120, 180, 365), (180, 270, 365)),
        "sport_ct": ((180, 365, 365), (365, 365, None)),
        "full": ((180, 365, 365), (365, 365, 540)),
    },
    ("PCF-MISS", "PC-OPEN"): {
        "mobilise": ((0, 0, 0), (0, 1, 1)),
        "discharge": ((0, 0, 1), (1, 3, 4)),
        "shower": ((1, 3, 3), (2, 4, 5)),
        "opioid_stop": ((3, 7, 14), (7, 14, 28)),
        "drive": ((7, 14, 21), (14, 28, 42)),
        "walk30": ((3, 7, 14), (3, 10, 14)),
        "sit60": ((1, 7, 14), (3, 14, 21)),
        "pt_start": ((28, 42, 42), (28, 42, 56)),
        "rtw_sed": ((7, 14, 28), (14, 28, 42)),
        "rtw_light": ((14, 28, 35), (28, 42, 56)),
        "rtw_med": ((28, 35, 56), (42, 70, 84)),
        "rtw_heavy": ((28, 42, 60), (84, 90, 120)),
        "blt_end": ((14, 28, 42), (28, 42, 84)),
        "brace_wean": ((0, 0, 7), (0, 14, 42)),
        "sport_low": ((14, 28, 42), (28, 42, 56)),
        "sport_nc": ((42, 56, 84), (84, 90, 120)),
        "sport_ct": ((84, 90, 180), (120, 180, 365)),
        "full": ((42, 84, 120), (84, 120, 365)),
    },
}


def target(a_protocol: Protocol, key: str) -> int:
    template = a_protocol.find_milestone(key)
    assert template is not None
    assert template.target_days is not None
    return template.target_days


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
@pytest.mark.parametrize("ladder", LADDERS, ids=("work", "sport"))
def test_harder_work_and_sport_never_come_before_easier(protocol_id: str, ladder: tuple[str, ...]) -> None:
    targets = [target(protocol(protocol_id), key) for key in ladder]

    assert targets == sorted(targets)


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_full_recovery_never_comes_before_heavy_work(protocol_id: str) -> None:
    a_protocol = protocol(protocol_id)

    assert target(a_protocol, "full") >= target(a_protocol, "rtw_heavy")


@pytest.mark.parametrize(("miss_id", "open_id"), MISS_AND_OPEN)
def test_miss_never_comes_later_than_open(miss_id: str, open_id: str) -> None:
    open_protocol = protocol(open_id)

    for template in protocol(miss_id).milestones:
        other = open_protocol.find_milestone(template.key)
        assert other is not None, template.key
        if template.target_days is not None and other.target_days is not None:
            assert template.target_days <= other.target_days, template.key


@pytest.mark.parametrize(("miss_id", "open_id"), MISS_AND_OPEN)
def test_miss_and_open_differ_in_exactly_the_listed_milestones(miss_id: str, open_id: str) -> None:
    open_protocol = protocol(open_id)

    differences = {}
    for template in protocol(miss_id).milestones:
        other = open_protocol.find_milestone(template.key)
        assert other is not None, template.key
        own = (template.earliest_days, template.target_days, template.latest_days)
        others = (other.earliest_days, other.target_days, other.latest_days)
        if own != others:
            differences[template.key] = (own, others)

    assert differences == DIFFERENCES[miss_id, open_id]


@pytest.mark.parametrize(("miss_id", "open_id"), MISS_AND_OPEN)
def test_the_approach_changes_neither_questionnaires_nor_visits_nor_imaging(miss_id: str, open_id: str) -> None:
    fixed = {MilestoneKind.prom_baseline, MilestoneKind.prom_followup, MilestoneKind.visit, MilestoneKind.imaging}

    of_miss = [item for item in protocol(miss_id).milestones if item.kind in fixed]
    of_open = [item for item in protocol(open_id).milestones if item.kind in fixed]

    assert of_miss == of_open
    assert protocol(miss_id).optional_imaging == protocol(open_id).optional_imaging
    assert protocol(miss_id).reminders == protocol(open_id).reminders


def test_formal_therapy_and_brace_after_fusion_are_the_same_for_miss_and_open() -> None:
    for key in ("pt_start", "brace_wean"):
        of_miss, of_open = protocol("TLIF-MISS").find_milestone(key), protocol("TLIF-OPEN").find_milestone(key)
        assert of_miss is not None
        assert of_open is not None
        assert (of_miss.target_days, of_miss.latest_days) == (of_open.target_days, of_open.latest_days)


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_first_days_by_lifting_are_those_of_the_golden_table(protocol_id: str) -> None:
    a_protocol = protocol(protocol_id)

    binding = {}
    for key in ("rtw_sed", "rtw_light", "rtw_med", "rtw_heavy"):
        demand = a_protocol.work.of_milestone(MilestoneKind(key))
        first_day = first_day_by_lifting(a_protocol, demand, low_bone_density=False)
        if first_day is None or first_day > target(a_protocol, key):
            binding[key] = first_day

    assert binding == FIRST_DAYS_BY_LIFTING[protocol_id]


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_grades_are_counted_as_in_the_evidence(protocol_id: str) -> None:
    recovery = [
        item
        for item in protocol(protocol_id).milestones
        if item.phase is Phase.after_surgery
        and item.kind not in (MilestoneKind.imaging, MilestoneKind.visit, MilestoneKind.prom_followup)
    ]

    counts = tuple(sum(1 for item in recovery if item.grade is grade) for grade in Grade)

    assert counts == GRADE_COUNTS[protocol_id]
    assert len(recovery) == 19


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_every_figure_better_than_extrapolation_names_its_source(protocol_id: str) -> None:
    a_protocol = protocol(protocol_id)
    sources = load_library().sources

    figures = [(item.grade, item.sources) for item in a_protocol.milestones]
    figures += [(phase.grade, phase.sources) for phase in a_protocol.lifting.phases]

    for grade, source_ids in figures:
        assert grade in (None, Grade.E) or source_ids
        assert set(source_ids) <= set(sources)


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_a_pound_limit_still_holds_when_bending_limits_end(protocol_id: str) -> None:
    a_protocol = protocol(protocol_id)

    unrestricted_from = a_protocol.lifting.unrestricted_from_days

    assert unrestricted_from is None or unrestricted_from > target(a_protocol, "blt_end")


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_x_rays_are_planned_after_fusion_and_kyphoplasty_only(protocol_id: str) -> None:
    days = [item.target_days for item in protocol(protocol_id).milestones if item.kind is MilestoneKind.imaging]

    if protocol_id in ("TLIF-MISS", "TLIF-OPEN", "ALIF-MISS", "LLIF-MISS", "ACDF-1", "ACDF-2+"):
        assert days == [42, 90, 180, 365]
    else:
        assert days == ([42] if protocol_id == "KYPHO" else [])


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_questionnaires_are_due_on_the_same_days_after_every_surgery(protocol_id: str) -> None:
    windows = [
        (item.key, item.earliest_days, item.target_days, item.latest_days, item.grade)
        for item in protocol(protocol_id).milestones
        if item.kind is MilestoneKind.prom_followup
    ]

    assert windows == [
        ("prom_2wk", 10, 14, 21, Grade.E),
        ("prom_6wk", 28, 42, 56, Grade.E),
        ("prom_3mo", 70, 90, 120, Grade.E),
        ("prom_6mo", 150, 180, 210, Grade.E),
        ("prom_12mo", 300, 365, 425, Grade.E),
        ("prom_24mo", 640, 730, 820, Grade.E),
    ]


def test_reminders_of_clearances_tell_the_patient_to_ask_and_never_that_they_may() -> None:
    rules = protocol("MD-MISS").reminders
    clearances = [item for item in rules.templates if item.category is ReminderCategory.clearance]

    for item in clearances:
        assert item.text.en.startswith("Ask wh")
        assert item.text.es.startswith("Pregunte ")
    assert len(clearances) == 6


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_texts_of_what_lifts_a_restriction_leave_it_to_a_clinician(protocol_id: str) -> None:
    a_plan = plan(braced(protocol_id), patient=PatientFacts(work_class=None, wants_contact_sport=True))

    texts = [item.text for item in a_plan.milestones if item.lifts is not None and item.text is not None]

    assert len(texts) == 3  # driving, bending, gentle exercise
    assert all("clear" in text.en and "autori" in text.es for text in texts)


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_pounds_that_wait_for_an_x_ray_are_said_to_wait(protocol_id: str) -> None:
    phases = protocol(protocol_id).lifting.phases
    limits = restrictions(plan(stage(protocol_id)), RestrictionKind.lifting)

    for phase, limit in zip(phases, limits, strict=True):
        assert limit.text.en.startswith("Only when cleared: ") is (phase.condition is not None)
        assert limit.text.es.startswith("Solo cuando se autorice: ") is (phase.condition is not None)


def test_every_reminder_and_plan_text_exists_in_both_languages_and_differs() -> None:
    a_protocol = protocol("MD-MISS")
    texts = [
        *(item.text for item in a_protocol.reminders.templates),
        *(item.text for item in a_protocol.reminders.silent),
        *a_protocol.texts.milestones.values(),
        *a_protocol.texts.restrictions.values(),
    ]

    assert all(text.en != text.es for text in texts)


def test_past_days_are_treated_by_kind() -> None:
    rules = protocol("MD-MISS").reminders

    policies = {kind: rules.past_policy_of(kind) for kind in MilestoneKind}

    not_applicable = {MilestoneKind.mobilise, MilestoneKind.discharge, MilestoneKind.shower}
    assert {kind for kind, policy in policies.items() if policy is PastPolicy.not_applicable} == not_applicable
    assert policies[MilestoneKind.walk30] is policies[MilestoneKind.sit60] is PastPolicy.catch_up
    assert policies[MilestoneKind.prom_baseline] is policies[MilestoneKind.prom_followup] is PastPolicy.skip
    assert all(
        policies[kind] is PastPolicy.ask_coordinator
        for kind in MilestoneKind
        if kind.startswith(("rtw_", "sport_")) and kind is not MilestoneKind.rtw_very_heavy
    )


def test_work_classes_carry_the_pounds_of_the_labor_department() -> None:
    levels = {level.work_class: level for level in protocol("MD-MISS").work.levels}

    pounds = {
        name: [(part.over_lb, part.to_lb) if part else None for part in (row.occasional, row.frequent, row.constant)]
        for name, row in levels.items()
    }

    assert pounds == {
        "sedentary": [(None, 10), None, None],
        "light": [(None, 20), (None, 10), None],
        "medium": [(20, 50), (10, 25), (None, 10)],
        "heavy": [(50, 100), (25, 50), (10, 20)],
        "very_heavy": [(100, None), (50, None), (20, None)],
    }
