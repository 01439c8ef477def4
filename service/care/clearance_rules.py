"""Use cases: a clinician signs or retires a rule of the clinic that lifts a limit once every condition holds.

What such a rule may never do stands in `schedules.plan.gates`: very heavy work, what a low bone density holds, and what
waits for a judgement of the fusion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import ClearanceRule, Practice
from models.protocols import ProtocolVersion
from schedules.plan.kinds import rule_of
from schedules.plan.library import load_library
from schedules.plan.vocabulary import MilestoneKind
from service.errors import ConflictError, Fault, InvalidError, NotFoundError, describe
from service.identity.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRecord:
    """What a rule covers: a kind of milestone, after one protocol or (None) after every one."""

    milestone_kind: MilestoneKind
    protocol_id: str | None = None


def sign_rule(
    session: Session, caller: Principal, rule_id: str, record: RuleRecord, *, now: datetime
) -> tuple[ClearanceRule, bool]:
    """Sign a rule under the client's id. Return the row, and whether it is new.

    Raises InvalidError for what no rule may clear and for an unknown protocol, ConflictError for a rule that is signed
    already and says something else: it never changes.
    """
    # One after another, so that a rule sent twice at once is signed once.
    session.get(Practice, caller.practice_id, with_for_update=True)
    rule = session.get(ClearanceRule, (caller.practice_id, rule_id), populate_existing=True)
    if rule is None:
        _refuse_coverage(session, caller, record)
        rule = ClearanceRule(practice_id=caller.practice_id, id=rule_id)
        rule.milestone_kind, rule.protocol_id = record.milestone_kind.value, record.protocol_id
        rule.signed_by, rule.signed_at = caller.actor_id, now
        session.add(rule)
        return rule, True
    for name, value in (("milestone_kind", record.milestone_kind.value), ("protocol_id", record.protocol_id)):
        if getattr(rule, name) != value:
            expected = "what was signed: retire this rule and sign another"
            raise ConflictError(Fault(f"/{name}", expected, "another value"))
    return rule, False


def retire_rule(session: Session, caller: Principal, rule_id: str, *, now: datetime) -> ClearanceRule:
    """Retire a rule: it clears nothing more. What it cleared stays cleared. Raises NotFoundError."""
    rule = session.get(ClearanceRule, (caller.practice_id, rule_id))
    if rule is None:
        raise NotFoundError
    if rule.retired_at is None:
        rule.retired_by, rule.retired_at = caller.actor_id, now
    return rule


def list_rules(session: Session, practice_id: str, *, after: str | None, limit: int) -> Sequence[ClearanceRule]:
    """Return up to `limit` of the practice's rules by id, the retired ones included, from the one after `after` on."""
    query = select(ClearanceRule).filter_by(practice_id=practice_id).where(ClearanceRule.id > (after or ""))
    return session.scalars(query.order_by(ClearanceRule.id).limit(limit)).all()


def _refuse_coverage(session: Session, caller: Principal, record: RuleRecord) -> None:
    kind = record.milestone_kind
    if rule_of(kind).lifts is None or kind is MilestoneKind.rtw_very_heavy:
        expected = "a kind that lifts a limit, and not very heavy work, which a clinician clears"
        raise InvalidError(Fault("/milestone_kind", expected, kind.value))
    if record.protocol_id is None or any(each.id == record.protocol_id for each in load_library().protocols):
        return
    own = select(ProtocolVersion.id).filter_by(practice_id=caller.practice_id, protocol_id=record.protocol_id)
    if session.scalars(own.limit(1)).one_or_none() is None:
        raise InvalidError(
            Fault("/protocol_id", "a protocol that ships or is the practice's own", describe(record.protocol_id))
        )
