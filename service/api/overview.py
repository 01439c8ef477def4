"""The clinic at one glance: volumes, adherence, alerts, who is on call, delivery, and the proofs of the night."""

from typing import Any

from marshmallow import Schema, fields

from models.reminder import DecisionKind
from models.watch import Invariant
from schedules.plan.vocabulary import AlertUrgency, ApproachClass, Channel, Grade, Procedure
from schedules.watch.judgement import Status
from service.api import examples_overview as examples
from service.api.delivery_health import CauseView
from service.api.fields import CivilDate, Instant, Word
from service.api.outcomes import smallest
from service.api.resource import Resource
from service.api.scope import caller, monitoring, now
from service.care.overview import view_overview
from service.db import current_session

overview = Resource(
    "overview",
    "The clinic at one glance, as counts. A count of patients above 0 and below `smallest_cell` is null, or one that "
    "leaves so few of all, and so are shares of it; counts of alerts and messages are never hidden.",
)


class VolumeView(Schema):
    """Operations performed of one procedure and approach class (null: it has none), in the order of `months`."""

    procedure = Word(Procedure, required=True)
    approach_class = Word(ApproachClass, required=True, allow_none=True)
    counts = fields.List(fields.Integer(allow_none=True), required=True)


class VolumesView(Schema):
    """`months` by their first days; the last is not over. `active` and `paused` episodes of care are open today."""

    months = fields.List(CivilDate(), required=True)
    operations = fields.List(fields.Nested(VolumeView), required=True)
    active = fields.Integer(required=True, allow_none=True)
    paused = fields.Integer(required=True, allow_none=True)


class KeptView(Schema):
    """How many of so many, and the share with its 95 % limits (Wilson), as if each were chosen alone.

    `done` null: just a few were done, or were not.
    """

    done = fields.Integer(required=True, allow_none=True)
    asked = fields.Integer(required=True, allow_none=True)
    share = fields.Float(required=True, allow_none=True)
    low = fields.Float(required=True, allow_none=True)
    high = fields.Float(required=True, allow_none=True)
    grade = Word(Grade, required=True)


class ClinicAdherenceView(Schema):
    """What was asked for on the days from `since` to `until`.

    check_ins: windows of the rhythm that ended in them, of active courses whose patient has an app or has reported.
    milestones: the patients' own items whose last day lay in them, reached by then. questionnaires: the same of those.
    """

    since = CivilDate(required=True)
    until = CivilDate(required=True)
    check_ins = fields.Nested(KeptView, required=True)
    milestones = fields.Nested(KeptView, required=True)
    questionnaires = fields.Nested(KeptView, required=True)


class AlertFiguresView(Schema):
    """The alerts of one urgency. `within_minutes` are as the clinic has set them; null: it calls nobody.

    `waiting` has nobody in hand, and of those `overdue` should be. `raised`, `in_time` and `median_minutes` until
    somebody had one in hand are of the period; null: none was raised, or half of them still wait.
    """

    urgency = Word(AlertUrgency, required=True)
    within_minutes = fields.Integer(required=True, allow_none=True)
    default_minutes = fields.Integer(required=True, allow_none=True)
    grade = Word(Grade, required=True, allow_none=True)
    waiting = fields.Integer(required=True)
    waiting_since = Instant(required=True, allow_none=True)
    overdue = fields.Integer(required=True)
    in_hand = fields.Integer(required=True)
    raised = fields.Integer(required=True)
    in_time = fields.Integer(required=True)
    median_minutes = fields.Float(required=True, allow_none=True)


class AlertOverviewView(Schema):
    """Every urgency, the most urgent first. The period begins at `since`."""

    since = Instant(required=True)
    by_urgency = fields.List(fields.Nested(AlertFiguresView), required=True)


class EndedMessagesView(Schema):
    """How many messages had one end, for one reason (see `GET /reminders/{id}/decisions`), on one channel."""

    kind = Word(DecisionKind, required=True)
    reason = fields.String(required=True, allow_none=True)
    channel = Word(Channel, required=True, allow_none=True)
    count = fields.Integer(required=True)


class DeliveryOverviewView(Schema):
    """Status and causes are the whole service's, as in `GET /delivery-health`; the rest is of the caller's patients.

    `due` messages should go now, the longest since `due_since`; `held` wait for somebody's word after a restore.
    """

    status = Word(Status, attribute="judgement.status", required=True)
    causes = fields.List(fields.Nested(CauseView), attribute="judgement.causes", required=True)
    judged_at = Instant(required=True)
    since = Instant(required=True)
    ended = fields.List(fields.Nested(EndedMessagesView), required=True)
    due = fields.Integer(required=True)
    due_since = Instant(required=True, allow_none=True)
    held = fields.Integer(required=True)


class NightFindingView(Schema):
    """What the self-audit found of one invariant: how much it looked at, and how much of that breaks it."""

    invariant = Word(Invariant, required=True)
    checked = fields.Integer(required=True)
    violations = fields.Integer(required=True)


class NightView(Schema):
    """The last self-audit of the whole practice. `is_late`: there was none in the last night.

    `proved_links` of the audit trail's chain were found unbroken so far.
    """

    ran_at = Instant(required=True, allow_none=True)
    is_late = fields.Boolean(required=True)
    findings = fields.List(fields.Nested(NightFindingView), required=True)
    proved_links = fields.Integer(required=True)


class ClinicOverviewView(Schema):
    """The clinic on a day of its calendar. `own_caseload`: patients are those of the caller's caseload alone."""

    as_of = CivilDate(required=True)
    own_caseload = fields.Boolean(required=True)
    smallest_cell = fields.Integer(attribute="smallest.cell", required=True)
    volumes = fields.Nested(VolumesView, required=True)
    adherence = fields.Nested(ClinicAdherenceView, required=True)
    alerts = fields.Nested(AlertOverviewView, required=True)
    monitored_until = Instant(attribute="on_call.monitored_until", required=True, allow_none=True)
    delivery = fields.Nested(DeliveryOverviewView, required=True)
    night = fields.Nested(NightView, required=True)


@overview.get("/clinic-overview")
@overview.response(200, ClinicOverviewView, example=examples.OVERVIEW)
def get_clinic_overview() -> Any:
    """Return what was done, how patients keep to it, what waits, and whether the service is well. For staff."""
    return view_overview(current_session(), caller(), now(), monitoring=monitoring(), smallest=smallest())
