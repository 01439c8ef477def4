"""The worker's book-keeping: a delivery's moves, each under its fence, and what became of its attempts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, String, bindparam, cast, func, or_, select
from sqlalchemy.orm import Session

from models.base import table_of
from models.reminder import Delivery, DeliveryAttempt, DeliveryState
from models.sets import ByList, is_among, update_rows
from schedules.delivery.channels import Result
from schedules.delivery.leases import RELEASED
from schedules.plan.urgency import Urgency
from schedules.plan.vocabulary import Channel
from schedules.planning.story import Step


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to move one delivery. It ends when another claim raises the delivery's fence.

    `solo`: a worker died with it, so it is to be delivered by a process that has nothing else in hand. Of lower
    `urgency` is what passes before others that wait in a sender.
    """

    practice_id: str
    patient_id: str
    delivery_id: str
    fence: int
    solo: bool = False
    urgency: int = field(default=Urgency.usual, compare=False)


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery as it stood when it was locked under a claim."""

    practice_id: str
    id: str
    patient_id: str
    reminder_id: str | None
    alert_id: str | None  # of a call about an alert
    access_id: str | None  # of a notice of break-glass
    staff_id: str | None
    generation: int
    step: int
    state: DeliveryState
    reason: str | None
    channel: Channel | None
    is_correction: bool
    due_at: datetime
    useful_until: datetime
    next_attempt_at: datetime
    fence: int
    attempts: int
    solo: bool
    urgency: int
    after_silence: bool

    @property
    def story(self) -> Step:
        """Return what the lines about this delivery refer to."""
        return Step(self.practice_id, self.reminder_id, self.generation, self.step, self.alert_id, self.access_id)


_HELD_COLUMNS = tuple(getattr(Delivery, name) for name in Held.__slots__)
# Not by IS NULL: the index of open attempts seems so small to the database that it would compare all of it with each.
_IS_OPEN = func.coalesce(cast(table_of(DeliveryAttempt).c.outcome, String), "") == ""


def by_practice(claims: Iterable[Claim]) -> dict[str, list[Claim]]:
    """Return the claims of each practice: no transaction of a worker sees two."""
    found: dict[str, list[Claim]] = {}
    for claim in claims:
        found.setdefault(claim.practice_id, []).append(claim)
    return found


def by_patient(claims: Iterable[Claim]) -> Iterable[list[Claim]]:
    """Return the claims of each patient: what is due at one time may be said in one message."""
    found: dict[tuple[str, str], list[Claim]] = {}
    for claim in claims:
        found.setdefault((claim.practice_id, claim.patient_id), []).append(claim)
    return found.values()


def lock_held(session: Session, claims: Sequence[Claim], *states: DeliveryState) -> dict[Claim, Held]:
    """Return what the claims, all of one practice, still hold in one of `states`, locked to the commit.

    Locked in the order of ids, as withdrawals do; before the attempts, as a claim that takes over does.
    """
    if not claims:
        return {}
    parameters = {"practice_id": claims[0].practice_id, "ids": [each.delivery_id for each in claims]}
    rows = _locking(states).rows(session.connection(), parameters)
    found = {row.id: Held(*row) for row in rows}
    held = ((claim, found.get(claim.delivery_id)) for claim in claims)
    return {claim: row for claim, row in held if row is not None and row.fence == claim.fence}


@cache
def _locking(states: tuple[DeliveryState, ...]) -> ByList:
    return ByList(lambda dialect: _lock_query(dialect, states))


def _lock_query(dialect: str, states: tuple[DeliveryState, ...]) -> Select[Any]:
    return (
        select(*_HELD_COLUMNS)
        .where(Delivery.practice_id == bindparam("practice_id"))
        .where(is_among(dialect, Delivery.id, "ids"))
        .where(or_(*(Delivery.state == state for state in states)))
        .order_by(Delivery.id)
        .with_for_update()
    )


def move(session: Session, claims: Iterable[Claim], **columns: Any) -> None:
    """Change deliveries alike that were locked under their claims."""
    move_each(session, [(claim, {}) for claim in claims], **columns)


def move_each(session: Session, moves: Iterable[tuple[Claim, Mapping[str, Any]]], **common: Any) -> None:
    """Change deliveries that were locked under their claims: each gets the columns beside it, all get `common`."""
    rows = [
        {"practice_id": claim.practice_id, "id": claim.delivery_id, "fence": claim.fence, **columns}
        for claim, columns in moves
    ]
    # What else is known of them (practice, state) is left out: the database would look for that first, with any number
    # of rows in its hands, and not for the keys.
    update_rows(session.connection(), table_of(Delivery), rows, keys=("practice_id", "id", "fence"), common=common)


def ended(state: DeliveryState, *, now: datetime, reason: str | None = None) -> dict[str, Any]:
    """Return the columns of a delivery that is over, to be shown on its reminder."""
    return {"state": state, "reason": reason, "finished_at": now, "published": False, **RELEASED}


def resolve_attempts(session: Session, results: Iterable[tuple[Claim, Result]], *, now: datetime) -> None:
    """Write what became of the claims' attempts, unless that is known already."""
    table = table_of(DeliveryAttempt)
    rows = [
        {
            "practice_id": claim.practice_id,
            "delivery_id": claim.delivery_id,
            "fence": claim.fence,
            "outcome": result.outcome,
            "provider_code": result.code,
            "provider_message_id": result.message_id,
        }
        for claim, result in results
    ]
    keys = ("practice_id", "delivery_id", "fence")
    update_rows(session.connection(), table, rows, keys=keys, where=_IS_OPEN, common={"ended_at": now})
