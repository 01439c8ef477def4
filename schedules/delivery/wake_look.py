"""Finds whom to wake: the devices of patients whose rows changed since the practice was last looked through.

A device need not be told of what it changed itself, and one in use fetches a change before it is due to be woken. What
changes while a device waits for its next wake-up is told by that one.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, and_, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.identity import Device
from models.isolation import through_doors
from models.on_devices import changes
from models.push import PushAddress
from models.sets import among
from models.sync import DeviceChange, SyncClock
from models.wake import DeviceWake, WakeMark
from schedules.plan.vocabulary import Provider

LOOKED_AT_ONCE = 1_000  # revisions of a practice
FOREGROUND_FIRST = timedelta(seconds=10)  # an app in use is told at once, and pulls
_Revisions = Mapping[str | None, set[int]]


def moved_practices(session: Session) -> list[str]:
    """Return the practices where something changed since they were last looked through."""
    seen = func.coalesce(WakeMark.revision, 0)
    query = select(SyncClock.practice_id).outerjoin(WakeMark, WakeMark.practice_id == SyncClock.practice_id)
    with through_doors(session):
        return list(session.scalars(query.where(SyncClock.revision > seen)))


def look_on(session: Session, practice_id: str, *, built: Collection[Provider], now: datetime) -> None:
    """Look through a practice's next changes, a bounded number, and note which devices are to hear of them and when.

    `built` are the providers that can wake a device. Of several workers one looks; the others pass the practice by.
    """
    mark = _lock_mark(session, practice_id)
    if mark is None:
        return
    through = session.scalars(select(SyncClock.revision).where(SyncClock.practice_id == practice_id)).one()
    devices = _devices(practice_id, built)
    # Without a device there is nobody to be told, however long ago it was looked.
    if session.execute(devices.limit(1)).first() is not None:
        through = min(through, mark.revision + LOOKED_AT_ONCE)
        _note(session, practice_id, devices, _changed(session, practice_id, mark.revision, through), now)
    passed = DeviceChange.practice_id == practice_id, DeviceChange.revision <= through
    session.execute(delete(DeviceChange).where(*passed).execution_options(synchronize_session=False))
    mark.revision = through


def _lock_mark(session: Session, practice_id: str) -> WakeMark | None:
    """Return the practice's mark, locked; None if another worker looks."""
    if session.get(WakeMark, practice_id) is None:
        new = _insert_of(session.get_bind().dialect.name)(WakeMark).values(practice_id=practice_id)
        session.execute(new.on_conflict_do_nothing())
    query = select(WakeMark).where(WakeMark.practice_id == practice_id).with_for_update(skip_locked=True)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def _devices(practice_id: str, built: Collection[Provider]) -> Select[str, str]:
    """Return what reads device and patient of every address that can be woken."""
    of_device = and_(Device.practice_id == PushAddress.practice_id, Device.id == PushAddress.device_id)
    return (
        select(PushAddress.device_id, PushAddress.patient_id)
        .join(Device, of_device)
        .where(PushAddress.practice_id == practice_id, PushAddress.disabled_at.is_(None), Device.revoked_at.is_(None))
        .where(PushAddress.provider.in_([each.value for each in built]))
        .order_by(PushAddress.device_id)
    )


def _changed(session: Session, practice_id: str, since: int, top: int) -> _Revisions:
    """Return the revisions in between by the patient whose rows they changed; None: what everybody sees."""
    found: dict[str | None, set[int]] = {}
    for patient_id, revision in session.execute(changes(), {"practice_id": practice_id, "since": since, "top": top}):
        found.setdefault(patient_id, set()).add(revision)
    return found


def _note(session: Session, practice_id: str, devices: Select[str, str], changed: _Revisions, now: datetime) -> None:
    if not changed:
        return
    if None not in changed:
        patient_ids = [each for each in changed if each is not None]
        devices = devices.where(among(session.connection(), PushAddress.patient_id, patient_ids))
    made: dict[str, set[int]] = {}
    own = select(DeviceChange.device_id, DeviceChange.revision).where(DeviceChange.practice_id == practice_id)
    for device_id, revision in session.execute(own):
        made.setdefault(device_id, set()).add(revision)
    wanted = []
    for device_id, patient_id in session.execute(devices):
        news = (changed.get(patient_id, set()) | changed.get(None, set())) - made.get(device_id, set())
        if news:
            wanted.append({"practice_id": practice_id, "device_id": device_id, "wanted_rev": max(news)})
    _want(session, wanted, now + FOREGROUND_FIRST)


def _want(session: Session, rows: Iterable[dict[str, Any]], due_at: datetime) -> None:
    noted = [row | {"due_at": due_at} for row in rows]
    if noted:
        session.connection().execute(_upsert(session.get_bind().dialect.name), noted)


def _insert_of(dialect: str) -> Any:
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


@lru_cache(maxsize=2)
def _upsert(dialect: str) -> Any:
    """Return what notes a wake-up. One that is due stays so; after a wake-up the next waits for the pause's end."""
    new = _insert_of(dialect)(DeviceWake)
    known, noted = DeviceWake.wanted_rev, new.excluded.wanted_rev
    due_at = case(
        (DeviceWake.due_at.is_not(None), DeviceWake.due_at),
        (DeviceWake.quiet_until > new.excluded.due_at, DeviceWake.quiet_until),
        else_=new.excluded.due_at,
    )
    later = {"wanted_rev": case((noted > known, noted), else_=known), "due_at": due_at}
    return new.on_conflict_do_update(index_elements=("practice_id", "device_id"), set_=later)
