"""What changed between two versions, in words; only days, limits and messages date a plan anew."""

from dataclasses import replace

import pytest

from schedules.plan.limit_changes import Change, Matter
from schedules.plan.protocol import PoundsRange, Protocol
from schedules.plan.versions import diff_versions
from tests.unit.plan.samples import protocol
from tests.unit.protocols.own_versions import own

DRIVE = 'drive       = { earliest = 7, target = 14, latest = 14, grade = "B", sources = ["S20", "S21"] }'
FULL = 'full        = { earliest = 56, target = 84, latest = 120, grade = "D", sources = ["S60", "S61"] }'
SECOND = '  { from = 15, through = 28, limit_lb = 20, grade = "E" },'
STEPS = "day 0 to 14 10 lb; day 15 to 28 20 lb; day 29 to 56 35 lb; day 57 to 84 50 lb"
SITTING = 'through = 14\nminutes = 20\ngrade = "D"'
TEXT = '\n[texts.{where}]\nen = "{en}"\nes = "Otro."\n'


def changed(after: Protocol, before: str = "MD-MISS") -> list[tuple[str, str, str]]:
    diff = diff_versions(protocol(before), after)
    return [(change.where, change.matter.value, change.words) for change in diff.changes]


def test_a_copy_differs_in_nothing() -> None:
    diff = diff_versions(protocol("MD-MISS"), own())

    assert (diff.older, diff.newer, diff.changes, diff.redates) == ("MD-MISS@1", "hudson-disc@1", (), False)


@pytest.mark.parametrize(
    ("good", "bad", "where", "matter", "words"),
    [
        (
            DRIVE,
            'drive = { earliest = 14, target = 21, latest = 28, grade = "E" }',
            "milestones.drive",
            "days",
            "drive: target 14 -> 21 (window 7-14 -> 14-28), grade B -> E, sources S20 S21 -> none",
        ),
        (
            DRIVE,
            'drive = { earliest = 7, target = 10, latest = 14, grade = "B", sources = ["S20", "S21"] }',
            "milestones.drive",
            "days",
            "drive: target 14 -> 10 (window 7-14)",
        ),
        (
            DRIVE,
            'drive = { earliest = 7, target = 14, grade = "B", sources = ["S20", "S21"] }',
            "milestones.drive",
            "days",
            "drive: window 7-14 -> 7-open (target 14)",
        ),
        (
            DRIVE,
            "drive = {}",
            "milestones.drive",
            "days",
            "drive: target 14 (window 7-14) -> dated by a clinician, grade B -> none, sources S20 S21 -> none",
        ),
        (
            DRIVE,
            'drive = { earliest = 7, target = 14, latest = 14, grade = "C", sources = ["S20", "S21"] }',
            "milestones.drive",
            "evidence",
            "drive: grade B -> C",
        ),
        (
            DRIVE,
            'drive = { earliest = 7, target = 14, latest = 14, grade = "B", sources = ["S20"] }',
            "milestones.drive",
            "evidence",
            "drive: sources S20 S21 -> S20",
        ),
        (
            DRIVE,
            'drive = { earliest = 7, target = 14, latest = 14, grade = "C", sources = ["S20"] }',
            "milestones.drive",
            "evidence",
            "drive: grade B -> C, sources S20 S21 -> S20",
        ),
        (
            "brace_wean  = {",
            'brace_wean  = { earliest = 1, target = 2, grade = "E",',
            "milestones.brace_wean",
            "days",
            "brace_wean: dated by a clinician -> target 2 (window 1-open), grade none -> E",
        ),
        (FULL, "", "milestones.full", "days", "full: left out, was target 84 (window 56-120)"),
        (
            FULL,
            FULL + '\nmri = { kind = "imaging", earliest = 40, target = 42, latest = 45, grade = "E" }',
            "milestones.mri",
            "days",
            "mri: new, target 42 (window 40-45), grade E",
        ),
        (
            "brace_wean  = { note = ",
            "brace_wean  = {} # { note = ",
            "milestones.brace_wean",
            "texts",
            "brace_wean: the note is left out",
        ),
        (
            'note = "none routine;',
            'note = "Never routine;',
            "milestones.brace_wean",
            "texts",
            "brace_wean: the note reads otherwise",
        ),
        ("brace_wean  = {", "brace_wean  = {", "", "", ""),
        (
            SECOND,
            SECOND.replace("20", "15"),
            "lifting.phases",
            "limits",
            f"lifting: {STEPS} -> {STEPS.replace('20', '15')}",
        ),
        (
            SECOND,
            '  { from = 15, through = 28, limit_lb = 20, grade = "D", sources = ["S61"] },',
            "lifting.phases.1",
            "evidence",
            "lifting from day 15: grade E -> D, sources none -> S61",
        ),
        (
            SECOND,
            '  { from = 15, through = 28, limit_lb = 20, grade = "E", text = "lifting_when_cleared" },',
            "lifting.phases.1",
            "texts",
            "lifting from day 15: text lifting -> lifting_when_cleared",
        ),
        (
            SECOND,
            '  { from = 15, through = 28, limit_lb = 20, grade = "E", note = "ours" },',
            "lifting",
            "texts",
            "lifting: the notes read otherwise",
        ),
        (
            "unrestricted_from = 85",
            'unrestricted_from = 85\nunrestricted_condition = "X-ray seen"',
            "lifting.unrestricted_from",
            "limits",
            "lifting without limit: from day 85 -> from day 85 if X-ray seen",
        ),
        (
            SITTING,
            SITTING.replace("20", "30"),
            "sitting",
            "limits",
            "sitting: 20 minutes through day 14 -> 30 minutes through day 14",
        ),
        (SITTING, SITTING.replace('"D"', '"C"'), "sitting", "evidence", "sitting: grade D, S61 -> grade C, S61"),
        (
            'title = "Lumbar',
            'title = "Our lumbar',
            "title",
            "texts",
            "title: Lumbar microdiscectomy, minimally invasive -> Our lumbar microdiscectomy, minimally invasive",
        ),
        (
            'approaches = ["tubular", "endoscopic"]',
            'approaches = ["tubular"]',
            "approaches",
            "serves",
            "approaches: tubular, endoscopic -> tubular",
        ),
        ("min_levels = 1", "min_levels = 1\nmax_levels = 2", "levels", "serves", "levels: 1 or more -> 1-2"),
        ('class = "miss"', 'class = "open"', "class", "serves", "class: miss -> open"),
        (
            '  { what = "flexion',
            '# { what = "flexion',
            "imaging.optional",
            "texts",
            "imaging that is never scheduled: 2 -> 1 entries",
        ),
    ],
)
def test_every_change_is_said_in_words(good: str, bad: str, where: str, matter: str, words: str) -> None:
    expected = [(where, matter, words)] if where else []

    assert changed(own("MD-MISS", (good, bad))) == expected


