"""Simulations: what the clinic's plans would do for a made-up patient. Reads nothing of any patient, stores nothing."""

from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request
from marshmallow import Schema, fields, validate

from schedules.plan.errors import PlanError
from schedules.plan.items import PatientFacts
from schedules.plan.shifts import ShiftReason
from schedules.plan.simulate import MOST_DAYS, LimitEvent, MilestoneEvent
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import (
    ApproachClass,
    Channel,
    Grade,
    OpioidUse,
    PastPolicy,
    Procedure,
    ProtocolStatus,
    ReminderCategory,
    ReminderOutcome,
    RestrictionKind,
    Setting,
    WorkClass,
)
from service.api import examples_simulations as examples
from service.api.fields import CivilDate, Flag, Id, Instant, Text, WallTime, Whole, Word
from service.api.plans import BilingualText
from service.api.resource import Resource
from service.api.scope import caller
from service.care.checks import time_zones
from service.care.reach import practice_of
from service.care.simulations import MOST_STAGES, NamedSimulation, WantedSimulation, WantedStage, premises_of
from service.care.simulations import run_simulations as run
from service.care.timeline import draw_simulations
from service.care.timeline_rows import compare_simulations
from service.db import current_session
from service.errors import Fault, InvalidError, describe_private, from_plan

simulations = Resource("simulations", "What plans would do for a made-up patient. Stores nothing.")
SVG = "image/svg+xml"
_JSON = "application/json"
_UNKNOWN = "true, false, or null where it is not known"
_OF_A_STAGE = ("approach_class", "levels", "protocol", "protocol_version", "procedure")
_POINTERS = (
    *((name, f"/stages/0/{name}") for name in _OF_A_STAGE),
    *((name, "") for name in ("date", "day0", "instant")),
    ("quiet_hours", "/patient/quiet_until"),
)


class SimulatedStageBody(Schema):
    """One surgery: a procedure with its class, or the id and version of any protocol of the clinic, drafts included."""

    procedure = Word(Procedure)
    approach_class = Word(ApproachClass, allow_none=True)
    levels = Whole(1, 10, "levels; vertebrae for Intracept and kyphoplasty")
    protocol_id = Id()
    protocol_version = Whole(1, 999_999, "a version")
    surgery_on = CivilDate(allow_none=True)
    setting = Word(Setting, allow_none=True)
    brace_ordered = Flag()


class SimulatedPatientBody(Schema):
    """A made-up patient. Without a zone: where the clinic is."""

    time_zone = Text(64, "an IANA zone such as America/New_York", allow_none=True)
    quiet_from = WallTime(allow_none=True)
    quiet_until = WallTime(allow_none=True)
    channels = fields.List(Word(Channel), allow_none=True, metadata={"description": "In the patient's order."})
    work_class = Word(WorkClass, allow_none=True)
    opioid_use = Word(OpioidUse)
    low_bone_density = Flag()
    wants_contact_sport = Flag()
    takes_blood_thinner = Flag(_UNKNOWN, allow_none=True)
    has_diabetes_or_glp1 = Flag(_UNKNOWN, allow_none=True)
    uses_nicotine = Flag(_UNKNOWN, allow_none=True)
    workers_comp = Flag()


class SimulationBody(Schema):
    """What is simulated. `from_on` by default the day of enrolment; `beside`: every class of the one procedure."""

    stages = fields.List(
        fields.Nested(SimulatedStageBody, metadata={"expected": "a surgery"}),
        required=True,
        validate=validate.Length(min=1, max=MOST_STAGES),
        metadata={"expected": f"a list of 1 to {MOST_STAGES} surgeries"},
    )
    patient = fields.Nested(SimulatedPatientBody, load_default=dict, metadata={"expected": "a made-up patient"})
    enrolled_at = Instant(required=True)
    from_on = CivilDate(load_default=None, allow_none=True)
    days = Whole(1, MOST_DAYS, "days", load_default=120)
    beside = Flag(load_default=False)


