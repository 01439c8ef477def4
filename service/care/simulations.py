"""Use case: what a plan would do for a made-up patient, from the content and settings of a clinic. Stores nothing.

Reads what ships, a clinic's own protocols in whatever state, and its settings; never a patient.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models import Practice
from schedules.plan.errors import PlanError, describe
from schedules.plan.items import ClinicRules, PatientFacts, Stage
from schedules.plan.library import Library, load_library
from schedules.plan.protocol import Protocol
from schedules.plan.reminders import ReminderPrefs
from schedules.plan.simulate import Scenario, Simulation, simulate
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import ApproachClass, Channel, Procedure, Setting, SurgeryStatus
from schedules.planning.closed_days import closed_days, public_holidays
from schedules.planning.library import find_protocol, library_of
from schedules.planning.rules import clinic_rules

MOST_STAGES = 4
_REACH_BACK_DAYS, _REACH_AHEAD_DAYS = 400, 1200  # what a plan's messages span around its days of surgery, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedStage:
    """One surgery of the simulation: either the id and version of a protocol, or a procedure with its class."""

    procedure: Procedure | None = None
    approach_class: ApproachClass | None = None
    levels: int = 1
    protocol_id: str | None = None
    protocol_version: int | None = None
    surgery_on: date | None = None
    setting: Setting | None = None
    brace_ordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSimulation:
    """A made-up patient with their surgeries. `zone` None: where the clinic is.

    `beside`: the protocols of every class of the one stage's procedure, side by side.
    """

    stages: tuple[WantedStage, ...]
    patient: PatientFacts
    enrolled_at: datetime
    from_on: date
    days: int
    zone: ZoneInfo | None = None
    quiet_hours: QuietHours | None = None
    channels: tuple[Channel, ...] | None = None
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Premises:
    """What a clinic brings: its zone, its protocols, the days on which it is closed, and its rules."""

    zone: ZoneInfo
    library: Library
    find: Callable[[str, int], Protocol]
    closed: Callable[[date, date], frozenset[date]]
    rules: ClinicRules


@dataclass(frozen=True, slots=True)
class NamedSimulation:
    """A simulation with the scenario and the protocols that it follows, in the order of the stages."""

    scenario: Scenario
    protocols: tuple[Protocol, ...]
    simulation: Simulation

    @property
    def name(self) -> str:
        """Return id, version and status of its protocols."""
        return " + ".join(f"{each.id} version {each.version} ({each.status})" for each in self.protocols)


def premises_of(session: Session, practice: Practice) -> Premises:
    """Return the premises of a stored clinic."""
    return Premises(
        zone=ZoneInfo(practice.time_zone),
        library=library_of(session, practice.id),
        find=partial(find_protocol, session, practice.id),
        closed=lambda first_on, last_on: closed_days(practice, first_on=first_on, last_on=last_on),
        rules=clinic_rules(practice),
    )


def shipped_premises(zone: ZoneInfo, calendar: str | None) -> Premises:
    """Return a clinic that has what ships, and the public holidays of `calendar`: needs no database."""
    library = load_library()

    def closed(first_on: date, last_on: date) -> frozenset[date]:
        return public_holidays(calendar, first_on=first_on, last_on=last_on) if calendar else frozenset()

    return Premises(zone, library, library.protocol, closed, ClinicRules())


def run_simulations(wanted: WantedSimulation, premises: Premises) -> tuple[NamedSimulation, ...]:
    """Return one simulation, or with `beside` one for each class of the procedure, minimally invasive first.

    Raises PlanError for a protocol, class or number of levels that there is not, for stages that cannot be, and for
    dates outside years 1 to 9999.
    """
    if not 1 <= len(wanted.stages) <= MOST_STAGES:
        raise PlanError("stages", f"1 to {MOST_STAGES} surgeries", str(len(wanted.stages)))
    if not wanted.beside:
        protocols = tuple(_only_protocol(stage, premises) for stage in wanted.stages)
        return (_run(wanted, premises, protocols),)
    if len(wanted.stages) > 1:
        raise PlanError("stages", "one surgery, to show its classes side by side", str(len(wanted.stages)))
    return tuple(_run(wanted, premises, (each,)) for each in _protocols(wanted.stages[0], premises, every_class=True))


def choose_protocols(
    library: Library, procedure: Procedure, approach_class: ApproachClass | None, *, levels: int
) -> list[Protocol]:
    """Return the protocols that serve a procedure: of one class, or of every class that it has, miss before open.

    Raises PlanError if the procedure has no such class, or none for so many levels.
    """
    offered = [each for each in (*library.protocols, *library.own) if each.procedure is procedure]
    classes = {each.approach_class: each.approaches[0] for each in reversed(offered)}
    wanted = {approach_class: classes.get(approach_class, offered[0].approaches[0])} if approach_class else classes
    chosen = [library.select(procedure, approach, each, levels) for each, approach in wanted.items()]
    return sorted(chosen, key=lambda protocol: protocol.approach_class or "")


def _only_protocol(stage: WantedStage, premises: Premises) -> Protocol:
    protocols = _protocols(stage, premises, every_class=False)
    if len(protocols) > 1:
        offered = ", ".join(str(each.approach_class) for each in protocols)
        raise PlanError("approach_class", f"one of {offered}", "nothing")
    return protocols[0]


def _protocols(stage: WantedStage, premises: Premises, *, every_class: bool) -> list[Protocol]:
    if (stage.procedure is None) == (stage.protocol_id is None):
        raise PlanError(
            "stages", "a procedure, or a protocol's id and version", "both" if stage.procedure else "neither"
        )
    if stage.procedure is not None:
        wanted = None if every_class else stage.approach_class
        return choose_protocols(premises.library, stage.procedure, wanted, levels=stage.levels)
    if stage.protocol_id is None or stage.protocol_version is None:
        raise PlanError("protocol_version", "the version of the protocol", "nothing")
    if every_class:
        raise PlanError("stages", "a procedure, whose classes are shown side by side", describe(stage.protocol_id))
    return [premises.find(stage.protocol_id, stage.protocol_version)]


def _run(wanted: WantedSimulation, premises: Premises, protocols: tuple[Protocol, ...]) -> NamedSimulation:
    stages = tuple(
        _stage(ordinal, each, protocol)
        for ordinal, (each, protocol) in enumerate(zip(wanted.stages, protocols, strict=True), start=1)
    )
    prefs = ReminderPrefs(wanted.zone or premises.zone, premises.zone, wanted.quiet_hours)
    first_on, last_on = _reach(wanted)
    scenario = Scenario(
        stages=stages,
        patient=wanted.patient,
        prefs=replace(prefs, closed_days=premises.closed(first_on, last_on)),
        enrolled_at=wanted.enrolled_at,
        clinic=premises.rules,
        channels=wanted.channels,
    )
    return NamedSimulation(scenario, protocols, simulate(scenario, from_on=wanted.from_on, days=wanted.days))


def _stage(ordinal: int, wanted: WantedStage, protocol: Protocol) -> Stage:
    return Stage(
        ordinal=ordinal,
        protocol=protocol,
        day0=wanted.surgery_on,
        status=SurgeryStatus.planned,
        setting=wanted.setting,
        brace_ordered=wanted.brace_ordered,
    )


def _reach(wanted: WantedSimulation) -> tuple[date, date]:
    """Return the first and last day on which a closed day may matter, within the calendar."""
    days = [wanted.from_on, wanted.enrolled_at.date(), *(each.surgery_on for each in wanted.stages if each.surgery_on)]
    first, last = min(days).toordinal() - _REACH_BACK_DAYS, max(days).toordinal() + _REACH_AHEAD_DAYS
    return date.fromordinal(max(first, date.min.toordinal())), date.fromordinal(min(last, date.max.toordinal()))
