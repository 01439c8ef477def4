"""How an alert moves: open, acknowledged, closed. Pure: a standing and a step in, the standing after it out.

Only a named person moves an alert on. What a patient takes back is noted and moves nothing: a person finds out why.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import AlertOutcome, AlertState


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an alert stands. `next_escalation_at` None: nobody is called (any more).

    `withdrawn_at`: since when the patient no longer says what raised it.
    """

    state: AlertState = AlertState.open
    owner_id: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    outcome: AlertOutcome | None = None
    next_escalation_at: datetime | None = None
    withdrawn_at: datetime | None = None


def acknowledge(standing: Standing, *, by: str, now: datetime) -> Standing:
    """Return the standing once a person says that the alert is in hand. It is theirs, unless it is somebody's.

    Acknowledged or closed already: nothing changes, whoever asks.
    """
    if standing.state is not AlertState.open:
        return standing
    return replace(
        standing,
        state=AlertState.acknowledged,
        owner_id=standing.owner_id or by,
        acknowledged_at=now,
        acknowledged_by=by,
        next_escalation_at=None,
    )


def assign(standing: Standing, *, to: str) -> Standing:
    """Return the standing once the alert is somebody's. That acknowledges nothing: who was told may not have read it.

    Raises PlanError for a closed one.
    """
    _refuse_closed(standing)
    return replace(standing, owner_id=to)


def close(standing: Standing, outcome: AlertOutcome, *, by: str, now: datetime) -> Standing:
    """Return the standing at an alert's end. Raises PlanError if it is open, or closed with another outcome."""
    if standing.state is AlertState.closed and standing.outcome is outcome:
        return standing
    _refuse_closed(standing)
    if standing.state is AlertState.open:
        raise PlanError("state", "an acknowledged alert", standing.state.value)
    return replace(standing, state=AlertState.closed, outcome=outcome, closed_at=now, closed_by=by)


def withdraw(standing: Standing, now: datetime) -> Standing:
    """Return the standing once the patient no longer says what raised the alert: it waits for a person as before."""
    return standing if standing.withdrawn_at is not None else replace(standing, withdrawn_at=now)


def say_again(standing: Standing) -> Standing:
    """Return the standing once the patient says again what had been taken back."""
    return replace(standing, withdrawn_at=None)


def _refuse_closed(standing: Standing) -> None:
    if standing.state is AlertState.closed:
        raise PlanError("state", "an alert that is not closed", standing.state.value)
