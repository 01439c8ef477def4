"""Bodies of merges: what a dry run asks for, and what it and its application answer."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime, time
from typing import Any

from marshmallow import Schema, fields, validate

from models import RecordMerge
from service.api.fields import Flag, Id, Instant, Text, Word
from service.care.merging_checks import Merge
from service.care.merging_facts import Difference, Fact, Side
from service.care.merging_records import Merged, MessageFate
from service.errors import Fault, InvalidError


class ChoiceBody(Schema):
    """Whose value of one fact stands: that of the record that survives, or of the other one."""

    fact = Word(Fact, required=True)
    stands = Word(Side, required=True)


class MergeBody(Schema):
    """A dry run: `absorbed_id` and `dry_run`. Or its application: the `token` that it answered, alone.

    `choices` are for facts in which the records differ; without one the survivor's value stands, but that a clinical
    fact which only one record knows is kept, and of yes and no it is yes that stands. `confirm_birth_dates`: it is one
    person although the dates of birth differ.
    """

    absorbed_id = Id()
    choices = fields.List(
        fields.Nested(ChoiceBody),
        validate=validate.Length(max=len(Fact)),
        metadata={"expected": "a list of choices", "description": "Each fact once."},
    )
    confirm_birth_dates = Flag("true: it is one person although the dates of birth differ")
    dry_run = Flag("true: what it shows is applied by its token")
    token = Text(100_000, "the token of a dry run, alone")


class MergedFactView(Schema):
    """A fact in which the records differ: what each says, by field, and whose stands."""

    fact = Word(Fact, required=True)
    survivor = fields.Dict(keys=fields.String(), values=fields.Raw(), required=True)
    absorbed = fields.Dict(keys=fields.String(), values=fields.Raw(), required=True)
    stands = Word(Side, required=True)


class MergedRowsView(Schema):
    """How many rows of one table."""

    table = fields.String(required=True)
    rows = fields.Integer(required=True)


class NewLabelView(Schema):
    """An episode whose label the survivor has already."""

    episode_id = Id(required=True)
    label = fields.String(required=True)


class MergedMessageView(Schema):
    """A planned message that changes."""

    reminder_id = Id(required=True)
    becomes = Word(MessageFate, required=True)


class MergeView(Schema):
    """What becomes of two records. A dry run answers `facts`, `token` and `expires_at`; its application `id`.

    `moved` rows are the survivor's afterwards. `ended`: phones, proxies' consents, links and codes of the other record.
    Of `messages` those are named that change; `kept_messages` stay as they were planned.
    """

    dry_run = fields.Boolean(required=True)
    patient_id = Id(required=True)
    absorbed_id = Id(required=True)
    facts = fields.List(fields.Nested(MergedFactView))
    choices = fields.List(fields.Nested(ChoiceBody), required=True)
    moved = fields.List(fields.Nested(MergedRowsView), required=True)
    ended = fields.List(fields.Nested(MergedRowsView), required=True)
    labels = fields.List(fields.Nested(NewLabelView), required=True)
    messages = fields.List(fields.Nested(MergedMessageView), required=True)
    kept_messages = fields.Integer()
    token = fields.String()
    expires_at = Instant()
    id = Id()
    merged_by = Id(allow_none=True)
    merged_at = Instant()


def read_merge(body: Mapping[str, Any], survivor_id: str) -> Merge:
    """Return the merge that the body of a dry run asks for. Raises InvalidError for a body that is no dry run."""
    if faults := tuple(_body_faults(body)):
        raise InvalidError(*faults)
    return Merge(
        survivor_id=survivor_id,
        absorbed_id=body["absorbed_id"],
        choices={each["fact"]: each["stands"] for each in body.get("choices", ())},
        are_birth_dates_confirmed=body.get("confirm_birth_dates", False),
    )


def _body_faults(body: Mapping[str, Any]) -> Iterator[Fault]:
    if "absorbed_id" not in body:
        yield Fault("/absorbed_id", "absorbed_id and dry_run of a dry run, or its token", "nothing")
    if body.get("dry_run") is not True:
        got = "false" if "dry_run" in body else "nothing"
        yield Fault("/dry_run", "true: what it shows is applied by its token", got)
    chosen = [each["fact"] for each in body.get("choices", ())]
    if len(set(chosen)) != len(chosen):
        yield Fault("/choices", "each fact once", "one of them twice")


def tell_rehearsed(command: Merge, merged: Merged) -> dict[str, Any]:
    """Return what a merge would do, as it is answered."""
    return {
        "dry_run": True,
        "patient_id": command.survivor_id,
        "absorbed_id": command.absorbed_id,
        "facts": [_fact(each) for each in merged.differences],
        "choices": [{"fact": each.fact, "stands": each.stands} for each in merged.differences],
        **_rows(asdict(merged.carried)),
        "messages": [{"reminder_id": each, "becomes": fate} for each, fate in sorted(merged.messages.items())],
        "kept_messages": merged.kept,
    }


def tell_merged(merge: RecordMerge) -> dict[str, Any]:
    """Return what a merge did, as it is answered."""
    return {
        "dry_run": False,
        "id": merge.id,
        "patient_id": merge.patient_id,
        "absorbed_id": merge.absorbed_id,
        "choices": [{"fact": fact, "stands": side} for fact, side in sorted(merge.choices.items())],
        **_rows(merge.moved),
        "messages": [{"reminder_id": each, "becomes": fate} for each, fate in sorted(merge.answers.items())],
        "merged_by": merge.merged_by,
        "merged_at": merge.merged_at,
    }


def _rows(told: Mapping[str, Any]) -> dict[str, Any]:
    counts = {
        name: [{"table": table, "rows": count} for table, count in sorted(told[name].items())]
        for name in ("moved", "ended")
    }
    return counts | {"labels": [{"episode_id": each, "label": label} for each, label in sorted(told["labels"].items())]}


def _fact(difference: Difference) -> dict[str, Any]:
    sides = {"survivor": difference.survivor, "absorbed": difference.absorbed}
    told = {side: {name: _plain(value) for name, value in values.items()} for side, values in sides.items()}
    return {"fact": difference.fact, "stands": difference.stands, **told}


def _plain(value: Any) -> Any:
    """Return a fact as JSON holds it."""
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
