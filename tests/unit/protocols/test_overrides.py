"""A protocol's own texts and timing stand in the place of the shared ones, and nowhere else."""

from dataclasses import replace
from datetime import time

import pytest

from schedules.plan.errors import ProtocolError
from schedules.plan.overrides import override_reminders
from schedules.plan.protocol import Protocol, ReminderTemplate, Text
from schedules.plan.toml_table import Table
from schedules.plan.vocabulary import Anchor, Grade, MilestoneKind, PastPolicy, ReminderCategory, WeekendRule
from tests.unit.plan.samples import protocol
from tests.unit.protocols.own_versions import own

WORDS = '\nen = "Ours."\nes = "Nuestro."\n'


def drive_of(of: Protocol) -> ReminderTemplate:
    (template,) = [each for each in of.reminders.for_kind(MilestoneKind.drive) if each.key == "ask"]
    return template


def test_without_overrides_the_shared_content_is_the_same_object() -> None:
    shipped, copy = protocol("MD-MISS"), own()

    assert copy.reminders is shipped.reminders
    assert copy.texts is shipped.texts


def test_texts_take_the_place_of_shared_ones_of_this_protocol_alone() -> None:
    changed = own(
        more=f"\n[texts.milestones.drive]{WORDS}\n[texts.restrictions.driving]{WORDS}\n[texts.reminders.drive.ask]{WORDS}"
    )

    ours, shipped = Text(en="Ours.", es="Nuestro."), protocol("MD-MISS")
    assert changed.texts.milestones["drive"] == changed.texts.restrictions["driving"] == drive_of(changed).text == ours
    assert drive_of(shipped).text != ours
    assert changed.texts.milestones["blt_end"] == shipped.texts.milestones["blt_end"]
    assert len(changed.reminders.templates) == len(shipped.reminders.templates)


def test_timing_takes_the_place_of_the_shared_one_and_is_grade_e() -> None:
    changed = own(
        more="\n[reminders.drive.ask]\nanchor = 'latest'\ndays = -2\nlocal_time = 11:30:00\nuseful_hours = 1\n"
        "weekend = 'send'\npast_policy = 'skip'\ncategory = 'safety'\n"
    )

    drive = drive_of(changed)
    assert (drive.anchor, drive.days, drive.local_time, drive.useful_hours) == (Anchor.latest, -2, time(11, 30), 1)
    assert (drive.weekend, drive.past_policy) == (WeekendRule.send, PastPolicy.skip)
    assert (drive.category, drive.grade) == (ReminderCategory.safety, Grade.E)
    assert drive.text == drive_of(protocol("MD-MISS")).text
    assert changed.reminders.past_policy_of(MilestoneKind.drive) is PastPolicy.skip


def test_what_a_timing_does_not_name_stays() -> None:
    shipped = drive_of(protocol("MD-MISS"))

    drive = drive_of(own(more="\n[reminders.drive.ask]\ndays = 0\n"))

    assert (drive.anchor, drive.local_time, drive.useful_hours) == (
        shipped.anchor,
        shipped.local_time,
        shipped.useful_hours,
    )
    assert (drive.weekend, drive.past_policy, drive.category, drive.days) == (
        shipped.weekend,
        shipped.past_policy,
        shipped.category,
        0,
    )


def test_a_timing_that_names_no_days_keeps_those_of_its_rule() -> None:
    (shipped,) = protocol("MD-MISS").reminders.for_kind(MilestoneKind.fasting)

    (evening,) = own(more="\n[reminders.fasting.evening]\nuseful_hours = 4\n").reminders.for_kind(MilestoneKind.fasting)

    assert evening == replace(shipped, useful_hours=4)
    assert shipped.days == -1


def test_a_changed_timing_is_grade_e_whatever_its_rule_was() -> None:
    shipped = protocol("MD-MISS").reminders
    graded = replace(shipped, templates=tuple(replace(each, grade=Grade.B) for each in shipped.templates))

    changed = override_reminders(Table("own", "reminders", {"drive": {"ask": {"days": 2}}}), None, graded)

    grades = {each.kind: each.grade for each in changed.templates}
    assert (grades.pop(MilestoneKind.drive), set(grades.values())) == (Grade.E, {Grade.B})


