"""Reminders of an episode: what will go, went, or did not, and why."""

from typing import Any

from marshmallow import Schema, fields

from models import Episode
from schedules.plan.vocabulary import Phase, ReminderCategory, ReminderState
from service.api.fields import CivilDate, Id, Instant, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, show
from service.care.reach import find_row
from service.care.reminders import list_reminders
from service.db import current_session

reminders = Resource("reminders", "Planned messages.")


class ReminderView(Schema):
    """One planned message. `reason` is the code of why it did not go, or will not."""

    id = Id(required=True)
    milestone_id = Id(required=True)
    key = fields.String(required=True)
    repeat = fields.Integer(required=True)
    generation = fields.Integer(required=True, metadata={"description": "Counts its re-plans, from 1."})
    category = Word(ReminderCategory, required=True)
    phase = Word(Phase, required=True)
    scheduled_on = CivilDate(required=True)
    due_at = Instant(required=True)
    useful_until = Instant(required=True)
    state = Word(ReminderState, required=True)
    reason = fields.String(allow_none=True)
    sent_at = Instant(allow_none=True)
    rev = fields.Integer(required=True)


ReminderPage = listing(ReminderView, "ReminderPage")


@reminders.get("/episodes/<id:episode_id>/reminders")
@reminders.arguments(PageQuery, location="query")
@reminders.response(200, ReminderPage)
def list_episode_reminders(query: dict[str, Any], episode_id: str) -> Any:
    """List an episode's reminders in the order of their due times."""
    session, after, limit = current_session(), row_after(query.get("after")), query["limit"]
    episode = find_row(session, caller(), Episode, episode_id)
    show(episode.patient_id)
    rows = list_reminders(session, episode.practice_id, episode.id, after=after, limit=limit + 1)
    return page(rows, limit, lambda row: row.id)
