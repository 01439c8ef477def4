"""A simulation over all days, zones and facts: an answer or a refusal, and every message told once, on its own day."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.plan.build import PatientFacts, Stage
from schedules.plan.errors import PlanError
from schedules.plan.limits import limits_on
from schedules.plan.reminders import PLANNED, ReminderPrefs, plan_reminders
from schedules.plan.simulate import Scenario, simulate, stage_messages
from schedules.plan.timing import days_after
from tests.property.test_plan_properties import patients, preferences, stages, usual_days, usual_instants

DAYS = 90


@settings(deadline=None, max_examples=60)
@given(st.lists(stages(usual_days), min_size=1, max_size=3, unique_by=lambda stage: stage.ordinal), patients,
       preferences(), usual_instants, usual_days)  # fmt: skip
def test_every_message_of_the_days_is_told_once_at_its_instant(
    of_patient: list[Stage], patient: PatientFacts, prefs: ReminderPrefs, enrolled_at: datetime, from_on: date
) -> None:
    scenario = Scenario(tuple(of_patient), patient, prefs, enrolled_at)

    simulation = simulate(scenario, from_on=from_on, days=DAYS)

    through_on = days_after(from_on, DAYS - 1)
    planned = plan_reminders(simulation.plan, stage_messages(scenario), prefs)
    due = [each for each in planned if each.outcome is PLANNED]
    told = [message.reminder for day in simulation.days for message in day.messages]
    assert sorted(told, key=repr) == sorted(
        (each for each in due if from_on <= each.due_at.astimezone(prefs.zone).date() <= through_on), key=repr
    )
    assert all(message.local_at == message.reminder.due_at for day in simulation.days for message in day.messages)
    assert not {each.identity for each in simulation.not_sent} & {each.identity for each in due}


@settings(deadline=None, max_examples=60)
@given(stages(usual_days), patients, usual_days)
def test_the_strictest_lifting_limit_is_that_of_the_day(stage: Stage, patient: PatientFacts, from_on: date) -> None:
    zone = ZoneInfo("America/New_York")
    enrolled_at = datetime(2000, 1, 1, 12, tzinfo=zone)

    simulation = simulate(
        Scenario((stage,), patient, ReminderPrefs(zone, zone), enrolled_at), from_on=stage.day0 or from_on, days=DAYS
    )

    for day in simulation.days[::10]:
        limits = limits_on(
            simulation.plan, day.on, clearances=(), day0s={stage.ordinal: stage.day0}, work=stage.protocol.work,
            own_class=patient.work_class,
        )  # fmt: skip
        assert limits.lifting.limit_lb == day.lifting_lb


@settings(deadline=None, max_examples=60)
@given(stages(st.dates()), patients, preferences(), usual_instants, st.dates(), st.integers(-1, 30))
def test_any_day_gives_an_answer_or_a_refusal(
    stage: Stage, patient: PatientFacts, prefs: ReminderPrefs, enrolled_at: datetime, from_on: date, days: int
) -> None:
    try:
        simulation = simulate(Scenario((stage,), patient, prefs, enrolled_at), from_on=from_on, days=days)
    except PlanError:
        return

    assert len(simulation.days) == days
