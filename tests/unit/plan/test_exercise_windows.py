"""From when to when each exercise is asked about: exactly the days on which the rules of one day ask about it."""

from datetime import date, timedelta

import pytest

from schedules.plan.exercise_windows import ExerciseFacts, Window, exercises_told, windows_of
from schedules.plan.exercises import EXERCISE_OF_KEY, EXERCISES, exercises_asked
from schedules.plan.items import Plan, PlannedRestriction
from schedules.plan.lifted import Cleared, StandingClearances
from schedules.plan.limit_rows import limit_row_on
from schedules.plan.protocol import Text, WorkDemands
from schedules.plan.vocabulary import Grade, Procedure, RestrictionKind

WALK, SITTING, THERAPY = (EXERCISE_OF_KEY[key] for key in ("walk", "sit_breaks", "therapy"))
DAY0S = {1: date(2026, 3, 2), 2: date(2026, 5, 4)}


def limit(kind: str, from_on: date | None, through_on: date | None = None, stage: int = 1) -> PlannedRestriction:
    return PlannedRestriction(
        kind=RestrictionKind(kind),
        occurrence=stage,
        sequence=1,
        from_days=0,
        through_days=None,
        from_on=from_on,
        through_on=through_on,
        limit_lb=None,
        text=Text(en="Do not bend.", es="No se doble."),
        binding_procedure=Procedure.lumbar_microdiscectomy,
        grade=Grade.C,
        sources=(),
        lifted_by="blt_end",
        lifted_by_occurrence=stage,
    )


def facts(*limits: PlannedRestriction, cleared: tuple[Cleared, ...] = (), **reached: date) -> ExerciseFacts:
    return ExerciseFacts(limits, cleared, DAY0S, reached)


def cleared(stage: int, on: date, revoked_on: date | None = None) -> Cleared:
    return Cleared("blt_end", stage, on, revoked_on)


def test_protection_lasts_until_a_clinician_ends_the_limit_whatever_the_day() -> None:
    open_end = facts(limit("bending_twisting", date(2026, 3, 2)))
    ended = facts(limit("bending_twisting", date(2026, 3, 2)), cleared=(cleared(1, date(2026, 4, 13)),))

    assert windows_of(WALK, open_end) == (Window(date(2026, 3, 2), None),)
    assert windows_of(WALK, ended) == (Window(date(2026, 3, 2), date(2026, 4, 12)),)
    assert windows_of(SITTING, open_end) == ()


def test_a_clearance_that_was_taken_back_leaves_a_gap() -> None:
    told = facts(
        limit("bending_twisting", date(2026, 3, 2)), cleared=(cleared(1, date(2026, 4, 13), date(2026, 4, 20)),)
    )

    assert windows_of(WALK, told) == (Window(date(2026, 3, 2), date(2026, 4, 12)), Window(date(2026, 4, 20), None))


def test_two_stages_are_one_window_where_they_meet_and_two_where_days_lie_between() -> None:
    first = limit("sitting", date(2026, 3, 2), date(2026, 5, 3))
    meets = limit("sitting", date(2026, 5, 4), date(2026, 6, 1), stage=2)
    later = limit("sitting", date(2026, 5, 6), date(2026, 6, 1), stage=2)

    assert windows_of(SITTING, facts(later, first)) == (
        Window(date(2026, 3, 2), date(2026, 5, 3)),
        Window(date(2026, 5, 6), date(2026, 6, 1)),
    )
    assert windows_of(SITTING, facts(meets, first)) == (Window(date(2026, 3, 2), date(2026, 6, 1)),)


def test_therapy_is_asked_about_from_the_day_on_which_it_began_and_nothing_without_a_date() -> None:
    undated = limit("bending_twisting", None)

    assert windows_of(THERAPY, facts(undated, pt_start=date(2026, 4, 20))) == (Window(date(2026, 4, 20), None),)
    assert exercises_told(facts(undated)) == []


def test_what_is_told_is_json_in_both_languages_with_grade_and_sources() -> None:
    (told, other) = exercises_told(facts(limit("bending_twisting", date(2026, 3, 2), date(2026, 4, 12))))

    assert told == {
        "key": "spine_straight",
        "phase": "protect",
        "text": {
            "en": "I got up, turned and reached without bending or twisting my spine.",
            "es": "Me levanté, giré y alcancé cosas sin doblar ni girar la columna.",
        },
        "grade": "E",
        "sources": ["S72"],
        "windows": [{"from_on": "2026-03-02", "through_on": "2026-04-12"}],
    }
    assert other["key"] == "walk"


@pytest.mark.parametrize(
    "clearances",
    [
        (),
        (cleared(1, date(2026, 4, 13)),),
        (cleared(1, date(2026, 2, 1)),),  # before its surgery: it lifts nothing
        (cleared(2, date(2026, 5, 20)),),
        (cleared(1, date(2026, 4, 13), date(2026, 4, 20)), cleared(2, date(2026, 5, 20), date(2026, 5, 21))),
        (cleared(1, date(2026, 4, 13), date(2026, 4, 13)),),
    ],
)
def test_windows_hold_exactly_the_days_on_which_an_exercise_is_asked_about(clearances: tuple[Cleared, ...]) -> None:
    limits = (
        limit("bending_twisting", date(2026, 3, 2), date(2026, 5, 3)),
        limit("bending_twisting", date(2026, 5, 4), stage=2),
        limit("sitting", date(2026, 3, 2), date(2026, 3, 29)),
    )
    told = ExerciseFacts(limits, clearances, DAY0S, {"pt_start": date(2026, 4, 20)})

    for on in (date(2026, 2, 20) + timedelta(days=days) for days in range(120)):
        standing = StandingClearances(Plan((), limits), clearances, on=on, day0s=DAY0S)
        rows = (
            (row, limit_row_on(row, on, clearances=standing, work=WorkDemands((), ()), kinds={}, barred={}))
            for row in limits
        )
        reached = {"pt_start"} if on >= date(2026, 4, 20) else set()
        asked = exercises_asked({row.kind for row, on_day in rows if on_day.active}, reached)
        assert {each for each in EXERCISES if _covers(windows_of(each, told), on)} == set(asked), on


def _covers(windows: tuple[Window, ...], on: date) -> bool:
    return any(each.from_on <= on and (each.through_on is None or on <= each.through_on) for each in windows)
