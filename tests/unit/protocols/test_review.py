"""What is found in a clinic's version before it is signed: what may not be, and what its signer must know."""

from dataclasses import replace

import pytest

from schedules.plan.findings import Finding, Severity, error, warning
from schedules.plan.library import load_library
from schedules.plan.protocol import Lifting, Protocol
from schedules.plan.review import review_protocol
from schedules.plan.vocabulary import Grade
from tests.unit.plan.samples import PROTOCOL_IDS, protocol
from tests.unit.protocols.own_versions import own

LIGHT = "rtw_light   = { earliest = 14, target = 28"
DRIVE = 'drive       = { earliest = 7, target = 14, latest = 14, grade = "B", sources = ["S20", "S21"] }'
FULL = "full        = { earliest = 56, target = 84, latest = 120"
PHASES = '{ from = 0, through = 14, limit_lb = 10, grade = "D", sources = ["S61"] },'
TEXT = '\n[texts.{where}]\nen = "{en}"\nes = "{es}"\n'


def found(after: Protocol, *, base: str | None = None, beside: str | None = None) -> list[Finding]:
    return list(
        review_protocol(
            after,
            base=None if base is None else protocol(base),
            beside=[] if beside is None else [protocol(beside)],
        )
    )


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
def test_nothing_stands_against_what_ships(protocol_id: str) -> None:
    others = [each for each in load_library().protocols if each.id != protocol_id]

    assert review_protocol(protocol(protocol_id), base=protocol(protocol_id), beside=others) == ()


@pytest.mark.parametrize(
    ("good", "bad", "finding"),
    [
        (
            LIGHT,
            "rtw_light   = { earliest = 10, target = 13",
            error("order", "milestones.rtw_light.target", "rtw_sed's day 14 or later", "day 13"),
        ),
        (
            "rtw_heavy   = { earliest = 42, target = 56",
            "rtw_heavy   = { earliest = 40, target = 41",
            error("order", "milestones.rtw_heavy.target", "rtw_med's day 42 or later", "day 41"),
        ),
        (
            "sport_nc    = { earliest = 28, target = 56",
            "sport_nc    = { earliest = 20, target = 27",
            error("order", "milestones.sport_nc.target", "sport_low's day 28 or later", "day 27"),
        ),
        (
            FULL,
            "full        = { earliest = 50, target = 55, latest = 120",
            error("order", "milestones.full.target", "rtw_heavy's day 56 or later", "day 55"),
        ),
        (
            DRIVE,
            'drive = { earliest = 5, target = 6, latest = 14, grade = "E" }',
            warning("driving_before_opioids", "milestones.drive.target", "day 7 or later", "day 6"),
        ),
    ],
)
def test_disorder_is_found_one_day_beyond_its_border(good: str, bad: str, finding: Finding) -> None:
    assert found(own("MD-MISS", (good, bad))) == [finding]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (LIGHT, "rtw_light   = { earliest = 10, target = 14"),
        (FULL, "full        = { earliest = 50, target = 56, latest = 120"),
        (DRIVE, 'drive = { earliest = 5, target = 7, latest = 14, grade = "E" }'),
        (FULL, 'full        = { note = "expected benefit", earliest = 50, target = 55, latest = 120'),
        (DRIVE, "drive = {}"),
    ],
)
def test_what_is_on_the_border_or_without_a_day_stands(good: str, bad: str) -> None:
    assert found(own("MD-MISS", (good, bad))) == []


def test_a_procedure_with_one_approach_takes_no_other() -> None:
    intracept = own("INTRACEPT", ('approaches = ["percutaneous"]', 'approaches = ["percutaneous", "open"]'))
    acdf = replace(protocol("ACDF-1"), approach_class=protocol("MD-MISS").approach_class)

    expected = "percutaneous alone for intracept"
    assert found(intracept) == [error("approach", "approaches", expected, "percutaneous, open")]
    assert found(acdf) == [error("approach", "class", "no class for acdf", "miss")]