@pytest.mark.parametrize(
    ("more", "key", "expected", "got"),
    [
        (f"\n[texts.milestones.shout]{WORDS}", "texts.milestones.shout", "a text that a plan shows", "'shout'"),
        (f"\n[texts.restrictions.walk30]{WORDS}", "texts.restrictions.walk30", "a text that a plan shows", "'walk30'"),
        (
            f"\n[texts.reminders.drive.shout]{WORDS}",
            "texts.reminders.drive.shout",
            "a reminder of the included file, by kind and key",
            "'drive.shout'",
        ),
        (
            f"\n[texts.without_reminder.drive]{WORDS}",
            "texts.without_reminder.drive",
            "a kind without a reminder",
            "'drive'",
        ),
        (f"\n[texts.elsewhere.drive]{WORDS}", "texts.elsewhere", "only keys that are known", "this one"),
        ('\n[texts.milestones.drive]\nen = "Ours."\n', "texts.milestones.drive.es", "a text", "nothing"),
        (
            '\n[texts.milestones.drive]\nen = "a"\nes = "b"\nfr = "c"\n',
            "texts.milestones.drive.fr",
            "only keys that are known",
            "this one",
        ),
        (
            '\n[texts.milestones.drive]\nen = "a\\u0000"\nes = "b"\n',
            "texts.milestones.drive.en",
            "a text of at most 2000 characters without NUL",
            "2 characters",
        ),
        (
            f'\n[texts.milestones.drive]\nen = "{"a" * 2001}"\nes = "b"\n',
            "texts.milestones.drive.en",
            "a text of at most 2000 characters without NUL",
            "2001 characters",
        ),
        *(
            (f"\n[texts.{where}]\nen = 'Call us.'\nes = '{words}'\n", f"texts.{where}.es", expected, got)
            for where, words, expected, got in (
                ("reminders.drive.ask", "{phon}", "only the placeholders {phone}, {emergency}", "'phon'"),
                ("reminders.drive.ask", "{arrival}", "only the placeholders {phone}, {emergency}", "'arrival'"),
                ("reminders.drive.ask", "{limit_lb}", "only the placeholders {phone}, {emergency}", "'limit_lb'"),
                (
                    "reminders.drive.ask",
                    "{0}",
                    "only the placeholders {phone}, {emergency}",
                    "another brace",
                ),
                (
                    "reminders.fasting.evening",
                    "{phone.x}",
                    "only the placeholders {phone}, {emergency}, {arrival}",
                    "another brace",
                ),
                ("without_reminder.mobilise", "{phone}", "no placeholder", "'phone'"),
                ("without_reminder.mobilise", "}", "no placeholder", "another brace"),
            )
        ),
        (
            "\n[texts.reminders.drive.ask]\nen = '{phon}'\nes = 'Llame.'\n",
            "texts.reminders.drive.ask.en",
            "only the placeholders {phone}, {emergency}",
            "'phon'",
        ),
        ("\n[reminders.drive.ask]\nuseful_hours = 0\n", "reminders.drive.ask.useful_hours", "at least one hour", "0"),
        (
            "\n[reminders.drive.ask]\ndays = 100000\n",
            "reminders.drive.ask.days",
            "a whole number from -99999 to 99999",
            "one beyond",
        ),
        ('\n[reminders.drive.ask]\ntext = "x"\n', "reminders.drive.ask.text", "only keys that are known", "this one"),
        (
            '\n[reminders.health_check.d1]\npast_policy = "catch_up"\n',
            "reminders.health_check.d1.past_policy",
            "one past policy for kind health_check",
            "catch_up",
        ),
    ],
)
def test_an_override_of_nothing_is_refused(more: str, key: str, expected: str, got: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        own(more=more)

    error = refusal.value
    assert (error.file, error.key, error.expected, error.got) == ("hudson-disc.v1.toml", key, expected, got)


def test_texts_at_their_bounds_are_taken() -> None:
    long = own(
        more=f'\n[texts.milestones.drive]\nen = "{"a" * 2000}"\nes = "b"\n[reminders.drive.ask]\ndays = -99999\n'
    )

    assert len(long.texts.milestones["drive"].en) == 2000
    assert drive_of(long).days == -99_999


@pytest.mark.parametrize(
    ("good", "bad", "key", "expected", "got"),
    [
        ("walk30      =", "Walk30 =", "milestones.Walk30.kind", "a kind, as the key is not one", "'Walk30'"),
        (
            "walk30      = {",
            'Walk30 = { kind = "walk30",',
            "milestones",
            "keys of 1 to 40 letters a-z, digits and _",
            "'Walk30'",
        ),
        (
            "walk30      = {",
            f'{"w" * 41} = {{ kind = "walk30",',
            "milestones",
            "keys of 1 to 40 letters a-z, digits and _",
            "text of 41 characters",
        ),
        (
            "drive       = {",
            'drive = { kind = "visit",',
            "milestones.drive.kind",
            "drive, as the key is that kind",
            "visit",
        ),
        (
            "walk30      = {",
            'step = { kind = "lifting_step",',
            "milestones.step",
            "a kind that plans do not make themselves",
            "lifting_step",
        ),
        (
            "walk30      = {",
            'check = { kind = "fracture_check",',
            "milestones.check",
            "a kind that plans do not make themselves",
            "fracture_check",
        ),
    ],
)
def test_keys_that_plans_give_a_meaning_to_keep_it(good: str, bad: str, key: str, expected: str, got: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        own("MD-MISS", (good, bad))

    assert (refusal.value.key, refusal.value.expected, refusal.value.got) == (key, expected, got)


@pytest.mark.parametrize("toml", ["x = " + "[" * 20_000, "x = " + "9" * 5_000])
def test_toml_beyond_any_usual_size_is_refused(toml: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        own(more=f"\n{toml}\n")

    assert (refusal.value.file, refusal.value.key) == ("hudson-disc.v1.toml", "(file)")
    assert refusal.value.expected == "TOML of a usual size"
    assert refusal.value.got == "a number or a depth beyond it"
