"""What the plan engine says when it refuses: where, what it expected, what came."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from schedules.plan.build import ClinicRules, PatientFacts, build_plan
from schedules.plan.days import day_after
from schedules.plan.errors import PlanError, ProtocolError
from schedules.plan.identity import plan_row_id
from schedules.plan.library import PROTOCOL_FOLDER, approach_class_of, load_library, read_library
from schedules.plan.reminders import ReminderPrefs, plan_reminders
from schedules.plan.timing import (
    QuietHours,
    days_after,
    hold_for_quiet_hours,
    hours_after,
    local_time,
    next_open_day,
    wall_instant,
)
from schedules.plan.vocabulary import Approach, ApproachClass, MilestoneKind, Procedure
from tests.unit.plan.samples import plan, protocol, stage

BERLIN, FAR_EAST = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Kiritimati")
NIGHT = QuietHours(start=time(21), end=time(8))
SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
AWARE = time(9, tzinfo=UTC)
MONDAY, LAST_DAY = date(2026, 3, 2), date(9999, 12, 31)
LAST = datetime(9999, 12, 31, 23, tzinfo=UTC)


def percent(given: int) -> object:
    return build_plan([stage()], PatientFacts(None), enrolled_on=date(2026, 1, 1), clinic=ClinicRules(None, given))


def mini_open(procedure: Procedure) -> object:
    return approach_class_of(procedure, Approach.mini_open)


def level_of(kind: MilestoneKind) -> object:
    return protocol("MD-MISS").work.of_milestone(kind)


REFUSALS: dict[str, Callable[[], object]] = {
    "quiet_hours: expected two different times, got 21:00:00": lambda: QuietHours(start=time(21), end=time(21)),
    "quiet_hours: expected wall times without a zone, got a zone": lambda: QuietHours(
        start=time(21), end=time(8, tzinfo=UTC)
    ),
    "wall time: expected a time without a zone, got a zone": lambda: wall_instant(
        date(2026, 3, 2), time(9, tzinfo=UTC), BERLIN
    ),
    "instant: expected an aware time, got a naive one": lambda: local_time(datetime(2026, 3, 2, 9), BERLIN),  # noqa: DTZ001
    "date: expected a time in years 1 to 9999, got 9999-12-31": lambda: local_time(LAST, FAR_EAST),
    "date: expected a time in years 1 to 9999, got 9999-12-30": lambda: days_after(date(9999, 12, 30), 2),
    "date: expected a time in years 1 to 9999, got 0001-01-01": lambda: wall_instant(date(1, 1, 1), time(0), BERLIN),
    "day0: expected a day whose day 15 lies in years 1 to 9999, got 9999-12-31": lambda: day_after(
        date(9999, 12, 31), 15
    ),
    "occurrence: expected 1 or more, got 0": lambda: plan_row_id("p", "e", "milestone", "drive", 0),
    "approach: expected mini_open for alif or llif only, got 'tlif'": lambda: approach_class_of(
        Procedure.tlif, Approach.mini_open
    ),
    "approach: expected one of endoscopic, open, tubular, got 'anterior'": lambda: load_library().select(
        Procedure.tlif, Approach.anterior, None, 1
    ),
    "approach_class: expected miss, the only choice for llif, got 'open'": lambda: load_library().select(
        Procedure.llif, Approach.mini_open, ApproachClass.open, 1
    ),
    "levels: expected at least 1, got 0": lambda: load_library().select(Procedure.acdf, Approach.anterior, None, 0),
    "work_classes: expected a level for every return to work, got 'drive'": lambda: protocol(
        "MD-MISS"
    ).work.of_milestone(MilestoneKind.drive),
    "stages: expected ordinals from 1, each once, got 1, 1": lambda: plan(stage(), stage()),
    "stages: expected ordinals from 1, each once, got 0": lambda: plan(stage(ordinal=0)),
    "day0: expected a date without a time, got datetime": lambda: plan(stage(day0=datetime(2026, 3, 2, tzinfo=UTC))),
    "workers_comp_percent: expected 100 or more, got 99": lambda: percent(99),
}


@pytest.mark.parametrize("message", REFUSALS)
def test_a_refusal_says_where_what_was_expected_and_what_came(message: str) -> None:
    with pytest.raises(PlanError) as refused:
        REFUSALS[message]()

    error = refused.value
    assert str(error) == message
    assert error.args[:3] == (error.where, error.expected, error.got)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda folder: (folder / "digests.toml").unlink(),
            "digests.toml: (file): expected the digests of all released files, got no file",
        ),
        (
            lambda folder: (folder / "prom.v1.toml").unlink(),
            "prom.v1.toml: (file): expected a released file, got no file",
        ),
        (
            lambda folder: (folder / "prom.v2.toml").write_text("version = 2\n"),
            "digests.toml: sha256.prom.v2.toml: expected a text, got nothing",
        ),
        (
            lambda folder: (folder / "prom.v1.toml").write_text(""),
            f"prom.v1.toml: (file): expected the released bytes; a change needs a new version, got {SHA256_OF_NOTHING}",
        ),
    ],
)
def test_content_that_is_not_as_it_was_pinned_is_refused(
    spoil: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "protocols"
    shutil.copytree(PROTOCOL_FOLDER, folder)
    spoil(folder)

    with pytest.raises(ProtocolError) as refused:
        read_library(folder)

    assert str(refused.value) == message


def test_rules_are_needed_for_every_stage() -> None:
    with pytest.raises(PlanError, match=r"^messages: expected rules for each stage, got none for stage 1$"):
        plan_reminders(plan(stage()), {}, ReminderPrefs(zone=BERLIN, clinic_zone=BERLIN))


def test_the_ends_of_the_calendar_are_reached_and_not_passed() -> None:
    assert days_after(date(9999, 12, 30), 1) == date(9999, 12, 31)
    assert hours_after(LAST, 0) == LAST
    assert next_open_day(date(9999, 12, 31), closed=frozenset()) == date(9999, 12, 31)  # a Friday
    closed = frozenset({date(9999, 12, 31)})
    beyond: Callable[[], object]
    for beyond in (lambda: hours_after(LAST, 1), lambda: next_open_day(date(9999, 12, 31), closed=closed)):
        with pytest.raises(PlanError, match=r"^date: expected a time in years 1 to 9999, got 9999-12-31$"):
            beyond()


def test_quiet_hours_answer_in_utc_and_end_where_they_end() -> None:
    in_berlin = datetime(2026, 3, 2, 12, 0, tzinfo=BERLIN)
    asleep, awake = datetime(2026, 3, 2, 3, 0, tzinfo=UTC), datetime(2026, 3, 2, 7, 0, tzinfo=UTC)

    assert hold_for_quiet_hours(in_berlin, NIGHT, BERLIN).isoformat() == "2026-03-02T11:00:00+00:00"
    assert hold_for_quiet_hours(asleep, NIGHT, BERLIN) == awake
    assert hold_for_quiet_hours(awake, NIGHT, BERLIN) == awake