class ShiftView(Schema):
    """Why a message is due at another time than its rule says, and when it would be due without that."""

    reason = Word(ShiftReason, required=True)
    instead_of = Instant(required=True, allow_none=True)


class SimulatedMessageView(Schema):
    """A message. `local_at` is the patient's wall time with its offset, `due_at` the same instant in UTC.

    `text` is null where several items that were past are said in one message, written when it is sent. `channels` are
    tried in this order until one takes it; null: not told.
    """

    stage = fields.Integer(attribute="reminder.occurrence", required=True)
    milestone_key = fields.String(attribute="reminder.milestone_key", required=True)
    reminder_key = fields.String(attribute="reminder.key", required=True)
    category = Word(ReminderCategory, attribute="reminder.category", required=True)
    local_at = fields.AwareDateTime(required=True)
    due_at = Instant(attribute="reminder.due_at", required=True)
    past_policy = Word(PastPolicy, attribute="reminder.past_policy", required=True, allow_none=True)
    text = fields.Nested(BilingualText, required=True, allow_none=True)
    channels = fields.List(Word(Channel), required=True, allow_none=True)
    shifts = fields.List(fields.Nested(ShiftView), required=True)


class SimulatedMilestoneView(Schema):
    """What a day is to a milestone. On `eligible` a clinician may clear what it lifts; the day itself lifts nothing."""

    event = Word(MilestoneEvent, required=True)
    stage = fields.Integer(attribute="milestone.occurrence", required=True)
    key = fields.String(attribute="milestone.key", required=True)
    lifts = Word(RestrictionKind, attribute="milestone.lifts", required=True, allow_none=True)
    grade = Word(Grade, attribute="milestone.grade", required=True, allow_none=True)


class SimulatedLimitView(Schema):
    """What a day is to a restriction. From `may_end` on a clinician may end it; without `through_on` only then."""

    event = Word(LimitEvent, required=True)
    stage = fields.Integer(attribute="restriction.occurrence", required=True)
    kind = Word(RestrictionKind, attribute="restriction.kind", required=True)
    sequence = fields.Integer(attribute="restriction.sequence", required=True)
    limit_lb = fields.Integer(attribute="restriction.limit_lb", required=True, allow_none=True)
    limit_minutes = fields.Integer(attribute="restriction.limit_minutes", required=True, allow_none=True)
    through_on = CivilDate(attribute="restriction.through_on", required=True, allow_none=True)
    lifted_by = fields.String(attribute="restriction.lifted_by", required=True, allow_none=True)
    grade = Word(Grade, attribute="restriction.grade", required=True, allow_none=True)


class SimulatedDayView(Schema):
    """A day on which something happens. `pods` are days since surgery by stage; of a message it is the patient's day.

    `lifting_lb` are the pounds of the strictest limit as long as nothing is cleared.
    """

    on = CivilDate(required=True)
    pods = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    is_closed = fields.Boolean(required=True)
    lifting_lb = fields.Integer(required=True, allow_none=True)
    milestones = fields.List(fields.Nested(SimulatedMilestoneView), required=True)
    limits = fields.List(fields.Nested(SimulatedLimitView), required=True)
    messages = fields.List(fields.Nested(SimulatedMessageView), required=True)


class NotSentView(Schema):
    """A message that will not be sent, and why."""

    stage = fields.Integer(attribute="occurrence", required=True)
    milestone_key = fields.String(required=True)
    reminder_key = fields.String(attribute="key", required=True)
    scheduled_on = CivilDate(required=True)
    outcome = Word(ReminderOutcome, required=True)


class SimulatedProtocolView(Schema):
    """The protocol of a stage. A draft is a proposal of the software or the clinic: nobody has signed it."""

    id = fields.String(required=True)
    version = fields.Integer(required=True)
    digest = fields.String(required=True)
    title = fields.String(required=True)
    status = Word(ProtocolStatus, required=True)
    procedure = Word(Procedure, required=True)
    approach_class = Word(ApproachClass, required=True, allow_none=True)


