"""A bad file is refused with file, key, what was expected and what came."""

import hashlib
from enum import StrEnum

import pytest

from schedules.plan.errors import ProtocolError
from schedules.plan.library import PROTOCOL_FOLDER, load_library
from schedules.plan.parse import Shelf, parse_protocol
from schedules.plan.parse_shared import (
    parse_milestones,
    parse_reminders,
    parse_sources,
    parse_texts,
    parse_work_classes,
)
from schedules.plan.protocol import Source
from schedules.plan.vocabulary import (
    Approach,
    MilestoneKind,
    PastPolicy,
    Phase,
    Procedure,
    ProtocolStatus,
    ReminderCategory,
)

FILE = "tlif.miss.v1.toml"


def shelf() -> Shelf:
    """The shared content of one protocol that ships."""
    a_protocol = load_library().protocol("TLIF-MISS", 1)
    names = ("preop", "visits", "prom", "reminders", "texts", "work_classes")
    raw = {f"{name}.v1.toml": (PROTOCOL_FOLDER / f"{name}.v1.toml").read_bytes() for name in names}
    phases = {"preop": Phase.before_surgery, "visits": Phase.after_surgery, "prom": Phase.after_surgery}
    return Shelf(
        sources=load_library().sources,
        milestones={
            f"{name}.v1.toml": parse_milestones(
                raw[f"{name}.v1.toml"], file=f"{name}.v1.toml", phase=phase, sources=load_library().sources
            )
            for name, phase in phases.items()
        },
        reminders={"reminders.v1.toml": a_protocol.reminders},
        texts={"texts.v1.toml": a_protocol.texts},
        work={"work_classes.v1.toml": a_protocol.work},
        digests={name: hashlib.sha256(content).hexdigest() for name, content in raw.items()},
    )


def text_of(name: str) -> str:
    """The text of a file that ships."""
    return (PROTOCOL_FOLDER / name).read_text(encoding="utf-8")


def spoil(name: str, good: str, bad: str) -> bytes:
    """The bytes of a file that ships with its first `good` replaced."""
    text = text_of(name)
    assert good in text
    return text.replace(good, bad, 1).encode()


def one_of(words: type[StrEnum]) -> str:
    return "one of " + ", ".join(words)


DRIVE = "earliest = 14, target = 21, latest = 28"


