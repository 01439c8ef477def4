"""A clinic with phones that are up to date, and a process's desk that wakes them through real peers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import Device, DevicePull, DeviceWake, Patient, Practice, PushAddress, SyncClock, WakeMark
from models.engine import begin_reads, make_session_factory
from models.push import PushProvider
from models.wake import EVERY_TABLE, WakeTally
from schedules.delivery.channels import WakeSender
from schedules.delivery.deliver import Limits
from schedules.delivery.wake_look import FOREGROUND_FIRST
from schedules.delivery.wake_parcels import WakeDesk
from schedules.delivery.wakes import WakeTerms
from schedules.jobs import wake_devices
from schedules.plan.vocabulary import Provider
from tests import builders
from tests.clock import FixedClock
from tests.database import service_engine_of
from tests.worker.desks import LEASE_LENGTH, LIMITS

PAUSE = timedelta(minutes=20)


def wake_desk(
    engine: Engine, clock: FixedClock, senders: Mapping[Provider, WakeSender], limits: Limits = LIMITS
) -> WakeDesk:
    """Return a desk that follows the test's clock and whose repeats come as late as they may."""
    return WakeDesk(
        make_session=make_session_factory(service_engine_of(engine)),
        clock=clock,
        read_now=lambda _session, clock: clock.now(),
        senders=senders,
        terms=WakeTerms(frozenset(senders), PAUSE, LEASE_LENGTH),
        limits=limits,
        most=64,
        chance=lambda: 1.0,
    )


@dataclass(frozen=True)
class Round:
    """One process's rounds by the test's clock."""

    desk: WakeDesk
    clock: FixedClock

    def __call__(self) -> None:
        """Look for changes and wake whoever is due."""
        wake_devices(self.desk, lambda: False)

    def after(self, time: timedelta) -> None:
        """Let time pass, then do a round."""
        self.clock.advance(time)
        self()

    def whole(self) -> None:
        """Look for changes, and wake once an app in use would have fetched them."""
        self()
        self.after(FOREGROUND_FIRST)


def phone(session: Session, patient: Patient, provider: PushProvider, address: str, **changes: Any) -> PushAddress:
    """Add a phone with its address, which has pulled all there is."""
    device = builders.device(session, patient)
    row = builders.push_address(session, device, provider=provider, address=address, **changes)
    session.commit()
    has_pulled(session, device)
    return row


def has_pulled(session: Session, device: Device, table: str = EVERY_TABLE) -> None:
    """Have it on record that the phone was given all there is now."""
    revision = session.scalars(select(SyncClock.revision).filter_by(practice_id=device.practice_id)).one()
    key = (device.practice_id, device.id, table)
    row = session.get(DevicePull, key)
    if row is None:
        row = DevicePull(practice_id=key[0], device_id=key[1], table_name=key[2])
        session.add(row)
    row.revision = revision
    session.commit()


def device_of(session: Session, address: PushAddress) -> Device:
    """Return the phone whose address it is."""
    return session.get_one(Device, (address.practice_id, address.device_id))


def change(session: Session, patient: Patient) -> None:
    """Change something that the patient's phones hold."""
    patient.wants_contact_sport = not patient.wants_contact_sport
    session.commit()


def wake_row(engine: Engine, address: PushAddress) -> DeviceWake:
    """Return how the wake-up of a phone stands."""
    with make_session_factory(engine)() as session:
        begin_reads(session)
        return session.get_one(DeviceWake, (address.practice_id, address.device_id))


def looked_through(engine: Engine, practice: Practice) -> tuple[int, int]:
    """Return up to which revision the practice's changes were looked through, and the last there is."""
    with make_session_factory(engine)() as session:
        begin_reads(session)
        top = session.get_one(SyncClock, practice.id).revision
        return session.get_one(WakeMark, practice.id).revision, top


def counted(engine: Engine) -> dict[tuple[str, str], int]:
    """Return the counted wake-ups by provider and outcome."""
    with make_session_factory(engine)() as session:
        begin_reads(session)
        return {(row.provider, row.outcome): row.count for row in session.scalars(select(WakeTally))}