@pytest.mark.parametrize(
    ("more", "where", "matter", "words"),
    [
        (
            "\n[reminders.drive.ask]\ndays = 2\nlocal_time = 11:00:00\n",
            "reminders.drive.ask",
            "messages",
            "reminder drive ask: days 0 -> 2, local_time 10:00:00 -> 11:00:00",
        ),
        (
            TEXT.format(where="reminders.drive.ask", en="Ask."),
            "texts.reminders.drive.ask",
            "texts",
            "reminder drive ask: reads otherwise (English and Spanish)",
        ),
        (
            TEXT.format(where="restrictions.driving", en="No driving."),
            "texts.restrictions.driving",
            "texts",
            "text of driving: reads otherwise (English and Spanish)",
        ),
        (TEXT.format(where="milestones.walk30", en="Walk."), "texts.milestones.walk30", "texts", "text of walk30: new"),
        (
            TEXT.format(where="without_reminder.mobilise", en="Up."),
            "texts.without_reminder.mobilise",
            "texts",
            "text of mobilise: reads otherwise (English and Spanish)",
        ),
    ],
)
def test_texts_and_the_timing_of_messages_are_told_apart(more: str, where: str, matter: str, words: str) -> None:
    diff = diff_versions(protocol("MD-MISS"), own("MD-MISS", more=more))

    assert diff.changes == (Change(where, Matter(matter), words),)
    assert diff.redates is (matter == "messages")


@pytest.mark.parametrize(
    ("matter", "redates"),
    [
        ("serves", False),
        ("days", True),
        ("limits", True),
        ("messages", True),
        ("evidence", False),
        ("texts", False),
    ],
)
def test_only_days_limits_and_messages_date_anew(matter: str, redates: bool) -> None:
    diff = replace(diff_versions(protocol("MD-MISS"), own()), changes=(Change("it", Matter(matter), "it"),))

    assert diff.redates is redates


