from datetime import date

import pytest

from models import Practice
from schedules.plan.errors import PlanError
from schedules.plan.items import ClinicRules
from schedules.plan.library import load_library
from schedules.plan.vocabulary import MilestoneKind
from schedules.plan.work_table import write_work_table
from schedules.planning.closed_days import check_calendar, closed_days, public_holidays
from schedules.planning.rules import clinic_rules


def practice(calendar: str | None = None, *, closed_on: list[str] | None = None) -> Practice:
    return Practice(closed_on=closed_on or [], holiday_calendar=calendar, workers_comp_percent=100)


def test_a_clinic_without_a_calendar_is_closed_on_its_own_days_alone() -> None:
    clinic = practice(closed_on=["2026-11-27", "2026-12-24"])

    days = closed_days(clinic, first_on=date(2026, 1, 1), last_on=date(2026, 12, 31))

    assert days == {date(2026, 11, 27), date(2026, 12, 24)}


def test_public_holidays_and_the_clinics_own_days_are_closed() -> None:
    clinic = practice("US", closed_on=["2026-11-27"])

    days = closed_days(clinic, first_on=date(2026, 11, 1), last_on=date(2026, 11, 30))

    assert {date(2026, 11, 26), date(2026, 11, 27)} <= days
    assert date(2026, 11, 25) not in days


def test_a_holiday_on_a_saturday_is_observed_on_the_friday() -> None:
    days = public_holidays("US", first_on=date(2026, 7, 1), last_on=date(2026, 7, 31))

    assert date(2026, 7, 3) in days


def test_new_years_day_on_a_saturday_is_observed_in_the_year_before() -> None:
    days = public_holidays("US", first_on=date(2021, 12, 1), last_on=date(2021, 12, 31))

    assert date(2021, 12, 31) in days


def test_a_region_has_its_own_holidays() -> None:
    bavaria = public_holidays("DE-BY", first_on=date(2026, 1, 1), last_on=date(2026, 1, 31))
    germany = public_holidays("DE", first_on=date(2026, 1, 1), last_on=date(2026, 1, 31))

    assert date(2026, 1, 6) in bavaria
    assert date(2026, 1, 6) not in germany


def test_the_holidays_of_the_next_year_are_known_where_a_shift_may_reach_it() -> None:
    days = public_holidays("US", first_on=date(2026, 12, 1), last_on=date(2026, 12, 31))

    assert date(2027, 1, 1) in days


@pytest.mark.parametrize("year", [1, 1900, 2101, 9999])
def test_years_that_the_calendar_does_not_know_have_no_holidays(year: int) -> None:
    assert public_holidays("US", first_on=date(year, 1, 1), last_on=date(year, 12, 31)) <= public_holidays(
        "US", first_on=date(1901, 1, 1), last_on=date(2100, 12, 31)
    )


@pytest.mark.parametrize("calendar", ["", "XX", "us", "USA", "Germany", "US-", "US-XX", "US-NY-1", "-NY"])
def test_a_calendar_that_is_not_known_is_refused(calendar: str) -> None:
    with pytest.raises(PlanError) as refusal:
        check_calendar(calendar)

    assert refusal.value.where == "holiday_calendar"


def test_a_practices_settings_are_the_rules_of_its_plans() -> None:
    shipped = load_library().protocols[0].work
    clinic = practice()
    clinic.work_table = write_work_table(shipped) | {"sources": []}
    clinic.workers_comp_percent = 150

    rules = clinic_rules(clinic)

    assert rules.workers_comp_percent == 150
    assert rules.work is not None
    assert rules.work.of_milestone(MilestoneKind.rtw_med) == shipped.of_milestone(MilestoneKind.rtw_med)


def test_a_practice_that_set_nothing_changes_no_plan() -> None:
    assert clinic_rules(practice()) == ClinicRules()
