"""Work status: three values, dates for ends, restrictions in force, and what is expected from a day on."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from schedules.plan.build import Stage
from schedules.plan.items import PatientFacts
from schedules.plan.lifted import Cleared
from schedules.plan.protocol import PoundsRange
from schedules.plan.vocabulary import Binding, Grade, LimitState, Procedure, RestrictionKind, WorkClass, WorkStatus
from schedules.plan.work import WorkOption
from schedules.plan.work_status import Ending, NoStatus, OpenEnd, WorkCase, WorkReport, return_range, work_status_on
from schedules.plan.work_terms import WorkRestriction, work_terms
from tests.unit.plan.samples import DAY0, plan, protocol, stage

LIFTING, BENDING, DRIVING = RestrictionKind.lifting, RestrictionKind.bending_twisting, RestrictionKind.driving
RTW_LIGHT = Cleared("rtw_light", 1, date(2026, 3, 16))


def case(own: WorkClass | None, *clearances: Cleared, stages: tuple[Stage, ...] = (), **changes: Any) -> WorkCase:
    """Return the case of a microdiscectomy on 2 March 2026, unless `stages` say otherwise."""
    chosen = stages or (stage(),)
    return WorkCase(
        plan=plan(*chosen, patient=PatientFacts(own)),
        clearances=clearances,
        day0s={each.ordinal: each.day0 for each in chosen},
        work=protocol("MD-MISS").work,
        own_class=own,
        **changes,
    )


def report(own: WorkClass | None, on: date, *clearances: Cleared, **changes: Any) -> WorkReport:
    return work_status_on(case(own, *clearances, **changes), on)


def status(found: WorkReport) -> WorkStatus | None:
    return None if found.terms is None else found.terms.status


def outline(found: WorkReport) -> list[tuple[date, date | OpenEnd | None, WorkStatus]]:
    """Return each period's first day, last day or why it has none, and status."""
    return [
        (each.effective_on, each.expected_end.on or each.expected_end.why, each.terms.status) for each in found.periods
    ]


def test_before_a_clearance_the_patient_is_prevented_up_to_the_day_before_the_first_eligible_one() -> None:
    found = report(WorkClass.medium, date(2026, 3, 4))

    assert (found.on, status(found), found.effective_on) == (date(2026, 3, 4), WorkStatus.prevented, DAY0)
    assert found.expected_end == Ending(date(2026, 4, 27))  # day 56: medium is eligible on day 57 (evidence 11)
    assert found.terms is not None
    assert (found.terms.work_class, found.terms.handling) == (None, None)


def test_restrictions_in_force_carry_their_figures_and_their_own_ends() -> None:
    found = report(WorkClass.medium, date(2026, 3, 4))

    assert found.terms is not None
    assert found.terms.restrictions == (
        WorkRestriction(LIFTING, 10, None),
        WorkRestriction(BENDING, None, None),
        WorkRestriction(DRIVING, None, None),
        WorkRestriction(RestrictionKind.sitting, None, 20),
    )
    assert [each.on for each in found.restriction_ends] == [
        date(2026, 3, 16),
        date(2026, 3, 29),
        date(2026, 3, 15),
        date(2026, 3, 16),
    ]


def test_the_periods_ahead_assume_a_clearance_on_each_first_eligible_day() -> None:
    prevented, restricted = WorkStatus.prevented, WorkStatus.with_restrictions

    assert outline(report(WorkClass.medium, date(2026, 3, 20))) == [
        (date(2026, 3, 20), date(2026, 3, 29), prevented),
        (date(2026, 3, 30), date(2026, 3, 30), prevented),
        (date(2026, 3, 31), date(2026, 4, 27), prevented),
        (date(2026, 4, 28), date(2026, 5, 25), restricted),
        (date(2026, 5, 26), OpenEnd.waits_for_clearance, restricted),  # driving was eligible and is not cleared
    ]


