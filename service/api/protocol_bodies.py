"""Bodies and answers of a clinic's own protocols. An edit has the layout of the file; the parser judges its content."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from schedules.plan.findings import Severity
from schedules.plan.toml_table import FURTHEST, LONGEST
from schedules.plan.vocabulary import Anchor, Grade, PastPolicy, ReminderCategory, WeekendRule
from service.api.fields import Id, Text, WallTime, Whole, WholeText, Word

_KEY = WholeText("^[a-z0-9_]{1,40}$")
_MOST = 200


def _days() -> Whole:
    return Whole(-FURTHEST, FURTHEST, "days from the day of surgery", allow_none=True)


def _named(value: fields.Field[Any] | type[Schema], expected: str) -> fields.Dict:
    field = value if isinstance(value, fields.Field) else fields.Nested(value, allow_none=True)
    return fields.Dict(
        keys=fields.String(validate=_KEY),
        values=field,
        validate=validate.Length(max=_MOST),
        metadata={"expected": expected},
    )


def _sources() -> fields.List[str]:
    told = {"expected": "ids of the bibliography", "description": "Ids of the bibliography."}
    return fields.List(fields.String(validate=validate.Length(1, 20)), validate=validate.Length(max=50), metadata=told)


class MilestoneEdit(Schema):
    """Days, grade, sources and note of a milestone. Changed days without sources become grade E."""

    earliest = _days()
    target = _days()
    latest = _days()
    grade = Word(Grade)
    sources = _sources()
    note = Text(LONGEST, "a note", allow_none=True)


class PhaseEdit(Schema):
    """A lifting limit over a span of days."""

    first = Whole(0, FURTHEST, "days", data_key="from", attribute="from", required=True)
    through = _days()
    limit_lb = Whole(1, FURTHEST, "pounds", required=True)
    condition = Text(LONGEST, "a condition", allow_none=True)
    text = fields.String(validate=_KEY)
    grade = Word(Grade)
    sources = _sources()
    note = Text(LONGEST, "a note", allow_none=True)


class LiftingEdit(Schema):
    """The lifting limits. Phases are replaced whole."""

    phases = fields.List(fields.Nested(PhaseEdit), validate=validate.Length(1, 50))
    unrestricted_from = _days()
    unrestricted_condition = Text(LONGEST, "a condition", allow_none=True)
    unrestricted_note = Text(LONGEST, "a note", allow_none=True)


class TextEdit(Schema):
    """A text in both languages."""

    en = Text(LONGEST, "English", required=True)
    es = Text(LONGEST, "Spanish", required=True)


class TextsEdit(Schema):
    """Texts of milestones by kind, of restrictions by key, of reminders by kind and key; null: as the shared file."""

    milestones = _named(TextEdit, "texts by kind of milestone")
    restrictions = _named(TextEdit, "texts by key")
    reminders = _named(_named(TextEdit, "texts by key"), "texts by kind and key")
    without_reminder = _named(TextEdit, "texts by kind")


class ReminderEdit(Schema):
    """When a reminder goes out. It becomes grade E."""

    anchor = Word(Anchor)
    days = Whole(-FURTHEST, FURTHEST, "days from the anchor")
    local_time = WallTime()
    useful_hours = Whole(1, FURTHEST, "hours")
    weekend = Word(WeekendRule)
    past_policy = Word(PastPolicy)
    category = Word(ReminderCategory)


class ProtocolEdit(Schema):
    """Values of a draft to change, in the layout of its file. What is left out stays; null takes an entry out."""

    title = Text(200, "a title")
    milestones = _named(MilestoneEdit, "milestones by key")
    lifting = fields.Nested(LiftingEdit, metadata={"expected": "lifting limits"})
    texts = fields.Nested(TextsEdit, metadata={"expected": "texts in English and Spanish"})
    reminders = _named(_named(ReminderEdit, "reminders by key"), "reminders by kind and key")


class CopyBody(Schema):
    """Which version to copy, and under which own id: lower case. Without one an own protocol gets its next version."""

    version = Whole(1, 999_999, "the version to copy", required=True)
    id = Id()


class SignBody(Schema):
    """The ids of the warnings that the signer has read and takes on."""

    acknowledged = fields.List(
        fields.String(validate=validate.Length(1, 200)),
        load_default=list,
        validate=validate.Length(max=500),
        metadata={"expected": "ids of findings", "description": "Ids of findings."},
    )


class NothingBody(Schema):
    """An empty object."""


class FindingView(Schema):
    """One thing that was found. An error blocks; a warning waits for the signer's acknowledgement by its `id`."""

    id = fields.String(required=True)
    code = fields.String(required=True)
    severity = Word(Severity, required=True)
    where = fields.String(required=True)
    expected = fields.String(required=True)
    got = fields.String(required=True)


class FindingList(Schema):
    """What was found in a version, errors first."""

    items = fields.List(fields.Nested(FindingView), required=True)


def edits_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a loaded body as plain values."""
    return {name: _plain(value) for name, value in body.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
