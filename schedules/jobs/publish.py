"""Shows the results of deliveries on the reminders that patients and coordinators see."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, select
from sqlalchemy.orm import Session, sessionmaker

from models.base import table_of
from models.isolation import in_practice, reading_doors
from models.reminder import CLAIMABLE_STATES, Delivery, DeliveryState, Reminder
from models.sets import is_among, listed, update_rows
from models.statistics import look_up_by_key
from models.sync import stamp
from schedules.jobs.practices import for_each, nothing
from schedules.plan.vocabulary import ReminderState

PUBLISHED_AT_ONCE = 200
_SHOWN = {
    DeliveryState.sent: ReminderState.sent,
    DeliveryState.failed: ReminderState.failed,
    DeliveryState.quarantined: ReminderState.failed,
    DeliveryState.cancelled: ReminderState.cancelled,
    DeliveryState.expired: ReminderState.expired,
    DeliveryState.suppressed: ReminderState.suppressed,
}


@dataclass(frozen=True, slots=True)
class _Result:
    """A delivery that is over."""

    id: str
    reminder_id: str | None
    generation: int
    step: int
    state: DeliveryState
    reason: str | None
    after_silence: bool
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a reminder shows."""

    generation: int
    state: ReminderState
    reason: str | None
    sent_at: datetime | None


_RESULT_COLUMNS = tuple(getattr(Delivery, name) for name in _Result.__slots__)
_SHOWN_COLUMNS = tuple(getattr(Reminder, name) for name in _Shown.__slots__)
# In the words of the partial index: of parameters PostgreSQL cannot know, before it has them, that it holds these.
_UNPUBLISHED = and_(
    ~Delivery.published,
    Delivery.state.not_in(bindparam("open", CLAIMABLE_STATES, expanding=True, literal_execute=True)),
    Delivery.state != DeliveryState.held,
)
_PRACTICES = select(Delivery.practice_id).where(_UNPUBLISHED).distinct().order_by(Delivery.practice_id)
_NEXT = (
    select(*_RESULT_COLUMNS)
    .where(Delivery.practice_id == bindparam("practice_id"), _UNPUBLISHED)
    .order_by(Delivery.id)
    .limit(PUBLISHED_AT_ONCE)
    .with_for_update(skip_locked=True)
)


def publish(make_session: sessionmaker[Session], between: Callable[[], None] = nothing) -> None:
    """Show the results of deliveries on their reminders, which patients and coordinators see, in batches.

    `between` two batches is done what cannot wait for all of them.
    """
    with reading_doors(make_session) as session:
        practice_ids = session.connection().scalars(_PRACTICES).all()

    def show(practice_id: str) -> None:
        full = True
        while full:
            with in_practice(make_session, practice_id) as session:
                full = _publish_batch(session, practice_id) == PUBLISHED_AT_ONCE
            between()

    for_each(practice_ids, show)


def _publish_batch(session: Session, practice_id: str) -> int:
    """Show one batch and return its size. It takes one revision, before the reminders are read."""
    look_up_by_key(session)
    found = session.connection().execute(_NEXT, {"practice_id": practice_id})
    results = [_Result(*row) for row in found]
    told = [each for each in results if each.reminder_id is not None]
    if not told:  # calls about alerts show on no reminder
        _mark_published(session, practice_id, results)
        return len(results)
    # Whoever changes synced rows holds the clock to the commit: from here on these stand still.
    revision = stamp(session, practice_id)
    before = _load_shown(session, practice_id, {each.reminder_id for each in told if each.reminder_id})
    after = dict(before)
    for result in sorted(told, key=lambda each: each.step):
        after[result.reminder_id or ""] = _show(after[result.reminder_id or ""], result)
    rows = [
        {
            "practice_id": practice_id,
            "id": reminder_id,
            "state": each.state,
            "reason": each.reason,
            "sent_at": each.sent_at,
        }
        for reminder_id, each in after.items()
        if each != before[reminder_id]
    ]
    keys = ("practice_id", "id")
    update_rows(session.connection(), table_of(Reminder), rows, keys=keys, common={"rev": revision})
    _mark_published(session, practice_id, results)
    return len(results)


def _load_shown(session: Session, practice_id: str, reminder_ids: Collection[str]) -> dict[str, _Shown]:
    connection = session.connection()
    dialect = connection.dialect.name
    parameters = {"practice_id": practice_id, "ids": listed(dialect, reminder_ids)}
    return {row[0]: _Shown(*row[1:]) for row in connection.execute(_shown_query(dialect), parameters)}


@cache
def _shown_query(dialect: str) -> Select[Any]:
    is_wanted = is_among(dialect, Reminder.id, "ids")
    return select(Reminder.id, *_SHOWN_COLUMNS).where(Reminder.practice_id == bindparam("practice_id"), is_wanted)


def _show(shown: _Shown, result: _Result) -> _Shown:
    """Return what a reminder shows once a result is known."""
    if result.generation != shown.generation or shown.state is ReminderState.sent:
        return shown
    if result.after_silence:  # its reminder went out before: that is what is shown
        return shown
    sent_at = result.finished_at if result.state is DeliveryState.sent else shown.sent_at
    return _Shown(shown.generation, _SHOWN[result.state], result.reason, sent_at)


def _mark_published(session: Session, practice_id: str, results: Collection[_Result]) -> None:
    rows = [{"practice_id": practice_id, "id": each.id} for each in results]
    update_rows(session.connection(), table_of(Delivery), rows, keys=("practice_id", "id"), common={"published": True})
