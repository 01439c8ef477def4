"""Takes due wake-ups in hand, and writes what became of them.

A wake-up is a hint, so it has no decisions and no story: what stays is a count by provider and outcome. One that a
worker takes in hand is due again after a lease, in case that worker dies. Its result is written under a fence.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, and_, exists, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.base import table_of
from models.identity import Device
from models.isolation import see, through_doors
from models.on_devices import ON_DEVICES, owner_of
from models.people import Patient
from models.private import keys_of
from models.push import PushAddress
from models.reminder import AttemptOutcome
from models.sets import among, update_rows
from models.wake import EVERY_TABLE, DevicePull, DeviceWake, WakeState, WakeTally
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.claim import MAX_ATTEMPTS
from schedules.delivery.flow import Pace, paused_until
from schedules.delivery.push_addresses import PushTarget, disable
from schedules.delivery.record import retry_delay
from schedules.plan.vocabulary import Provider

_ALWAYS_OF_USE = timedelta(days=1)  # an app is to pull whenever it wakes
MOST_DEATHS = 2  # in a row; then the pause is kept as if it had arrived
_KEYS = ("practice_id", "device_id")
_IDLE: dict[str, Any] = {"due_at": None, "state": WakeState.waiting.value, "tries": 0}


@dataclass(frozen=True, slots=True)
class WakeTerms:
    """By whom devices can be woken, how long each is left alone after it, how long a worker has one in hand."""

    built: frozenset[Provider]
    pause: timedelta
    lease: timedelta


@dataclass(frozen=True, slots=True)
class WakeClaim:
    """The right to wake one device now. It ends when another claim raises the fence."""

    practice_id: str
    device_id: str
    fence: int
    wanted_rev: int
    tries: int
    taken_at: datetime
    target: PushTarget


def claim_wakes(
    session: Session, terms: WakeTerms, pace: Pace, *, now: datetime, most: int
) -> tuple[list[WakeClaim], bool]:
    """Take up to `most` due wake-ups in hand. Return their claims, and whether there may be more.

    What is no longer called for ends here: the device has the change by now, its address is gone, the patient died, a
    removed device knows it. A provider that is left alone keeps its wake-ups waiting.
    """
    claims: list[WakeClaim] = []
    left, lost = most, Counter[tuple[str, str, str]]()
    for practice_id in _waiting(session, now):
        if left == 0:
            break
        see(session, practice_id)
        found = session.execute(_due(session, practice_id, terms, now, left)).all()
        taken = [_take(row, terms, pace, now) for row in found]
        update_rows(session.connection(), table_of(DeviceWake), [row for row, _ in taken], keys=_KEYS, common={})
        claims += _with_keys(session, [claim for _, claim in taken if claim is not None])
        left -= len(found)
        died = [row for row in found if row.state is WakeState.in_hand and row.provider is not None]
        lost.update((row.practice_id, row.provider.value, AttemptOutcome.abandoned.value) for row in died)
    _count(session, lost)
    return claims, left == 0


def record_wakes(
    session: Session,
    results: Sequence[tuple[WakeClaim, Result]],
    *,
    pause: timedelta,
    now: datetime,
    chance: Callable[[], float],
) -> None:
    """Write what became of wake-ups, all of one practice. A late word under a stale fence moves nothing.

    What a provider took, or may have taken, begins the device's pause. What came meanwhile is told at its end, and so
    is what may have got lost. `chance` gives a number from 0 to 1, which spreads repeats over time.
    """
    held = _lock_held(session, [claim for claim, _ in results])
    changed = []
    for claim, result in results:
        row = held.get(claim.device_id)
        if row is not None and row.fence == claim.fence:
            key = {"practice_id": claim.practice_id, "device_id": claim.device_id}
            changed.append(key | _next(row, claim, result, pause=pause, now=now, chance=chance()))
        if result.for_good is Refusal.address:
            dead_since = min(claim.taken_at, result.address_dead_since or claim.taken_at)
            target = claim.target
            disable(session, target, target.address_lookup, dead_since=dead_since, code=result.code, now=now)
    update_rows(session.connection(), table_of(DeviceWake), changed, keys=_KEYS, common={})
    _count(
        session,
        Counter((claim.practice_id, claim.target.provider.value, result.outcome.value) for claim, result in results),
    )


def _waiting(session: Session, now: datetime) -> Sequence[str]:
    """Return the practices where a wake-up is due, the longest due first."""
    practice_id = DeviceWake.practice_id
    query = select(practice_id).where(DeviceWake.due_at <= now).group_by(practice_id)
    with through_doors(session):
        return session.scalars(query.order_by(func.min(DeviceWake.due_at), practice_id)).all()


def _due(session: Session, practice_id: str, terms: WakeTerms, now: datetime, most: int) -> Select[*tuple[Any, ...]]:
    """Return what reads and locks a practice's wake-ups that are due, each with what has to be known of it."""
    paused = [provider.value for provider in paused_until(session, now)]
    # A device that was lost, or whose proxy's consent has ended, is woken to be told to delete what it stores.
    is_removed = and_(Device.revoked_at.is_not(None), Device.wipe_told_at.is_(None))
    must_wipe = and_(is_removed, or_(Device.lost_at.is_not(None), Device.proxy_consent_id.is_not(None)))
    is_in_use = and_(Device.revoked_at.is_(None), Patient.died_on.is_(None), Patient.deleted.is_(False))
    is_usable = and_(
        or_(must_wipe, is_in_use),
        func.coalesce(PushAddress.provider.in_([provider.value for provider in terms.built]), False),
    )
    of_device = and_(Device.practice_id == DeviceWake.practice_id, Device.id == DeviceWake.device_id)
    of_patient = and_(Patient.practice_id == Device.practice_id, Patient.id == Device.patient_id)
    of_address = and_(
        PushAddress.practice_id == Device.practice_id,
        PushAddress.device_id == Device.id,
        PushAddress.disabled_at.is_(None),
    )
    return (
        select(*table_of(DeviceWake).c, Device.patient_id, is_usable.label("is_usable"))
        .add_columns(or_(must_wipe, _is_news()).label("is_news"))
        .add_columns(PushAddress.id, PushAddress.provider, PushAddress.address_sealed, PushAddress.address_lookup)
        .select_from(DeviceWake)
        .join(Device, of_device)
        .join(Patient, of_patient)
        .outerjoin(PushAddress, of_address)
        .where(DeviceWake.practice_id == practice_id, DeviceWake.due_at <= now)
        .where(or_(PushAddress.provider.is_(None), PushAddress.provider.not_in(paused)))
        .order_by(DeviceWake.due_at)  # as the index has it: to sort, all that is due would be looked into
        .limit(most)
        .with_for_update(of=DeviceWake, skip_locked=True)
    )


