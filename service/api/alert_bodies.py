"""What the API says of alerts, and what it takes about them."""

from marshmallow import Schema, fields

from schedules.plan.vocabulary import (
    AlertKind,
    AlertLine,
    AlertOutcome,
    AlertState,
    AlertUrgency,
    ContactMethod,
    Grade,
    OnCallPlace,
)
from schedules.planning.story_words import story_words
from service.api.fields import Flag, Id, Instant, Text, Word
from service.api.pages import PageQuery
from service.api.resource import listing


class AlertWordsView(Schema):
    """A text in every language."""

    en = fields.String(required=True)
    es = fields.String(required=True)


class AnsweringView(Schema):
    """How soon it must be acknowledged, and when the next people are called. No source states it: grade E."""

    acknowledge_minutes = fields.Integer(required=True)
    escalate_minutes = fields.Integer(required=True)
    grade = Word(Grade, required=True)
    sources = fields.List(fields.String(), required=True)


class AlertWhyView(Schema):
    """What raised it, in words, with the grade and sources of these. `answering` null: nobody is called."""

    text = fields.Nested(AlertWordsView, required=True)
    grade = Word(Grade, required=True)
    sources = fields.List(fields.String(), required=True)
    answering = fields.Nested(AnsweringView, required=True, allow_none=True)


class AlertView(Schema):
    """One alert. `about` holds keys and ids, such as the check-in's; `withdrawn_at`: the patient no longer says so."""

    id = Id(required=True)
    patient_id = Id(required=True)
    episode_id = Id(required=True)
    kind = Word(AlertKind, required=True)
    urgency = Word(AlertUrgency, required=True)
    state = Word(AlertState, required=True)
    about = fields.Dict(keys=fields.String(), values=fields.Raw(), required=True)
    why = fields.Nested(AlertWhyView, required=True)
    raised_at = Instant(required=True)
    told_at = Instant(required=True, allow_none=True)
    acknowledge_by = Instant(required=True, allow_none=True)
    next_escalation_at = Instant(required=True, allow_none=True)
    level = fields.Integer(required=True)
    withdrawn_at = Instant(required=True, allow_none=True)
    owner_id = Id(required=True, allow_none=True)
    acknowledged_at = Instant(required=True, allow_none=True)
    acknowledged_by = Id(required=True, allow_none=True)
    closed_at = Instant(required=True, allow_none=True)
    closed_by = Id(required=True, allow_none=True)
    outcome = Word(AlertOutcome, required=True, allow_none=True)
    version = fields.Integer(required=True)


class AlertEntryView(Schema):
    """One line of its log. `made_by` null: the service, or the patient. A contact has method, `is_reached` and note."""

    id = Id(required=True)
    line = Word(AlertLine, required=True)
    made_at = Instant(required=True)
    made_by = Id(required=True, allow_none=True)
    about = fields.Dict(keys=fields.String(), values=fields.Raw(), required=True)
    method = Word(ContactMethod, required=True, allow_none=True)
    is_reached = fields.Boolean(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)


class AlertMessageView(Schema):
    """One decision about a message to staff. `call` is the number that the log's `called` line gives."""

    call = fields.Integer(attribute="generation", required=True)
    step = fields.Integer(required=True, allow_none=True)
    decided_at = Instant(required=True)
    kind = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    channel = fields.String(required=True, allow_none=True)
    words = fields.Function(lambda line: story_words(line.kind, line.reason, line.channel))


class AlertAnswer(AlertView):
    """One alert with its log and its messages, both in their order."""

    log = fields.List(fields.Nested(AlertEntryView), required=True)
    messages = fields.List(fields.Nested(AlertMessageView), required=True)


AlertPage = listing(AlertView, "AlertPage")


class AlertQuery(PageQuery):
    """Which alerts, and which page of them. Without a state: the open ones."""

    state = Word(AlertState, load_default=AlertState.open)
    kind = Word(AlertKind)
    urgency = Word(AlertUrgency)
    patient_id = Id()
    owner_id = Id()


class AlertStepBody(Schema):
    """Nothing."""


class AlertAssignBody(Schema):
    """Whose it is from now on."""

    staff_id = Id(required=True)


class AlertContactBody(Schema):
    """A try to reach the patient."""

    method = Word(ContactMethod, required=True)
    is_reached = Flag("whether the patient was reached", required=True)
    note = Text(2000, "what was said", load_default=None, allow_none=True)


class CloseAlertBody(Schema):
    """What came of it."""

    outcome = Word(AlertOutcome, required=True)
    note = Text(2000, "a note", load_default=None, allow_none=True)


class RedFlagView(Schema):
    """One red flag: what is asked, what to do at once, who is called and how soon. Grade E as words."""

    key = fields.String(required=True)
    urgency = Word(AlertUrgency, required=True)
    text = fields.Nested(AlertWordsView, required=True)
    question = fields.Nested(AlertWordsView, required=True)
    what_to_do = fields.Nested(AlertWordsView, required=True)
    grade = Word(Grade, required=True)
    sources = fields.List(fields.String(), required=True)
    answering = fields.Nested(AnsweringView, required=True)


class AlertRuleView(Schema):
    """One rule over time, with the figures that it counts with. Those are drafts without a source: grade E."""

    kind = Word(AlertKind, required=True)
    urgency = Word(AlertUrgency, required=True)
    text = fields.Nested(AlertWordsView, required=True)
    figures = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    grade = Word(Grade, required=True)
    sources = fields.List(fields.String(), required=True)


class AlertRulesView(Schema):
    """All that raises an alert, and in which order people are called."""

    chain = fields.List(Word(OnCallPlace), required=True)
    red_flags = fields.List(fields.Nested(RedFlagView), required=True)
    rules = fields.List(fields.Nested(AlertRuleView), required=True)