def test_no_day_is_expected_for_what_a_finding_says_no_to() -> None:
    healing = report(WorkClass.light, date(2026, 3, 4))
    wound_open = report(WorkClass.light, date(2026, 3, 4), refused=frozenset({("rtw_light", 1)}))

    assert healing.expected_end == Ending(date(2026, 3, 29))
    assert wound_open.expected_end == Ending(None, OpenEnd.waits_for_clearance)
    assert {each.terms.status for each in wound_open.periods} == {WorkStatus.prevented}
    assert wound_open.restriction_ends == healing.restriction_ends


@pytest.mark.parametrize(
    ("own", "on", "why"),
    [
        (WorkClass.light, date(2026, 3, 30), OpenEnd.waits_for_clearance),
        (WorkClass.very_heavy, date(2026, 3, 30), OpenEnd.surgeon_decides),
    ],
)
def test_an_end_without_a_date_says_why(own: WorkClass, on: date, why: OpenEnd) -> None:
    found = report(own, on)

    assert (status(found), found.expected_end) == (WorkStatus.prevented, Ending(None, why))


def test_a_restriction_whose_day_has_come_waits_for_its_clearance() -> None:
    found = report(WorkClass.light, date(2026, 6, 1))

    assert found.restriction_ends == (Ending(None, OpenEnd.waits_for_clearance),) * 3


def test_a_limit_that_ends_between_two_others_ends_on_its_own_day() -> None:
    shipped = protocol("MD-MISS")
    assert shipped.sitting is not None
    shorter = replace(shipped, sitting=replace(shipped.sitting, through_days=10))

    found = report(WorkClass.medium, date(2026, 3, 4), stages=(replace(stage(), protocol=shorter),))

    assert found.restriction_ends[-1] == Ending(date(2026, 3, 12))


def test_the_last_day_before_the_eligible_one_still_has_a_dated_end() -> None:
    assert report(WorkClass.light, date(2026, 3, 29)).expected_end == Ending(date(2026, 3, 29))


def test_cleared_work_is_with_restrictions_while_any_limit_at_work_holds() -> None:
    found = report(WorkClass.light, date(2026, 3, 20), RTW_LIGHT)

    assert found.terms is not None
    assert (found.terms.status, found.terms.work_class) == (WorkStatus.with_restrictions, WorkClass.light)
    assert found.effective_on == date(2026, 3, 16)
    assert found.terms.handling is not None
    assert found.terms.handling.occasional == PoundsRange(None, 20)
    assert found.terms.handling.frequent == PoundsRange(None, 10)
    assert found.terms.handling.constant is None


@pytest.mark.parametrize(
    ("state", "pounds"),
    [
        (LimitState.restricted, [8, 8, 8]),
        (LimitState.eligible, [8, 8, 8]),
        (LimitState.cleared, [50, 25, 10]),
    ],
)
def test_the_pounds_of_a_class_never_exceed_a_lifting_limit_that_holds(state: LimitState, pounds: list[int]) -> None:
    cleared = Cleared("rtw_heavy", 1, date(2026, 3, 16), work_class=WorkClass.medium)
    limits = case(WorkClass.heavy, cleared).limits(date(2026, 3, 20))
    lower = replace(limits, lifting=replace(limits.lifting, state=state, limit_lb=8))

    handling = work_terms(lower).handling

    assert handling is not None
    assert [each and each.to_lb for each in (handling.occasional, handling.frequent, handling.constant)] == pounds


def test_pounds_are_lowered_to_the_lifting_limit_and_lower_bounds_are_nobodys_restriction() -> None:
    cleared = Cleared("rtw_heavy", 1, date(2026, 3, 16), work_class=WorkClass.medium)

    found = report(WorkClass.heavy, date(2026, 3, 20), cleared)

    assert found.terms is not None
    assert found.terms.handling is not None
    assert found.terms.work_class is WorkClass.medium
    assert found.terms.handling.occasional == PoundsRange(None, 50)
    assert found.terms.handling.frequent == PoundsRange(None, 25)
    assert found.terms.handling.constant == PoundsRange(None, 10)