@lru_cache(maxsize=1)
def _is_news() -> ColumnElement[bool]:
    """Return the condition that the device was not given all yet that it is to hear of."""
    return or_(*(_is_news_in(table_of(model)) for model in ON_DEVICES))


def _is_news_in(table: Table) -> ColumnElement[bool]:
    rows = table.alias()
    given = (
        select(func.max(DevicePull.revision))
        .where(DevicePull.practice_id == DeviceWake.practice_id, DevicePull.device_id == DeviceWake.device_id)
        .where(DevicePull.table_name.in_((EVERY_TABLE, table.name)))
        .correlate(DeviceWake)
        .scalar_subquery()
    )
    owner = owner_of(table)
    is_theirs = () if owner is None else (rows.c[owner.name] == Device.patient_id,)
    is_new = rows.c.rev > func.coalesce(given, 0), rows.c.rev <= DeviceWake.wanted_rev
    query = select(rows.c.id).where(rows.c.practice_id == DeviceWake.practice_id, *is_theirs, *is_new)
    return exists(query.correlate(DeviceWake, Device))


def _take(
    row: Row[*tuple[Any, ...]], terms: WakeTerms, pace: Pace, now: datetime
) -> tuple[dict[str, Any], WakeClaim | None]:
    """Return the columns of a due wake-up from now on, and its claim if it is to be handed over now."""
    as_before = {name: getattr(row, name) for name in (*_KEYS, "quiet_until", "tries", "fence")}
    if not (row.is_usable and row.is_news):
        return as_before | _IDLE, None
    if row.state is WakeState.in_hand and row.tries >= MOST_DEATHS:
        return as_before | _IDLE | {"due_at": now + terms.pause, "quiet_until": now + terms.pause}, None
    at = _time_for(row, pace, now)
    if at > now:
        return as_before | {"due_at": at, "state": WakeState.paced.value}, None
    claim = _claim(row, now)
    held = {"due_at": now + terms.lease, "state": WakeState.in_hand.value, "tries": claim.tries, "fence": claim.fence}
    return as_before | held, claim