@pytest.mark.parametrize(
    ("good", "bad", "key", "expected", "got"),
    [
        (DRIVE, "earliest = 14, target = 13, latest = 28",
         "milestones.drive.earliest", "earliest, target and latest day in order", "14, 13, 28"),
        (DRIVE, "earliest = 14, target = 30, latest = 28",
         "milestones.drive.earliest", "earliest, target and latest day in order", "14, 30, 28"),
        (DRIVE, "earliest = -1, target = 21, latest = 28",
         "milestones.drive.earliest", "days after surgery", "-1, 21, 28"),
        (DRIVE, "target = 21, latest = 28", "milestones.drive.earliest", "the first day of the window", "nothing"),
        (DRIVE, "target = 21", "milestones.drive.earliest", "the first day of the window", "nothing"),
        (DRIVE, "earliest = 14", "milestones.drive.target", "a target or a latest day", "nothing"),
        (DRIVE, 'earliest = "two", target = 21', "milestones.drive.earliest", "a whole number", "'two'"),
        (DRIVE, "earliest = 14, target = 21.5", "milestones.drive.target", "a whole number", "21.5"),
        (DRIVE, "earliest = true, target = 21", "milestones.drive.earliest", "a whole number", "True"),
        (DRIVE, DRIVE + ", color = 1", "milestones.drive.color", "only keys that are known", "this one"),
        (DRIVE + ', grade = "B"', DRIVE + ', grade = "F"', "milestones.drive.grade", "one of A, B, C, D, E", "'F'"),
        (DRIVE + ', grade = "B"', DRIVE, "milestones.drive.grade", "one of A, B, C, D, E", "nothing"),
        ('["S20", "S21"] }\nwalk30', '["S20", "S999"] }\nwalk30',
         "milestones.drive.sources", "ids of the bibliography", "'S999'"),
        ('["S20", "S21"] }\nwalk30', '["S20", "S20"] }\nwalk30',
         "milestones.drive.sources", "each entry once", "the same entry twice"),
        ('["S20", "S21"] }\nwalk30', "[] }\nwalk30", "milestones.drive.sources", "a source for grade B", "none"),
        ('["S20", "S21"] }\nwalk30', '"S20" }\nwalk30', "milestones.drive.sources", "a list of texts", "'S20'"),
        ("drive    ", "dive     ", "milestones.dive.kind", "a kind, as the key is not one", "'dive'"),
        ('kind = "imaging"', 'kind = "hologram"', "milestones.imaging_d42.kind", one_of(MilestoneKind), "'hologram'"),
        ("imaging_d42 ", "prom_6wk    ", "milestones", "each key once, the included files among them", "'prom_6wk'"),
        ('procedure = "tlif"', 'procedure = "plif"', "procedure", one_of(Procedure), "'plif'"),
        ('class = "miss"', 'class = "mini"', "class", "one of miss, open", "'mini'"),
        ('approaches = ["tubular", "endoscopic"]', 'approaches = ["laser"]',
         "approaches", "some of " + ", ".join(Approach), "'laser'"),
        ('approaches = ["tubular", "endoscopic"]', "approaches = []", "approaches", "at least one approach", "none"),
        ('approaches = ["tubular", "endoscopic"]', "approaches = [3]", "approaches", "a list of texts", "list"),
        ("min_levels = 1", "min_levels = 0", "min_levels", "at least 1", "0"),
        ("min_levels = 1", "min_levels = 2\nmax_levels = 1", "max_levels", "at least 2", "1"),
        ("version = 1", "version = 2", "version", "the version in the file's name", "2"),
        ("version = 1\n", "", "version", "a whole number", "nothing"),
        ("prom = 1", "prom = 9", "includes.prom", "the version of a file that exists", "'prom.v9.toml'"),
        ('status = "draft"', 'status = "approved"', "status", "one of draft, signed", "'approved'"),
        ('title = "TLIF, minimally invasive"', 'title = ""', "title", "a text", "''"),
        ('title = "TLIF, minimally invasive"', "title = 3", "title", "a text", "3"),
        ("[lifting]", "surgeon = 1\n[lifting]", "milestones.surgeon", "a table", "1"),
        ("from = 43, through = 84", "from = 44, through = 84",
         "lifting.phases", "a phase from day 43", "one from day 44"),
        ("from = 43, through = 84", "from = 43, through = 42", "lifting.phases", "an end on day 43 or later", "42"),
        ("from = 43, through = 84", "from = 43",
         "lifting.phases", "no phase after one without an end", "one from day 85"),
        ("limit_lb = 20", "limit_lb = 5", "lifting.phases", "a limit of 10 lb or more", "5"),
        ("limit_lb = 10", "limit_lb = 0", "lifting.phases[1].limit_lb", "at least 1 lb", "0"),
        ("limit_lb = 10", 'limit_lb = 10, text = "hop"',
         "lifting.phases[1].text", "a text of the included texts", "'hop'"),
        ("unrestricted_from = 181", "unrestricted_from = 180",
         "lifting.unrestricted_from", "day 181, after the last phase", "180"),
        ("minutes = 20", "minute = 20", "sitting.minutes", "a whole number", "nothing"),
        ("optional = [", "optional = [3,", "imaging.optional", "a list of tables", "list"),
        ("id = ", "id = 1\nid = ", "(file)", "TOML, every key once", "Cannot overwrite a value (at line 4, column 17)"),
        ("[imaging]", "[imaging",
         "(file)", "TOML, every key once", "Expected ']' at the end of a table declaration (at line 62, column 10)"),
    ],
)  # fmt: skip
def test_a_bad_protocol_is_refused_by_file_and_key(*, good: str, bad: str, key: str, expected: str, got: str) -> None:
    raw = spoil(FILE, good, bad)

    with pytest.raises(ProtocolError) as refused:
        parse_protocol(raw, file=FILE, shelf=shelf())

    assert (refused.value.file, refused.value.key) == (FILE, key)
    assert (refused.value.expected, refused.value.got) == (expected, got)