def test_what_one_side_alone_says_or_sends_is_told() -> None:
    base = protocol("MD-MISS")
    rules, texts = base.reminders, base.texts
    first, second, *rest = rules.templates
    milestones = {key: text for key, text in texts.milestones.items() if key != "drive"}
    quieter = replace(
        base,
        reminders=replace(rules, templates=(replace(second, useful_hours=5), *rest)),
        texts=replace(texts, milestones=milestones),
    )

    where, name = f"reminders.{first.kind}.{first.key}", f"reminder {first.kind} {first.key}"
    hours = f"reminder {second.kind} {second.key}: useful_hours {second.useful_hours} -> 5"
    timing = (f"reminders.{second.kind}.{second.key}", "messages", hours)
    assert changed(quieter) == [
        (where, "messages", f"{name}: left out"),
        timing,
        ("texts.milestones.drive", "texts", "text of drive: left out"),
    ]
    back = [(each.where, each.words) for each in diff_versions(quieter, base).changes]
    assert (where, f"{name}: new") in back
    assert back[-1] == ("texts.milestones.drive", "text of drive: new")


def test_another_kind_under_the_same_key_dates_anew() -> None:
    base = protocol("MD-MISS")
    walking, sitting = (base.find_milestone(key) for key in ("walk30", "sit60"))
    assert walking is not None
    assert sitting is not None
    other = replace(walking, kind=sitting.kind, note="Sit.")
    after = replace(base, milestones=tuple(other if each is walking else each for each in base.milestones))

    assert changed(after) == [
        ("milestones.walk30", "days", "walk30: kind walk30 -> sit60"),
        ("milestones.walk30", "texts", "walk30: a note is new"),
    ]


def test_changed_pounds_of_work_are_told() -> None:
    base = protocol("MD-MISS")
    sedentary, *others = base.work.levels
    freer = replace(sedentary, occasional=PoundsRange(None, None))
    after = replace(base, work=replace(base.work, levels=(freer, *others)))

    heavier = replace(sedentary, occasional=PoundsRange(None, 15))
    more = replace(base, work=replace(base.work, levels=(heavier, *others)))

    assert changed(after) == [("work.sedentary", "limits", "sedentary work: occasionally up to 10 lb -> no limit")]
    assert changed(more) == [("work.sedentary", "limits", "sedentary work: occasionally up to 10 lb -> up to 15 lb")]


def test_a_phase_without_an_end_and_with_a_condition_says_so() -> None:
    base = protocol("TLIF-MISS")
    *phases, last = base.lifting.phases
    endless = replace(last, through_days=None, condition="the X-ray shows fusion")
    after = replace(base, lifting=replace(base.lifting, phases=(*phases, endless)))

    ((where, matter, words),) = changed(after, "TLIF-MISS")

    assert (where, matter) == ("lifting.phases", "limits")
    assert words.endswith(f"day {last.from_days} on {last.limit_lb} lb if the X-ray shows fusion")


def test_a_limit_of_one_side_only_is_told() -> None:
    words = {where: told for where, _, told in changed(protocol("KYPHO"), "MD-MISS")}

    assert words["low_bone_density"] == "low_bone_density: no limit -> 10 lb through day 42"
    assert words["procedure"] == "procedure: lumbar_microdiscectomy -> kyphoplasty"
    assert words["sitting"] == "sitting: 20 minutes through day 14 -> no limit"
    assert words["lifting.unrestricted_from"] == "lifting without limit: from day 85 -> set by the surgeon"


def test_a_class_of_one_side_only_is_told() -> None:
    words = [
        {where: told for where, _, told in changed(protocol(after), before)}["class"]
        for before, after in (("MD-MISS", "ACDF-1"), ("ACDF-1", "MD-MISS"))
    ]

    assert words == ["class: miss -> none", "class: none -> miss"]


def test_a_new_milestone_that_a_clinician_dates_has_no_grade() -> None:
    shipped = protocol("MD-MISS")
    undated = next(each for each in shipped.milestones if each.key == "brace_wean")
    without = replace(shipped, milestones=tuple(each for each in shipped.milestones if each is not undated))

    (change,) = diff_versions(without, shipped).changes

    assert change.words == "brace_wean: new, dated by a clinician, grade none"
