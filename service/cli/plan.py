"""`flask plan`: prints the plan of a procedure, as a clinician reads it. Needs no database and knows no patient."""

from datetime import date, datetime, timedelta

import click
from flask.cli import with_appcontext

from schedules.plan.build import PatientFacts, Stage, build_plan
from schedules.plan.errors import PlanError
from schedules.plan.library import load_library
from schedules.plan.protocol import Protocol
from schedules.plan.render import render_plan
from schedules.plan.vocabulary import ApproachClass, Procedure, Setting, SurgeryStatus, WorkClass
from service.cli.context import fail

ENROLLED_BEFORE = timedelta(days=90)  # early enough that no item is past


def _choice(*words: str) -> click.Choice[str]:
    return click.Choice(list(words))


@click.command("plan")
@click.argument("procedure", type=_choice(*Procedure))
@click.option("--class", "approach_class", type=_choice(*ApproachClass), help="Where the procedure has both.")
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
    """Print the plan of PROCEDURE."""
    day0 = None if surgery_on is None else surgery_on.date()
    try:
        protocol = choose_protocol(
            Procedure(procedure), None if approach_class is None else ApproachClass(approach_class), levels=levels
        )
        stage = Stage(
            ordinal=1,
            protocol=protocol,
            day0=day0,
            status=SurgeryStatus.planned,
            setting=None if setting is None else Setting(setting),
        )
        facts = PatientFacts(work_class=None if work is None else WorkClass(work))
        plan = build_plan([stage], facts, enrolled_on=(day0 or date(2000, 1, 1)) - ENROLLED_BEFORE)
    except PlanError as error:
        fail(str(error))
    print(f"{protocol.id} version {protocol.version} ({protocol.status}): {protocol.title}")
    print(render_plan(plan))


def choose_protocol(procedure: Procedure, approach_class: ApproachClass | None, *, levels: int) -> Protocol:
    """Return the newest protocol of a procedure and class, by the first approach that it has.

    Raises PlanError if the procedure has no such class, or has several and none was named.
    """
    library = load_library()
    offered = [protocol for protocol in library.protocols if protocol.procedure is procedure]
    classes = {protocol.approach_class for protocol in offered}
    if approach_class is None and len(classes) > 1:
        raise PlanError("--class", " or ".join(sorted(str(each) for each in classes)), "none")
    fitting = [protocol for protocol in offered if approach_class in (None, protocol.approach_class)]
    approach = (fitting or offered)[0].approaches[0]
    return library.select(procedure, approach, approach_class, levels)


COMMANDS = (print_plan,)
