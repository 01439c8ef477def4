"""The worker's book-keeping: a delivery's moves, each under its fence, and what became of its attempts."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, tuple_, update
from sqlalchemy.orm import Session

from models.reminder import Delivery, DeliveryAttempt, DeliveryState
from schedules.delivery.channels import Result
from schedules.delivery.leases import RELEASED
from schedules.plan.vocabulary import Channel
from schedules.planning.story import Step


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to move one delivery. It ends when another claim raises the delivery's fence.

    `solo`: a worker died with it, so it is to be delivered by a process that has nothing else in hand.
    """

    practice_id: str
    patient_id: str
    delivery_id: str
    fence: int
    solo: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery as it stood when it was locked under a claim."""

    practice_id: str
    id: str
    patient_id: str
    reminder_id: str
    generation: int
    step: int
    state: DeliveryState
    reason: str | None
    channel: Channel | None
    is_correction: bool
    due_at: datetime
    useful_until: datetime
    fence: int
    attempts: int
    solo: bool

    @property
    def story(self) -> Step:
        """Return what the lines about this delivery refer to."""
        return Step(self.practice_id, self.reminder_id, self.generation, self.step)


_HELD_COLUMNS = tuple(getattr(Delivery, name) for name in Held.__slots__)


def by_practice(claims: Iterable[Claim]) -> dict[str, list[Claim]]:
    """Return the claims of each practice: no transaction of a worker sees two."""
    found: dict[str, list[Claim]] = {}
    for claim in claims:
        found.setdefault(claim.practice_id, []).append(claim)
    return found


def lock_held(session: Session, claims: Sequence[Claim], *states: DeliveryState) -> dict[Claim, Held]:
    """Return what the claims, all of one practice, still hold in one of `states`, locked to the commit.

    Locked in the order of ids, as withdrawals do; before the attempts, as a claim that takes over does.
    """
    if not claims:
        return {}
    query = (
        select(*_HELD_COLUMNS)
        .where(Delivery.practice_id == claims[0].practice_id, Delivery.id.in_([each.delivery_id for each in claims]))
        .where(Delivery.state.in_(states))
        .order_by(Delivery.id)
        .with_for_update()
    )
    found = {row.id: Held(*row) for row in session.execute(query)}
    held = ((claim, found.get(claim.delivery_id)) for claim in claims)
    return {claim: row for claim, row in held if row is not None and row.fence == claim.fence}


def move(session: Session, claims: Collection[Claim], source: DeliveryState, **columns: Any) -> None:
    """Change the deliveries alike that the claims, all of one practice, still hold in the state `source`."""
    if not claims:
        return
    practice_id = next(iter(claims)).practice_id
    session.execute(
        update(Delivery)
        .where(Delivery.practice_id == practice_id, Delivery.state == source)
        .where(tuple_(Delivery.id, Delivery.fence).in_([(each.delivery_id, each.fence) for each in claims]))
        .values(**columns)
        .execution_options(synchronize_session=False)
    )


def ended(state: DeliveryState, *, now: datetime, reason: str | None = None) -> dict[str, Any]:
    """Return the columns of a delivery that is over, to be shown on its reminder."""
    return {"state": state, "reason": reason, "finished_at": now, "published": False, **RELEASED}


def resolve_attempts(session: Session, results: Iterable[tuple[Claim, Result]], *, now: datetime) -> None:
    """Write what became of the claims' attempts, unless that is known already."""
    table = DeliveryAttempt.__table__
    rows = [
        {
            "of_practice": claim.practice_id,
            "of_delivery": claim.delivery_id,
            "of_fence": claim.fence,
            "outcome": result.outcome,
            "provider_code": result.code,
            "provider_message_id": result.message_id,
        }
        for claim, result in results
    ]
    if not rows:
        return
    statement = (
        update(table)  # type: ignore[arg-type]  # typed FromClause
        .where(
            table.c.practice_id == bindparam("of_practice"),
            table.c.delivery_id == bindparam("of_delivery"),
            table.c.fence == bindparam("of_fence"),
            table.c.outcome.is_(None),
        )
        .values(
            outcome=bindparam("outcome"),
            provider_code=bindparam("provider_code"),
            provider_message_id=bindparam("provider_message_id"),
            ended_at=now,
        )
    )
    session.connection().execute(statement, rows)