def test_open_must_not_be_ahead_of_minimally_invasive_and_the_other_way_is_the_signers_to_know() -> None:
    miss_walk = protocol("MD-MISS").find_milestone("walk30")
    open_walk = protocol("MD-OPEN").find_milestone("walk30")
    assert miss_walk is not None
    assert open_walk is not None
    early, late = (miss_walk.target_days or 0) - 1, (open_walk.target_days or 0) + 1
    too_early = _with_target(protocol("MD-OPEN"), "walk30", early)
    too_late = _with_target(protocol("MD-MISS"), "walk30", late)

    where = "milestones.walk30.target"
    assert found(too_early, beside="MD-MISS") == [
        error("open_before_miss", where, f"MD-MISS's day {early + 1} or later", f"day {early}")
    ]
    assert found(too_late, beside="MD-OPEN") == [
        warning("miss_after_open", where, f"MD-OPEN's day {late - 1} or earlier", f"day {late}")
    ]
    assert found(_with_target(protocol("MD-OPEN"), "walk30", early + 1), beside="MD-MISS") == []
    assert found(too_early, beside="TLIF-MISS") == []
    assert found(_with_target(protocol("MD-OPEN"), "prom_6wk", 1), beside="MD-MISS") == []


def test_what_the_other_class_does_not_plan_is_not_compared() -> None:
    miss = protocol("MD-MISS")
    no_walking = replace(miss, milestones=tuple(each for each in miss.milestones if each.key != "walk30"))

    assert review_protocol(protocol("MD-OPEN"), beside=[no_walking]) == ()


def test_without_a_day_of_either_full_activity_is_not_before_heavy_work() -> None:
    early = _with_target(protocol("MD-MISS"), "full", 1)
    no_full = replace(early, milestones=tuple(each for each in early.milestones if each.key != "full"))

    assert [each.code for each in found(early)] == ["order"]
    assert found(_with_target(early, "full", None)) == found(no_full) == []
    assert found(_with_target(early, "rtw_heavy", None)) == []


def _with_target(changed: Protocol, key: str, target_days: int | None) -> Protocol:
    milestones = tuple(
        replace(each, target_days=target_days) if each.key == key else each for each in changed.milestones
    )
    return replace(changed, milestones=milestones)


@pytest.mark.parametrize(
    ("where", "en", "es", "languages"),
    [
        ("reminders.drive.ask", "You may drive.", "Pregunte si puede conducir.", ["en"]),
        ("reminders.drive.ask", "Ask whether you may drive.", "Ya puede conducir.", ["es"]),
        ("reminders.drive.ask", "Ask us. You can drive now.", "Está autorizado.", ["en", "es"]),
        ("reminders.drive.ask", "Ask us whether you can drive now.", "Consulte si ya puede conducir.", []),
        ("milestones.drive", "YOU MAY drive.", "Pregunte.", ["en"]),
        ("milestones.walk30", "You may walk.", "Puede caminar.", []),
        ("restrictions.driving", "You are allowed to drive.", "No conduzca.", ["en"]),
    ],
)
def test_a_text_about_a_limit_only_asks(where: str, en: str, es: str, languages: list[str]) -> None:
    findings = found(own("MD-MISS", more=TEXT.format(where=where, en=en, es=es)))

    assert findings == [
        error("gives_leave", f"texts.{where}.{each}", "only that the patient asks whether", "leave")
        for each in languages
    ]


@pytest.mark.parametrize(
    ("where", "en", "finding"),
    [
        (
            "restrictions.lifting",
            "Not much.",
            error("figure_missing", "texts.restrictions.lifting.en", "the figure {limit_lb}", "none"),
        ),
        (
            "restrictions.sitting",
            "Sit {limit_lb} {minutes}.",
            error("figure_unknown", "texts.restrictions.sitting.en", "{minutes}", "another one in braces"),
        ),
        (
            "milestones.walk30",
            "Walk {minutes}.",
            error("figure_unknown", "texts.milestones.walk30.en", "no figure", "another one in braces"),
        ),
    ],
)
def test_a_text_names_the_figures_that_it_is_given(where: str, en: str, finding: Finding) -> None:
    es = {"restrictions.lifting": "{limit_lb}", "restrictions.sitting": "{minutes}"}.get(where, "Nada.")

    assert found(own("MD-MISS", more=TEXT.format(where=where, en=en, es=es))) == [finding]


def test_a_spanish_text_without_its_figure_is_named_as_spanish() -> None:
    text = TEXT.format(where="restrictions.lifting", en="{limit_lb}", es="Poco.")

    assert found(own("MD-MISS", more=text)) == [
        error("figure_missing", "texts.restrictions.lifting.es", "the figure {limit_lb}", "none")
    ]