def test_a_protocol_without_a_limit_of_pounds_is_refused() -> None:
    text = text_of(FILE)
    first, last = text.index("phases = ["), text.index("]\n", text.index("phases = ["))

    with pytest.raises(ProtocolError) as refused:
        parse_protocol((text[:first] + "phases = [" + text[last:]).encode(), file=FILE, shelf=shelf())

    assert (refused.value.key, refused.value.expected, refused.value.got) == (
        "lifting.phases",
        "at least one phase",
        "none",
    )


def test_what_is_just_within_its_bounds_is_read() -> None:
    raw = spoil(FILE, "limit_lb = 10", "limit_lb = 1")

    read = parse_protocol(raw, file=FILE, shelf=shelf())

    assert read.lifting.phases[0].limit_lb == 1
    assert any(phase.condition for phase in read.lifting.phases)
    assert all((phase.text_key == "lifting_when_cleared") is bool(phase.condition) for phase in read.lifting.phases)


def test_a_phase_of_one_day_is_read() -> None:
    raw = spoil(FILE, "from = 0, through = 42", "from = 0, through = 0").replace(b"from = 43", b"from = 1")

    read = parse_protocol(raw, file=FILE, shelf=shelf())

    assert [(phase.from_days, phase.through_days) for phase in read.lifting.phases] == [(0, 0), (1, 84), (85, 180)]


def test_a_protocol_without_a_milestone_that_ends_a_restriction_is_refused() -> None:
    lines = [line for line in text_of(FILE).splitlines() if not line.startswith("blt_end")]

    with pytest.raises(ProtocolError, match="milestones: expected a milestone blt_end, got nothing"):
        parse_protocol("\n".join(lines).encode(), file=FILE, shelf=shelf())


def test_a_last_phase_without_an_end_has_no_unrestricted_day() -> None:
    raw = spoil(FILE, "from = 85, through = 180", "from = 85")

    with pytest.raises(ProtocolError, match="expected nothing, as the last phase has no end, got 181"):
        parse_protocol(raw, file=FILE, shelf=shelf())


def test_a_file_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(ProtocolError, match=rf"^{FILE}: \(file\): expected text in UTF-8, got byte 5 that is not$"):
        parse_protocol(b"id = \xff", file=FILE, shelf=shelf())


def test_a_free_text_in_the_wrong_place_is_not_repeated() -> None:
    raw = spoil(FILE, 'procedure = "tlif"', 'procedure = "operation of Jane Roe"')

    with pytest.raises(ProtocolError) as refused:
        parse_protocol(raw, file=FILE, shelf=shelf())

    assert refused.value.got == "text of 21 characters"
    assert "Jane" not in str(refused.value)


