"""Opioid tapers: the prescriber's steps, and how much was taken day by day under them."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from models import Episode
from schedules.plan.taper import TaperStep
from service.api import examples_tapers as examples
from service.api.fields import CivilDate, Flag, Id, Instant, Whole
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.care.reach import find_row, practice_of
from service.care.tapers import (
    MOST_MME_TENTHS_A_DAY,
    MOST_MME_TENTHS_PER_DOSE,
    MOST_STEPS,
    TaperRecord,
    TaperView,
    put_taper,
    view_taper,
)
from service.db import current_session

tapers = Resource("opioid-tapers", "Steps of an opioid taper, as the prescriber entered them.")


class StepBody(Schema):
    """The most that may be taken a day from a day of the clinic's calendar on."""

    from_on = CivilDate(required=True)
    most_mme_tenths = Whole(0, MOST_MME_TENTHS_A_DAY, "tenths of a morphine milligram equivalent a day", required=True)

    @post_load
    def _to_step(self, data: dict[str, Any], **_: object) -> TaperStep:
        return TaperStep(**data)


class TaperBody(Schema):
    """A taper. The equivalents are the prescriber's own: the service converts no medicine."""

    episode_id = Id(required=True)
    mme_tenths_per_dose = Whole(
        0, MOST_MME_TENTHS_PER_DOSE, "tenths of a morphine milligram equivalent in one dose", required=True
    )
    steps = fields.List(
        fields.Nested(StepBody),
        required=True,
        validate=validate.Length(1, MOST_STEPS),
        metadata={"expected": f"a list of 1 to {MOST_STEPS} steps in the order of their days"},
    )


class TaperStored(Schema):
    """A taper as it was entered, and by whom."""

    id = Id(required=True)
    episode_id = Id(required=True)
    mme_tenths_per_dose = fields.Integer(required=True)
    steps = fields.List(fields.Dict(), required=True)
    entered_by = Id(required=True)
    entered_at = Instant(required=True)
    rev = fields.Integer(required=True)


class DoseDayView(Schema):
    """One day on which doses were told. `most_mme_tenths` is null before the first step."""

    on = CivilDate(required=True)
    doses = fields.Integer(required=True)
    mme_tenths = fields.Integer(required=True)
    most_mme_tenths = fields.Integer(attribute="step.most_mme_tenths", load_default=None, allow_none=True)
    is_above = Flag("whether more was taken than the step allows", required=True)


class EpisodeTaper(Schema):
    """The taper of an episode that counts, null without one, and how much was taken, the latest day first."""

    episode_id = Id(attribute="episode.id", required=True)
    taper = fields.Nested(TaperStored, allow_none=True, required=True)
    days = fields.List(fields.Nested(DoseDayView), required=True)


@tapers.get("/episodes/<id:episode_id>/opioid-taper")
@tapers.response(200, EpisodeTaper, example=examples.EPISODE_TAPER)
def get_taper(episode_id: str) -> TaperView:
    """Return the prescriber's steps that count, and how much was taken day by day."""
    session, who = current_session(), caller()
    episode = find_row(session, who, Episode, episode_id)
    show(episode.patient_id)
    return view_taper(session, practice_of(session, who), episode)


@tapers.put("/opioid-tapers/<id:taper_id>")
@tapers.arguments(TaperBody, example=examples.TAPER)
@tapers.response(200, TaperStored, example=examples.STORED)
@tapers.alt_response(201, schema=TaperStored, success=True, example=examples.STORED)
def enter_taper(body: dict[str, Any], taper_id: str) -> Any:
    """Enter a taper under your own id, as a clinician. It takes the place of the one before.

    Needs no `If-Match`: a taper never changes.
    """
    session = current_session()
    record = TaperRecord(**body | {"steps": tuple(body["steps"])})
    row, is_new = put_taper(session, caller(), taper_id, record, now=now())
    show(row.patient_id)
    session.flush()
    return row, 201 if is_new else 200
