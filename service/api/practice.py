"""The caller's clinic: what it sets for all its plans."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from schedules.addresses import LONGEST_URL
from schedules.plan.protocol import EligibleBy
from schedules.plan.vocabulary import MilestoneKind
from schedules.signatures import read_secret
from service.api import examples_practice as examples
from service.api.etags import require_tag
from service.api.fields import CivilDate, Flag, Id, Text, Whole, WholeText, Word
from service.api.resource import Resource, patch_of
from service.api.scope import caller, now, scope, settings
from service.care.practice import (
    MOST_CLOSED_DAYS,
    PracticeView,
    change_practice,
    refuse_unless_may_set,
    view_practice,
)
from service.care.webhooks import check_webhook
from service.db import begin, current_session
from service.identity.sessions import require_fresh

practice = Resource("practice", "The caller's clinic, and what it sets for all its plans. Not a patient's data.")
_POUNDS = "pounds"


class CalendarCode(fields.String):
    """A country, or one of its regions, whose public holidays are known."""

    def __init__(self, **options: Any) -> None:
        expected = "an ISO 3166 country or region such as US or US-NY"
        told = {"description": f"{expected}.", "expected": expected}
        pattern = WholeText("^[A-Z]{2}(-[A-Za-z0-9 ]{1,13})?$")
        super().__init__(validate=pattern, metadata=told, **options)


class WebhookSecret(Text):
    """What signs messages to the clinic's own system."""

    def __init__(self, **options: Any) -> None:
        super().__init__(200, "whsec_ and 24 to 64 bytes in base64", **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        secret = super()._deserialize(value, attr, data, **options)
        try:
            read_secret(secret)
        except ValueError:
            raise ValidationError("secret") from None
        return secret


class PoundsBody(Schema):
    """Pounds of one frequency of handling: more than `over_lb`, up to `to_lb`; at least one of them."""

    over_lb = Whole(0, 1000, _POUNDS)
    to_lb = Whole(0, 1000, _POUNDS)


class WorkLevelBody(Schema):
    """A demand level: pounds up to a third (occasional), two thirds (frequent), all of the day (constant)."""

    milestone = Word(MilestoneKind, required=True)
    eligible_by = Word(EligibleBy, required=True)
    occasional = fields.Nested(PoundsBody, required=True)
    frequent = fields.Nested(PoundsBody)
    constant = fields.Nested(PoundsBody)


class WorkTableBody(Schema):
    """A jurisdiction's physical demand levels. `sources` are ids of the bibliography."""

    sources = fields.List(Id(), load_default=[])
    sedentary = fields.Nested(WorkLevelBody, required=True)
    light = fields.Nested(WorkLevelBody, required=True)
    medium = fields.Nested(WorkLevelBody, required=True)
    heavy = fields.Nested(WorkLevelBody, required=True)
    very_heavy = fields.Nested(WorkLevelBody, required=True)


class PracticeBody(Schema):
    """What a clinic sets.

    `name` and `phone` are what patients read and call: messages have them from the next one on, phones get the new card
    for emergencies when they next synchronise.

    `closed_on` are days besides weekends and the public holidays of `holiday_calendar`. `opioid_free_hours`: since the
    last opioid or sedative, before driving may be cleared by rule; null: by a clinician only. `workers_comp_percent`
    lengthens the work milestones of such cases: 100 changes nothing, and no published figure exists. `work_table` null:
    the demand levels of the protocol. `own_caseload_only`: coordinators and clinicians see the patients of their own
    caseload alone. `webhook_url` and `webhook_secret` are set together; the secret is never shown. These three are the
    admin's to set.
    """

    name = Text(200, "the clinic's name", required=True)
    phone = Text(16, "a phone number in E.164", required=True)
    closed_on = fields.List(
        CivilDate(),
        required=True,
        validate=validate.Length(max=MOST_CLOSED_DAYS),
        metadata={"expected": f"a list of at most {MOST_CLOSED_DAYS} dates"},
    )
    holiday_calendar = CalendarCode(required=True, allow_none=True)
    opioid_free_hours = Whole(1, 720, "hours", required=True, allow_none=True)
    records_kept_years = Whole(0, 100, "years", required=True, allow_none=True)
    workers_comp_percent = Whole(100, 300, "percent", required=True)
    work_table = fields.Nested(
        WorkTableBody, required=True, allow_none=True, metadata={"expected": "a table of demand levels, or null"}
    )
    own_caseload_only = Flag(required=True)
    webhook_url = Text(LONGEST_URL, "where the clinic's own system takes messages", required=True, allow_none=True)
    webhook_secret = WebhookSecret(required=True, allow_none=True, load_only=True)


PracticePatch = patch_of(PracticeBody, "PracticePatch")


class PracticeAnswer(Schema):
    """A clinic. After a change: `episodes_to_rebuild` open plans still stand as before it (`flask rebuild-plans`)."""

    id = Id(attribute="practice.id", required=True)
    name = Text(200, "the clinic's name", attribute="practice.name", required=True)
    country = fields.String(attribute="practice.country", required=True)
    time_zone = fields.String(attribute="practice.time_zone", required=True)
    phone = fields.String(attribute="practice.phone", required=True)
    closed_on = fields.List(CivilDate(), attribute="settings.closed_on", required=True)
    holiday_calendar = CalendarCode(attribute="settings.holiday_calendar", required=True, allow_none=True)
    opioid_free_hours = fields.Integer(attribute="settings.opioid_free_hours", required=True, allow_none=True)
    records_kept_years = fields.Integer(attribute="settings.records_kept_years", required=True, allow_none=True)
    workers_comp_percent = fields.Integer(attribute="settings.workers_comp_percent", required=True)
    work_table = fields.Nested(WorkTableBody, attribute="settings.work_table", required=True, allow_none=True)
    own_caseload_only = fields.Boolean(attribute="settings.own_caseload_only", required=True)
    webhook_url = fields.String(attribute="settings.webhook_url", required=True, allow_none=True)
    has_webhook_secret = fields.Function(lambda view: view.practice.webhook_secret_sealed is not None)
    episodes_to_rebuild = fields.Integer(required=True)


@practice.get("/practice")
@practice.tagged(200)
@practice.response(200, PracticeAnswer, example=examples.PRACTICE)
def get_practice() -> Any:
    """Return the caller's clinic with its settings."""
    return _answer(view_practice(current_session(), caller()))


@practice.patch("/practice")
@practice.tagged(200, needs_match=True)
@practice.arguments(PracticePatch, example=examples.PRACTICE_CHANGE)
@practice.response(200, PracticeAnswer, example=examples.PRACTICE)
def amend_practice(body: dict[str, Any]) -> Any:
    """Change some of the clinic's settings. For its clinicians and its admin. No stored plan changes by itself.

    In a session it asks for a fresh second factor: 403 `step_up_required`.
    """
    require_fresh(caller(), now())
    if body.get("webhook_url") is not None:
        _find_webhook(body)
    view = change_practice(current_session(), caller(), body, require_tag=require_tag)
    scope().about["changed"] = list(view.changed)
    return _answer(view)


def _find_webhook(body: dict[str, Any]) -> None:
    """Refuse a URL that may not be called. Its name is looked up outside of the transaction, which holds up others."""
    refuse_unless_may_set(caller(), body)
    current_session().rollback()
    check_webhook(body["webhook_url"], settings().webhook_hosts or ())
    begin(reads=False)


def _answer(view: PracticeView) -> tuple[PracticeView, int, dict[str, str]]:
    return view, 200, {"ETag": f'"{view.tag}"'}