def test_work_without_a_bound_and_without_a_lifting_limit_has_no_pounds() -> None:
    cleared = [Cleared(key, 1, date(2026, 5, 26)) for key in ("rtw_very_heavy", "lifting_4")]

    found = report(WorkClass.very_heavy, date(2026, 6, 1), *cleared)

    assert found.terms is not None
    assert (found.terms.status, found.terms.work_class) == (WorkStatus.with_restrictions, WorkClass.very_heavy)
    assert found.terms.handling is not None
    assert found.terms.handling.occasional == PoundsRange(None, None)


def test_a_lesser_class_than_the_patients_own_is_never_without_restrictions() -> None:
    keys = ("blt_end", "drive", "lifting_4")
    lifted = [Cleared(key, 1, date(2026, 5, 26)) for key in keys]
    partly = Cleared("rtw_medium", 1, date(2026, 5, 26))
    modified = Cleared("rtw_med", 1, date(2026, 5, 26), work_class=WorkClass.light)
    whole = Cleared("rtw_med", 1, date(2026, 5, 26))
    on = date(2026, 5, 27)

    assert status(report(WorkClass.medium, on, *lifted, partly)) is WorkStatus.prevented
    assert status(report(WorkClass.medium, on, *lifted, modified)) is WorkStatus.with_restrictions
    free = report(WorkClass.medium, on, *lifted, whole)
    assert (status(free), free.expected_end) == (WorkStatus.without_restrictions, Ending(None, OpenEnd.no_end))
    assert free.terms is not None
    assert (free.terms.restrictions, free.terms.handling, free.restriction_ends) == ((), None, ())


def test_a_revoked_clearance_prevents_from_its_day_on() -> None:
    revoked = Cleared("rtw_light", 1, date(2026, 3, 16), revoked_on=date(2026, 3, 20))

    before, after, since = (report(WorkClass.light, date(2026, 3, day), revoked) for day in (19, 20, 25))

    assert (status(before), before.expected_end) == (WorkStatus.with_restrictions, Ending(date(2026, 3, 19)))
    assert (status(after), after.effective_on) == (WorkStatus.prevented, date(2026, 3, 20))
    assert (status(since), since.effective_on) == (WorkStatus.prevented, date(2026, 3, 20))


def test_for_a_class_that_is_not_known_it_is_never_without_restrictions() -> None:
    heavy = Cleared("rtw_heavy", 1, date(2026, 5, 26))
    lifted = [Cleared(key, 1, date(2026, 5, 26)) for key in ("blt_end", "drive")]

    found = report(None, date(2026, 6, 1), heavy, *lifted)

    assert (status(found), found.expected_end) == (
        WorkStatus.with_restrictions,
        Ending(None, OpenEnd.class_not_known),
    )
    assert outline(found) == [(date(2026, 6, 1), OpenEnd.class_not_known, WorkStatus.with_restrictions)]


def test_a_bar_holds_on_its_day_alone() -> None:
    lifted = [Cleared(key, 1, date(2026, 5, 26)) for key in ("blt_end", "drive", "lifting_4", "rtw_light")]
    barred = {DRIVING: date(2026, 6, 1)}

    found = report(WorkClass.light, date(2026, 6, 1), *lifted, barred=barred)

    assert found.terms is not None
    assert found.terms.restrictions == (WorkRestriction(DRIVING, None, None),)
    assert (found.effective_on, found.expected_end) == (date(2026, 6, 1), Ending(date(2026, 6, 1)))
    assert outline(found) == [
        (date(2026, 6, 1), date(2026, 6, 1), WorkStatus.with_restrictions),
        (date(2026, 6, 2), OpenEnd.no_end, WorkStatus.without_restrictions),
    ]


