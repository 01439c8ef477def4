"""`flask simulate`: prints what a plan would do for a made-up patient on each of the next days, before anyone is on it.

Needs no database, unless a clinic's own settings and protocols are asked for.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from flask.cli import with_appcontext

from schedules.plan.errors import PlanError
from schedules.plan.items import PatientFacts
from schedules.plan.render import render_beside
from schedules.plan.simulate import MOST_DAYS
from schedules.plan.timing import QuietHours, days_after, wall_instant
from schedules.plan.vocabulary import ApproachClass, Channel, Language, OpioidUse, Procedure, Setting, WorkClass
from service.care.simulation_text import render_simulation
from service.care.simulations import (
    NamedSimulation,
    Premises,
    WantedSimulation,
    WantedStage,
    premises_of,
    run_simulations,
    shipped_premises,
)
from service.care.timeline import draw_simulations
from service.cli.context import choose_practice, clock, fail, sessions

LEAD_DAYS = 14  # between enrolment and surgery, unless told
NOON = time(12)
NEW_YORK = "America/New_York"
_WHAT = r"(?P<what>[^:@]+)(@(?P<version>[1-9][0-9]{0,5}))?"
_STAGE = re.compile(_WHAT + r"(:(?P<approach_class>miss|open))?@(?P<on>[0-9]{4}-[0-9]{2}-[0-9]{2})")
_ENROLLED = ("%Y-%m-%d", "%Y-%m-%dT%H:%M")


class ZoneName(click.ParamType[ZoneInfo]):
    """An IANA zone."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        """Return the zone."""
        try:
            return value if isinstance(value, ZoneInfo) else ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail("expected an IANA zone such as America/New_York", param, ctx)


class QuietSpan(click.ParamType[QuietHours]):
    """Quiet hours such as 21:00-08:00."""

    name = "quiet"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> QuietHours:
        """Return the quiet hours."""
        if isinstance(value, QuietHours):
            return value
        start, _, end = str(value).partition("-")
        try:
            return QuietHours(time.fromisoformat(start), time.fromisoformat(end))
        except (ValueError, PlanError):
            self.fail("expected two different times such as 21:00-08:00", param, ctx)


class StageWord(click.ParamType[WantedStage]):
    """A later surgery such as tlif:open@2026-04-20, or with a protocol's id and version own-tlif@3@2026-04-20."""

    name = "stage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> WantedStage:
        """Return the surgery."""
        if isinstance(value, WantedStage):
            return value
        found = _STAGE.fullmatch(str(value))
        try:
            if found is None:
                raise ValueError(value)
            surgery_on, chosen = date.fromisoformat(found["on"]), found["approach_class"]
        except ValueError:
            self.fail("expected a surgery such as tlif:open@2026-04-20", param, ctx)
        return _wanted(found["what"], found["version"], ApproachClass(chosen) if chosen else None, surgery_on)


@dataclass(frozen=True, slots=True)
class _Place:
    """Which clinic: a stored one, or one that has what ships."""

    slug: str | None
    zone: ZoneInfo
    calendar: str | None


def _choice(*words: str) -> click.Choice[str]:
    return click.Choice(list(words))


@click.command("simulate")
@click.argument("what", metavar="PROCEDURE")
@click.option("--class", "approach_class", type=_choice(*ApproachClass), help="Needed where the procedure has both.")
@click.option("--date", "surgery_on", type=click.DateTime(["%Y-%m-%d"]), help="Day 0; by default in two weeks.")
@click.option("--levels", type=click.IntRange(1, 10), default=1, show_default=True)
@click.option("--stage", "later", type=StageWord(), multiple=True, help="A later surgery: tlif:open@2026-04-20.")
@click.option("--setting", type=_choice(*Setting), help="Outpatients go home on day 0.")
@click.option("--brace", is_flag=True, help="A brace or collar is ordered.")
@click.option("--enrolled", type=click.DateTime(list(_ENROLLED)), help="By default noon, two weeks before day 0.")
@click.option("--from", "from_on", type=click.DateTime(["%Y-%m-%d"]), help="First day told; by default enrolment.")
@click.option("--days", type=click.IntRange(1, MOST_DAYS), default=120, show_default=True, help="How many days.")
@click.option("--zone", type=ZoneName(), help="Where the patient is; by default where the clinic is.")
@click.option("--clinic-zone", type=ZoneName(), default=NEW_YORK, show_default=True, help="Where the clinic is.")
@click.option("--holidays", "calendar", help="Public holidays of a country or region, such as US-NY.")
@click.option("--practice", "slug", help="A stored clinic: its zone, closed days, settings and own protocols.")
@click.option("--quiet", type=QuietSpan(), help="Quiet hours of the patient, such as 21:00-08:00.")
@click.option("--channel", "channels", type=_choice(*Channel), multiple=True, help="In the patient's order.")
@click.option("--work", type=_choice(*WorkClass), help="The patient's work; without it, every class is planned.")
@click.option("--opioids", type=_choice(*OpioidUse), default=OpioidUse.unknown, show_default=True)
@click.option("--low-bone-density", is_flag=True)
@click.option("--language", type=_choice(*Language), default=Language.en, show_default=True)
@click.option("--beside", is_flag=True, help="Minimally invasive beside open, as a table.")
@click.option("--svg", "picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw it to this file.")
@with_appcontext
def print_simulation(
    what: str,
    *,
    clinic_zone: ZoneInfo,
    calendar: str | None,
    slug: str | None,
    language: str,
    picture: Path | None,
    **told: Any,
) -> None:
    """Print what the plan of PROCEDURE does on each of the next days: milestones, limits, messages.

    PROCEDURE may also be the id and version of a protocol, such as TLIF-MISS@1, a clinic's drafts included.
    """
    try:
        with _premises(_Place(slug, clinic_zone, calendar)) as premises:
            simulations = run_simulations(_wanted_simulation(what, premises.zone, **told), premises)
    except PlanError as error:
        fail(str(error))
    if picture is not None:
        picture.write_text(draw_simulations(simulations), encoding="utf-8")
    print(_table(simulations) if told["beside"] else render_simulation(simulations[0], Language(language)))


