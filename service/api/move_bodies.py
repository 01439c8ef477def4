"""Bodies of moves: what a dry run asks for, and what it and its application answer."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from marshmallow import Schema, fields, validate

from schedules.plan.corrections import UrgentCorrection
from schedules.plan.replan import Answer, ItemChange, MessageChange
from schedules.plan.vocabulary import (
    Approach,
    ApproachClass,
    CancelReason,
    MoveReason,
    PastPolicy,
    Phase,
    Procedure,
    ReminderCategory,
    RestrictionKind,
)
from schedules.planning.corrections import CorrectionMessage
from service.api.fields import CivilDate, Flag, Id, Instant, Text, WallTime, Word
from service.api.milestones import ReminderAnswer
from service.api.resource import listing
from service.api.surgeries import SpineLevel, SurgeryBody
from service.care.move_changes import Change, ChangeKind, Move
from service.errors import Fault, InvalidError

MOST_CHANGES = 20
_STAGE_FIELDS = {name: field for name, field in SurgeryBody().declared_fields.items() if name != "episode_id"}
# Of each change: the fields that it needs, and those that it may have, besides `change` and `surgery_id`.
_FIELDS: Final[Mapping[ChangeKind, tuple[frozenset[str], frozenset[str]]]] = {
    ChangeKind.date_set: (frozenset({"surgery_on"}), frozenset({"arrival_at"})),
    ChangeKind.date_moved: (frozenset({"surgery_on"}), frozenset({"arrival_at"})),
    ChangeKind.date_cleared: (frozenset(), frozenset()),
    ChangeKind.approach_changed: (frozenset({"approach"}), frozenset({"approach_class"})),
    ChangeKind.levels_changed: (frozenset({"levels"}), frozenset()),
    ChangeKind.procedure_changed: (frozenset({"procedure"}), frozenset({"approach", "approach_class", "levels"})),
    ChangeKind.stage_added: (frozenset({"surgery"}), frozenset()),
    ChangeKind.surgery_cancelled: (frozenset(), frozenset()),
}

StageBody = Schema.from_dict(_STAGE_FIELDS, name="StageBody")


class ChangeBody(Schema):
    """One change of one surgery, whose id a new stage's client makes.

    date_set, date_moved: `surgery_on`, and `arrival_at` if known (the former arrival time does not go along).
    approach_changed: `approach`, `approach_class` where the surgeon overrides it. levels_changed: `levels`.
    procedure_changed: `procedure`, and `approach`, `approach_class`, `levels` where they differ. stage_added:
    `surgery`. date_cleared, surgery_cancelled: nothing more.
    """

    change = Word(ChangeKind, required=True)
    surgery_id = Id(required=True)
    surgery_on = CivilDate("day 0 such as 2026-03-02")
    arrival_at = WallTime("the hospital's arrival time such as 06:30")
    procedure = Word(Procedure)
    approach = Word(Approach)
    approach_class = Word(ApproachClass)
    levels = fields.List(SpineLevel(), validate=validate.Length(min=1, max=20))
    surgery = fields.Nested(StageBody)


class MoveBody(Schema):
    """A dry run: `changes`, `reason` and `dry_run`. Or its application: the `token` that it answered, alone."""

    changes = fields.List(
        fields.Nested(ChangeBody),
        validate=validate.Length(min=1, max=MOST_CHANGES),
        metadata={"expected": f"a list of 1 to {MOST_CHANGES} changes", "description": "Made together, in this order."},
    )
    reason = Word(MoveReason)
    reason_text = Text(2000, "why, if the reason is other")
    dry_run = Flag("true: what it shows is applied by its token")
    token = Text(100_000, "the token of a dry run, alone")


class ChangedSurgeryView(Schema):
    """What became of a surgery: the facts that differ, before (null for a new one) and after."""

    surgery_id = Id(required=True)
    changes = fields.List(Word(ChangeKind), required=True)
    was = fields.Dict(keys=fields.String(), values=fields.Raw(), allow_none=True, required=True)
    becomes = fields.Dict(keys=fields.String(), values=fields.Raw(), required=True)


class CorrectionView(Schema):
    """Advice for the former day that the patient had: it is corrected at once, and the clinic is asked to call today.

    `message`: due, or why there is only the phone task.
    """

    surgery_id = Id(required=True)
    key = Word(UrgentCorrection, required=True)
    milestone_keys = fields.List(fields.String(), required=True)
    message = Word(CorrectionMessage, required=True)


class MilestoneChangeView(Schema):
    """What happens to one milestone. `was_*` is how it is stored now."""

    id = Id(required=True)
    surgery_id = Id(required=True)
    key = fields.String(required=True)
    kind = fields.String(required=True)
    stage = fields.Integer(attribute="occurrence", required=True)
    phase = Word(Phase, required=True)
    change = Word(ItemChange, required=True)
    earliest_on = CivilDate(allow_none=True, required=True)
    target_on = CivilDate(allow_none=True, required=True)
    latest_on = CivilDate(allow_none=True, required=True)
    eligible_on = CivilDate(allow_none=True, required=True)
    was_earliest_on = CivilDate(allow_none=True, required=True)
    was_target_on = CivilDate(allow_none=True, required=True)
    was_latest_on = CivilDate(allow_none=True, required=True)
    was_eligible_on = CivilDate(allow_none=True, required=True)
    binding_procedure = Word(Procedure, required=True)
    binding_stage = fields.Integer(required=True)
    superseded_on = CivilDate(allow_none=True, required=True)
    superseded_by = fields.Integer(allow_none=True, required=True)
    past_policy = Word(PastPolicy, allow_none=True, required=True)
    cancel_reason = Word(CancelReason, allow_none=True, required=True)


class RestrictionChangeView(Schema):
    """What happens to one restriction. Without `through_on` it holds until a clinician clears it."""

    id = Id(required=True)
    surgery_id = Id(required=True)
    kind = Word(RestrictionKind, required=True)
    stage = fields.Integer(attribute="occurrence", required=True)
    sequence = fields.Integer(required=True)
    change = Word(ItemChange, required=True)
    limit_lb = fields.Integer(allow_none=True, required=True)
    limit_minutes = fields.Integer(allow_none=True, required=True)
    from_on = CivilDate(allow_none=True, required=True)
    through_on = CivilDate(allow_none=True, required=True)
    eligible_on = CivilDate(allow_none=True, required=True)
    was_from_on = CivilDate(allow_none=True, required=True)
    was_through_on = CivilDate(allow_none=True, required=True)
    was_eligible_on = CivilDate(allow_none=True, required=True)
    was_limit_lb = fields.Integer(allow_none=True, required=True)
    was_limit_minutes = fields.Integer(allow_none=True, required=True)
    lifted_by = fields.String(allow_none=True, required=True)
    lifted_by_stage = fields.Integer(attribute="lifted_by_occurrence", allow_none=True, required=True)
    binding_procedure = Word(Procedure, required=True)
    binding_stage = fields.Integer(required=True)
    cancel_reason = Word(CancelReason, allow_none=True, required=True)


class ReminderChangeView(Schema):
    """What happens to one reminder. `answer`: what taking it back achieves now.

    `is_correction`: an older message went out, so the new one opens by saying that the dates have changed.
    """

    id = Id(required=True)
    milestone_id = Id(required=True)
    milestone_key = fields.String(required=True)
    stage = fields.Integer(attribute="occurrence", required=True)
    key = fields.String(required=True)
    repeat = fields.Integer(required=True)
    category = Word(ReminderCategory, required=True)
    change = Word(MessageChange, required=True)
    scheduled_on = CivilDate(allow_none=True, required=True)
    due_at = Instant(allow_none=True, required=True)
    was_scheduled_on = CivilDate(allow_none=True, required=True)
    was_due_at = Instant(allow_none=True, required=True)
    reason = fields.String(allow_none=True, required=True)
    past_policy = Word(PastPolicy, allow_none=True, required=True)
    answer = Word(Answer, allow_none=True, required=True)
    is_correction = fields.Boolean(required=True)


class MoveView(Schema):
    """A dry run answers the diff, `token` and `expires_at`; its application `id` and what became of each reminder.

    `rev` is the revision of the plan that the application made.
    """

    dry_run = fields.Boolean(required=True)
    episode_id = Id(required=True)
    surgeries = fields.List(fields.Nested(ChangedSurgeryView), required=True)
    correction = fields.Nested(CorrectionView, allow_none=True, required=True)
    milestones = fields.List(fields.Nested(MilestoneChangeView))
    restrictions = fields.List(fields.Nested(RestrictionChangeView))
    reminders = fields.List(fields.Nested(ReminderChangeView))
    token = fields.String()
    expires_at = Instant()
    id = Id()
    reason = Word(MoveReason, required=True)
    reason_text = fields.String(allow_none=True, required=True)
    changed_by = Id()
    changed_at = Instant()
    answers = fields.List(fields.Nested(ReminderAnswer))
    rev = fields.Integer()


MovePage = listing(MoveView, "MovePage")


def read_move(body: Mapping[str, Any]) -> Move:
    """Return the move that the body of a dry run asks for.

    Raises InvalidError for a body that is neither a dry run nor a token alone, or a change with other fields than its
    own.
    """
    faults = [*_body_faults(body)]
    for index, change in enumerate(body.get("changes", ())):
        faults += _change_faults(change, f"/changes/{index}")
    if faults:
        raise InvalidError(*faults)
    changes = tuple(_read_change(each) for each in body["changes"])
    return Move(changes, body["reason"], body.get("reason_text"))


def _body_faults(body: Mapping[str, Any]) -> Iterator[Fault]:
    for name in ("changes", "reason"):
        if name not in body:
            yield Fault(f"/{name}", "changes, reason and dry_run of a dry run, or its token", "nothing")
    if body.get("dry_run") is not True:
        got = "false" if "dry_run" in body else "nothing"
        yield Fault("/dry_run", "true: what it shows is applied by its token", got)


def _change_faults(change: Mapping[str, Any], pointer: str) -> Iterator[Fault]:
    kind: ChangeKind = change["change"]
    needed, allowed = _FIELDS[kind]
    given = change.keys() - {"change", "surgery_id"}
    yield from (Fault(f"{pointer}/{name}", f"what {kind} says", "nothing") for name in sorted(needed - given))
    extra = sorted(given - needed - allowed)
    yield from (Fault(f"{pointer}/{name}", f"nothing, since the change is {kind}", "something") for name in extra)


def _read_change(change: Mapping[str, Any]) -> Change:
    facts = {name: value for name, value in change.items() if name not in ("change", "surgery_id")}
    facts |= facts.pop("surgery", {})
    if "levels" in facts:
        facts["levels"] = tuple(facts["levels"])
    return Change(change["change"], change["surgery_id"], facts)
