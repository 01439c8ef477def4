"""Milestones: reported as reached or skipped, and reopened. The answer says what became of each reminder."""

from typing import Any

from marshmallow import Schema, fields

from schedules.plan.vocabulary import SkipReason
from schedules.planning import Answer
from service.api import examples
from service.api.fields import CivilDate, Id, Text, Word
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.care.progress import Reported, achieve, reopen, skip
from service.db import current_session

milestones = Resource("milestones", "What people report of milestones.")


class AchieveBody(Schema):
    """On which day of the clinic's calendar it was reached, by default today."""

    achieved_on = CivilDate(load_default=None, allow_none=True)
    note = Text(2000, "a note", load_default=None, allow_none=True)


class SkipBody(Schema):
    """Why it is skipped. `text` goes with the reason `other`."""

    reason = Word(SkipReason, required=True)
    text = Text(2000, "why, if the reason is other", load_default=None, allow_none=True)


class ReopenBody(Schema):
    """Nothing: an empty object."""


class ReminderAnswer(Schema):
    """What became of one reminder.

    effective: it will not go out. in_flight: it may be on its way. already_sent: it went out. unknown: it may have.
    """

    reminder_id = Id(required=True)
    answer = Word(Answer, required=True)


class ReportedView(Schema):
    """A milestone after a report."""

    milestone_id = Id(required=True)
    achieved_on = CivilDate(allow_none=True, required=True)
    skip_reason = Word(SkipReason, allow_none=True, required=True)
    note = fields.String(allow_none=True, required=True)
    reminders = fields.List(fields.Nested(ReminderAnswer), required=True)


@milestones.post("/milestones/<id:milestone_id>/achieve")
@milestones.arguments(AchieveBody, example=examples.ACHIEVE)
@milestones.response(200, ReportedView, example=examples.REPORTED)
def achieve_milestone(body: dict[str, Any], milestone_id: str) -> Any:
    """Report a milestone as reached. One that lifts a restriction is for a clinician or coordinator: 403."""
    return _answer(achieve(current_session(), caller(), milestone_id, **body, now=now()))


@milestones.post("/milestones/<id:milestone_id>/skip")
@milestones.arguments(SkipBody, example=examples.SKIP)
@milestones.response(200, ReportedView)
def skip_milestone(body: dict[str, Any], milestone_id: str) -> Any:
    """Skip a milestone for a coded reason."""
    return _answer(skip(current_session(), caller(), milestone_id, **body, now=now()))


@milestones.post("/milestones/<id:milestone_id>/reopen")
@milestones.arguments(ReopenBody)
@milestones.response(200, ReportedView)
def reopen_milestone(_body: dict[str, Any], milestone_id: str) -> Any:
    """Take a report back. Reminders that are still useful are planned again."""
    return _answer(reopen(current_session(), caller(), milestone_id, now=now()))


def _answer(reported: Reported) -> dict[str, Any]:
    show(reported.milestone.patient_id)
    progress = reported.progress
    return {
        "milestone_id": reported.milestone.id,
        "achieved_on": progress.achieved_on if progress else None,
        "skip_reason": progress.skip_reason if progress else None,
        "note": progress.note if progress else None,
        "reminders": [{"reminder_id": each, "answer": answer} for each, answer in sorted(reported.answers.items())],
    }
