"""`flask plan`: prints the plan of a procedure, as a clinician reads it. Needs no database and knows no patient."""

from datetime import date, datetime, timedelta

import click
from flask.cli import with_appcontext

from schedules.plan.build import PatientFacts, Plan, Stage, build_plan
from schedules.plan.errors import PlanError
from schedules.plan.library import load_library
from schedules.plan.protocol import Protocol
from schedules.plan.render import render_beside, render_plan
from schedules.plan.vocabulary import ApproachClass, Procedure, Setting, SurgeryStatus, WorkClass
from service.care.simulations import choose_protocols
from service.cli.context import fail

ENROLLED_BEFORE = timedelta(days=90)  # early enough that no item is past


def _choice(*words: str) -> click.Choice[str]:
    return click.Choice(list(words))


@click.command("plan")
@click.argument("procedure", type=_choice(*Procedure))
@click.option("--class", "approach_class", type=_choice(*ApproachClass), help="Without it, both side by side.")
@click.option("--date", "surgery_on", type=click.DateTime(["%Y-%m-%d"]), help="Day 0; without it, days only.")
@click.option("--levels", type=click.IntRange(1, 10), default=1, show_default=True, help="How many levels.")
@click.option("--setting", type=_choice(*Setting), help="Outpatients go home on day 0.")
@click.option("--work", type=_choice(*WorkClass), help="The patient's work; without it, every class is shown.")
@with_appcontext
def print_plan(
    procedure: str,
    *,
    approach_class: str | None,
    surgery_on: datetime | None,
    levels: int,
    setting: str | None,
    work: str | None,
) -> None:
    """Print the plan of PROCEDURE: day by day for one class, or minimally invasive beside open."""
    wanted = None if approach_class is None else ApproachClass(approach_class)
    where = None if setting is None else Setting(setting)
    facts = PatientFacts(work_class=None if work is None else WorkClass(work))
    try:
        protocols = choose_protocols(load_library(), Procedure(procedure), wanted, levels=levels)
        plans = {
            protocol.id: plan_of(protocol, facts, where, None if surgery_on is None else surgery_on.date())
            for protocol in protocols
        }
    except PlanError as error:
        fail(str(error))
    for protocol in protocols:
        print(f"{protocol.id} version {protocol.version} ({protocol.status}): {protocol.title}")
    print(render_beside(plans) if len(plans) > 1 else render_plan(plans[protocols[0].id]))


def plan_of(protocol: Protocol, facts: PatientFacts, setting: Setting | None, day0: date | None) -> Plan:
    """Return the plan of one surgery for a patient who enrolled long before. Raises PlanError for an impossible day."""
    status = SurgeryStatus.planned
    stage = Stage(ordinal=1, protocol=protocol, day0=day0, status=status, setting=setting)
    enrolled_on = max(day0 or date(2000, 1, 1), date.min + ENROLLED_BEFORE) - ENROLLED_BEFORE
    return build_plan([stage], facts, enrolled_on=enrolled_on)


COMMANDS = (print_plan,)
