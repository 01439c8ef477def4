"""The pure rules about alerts: who is called next, who is on call, what raises one, and how it moves."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedules.plan.alert_rules import (
    ALERT_RULES,
    PainReport,
    is_far_behind,
    is_silent,
    pain_low_point,
)
from schedules.plan.errors import PlanError
from schedules.plan.escalation import ANSWERING, EVERYONE, CallRound, Rota, next_round, wait_of_round
from schedules.plan.on_call import Shift, WallSpan, covered_until, on_call_at
from schedules.plan.red_flag import Urgency
from schedules.plan.vocabulary import AlertUrgency, Grade, OnCallPlace

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FIRST, SECOND, FALLBACK = OnCallPlace


def test_every_figure_without_a_source_is_grade_e() -> None:
    assert {(each.grade, each.sources) for each in ANSWERING.values()} == {(Grade.E, ())}
    assert {rule.grade for rule in ALERT_RULES} == {Grade.E}


def test_every_red_flag_has_its_urgency_among_those_that_call_people() -> None:
    assert {AlertUrgency(each.value) for each in Urgency} == set(ANSWERING)


def test_what_is_more_urgent_must_be_acknowledged_sooner() -> None:
    minutes = [ANSWERING[each].acknowledge_minutes for each in AlertUrgency if each in ANSWERING]

    assert minutes == sorted(minutes)


def test_the_chain_is_called_place_by_place_then_everyone_again_and_again() -> None:
    rota = Rota({FIRST: ["a"], SECOND: ["b"], FALLBACK: ["c"]}, admins=("boss",))

    rounds = [next_round(level, rota) for level in range(EVERYONE + 1)]

    everyone = CallRound(EVERYONE, ("a", "b", "c", "boss"), with_phone=True)
    assert rounds == [CallRound(1, ("a",)), CallRound(2, ("b",)), CallRound(3, ("c",)), everyone, everyone]


def test_places_with_nobody_are_passed_over_at_once() -> None:
    assert next_round(0, Rota({SECOND: ["b"]})) == CallRound(2, ("b",))
    assert next_round(2, Rota({SECOND: ["b"]})) == CallRound(EVERYONE, ("b",), with_phone=True)
    assert next_round(0, Rota({})) == CallRound(EVERYONE, (), with_phone=True)


def test_the_first_round_lasts_until_the_acknowledgement_is_due() -> None:
    answering = ANSWERING[AlertUrgency.emergency_department]

    assert wait_of_round(0, answering) == timedelta(minutes=15)
    assert [wait_of_round(level, answering) for level in (1, 2, EVERYONE)] == [timedelta(minutes=10)] * 3


def shift(name: str, begin: int, end: int, place: OnCallPlace = FIRST) -> Shift:
    return Shift(name, place, NOON + timedelta(hours=begin), NOON + timedelta(hours=end))


def test_a_shift_counts_from_its_first_instant_to_before_its_last() -> None:
    shifts = [shift("a", 0, 8), shift("b", 8, 16)]

    assert [on_call_at(shifts, NOON + timedelta(hours=hours))[FIRST] for hours in (-1, 0, 8, 16)] == [
        [], ["a"], ["b"], [],
    ]  # fmt: skip


def test_somebody_watches_until_the_first_gap() -> None:
    shifts = [shift("b", 8, 16, SECOND), shift("a", -1, 8), shift("c", 17, 20), shift("d", 2, 4)]

    assert covered_until(shifts, NOON) == NOON + timedelta(hours=16)
    assert covered_until(shifts, NOON + timedelta(hours=16)) is None
    assert covered_until([], NOON) is None


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("America/New_York", 13), ("Europe/Berlin", 14), ("Asia/Tokyo", 14)],
)
def test_a_night_of_a_clock_change_is_as_long_as_its_zone_makes_it(zone: str, hours: int) -> None:
    night = WallSpan(from_on=date(2026, 3, 7), from_at=time(18), until_on=date(2026, 3, 8), until_at=time(8))

    begins_at, ends_at = night.instants(ZoneInfo(zone))

    assert ends_at - begins_at == timedelta(hours=hours)


def test_a_shift_that_ends_before_it_begins_or_lasts_for_months_is_refused() -> None:
    day = {"from_on": date(2026, 3, 7), "from_at": time(8), "until_at": time(8)}

    with pytest.raises(PlanError):
        WallSpan(until_on=date(2026, 3, 7), **day)  # type: ignore[arg-type]
    with pytest.raises(PlanError):
        WallSpan(until_on=date(2026, 5, 7), **day)  # type: ignore[arg-type]


def pains(*told: int, every: timedelta = timedelta(days=1)) -> list[PainReport]:
    return [PainReport(f"day-{number}", NOON + number * every, pain) for number, pain in enumerate(told)]


@pytest.mark.parametrize(
    ("told", "low"),
    [
        ((8, 6, 4, 3, 6), "day-3"),  # it fell, and rose by 3
        ((8, 6, 4, 3, 5), None),  # by 2 only
        ((3, 4, 6, 8), None),  # it never fell
        ((5, 4, 7), None),  # it fell by 1 only
        ((8, 3, 7, 4), None),  # by now it is down again
        ((8, 3, 6, 7, 9), "day-1"),  # it goes on rising from the same low point
        ((), None),
    ],
)
def test_pain_that_rises_after_it_fell_names_its_low_point(told: tuple[int, ...], low: str | None) -> None:
    found = pain_low_point(list(reversed(pains(*told))))

    assert (None if found is None else found.id) == low


def test_what_is_long_past_does_not_count_as_a_fall() -> None:
    assert pain_low_point(pains(8, 3, 6, every=timedelta(days=10))) is None


def test_silence_depends_on_how_long_after_surgery_it_is() -> None:
    allowed = {0: 3, 14: 3, 15: 7, 42: 7, 43: 14, 90: 14}

    for day, days in allowed.items():
        assert not is_silent(day_after_surgery=day, silent_days=days), day
        assert is_silent(day_after_surgery=day, silent_days=days + 1), day
    assert not is_silent(day_after_surgery=91, silent_days=80)
    assert not is_silent(day_after_surgery=-1, silent_days=80)


def test_far_behind_begins_two_weeks_after_the_last_day() -> None:
    assert not is_far_behind(date(2026, 3, 2), date(2026, 3, 16))
    assert is_far_behind(date(2026, 3, 2), date(2026, 3, 17))
    assert not is_far_behind(None, date(2026, 3, 17))