class SimulationView(Schema):
    """One simulation, with the protocols of its stages in their order."""

    protocols = fields.List(fields.Nested(SimulatedProtocolView), required=True)
    days = fields.List(fields.Nested(SimulatedDayView), required=True)
    not_sent = fields.List(fields.Nested(NotSentView), attribute="simulation.not_sent", required=True)


class ComparedItem(Schema):
    """One milestone or limit, in words for each simulation or stage, null where it has none."""

    name = fields.String(required=True)
    is_limit = fields.Boolean(required=True)
    differs = fields.Boolean(required=True)
    words = fields.List(fields.String(allow_none=True), required=True)
    grades = fields.List(Word(Grade, allow_none=True), required=True)


class SimulationAnswer(Schema):
    """One simulation, or with `beside` one for each class, and what they say of each item side by side."""

    simulations = fields.List(fields.Nested(SimulationView), required=True)
    compared = fields.List(fields.Nested(ComparedItem), required=True)


@simulations.post("/simulations")
@simulations.arguments(SimulationBody, example=examples.SIMULATION)
@simulations.response(200, SimulationAnswer, example=examples.SIMULATION_ANSWER)
@simulations.doc(responses={200: {"content": {SVG: {"schema": {"type": "string"}}}}})
def run_simulation(body: dict[str, Any]) -> Any:
    """Return what happens on each of the next days, or with `Accept: image/svg+xml` a picture of it.

    Days on which nothing happens are left out. The clinic's zone, closed days, settings and own protocols count.
    """
    who, session = caller(), current_session()
    premises = premises_of(session, practice_of(session, who))
    try:
        found = run(_wanted(body, premises.zone), premises)
    except PlanError as error:
        raise from_plan(error, _POINTERS) from None
    if request.accept_mimetypes.best_match([_JSON, SVG]) == SVG:
        return Response(draw_simulations(found), content_type=f"{SVG}; charset=utf-8")
    return {"simulations": [_shown(each) for each in found], "compared": compare_simulations(found)}


def _shown(named: NamedSimulation) -> dict[str, Any]:
    eventful = [day for day in named.simulation.days if day.is_eventful]
    return {"protocols": named.protocols, "days": eventful, "simulation": named.simulation}


def _wanted(body: dict[str, Any], clinic_zone: ZoneInfo) -> WantedSimulation:
    patient = dict(body["patient"])
    channels = patient.pop("channels", None)
    zone, quiet_from, quiet_until = (patient.pop(name, None) for name in ("time_zone", "quiet_from", "quiet_until"))
    return WantedSimulation(
        stages=tuple(WantedStage(**stage) for stage in body["stages"]),
        patient=PatientFacts(work_class=patient.pop("work_class", None), **patient),
        enrolled_at=body["enrolled_at"],
        from_on=body["from_on"] or body["enrolled_at"].astimezone(clinic_zone).date(),
        days=body["days"],
        zone=_zone(zone),
        quiet_hours=_quiet_hours(quiet_from, quiet_until),
        channels=None if channels is None else tuple(dict.fromkeys(channels)),
        beside=body["beside"],
    )


def _zone(name: str | None) -> ZoneInfo | None:
    if name is not None and name not in time_zones():
        raise InvalidError(Fault("/patient/time_zone", "an IANA zone such as America/New_York", describe_private(name)))
    return None if name is None else ZoneInfo(name)


def _quiet_hours(quiet_from: time | None, quiet_until: time | None) -> QuietHours | None:
    if quiet_from is None and quiet_until is None:
        return None
    if quiet_from is None or quiet_until is None:
        raise InvalidError(
            Fault("/patient/quiet_until", "quiet_from and quiet_until together, or neither", "one of them")
        )
    return QuietHours(quiet_from, quiet_until)