@pytest.mark.parametrize(
    ("good", "bad", "finding"),
    [
        (
            DRIVE,
            'drive = { earliest = 7, target = 13, latest = 14, grade = "E" }',
            warning("less_strict", "milestones.drive.target", "day 14 or later", "day 13"),
        ),
        (
            DRIVE,
            'drive = { earliest = 7, target = 14, latest = 15, grade = "B", sources = ["S20", "S21"] }',
            warning("same_sources", "milestones.drive.sources", "sources of the changed days, or grade E", "S20 S21"),
        ),
        (
            "brace_wean  = {",
            'brace_wean  = { earliest = 1, target = 2, grade = "E",',
            warning("less_strict", "milestones.brace_wean.target", "a clinician dates it", "day 2"),
        ),
        (
            "walk30      = {",
            "# walk30 = {",
            warning("left_out", "milestones.walk30", "the milestone of MD-MISS", "none"),
        ),
        (
            PHASES,
            PHASES.replace("limit_lb = 10", "limit_lb = 11").replace('grade = "D", sources = ["S61"]', 'grade = "E"'),
            warning("less_strict", "lifting.phases.day_0", "at most 10 lb from day 0", "11 lb"),
        ),
        (
            PHASES,
            PHASES.replace("limit_lb = 10", "limit_lb = 9"),
            warning("same_sources", "lifting.phases.day_0", "sources of the changed limit, or grade E", "S61"),
        ),
        (
            "minutes = 20",
            "minutes = 21",
            warning("less_strict", "sitting", "at most 20 minutes through day 14", "21 minutes through day 14"),
        ),
        (
            "[sitting]\nthrough = 14",
            "[sitting]\nthrough = 13",
            warning("less_strict", "sitting", "at most 20 minutes through day 14", "20 minutes through day 13"),
        ),
        (
            'procedure = "lumbar_microdiscectomy"',
            'procedure = "lumbar_laminectomy"',
            warning(
                "copied_for_another", "procedure", "lumbar_microdiscectomy, miss, as in MD-MISS", "lumbar_laminectomy"
            ),
        ),
    ],
)
def test_what_is_less_strict_than_its_base_is_the_signers_to_know(good: str, bad: str, finding: Finding) -> None:
    assert found(own("MD-MISS", (good, bad)), base="MD-MISS") == [finding]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (DRIVE, 'drive = { earliest = 7, target = 15, latest = 15, grade = "E" }'),
        (DRIVE, 'drive = { earliest = 7, target = 15, latest = 15, grade = "B", sources = ["S20"] }'),
        ("limit_lb = 35", "limit_lb = 30"),
        ("minutes = 20", "minutes = 19"),
        ("walk30      = { earliest = 7, target = 14", "walk30      = { earliest = 7, target = 8"),
    ],
)
def test_what_is_stricter_or_no_limit_needs_no_word(good: str, bad: str) -> None:
    assert found(own("MD-MISS", (good, bad)), base="MD-MISS") == []


def test_a_shorter_last_limit_and_a_lost_condition_are_told() -> None:
    short = own(
        "MD-MISS",
        ("from = 57, through = 84", "from = 57, through = 83"),
        ("unrestricted_from = 85", "unrestricted_from = 84"),
    )
    tlif = protocol("TLIF-MISS")
    phases = tuple(replace(each, condition=None) for each in tlif.lifting.phases)
    free = replace(tlif, lifting=replace(tlif.lifting, phases=phases, unrestricted_condition=None))
    had = sum(each.condition is not None for each in tlif.lifting.phases) + (
        tlif.lifting.unrestricted_condition is not None
    )

    assert found(short, base="MD-MISS") == [
        warning("less_strict", "lifting.unrestricted_from", "day 85 or later", "day 84")
    ]
    assert had > 0
    assert found(free, base="TLIF-MISS") == [
        warning("less_strict", "lifting.conditions", f"{had} steps that wait for a clinician", "0")
    ]