def _table(simulations: tuple[NamedSimulation, ...]) -> str:
    titles = [f"{each.name}: {each.protocols[0].title}" for each in simulations]
    plans = {each.protocols[0].id: each.simulation.plan for each in simulations}
    return "\n".join([*titles, render_beside(plans)])


@contextmanager
def _premises(place: _Place) -> Iterator[Premises]:
    if place.slug is None:
        yield shipped_premises(place.zone, place.calendar)
        return
    with sessions() as make_session, make_session() as session:
        yield premises_of(session, choose_practice(session, place.slug))


def _wanted_simulation(
    what: str,
    clinic_zone: ZoneInfo,
    *,
    surgery_on: datetime | None,
    enrolled: datetime | None,
    from_on: datetime | None,
    later: tuple[WantedStage, ...],
    days: int,
    zone: ZoneInfo | None,
    quiet: QuietHours | None,
    channels: tuple[str, ...],
    beside: bool,
    **told: Any,
) -> WantedSimulation:
    today = clock().now().astimezone(clinic_zone).date()
    day0 = surgery_on.date() if surgery_on is not None else days_after(today, LEAD_DAYS)
    enrolled = enrolled or datetime.combine(days_after(day0, -LEAD_DAYS), NOON)
    at = NOON if enrolled.time() == time(0) else enrolled.time()
    return WantedSimulation(
        stages=(_first_stage(what, day0, **told), *later),
        patient=_patient(**told),
        enrolled_at=wall_instant(enrolled.date(), at, clinic_zone),
        from_on=(from_on or enrolled).date(),
        days=days,
        zone=zone,
        quiet_hours=quiet,
        channels=tuple(map(Channel, dict.fromkeys(channels))) or None,
        beside=beside,
    )


def _first_stage(
    what: str, day0: date, *, approach_class: str | None, levels: int, setting: str | None, brace: bool, **_: Any
) -> WantedStage:
    name, _at, version = what.partition("@")
    chosen = ApproachClass(approach_class) if approach_class else None
    where = Setting(setting) if setting else None
    return _wanted(name, version or None, chosen, day0, levels=levels, setting=where, brace_ordered=brace)


def _wanted(
    what: str, version: str | None, approach_class: ApproachClass | None, surgery_on: date, **more: Any
) -> WantedStage:
    """Return a stage of a procedure, or with a version of the protocol with that id."""
    if version is not None:
        number = int(version) if re.fullmatch("[0-9]{1,6}", version) else 0
        return WantedStage(protocol_id=what, protocol_version=number, surgery_on=surgery_on, **more)
    if what not in set(Procedure):
        raise click.BadParameter(f"expected one of {', '.join(Procedure)}, or a protocol such as TLIF-MISS@1")
    return WantedStage(procedure=Procedure(what), approach_class=approach_class, surgery_on=surgery_on, **more)


def _patient(*, work: str | None, opioids: str, low_bone_density: bool, **_: Any) -> PatientFacts:
    return PatientFacts(
        work_class=WorkClass(work) if work else None,
        opioid_use=OpioidUse(opioids),
        low_bone_density=low_bone_density,
    )


COMMANDS = (print_simulation,)