def _time_for(row: Row[*tuple[Any, ...]], pace: Pace, now: datetime) -> datetime:
    """Return when a wake-up may leave by its provider's pace. One that has waited for its time goes."""
    if row.state is WakeState.paced:
        return now
    return pace.time_for(Provider(row.provider), now, useful_until=now + _ALWAYS_OF_USE)


def _claim(row: Row[*tuple[Any, ...]], now: datetime) -> WakeClaim:
    target = PushTarget(
        patient_id=row.patient_id,
        practice_id=row.practice_id,
        id=row.id,
        provider=Provider(row.provider),
        address_sealed=bytes(row.address_sealed),
        address_lookup=bytes(row.address_lookup),
    )
    tries = min(row.tries + 1, MAX_ATTEMPTS)
    return WakeClaim(row.practice_id, row.device_id, row.fence + 1, row.wanted_rev, tries, now, target)


def _with_keys(session: Session, claims: Sequence[WakeClaim]) -> list[WakeClaim]:
    """Return the claims with the keys that open their addresses."""
    sealed: dict[str, list[bytes]] = {}
    for claim in claims:
        sealed.setdefault(claim.practice_id, []).append(claim.target.address_sealed)
    keys = {practice_id: keys_of(session, practice_id, several) for practice_id, several in sealed.items()}
    return [replace(each, target=replace(each.target, keys=keys[each.practice_id])) for each in claims]


def _lock_held(session: Session, claims: Sequence[WakeClaim]) -> dict[str, DeviceWake]:
    query = (
        select(DeviceWake)
        .where(DeviceWake.practice_id == claims[0].practice_id)
        .where(among(session.connection(), DeviceWake.device_id, [claim.device_id for claim in claims]))
        .order_by(DeviceWake.device_id)
        .with_for_update()
    )
    return {row.device_id: row for row in session.scalars(query)}


def _next(
    row: DeviceWake, claim: WakeClaim, result: Result, *, pause: timedelta, now: datetime, chance: float
) -> dict[str, Any]:
    """Return the columns after a result."""
    if result.outcome in (AttemptOutcome.accepted, AttemptOutcome.unknown):
        is_over = result.outcome is AttemptOutcome.accepted and row.wanted_rev == claim.wanted_rev
        return _IDLE | {"due_at": None if is_over else now + pause, "quiet_until": now + pause}
    if result.for_good is not None:
        return _IDLE | {"quiet_until": row.quiet_until}
    wait = result.retry_after or min(retry_delay(claim.tries, chance), pause)
    again = {"due_at": now + wait, "state": WakeState.waiting.value, "tries": claim.tries}
    return again | {"quiet_until": row.quiet_until}


def _count(session: Session, counts: Counter[tuple[str, str, str]]) -> None:
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    for key in sorted(counts):  # all workers in one order, so that none waits for another in a circle
        see(session, key[0])
        names = dict(zip(("practice_id", "provider", "outcome"), key, strict=True))
        new = make(WakeTally).values(**names, count=counts[key])
        grown = {"count": WakeTally.count + new.excluded.count}
        session.execute(new.on_conflict_do_update(index_elements=tuple(names), set_=grown))