def test_an_end_where_only_the_surgeon_ended_the_last_limit_is_told() -> None:
    tlif = protocol("TLIF-MISS")
    endless = replace(tlif, lifting=replace(tlif.lifting, unrestricted_from_days=None))

    told = review_protocol(tlif, base=endless, beside=[])

    end = f"day {tlif.lifting.unrestricted_from_days}"
    assert told == (warning("less_strict", "lifting.unrestricted_from", "only the surgeon ends the last limit", end),)


def test_a_limit_of_pounds_that_gives_way_a_day_earlier_is_told() -> None:
    assert found(own("MD-MISS", ("through = 14", "through = 13"), ("from = 15", "from = 14")), base="MD-MISS") == [
        warning("less_strict", "lifting.phases.day_14", "at most 10 lb from day 14", "20 lb")
    ]


def test_a_limit_of_one_day_is_held_against_the_one_that_begins_on_it() -> None:
    looser = _with_phases(protocol("MD-MISS"), (0, 14, 10), (15, 15, 21), (16, 84, 50))

    told = [each for each in found(looser, base="MD-MISS") if each.where == "lifting.phases.day_15"]

    assert told == [warning("less_strict", "lifting.phases.day_15", "at most 20 lb from day 15", "21 lb")]


def test_a_limit_that_lasts_longer_than_the_bases_last_needs_no_word() -> None:
    longer = _with_phases(protocol("MD-MISS"), (0, 14, 10), (15, 28, 20), (29, 56, 35), (57, 84, 50), (85, 120, 60))

    assert found(longer, base="MD-MISS") == []


def _with_phases(changed: Protocol, *phases: tuple[int, int, int]) -> Protocol:
    """Return a protocol with phases of grade E: first day, last day, pounds."""
    first, *_ = changed.lifting.phases
    lifting = Lifting(
        phases=tuple(
            replace(first, from_days=begin, through_days=end, limit_lb=limit_lb, grade=Grade.E, sources=())
            for begin, end, limit_lb in phases
        ),
        unrestricted_from_days=phases[-1][1] + 1,
        unrestricted_condition=None,
        unrestricted_note=None,
    )
    return replace(changed, lifting=lifting)


def test_every_source_that_was_about_another_limit_is_told() -> None:
    shipped = protocol("MD-MISS")
    first, *others = shipped.lifting.phases
    base, stricter = (
        replace(shipped, lifting=replace(shipped.lifting, phases=(changed, *others)))
        for changed in (
            replace(first, sources=("S60", "S61")),
            replace(first, sources=("S60", "S61"), limit_lb=first.limit_lb - 1),
        )
    )

    assert review_protocol(stricter, base=base) == (
        warning("same_sources", "lifting.phases.day_0", "sources of the changed limit, or grade E", "S60 S61"),
    )


def test_a_limit_of_sitting_that_is_gone_is_told() -> None:
    told = found(replace(protocol("MD-MISS"), sitting=None), base="MD-MISS")

    assert told == [warning("less_strict", "sitting", "at most 20 minutes through day 14", "no limit")]


def test_a_procedure_without_a_class_says_so_as_a_base() -> None:
    (finding, *_) = found(protocol("MD-MISS"), base="ACDF-1")

    assert finding.expected == "acdf, no class, as in ACDF-1"


def test_a_limit_for_low_bone_density_that_is_gone_or_looser_is_told() -> None:
    kypho = protocol("KYPHO")
    limit = kypho.low_bone_density
    assert limit is not None
    looser = replace(kypho, low_bone_density=replace(limit, limit_lb=limit.limit_lb + 1))
    shorter = replace(kypho, low_bone_density=replace(limit, through_days=limit.through_days - 1))
    gone = replace(kypho, low_bone_density=None)

    told = [found(each, base="KYPHO") for each in (looser, shorter, gone)]

    expected = "at most 10 lb through day 42"
    assert told == [
        [warning("less_strict", "low_bone_density", expected, got)]
        for got in ("11 lb through day 42", "10 lb through day 41", "no limit")
    ]


def test_errors_come_first_and_a_finding_is_named_by_code_and_place() -> None:
    both = own(
        "MD-MISS",
        (DRIVE, 'drive = { earliest = 5, target = 6, latest = 14, grade = "E" }'),
        (LIGHT, "rtw_light   = { earliest = 10, target = 13"),
    )

    findings = found(both)

    assert [each.severity for each in findings] == [Severity.error, Severity.warning]
    assert findings[1].id == "driving_before_opioids:milestones.drive.target"