@pytest.mark.parametrize(
    ("good", "bad", "key", "expected", "got"),
    [
        ('key = "first"', 'key = ""', "reminder[1].key", "a text", "''"),
        (
            'anchor = "earliest"',
            'anchor = "later"',
            "reminder[1].anchor",
            "one of earliest, target, latest, arrival",
            "'later'",
        ),
        (
            "local_time = 10:00:00",
            'local_time = "10:00"',
            "reminder[1].local_time",
            "a local time such as 09:00:00",
            "'10:00'",
        ),
        ("useful_hours = 72", "useful_hours = 0", "reminder[1].useful_hours", "at least one hour", "0"),
        ("local_time = 10:00:00\n", "", "reminder[1].local_time", "a local time such as 09:00:00", "nothing"),
        ('weekend = "shift"', 'weekend = "never"', "reminder[1].weekend", "one of send, shift", "'never'"),
        (
            'past_policy = "catch_up"',
            'past_policy = "late"',
            "reminder[1].past_policy",
            one_of(PastPolicy),
            "'late'",
        ),
        (
            'category = "preparation"',
            'category = "nagging"',
            "reminder[1].category",
            one_of(ReminderCategory),
            "'nagging'",
        ),
        ("\nes = ", "\nfr = ", "reminder[1].es", "a text", "nothing"),
        ('key = "last"', 'key = "open"', "reminder", "each key of a kind once", "'prom_baseline.open'"),
        (
            'kind = "discharge"',
            'kind = "mobilise"',
            "without_reminder",
            "kinds without a reminder, each once",
            "mobilise",
        ),
        ('kind = "mobilise"', 'kind = "drive"', "without_reminder", "kinds without a reminder, each once", "drive"),
        (
            'past_policy = "skip"',
            'past_policy = "catch_up"',
            "reminder",
            "one past policy for kind prom_baseline",
            "skip",
        ),
        (
            "Information about preparing",
            "{arrival} about preparing",
            "reminder[1].en",
            "only the placeholders {phone}, {emergency}",
            "'arrival'",
        ),
        (
            'en = "Get up and walk a little with help today."',
            'en = "Call {phone}."',
            "without_reminder[1].en",
            "no placeholder",
            "'phone'",
        ),
        ("version = 1", "version = 3", "version", "the version in the file's name", "3"),
    ],
)
def test_bad_reminders_are_refused(*, good: str, bad: str, key: str, expected: str, got: str) -> None:
    raw = spoil("reminders.v1.toml", good, bad)

    with pytest.raises(ProtocolError) as refused:
        parse_reminders(raw, file="reminders.v1.toml")

    assert (refused.value.file, refused.value.key) == ("reminders.v1.toml", key)
    assert (refused.value.expected, refused.value.got) == (expected, got)


def test_days_after_surgery_do_not_belong_before_it() -> None:
    raw = spoil(
        "preop.v1.toml", "earliest = -14, target = -14, latest = -1", "earliest = -14, target = -14, latest = 1"
    )

    with pytest.raises(ProtocolError, match="expected days before surgery, got -14, -14, 1"):
        parse_milestones(raw, file="preop.v1.toml", phase=Phase.before_surgery, sources=load_library().sources)


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("[restrictions.driving]", "[restrictions.flying]", "restrictions: expected a text driving, got nothing$"),
        (
            "[milestones.opioid_long_term]",
            "[milestones.x]",
            "milestones: expected a text opioid_long_term, got nothing$",
        ),
    ],
)
def test_texts_that_every_plan_needs_must_be_there(good: str, bad: str, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        parse_texts(spoil("texts.v1.toml", good, bad), file="texts.v1.toml")


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ('milestone = "rtw_light"', 'milestone = "rtw_med"', "expected the return to light work, got rtw_med"),
        ("occasional = { to_lb = 20 }", "occasional = { over_lb = 10 }", "the lifting limit must reach, got nothing"),
        ("[work_classes.light]", "[work_classes.featherweight]", "work_classes.light: expected a table, got nothing"),
    ],
)
def test_bad_work_classes_are_refused(good: str, bad: str, message: str) -> None:
    sources: dict[str, Source] = dict(load_library().sources)

    with pytest.raises(ProtocolError, match=message):
        parse_work_classes(spoil("work_classes.v1.toml", good, bad), file="work_classes.v1.toml", sources=sources)


def test_an_hour_is_the_shortest_time_of_use() -> None:
    rules = parse_reminders(
        spoil("reminders.v1.toml", "useful_hours = 72", "useful_hours = 1"), file="reminders.v1.toml"
    )

    assert (rules.templates[0].useful_hours, rules.version, rules.status) == (1, 1, ProtocolStatus.draft)


def test_a_source_id_stands_once() -> None:
    with pytest.raises(ProtocolError, match=r"^sources.toml: source\[2\].id: expected each source once, got 'S01'"):
        parse_sources(spoil("sources.toml", '"S02"', '"S01"'), file="sources.toml")


def test_a_bibliography_may_be_empty() -> None:
    assert parse_sources(b"", file="sources.toml") == {}


def test_a_reminder_of_fasting_may_name_the_time_of_arrival() -> None:
    words = "Your hospital's times for eating and drinking"

    rules = parse_reminders(
        spoil("reminders.v1.toml", words, "Be there at {arrival}. " + words), file="reminders.v1.toml"
    )

    (evening,) = rules.for_kind(MilestoneKind.fasting)
    assert evening.text.en.startswith("Be there at {arrival}.")
