"""Use cases: a clinic sets how soon its alerts must be in hand, within safe limits. A longer wait needs a reason.

It holds for alerts that are raised, and rounds that are called, from then on.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import AlertAnswering, Practice
from schedules.plan.errors import PlanError
from schedules.plan.escalation import ANSWERING, Answering, Bounds, bounds_of, check_answering, is_longer
from schedules.plan.vocabulary import AlertUrgency
from schedules.planning.answering import load_answering
from service.care.checks import storable
from service.errors import ConflictError, Fault, InvalidError, NotFoundError
from service.identity.principal import Principal

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweringRecord:
    """Waits in minutes as they were given, and why, where one is longer than the default."""

    acknowledge_minutes: int
    escalate_minutes: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AnsweringStanding:
    """How one urgency stands: what holds, the default, what may be set, and who set it why; `own` None: nobody did."""

    urgency: AlertUrgency
    holds: Answering
    default: Answering
    bounds: Bounds
    own: AlertAnswering | None

    @property
    def is_longer(self) -> bool:
        """Return whether a wait is longer than the default."""
        return is_longer(self.urgency, self.holds)

    @property
    def tag(self) -> str:
        """Return what a change names: a digest of what was set; of nothing as long as nobody did."""
        return tag_of(self.own)


def list_answering(session: Session, practice_id: str) -> list[AnsweringStanding]:
    """Return each urgency that calls somebody, the most urgent first."""
    own = _own(session, practice_id)
    held = load_answering(session, practice_id)
    return [
        AnsweringStanding(each, held[each], ANSWERING[each], bounds_of(each), own.get(each.value)) for each in ANSWERING
    ]


def set_answering(
    session: Session,
    caller: Principal,
    urgency: str,
    record: AnsweringRecord,
    *,
    require_tag: Callable[[str], None],
    now: datetime,
) -> AlertAnswering:
    """Set how soon alerts of an urgency must be in hand, of the practice's locked row on.

    Raises NotFoundError for an urgency that calls nobody, InvalidError for what is not safe or has no reason, and what
    `require_tag` raises for a change of what was set.
    """
    word = _word(urgency)
    _lock(session, caller.practice_id)
    own = _own(session, caller.practice_id).get(word.value)
    record = AnsweringRecord(**asdict(record) | {"reason": None if record.reason is None else storable(record.reason)})
    if own is not None and _record_of(own) == record:
        return own
    require_tag(tag_of(own))
    wanted = Answering(record.acknowledge_minutes, record.escalate_minutes)
    _refuse_unsafe(session, caller.practice_id, word, wanted, InvalidError)
    if is_longer(word, wanted) and not (record.reason or "").strip():
        raise InvalidError(Fault("/reason", "a reason, where a wait is longer than the default", "nothing"))
    if own is None:
        own = AlertAnswering(practice_id=caller.practice_id, id=word.value)
        session.add(own)
    own.acknowledge_minutes, own.escalate_minutes = wanted.acknowledge_minutes, wanted.escalate_minutes
    own.set_at, own.set_by = now, caller.actor_id
    own.reason = record.reason
    return own


def reset_answering(session: Session, caller: Principal, urgency: str) -> None:
    """Let the default hold again for an urgency.

    Raises NotFoundError, and ConflictError where a more urgent alert would then be given more time than a less urgent.
    """
    word = _word(urgency)
    _lock(session, caller.practice_id)
    own = _own(session, caller.practice_id).get(word.value)
    if own is None:
        return
    _refuse_unsafe(session, caller.practice_id, word, ANSWERING[word], ConflictError)
    session.delete(own)


def tag_of(row: AlertAnswering | None) -> str:
    """Return what a change names: a digest of what was set."""
    told = None if row is None else asdict(_record_of(row))
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _record_of(row: AlertAnswering) -> AnsweringRecord:
    return AnsweringRecord(
        acknowledge_minutes=row.acknowledge_minutes, escalate_minutes=row.escalate_minutes, reason=row.reason
    )


def _refuse_unsafe(
    session: Session,
    practice_id: str,
    urgency: AlertUrgency,
    wanted: Answering,
    refusal: type[InvalidError] | type[ConflictError],
) -> None:
    try:
        check_answering(urgency, wanted, load_answering(session, practice_id))
    except PlanError as error:
        raise refusal(Fault(f"/{error.where}", error.expected, error.got)) from None


def _own(session: Session, practice_id: str) -> Mapping[str, AlertAnswering]:
    query = select(AlertAnswering).where(AlertAnswering.practice_id == practice_id)
    return {row.id: row for row in session.scalars(query)}


def _word(urgency: str) -> AlertUrgency:
    """Return an urgency that calls somebody. Raises NotFoundError."""
    word = next((each for each in ANSWERING if each.value == urgency), None)
    if word is None:
        raise NotFoundError
    return word


def _lock(session: Session, practice_id: str) -> None:
    """Lock the practice to the commit: of two changes the second sees what the first did."""
    session.get_one(Practice, practice_id, with_for_update={"key_share": True}, populate_existing=True)