def test_a_bar_on_the_day_of_another_clearance_holds_and_the_status_goes_on() -> None:
    lifted = [Cleared(key, 1, date(2026, 5, 26)) for key in ("drive", "lifting_4", "rtw_light")]
    bending = Cleared("blt_end", 1, date(2026, 6, 1))

    found = report(WorkClass.light, date(2026, 6, 1), *lifted, bending, barred={DRIVING: date(2026, 6, 1)})

    assert found.terms is not None
    assert found.terms.restrictions == (WorkRestriction(DRIVING, None, None),)
    assert (found.effective_on, found.expected_end) == (date(2026, 5, 26), Ending(date(2026, 6, 1)))


def test_a_later_stage_prevents_again() -> None:
    stages = (stage("INTRACEPT", day0=date(2026, 3, 1)), stage(day0=date(2026, 3, 22), ordinal=2))
    cleared = Cleared("rtw_sed", 1, date(2026, 3, 4))

    found = {day: report(WorkClass.sedentary, date(2026, 3, day), cleared, stages=stages) for day in (3, 4, 21, 22)}

    assert [status(each) for each in found.values()] == [
        WorkStatus.prevented,
        WorkStatus.with_restrictions,
        WorkStatus.with_restrictions,
        WorkStatus.prevented,
    ]
    assert found[3].expected_end == Ending(date(2026, 3, 3))
    assert found[4].expected_end == Ending(date(2026, 3, 21))
    assert (found[22].effective_on, found[22].expected_end) == (date(2026, 3, 22), Ending(date(2026, 4, 4)))


@pytest.mark.parametrize(
    ("own", "on", "day0", "expected"),
    [
        (WorkClass.not_working, date(2026, 3, 4), DAY0, NoStatus.not_working),
        (WorkClass.light, date(2026, 3, 1), DAY0, NoStatus.before_surgery),
        (WorkClass.light, date(2026, 3, 2), DAY0, None),
        (WorkClass.light, date(2026, 3, 4), None, NoStatus.no_date),
    ],
)
def test_where_there_is_no_status_the_report_says_why(
    own: WorkClass, on: date, day0: date | None, expected: NoStatus | None
) -> None:
    found = report(own, on, stages=(stage(day0=day0),))

    assert (found.on, found.no_status) == (on, expected)
    assert (found.terms is None, found.periods == (), found.expected_end is None) == (expected is not None,) * 3


def test_the_calendars_last_day_has_a_report() -> None:
    assert len(report(WorkClass.light, date.max).periods) == 1


def option(**changes: Any) -> WorkOption:
    values: dict[str, Any] = {
        "work_class": WorkClass.medium,
        "occurrence": 1,
        "earliest_on": date(2026, 3, 30),
        "target_on": date(2026, 4, 13),
        "latest_on": date(2026, 4, 27),
        "eligible_on": date(2026, 4, 13),
        "binds": Binding.target,
        "binding_procedure": Procedure.lumbar_microdiscectomy,
        "binding_stage": 1,
        "not_before_on": None,
        "grade": Grade.E,
        "sources": (),
    }
    return WorkOption(**values | changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (date(2026, 3, 30), date(2026, 4, 27))),
        ({"eligible_on": date(2026, 4, 14)}, (date(2026, 4, 14), date(2026, 4, 27))),
        ({"eligible_on": date(2026, 4, 27)}, (date(2026, 4, 27), date(2026, 4, 27))),
        ({"eligible_on": date(2026, 4, 28)}, (date(2026, 4, 28), None)),
        ({"latest_on": None}, (date(2026, 3, 30), None)),
        ({"eligible_on": None}, (None, None)),
    ],
)
def test_the_range_of_the_return(changes: dict[str, Any], expected: tuple[date | None, date | None]) -> None:
    assert return_range(option(**changes)) == expected
