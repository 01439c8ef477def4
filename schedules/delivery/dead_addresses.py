"""Addresses that no message reaches: noted with the result that said so, passed over at the gate, asked about once.

What is kept is the keyed hash that a delivery holds. A changed address has another one, so it is alive at once. Devices
of a push app have a list of their own.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.bulk import insert_once
from models.receipts import DeadAddress
from models.reminder import DeliveryAttempt
from models.sets import ByList, is_among
from schedules.plan.vocabulary import Channel

KEPT_FOR = frozenset({Channel.email, Channel.sms, Channel.webhook})
_DEAD = ByList(
    lambda dialect: select(DeadAddress.target).where(
        DeadAddress.practice_id == bindparam("practice_id"),
        is_among(dialect, DeadAddress.target, "targets"),
        DeadAddress.revived_at.is_(None),
    )
)


def dead_among(session: Session, practice_id: str, targets: Collection[bytes]) -> frozenset[bytes]:
    """Return those of the hashed addresses that no message of the practice reaches. One query, if there are any."""
    if not targets:
        return frozenset()
    rows = _DEAD.rows(session.connection(), {"practice_id": practice_id, "targets": targets})
    return frozenset(bytes(target) for (target,) in rows)


def note_dead(
    session: Session, attempt: DeliveryAttempt, target: bytes | None, *, code: str | None, now: datetime
) -> bool:
    """Note, in the session's transaction, that the address of an attempt is dead. Return whether it was not known.

    What was revived after the attempt began stays alive: the message was older than the answer.
    """
    if target is None or attempt.provider is None or attempt.channel not in KEPT_FOR:
        return False
    told = {"delivery_id": attempt.delivery_id, "provider": attempt.provider, "code": code, "died_at": now}
    if insert_once(session, DeadAddress, {"practice_id": attempt.practice_id, "target": target, **told}):
        return True
    key = (attempt.practice_id, target)
    known = session.get_one(DeadAddress, key, with_for_update=True, populate_existing=True)
    if known.revived_at is None or attempt.started_at < known.revived_at:
        return False
    for column, value in told.items():
        setattr(known, column, value)
    known.revived_at = known.task_id = None
    return True
