"""The words and rows in which a change of an episode's plan is told, before it happens and after. Decides nothing."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from schedules.plan.vocabulary import CancelReason, PastPolicy, Phase, Procedure, ReminderCategory, RestrictionKind


class Answer(StrEnum):
    """What a withdrawal achieved for one reminder.

    After `effective` no request for the message leaves us. `in_flight`: a request was started and its end is not known
    yet. `unknown`: an earlier request ended without an answer, so the message may have arrived.
    """

    effective = "effective"
    in_flight = "in_flight"
    already_sent = "already_sent"
    unknown = "unknown"


class ItemChange(StrEnum):
    """What happens to a milestone or restriction. Where several hold, the first of this list is named.

    `kept`: it was achieved, skipped or cleared, so it keeps its dates. `merged`: a later stage's occurrence takes its
    place. `past`: its day is now past, and its past policy applies. `superseded`: a later stage now ends it. `changed`:
    its days stay, something else of it differs.
    """

    kept = "kept"
    cancelled = "cancelled"
    merged = "merged"
    past = "past"
    added = "added"
    superseded = "superseded"
    moved = "moved"
    changed = "changed"
    unchanged = "unchanged"


class MessageChange(StrEnum):
    """What happens to a reminder.

    `in_flight`: its message is on its way and cannot be recalled. `already_sent`: it went out for what no longer holds,
    and is not sent again. `past`: its time is over, and its past policy applies.
    """

    unchanged = "unchanged"
    added = "added"
    moved = "moved"
    cancelled = "cancelled"
    already_sent = "already_sent"
    in_flight = "in_flight"
    past = "past"


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneChange:
    """What happens to one milestone. `was_*` is how it is stored now: None if it is not, or had no date."""

    id: str
    surgery_id: str
    key: str
    kind: str
    occurrence: int
    phase: Phase
    change: ItemChange
    earliest_on: date | None
    target_on: date | None
    latest_on: date | None
    eligible_on: date | None
    was_earliest_on: date | None = None
    was_target_on: date | None = None
    was_latest_on: date | None = None
    was_eligible_on: date | None = None
    binding_procedure: Procedure
    binding_stage: int
    superseded_on: date | None = None
    superseded_by: int | None = None
    past_policy: PastPolicy | None = None
    cancel_reason: CancelReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionChange:
    """What happens to one restriction. Without `through_on` it holds until cleared; `was_*` is how it is stored now."""

    id: str
    surgery_id: str
    kind: RestrictionKind
    occurrence: int
    sequence: int
    change: ItemChange
    limit_lb: int | None
    limit_minutes: int | None
    from_on: date | None
    through_on: date | None
    eligible_on: date | None
    was_from_on: date | None = None
    was_through_on: date | None = None
    was_eligible_on: date | None = None
    was_limit_lb: int | None = None
    was_limit_minutes: int | None = None
    lifted_by: str | None = None
    lifted_by_occurrence: int | None = None
    binding_procedure: Procedure
    binding_stage: int
    cancel_reason: CancelReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderChange:
    """What happens to one reminder.

    `reason` is a code: why it is taken back, or why it will not be sent. `answer` says what taking it back achieves.
    `is_correction`: an older message went out, so the new one opens with a correction.
    """

    id: str
    milestone_id: str
    milestone_key: str
    occurrence: int
    key: str
    repeat: int
    category: ReminderCategory
    change: MessageChange
    scheduled_on: date | None
    due_at: datetime | None
    was_scheduled_on: date | None = None
    was_due_at: datetime | None = None
    reason: str | None = None
    past_policy: PastPolicy | None = None
    answer: Answer | None = None
    is_correction: bool = False


@dataclass(frozen=True, slots=True)
class EpisodeDiff:
    """All that a change would do to an episode, unchanged items included.

    `fingerprint` is a SHA-256 in hexadecimal over everything that the diff follows from: it differs as soon as anything
    relevant does.
    """

    milestones: tuple[MilestoneChange, ...]
    restrictions: tuple[RestrictionChange, ...]
    reminders: tuple[ReminderChange, ...]
    fingerprint: str
