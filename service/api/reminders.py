"""Reminders of an episode: what will go, went, or did not, and why."""

from typing import Any

from marshmallow import Schema, fields

from models import Episode, Reminder
from models.reminder import Decision, DecisionKind
from schedules.plan.vocabulary import Channel, Phase, ReminderCategory, ReminderCorrection, ReminderState
from schedules.planning import Answer
from schedules.planning.story_words import story_words
from service.api.examples import ACKNOWLEDGED, DECISIONS, SNOOZE, SNOOZED
from service.api.fields import CivilDate, Id, Instant, Whole, Word
from service.api.pages import PageQuery, page, row_after
from service.api.plans import BilingualText
from service.api.resource import Resource, listing
from service.api.scope import caller, now, show
from service.care.acknowledging import acknowledge
from service.care.reach import find_row
from service.care.reminders import list_decisions, list_reminders
from service.care.snoozing import LONGEST_MINUTES, SHORTEST_MINUTES, snooze
from service.db import current_session

reminders = Resource("reminders", "Planned messages.")


class ReminderView(Schema):
    """One planned message. `reason` is the code of why it did not go, or will not.

    `acknowledged_at`: from when on it is known that the patient has seen it. `snoozed_until`: the patient put it off.
    `text` is the protocol's, its placeholders open; null: planned before it was kept. `correction`: an app must show it
    until it is acknowledged.
    """

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
    acknowledged_at = Instant(allow_none=True)
    snoozed_until = Instant(allow_none=True)
    text = fields.Nested(BilingualText, allow_none=True, required=True)
    correction = Word(ReminderCorrection, allow_none=True, required=True)
    rev = fields.Integer(required=True)


ReminderPage = listing(ReminderView, "ReminderPage")


class DecisionView(Schema):
    """One line of a reminder's story, never changed or removed. `until` ends a hold, or is the time of a retry."""

    id = Id(required=True)
    decided_at = Instant(required=True)
    generation = fields.Integer(required=True, metadata={"description": "Which planning of the reminder, from 1."})
    step = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Which step of the channel order, from 0."}
    )
    kind = Word(DecisionKind, required=True)
    reason = fields.String(required=True, allow_none=True)
    channel = Word(Channel, required=True, allow_none=True)
    until = Instant(required=True, allow_none=True)
    words = fields.String(required=True, metadata={"description": "The line in plain English."})


DecisionPage = listing(DecisionView, "DecisionPage")


class AcknowledgeBody(Schema):
    """Nothing: an empty object."""


class SnoozeBody(Schema):
    """For how long the message is put off, from now."""

    minutes = Whole(SHORTEST_MINUTES, LONGEST_MINUTES, "minutes from now", required=True)


class SnoozedView(Schema):
    """What became of a reminder that was put off. It comes at `snoozed_until`, in quiet hours after their end.

    effective: it had not gone out. already_sent: it went out, and comes again. unknown: it may have gone out.
    in_flight: it was being handed over, and nothing was changed.
    """

    reminder_id = Id(required=True)
    answer = Word(Answer, required=True)
    snoozed_until = Instant(required=True, allow_none=True)


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


@reminders.get("/reminders/<id:reminder_id>/decisions")
@reminders.arguments(PageQuery, location="query")
@reminders.response(200, DecisionPage, example=DECISIONS)
def list_reminder_decisions(query: dict[str, Any], reminder_id: str) -> Any:
    """Tell why a reminder went, waits or did not go: every decision about it, in order."""
    session, after, limit = current_session(), row_after(query.get("after")), query["limit"]
    reminder = find_row(session, caller(), Reminder, reminder_id)
    show(reminder.patient_id)
    rows = list_decisions(session, reminder.practice_id, reminder.id, after=after, limit=limit + 1)
    answer = page(rows, limit, lambda row: row.id)
    return {**answer, "items": [_line(row) for row in answer["items"]]}


@reminders.post("/reminders/<id:reminder_id>/acknowledge")
@reminders.arguments(AcknowledgeBody)
@reminders.response(200, ReminderView, example=ACKNOWLEDGED)
def acknowledge_reminder(_body: dict[str, Any], reminder_id: str) -> Any:
    """Say that a reminder was seen, so that it is not said again on another channel. The first time stands.

    One that is not due yet answers 409.
    """
    session = current_session()
    reminder = acknowledge(session, caller(), reminder_id, now=now())
    show(reminder.patient_id)
    session.flush()
    return reminder


@reminders.post("/reminders/<id:reminder_id>/snooze")
@reminders.arguments(SnoozeBody, example=SNOOZE)
@reminders.response(200, SnoozedView, example=SNOOZED)
def snooze_reminder(body: dict[str, Any], reminder_id: str) -> Any:
    """Put a message off. One that is urgent, over, or of no use by then answers 409."""
    snoozed = snooze(current_session(), caller(), reminder_id, minutes=body["minutes"], now=now())
    show(snoozed.reminder.patient_id)
    return {"reminder_id": snoozed.reminder.id, "answer": snoozed.answer, "snoozed_until": snoozed.until}


def _line(row: Decision) -> dict[str, Any]:
    names = ("id", "decided_at", "generation", "step", "kind", "reason", "channel", "until")
    return {name: getattr(row, name) for name in names} | {"words": story_words(row.kind, row.reason, row.channel)}
