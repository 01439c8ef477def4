"""Furnishes the desk of a process that sends, or wakes devices, from the settings."""

import random
from datetime import timedelta
from threading import BoundedSemaphore

from sqlalchemy import Engine

from config import Settings
from models.engine import make_engine, make_session_factory
from schedules.clock import Clock
from schedules.delivery.channels import can_wake
from schedules.delivery.deliver import Desk, Limits, Steps
from schedules.delivery.flow import Pace
from schedules.delivery.leases import Lease
from schedules.delivery.policy import policy_of
from schedules.delivery.wake_parcels import WakeDesk
from schedules.delivery.wakes import WakeTerms
from schedules.plan.vocabulary import Provider

POSTGRESQL_TURNS = 4
WAKING = (Provider.fcm, Provider.apns, Provider.expo)


def furnish(settings: Settings, lease: Lease, steps: Steps) -> tuple[Engine, Desk]:
    """Return a desk, and the engine on which it works: dispose of it in the end."""
    # SQLite has one writer at a time: more than one transaction would only wait for each other, and unfairly.
    turns = 1 if settings.database_url.startswith("sqlite") else POSTGRESQL_TURNS
    engine = make_engine(settings.database_url, pool_size=turns, max_overflow=0)
    desk = Desk(
        make_session=make_session_factory(engine),
        lease=lease,
        limits=limits_of(settings),
        steps=steps,
        senders=steps.senders(settings),
        public_url=settings.public_url,
        chance=random.random,
        policy=policy_of(settings),
        turns=BoundedSemaphore(turns),
        pace=pace_of(settings),
    )
    return engine, desk


def furnish_wakes(settings: Settings, clock: Clock, steps: Steps) -> tuple[Engine, WakeDesk]:
    """Return a desk for waking devices, and the engine on which it works: dispose of it in the end."""
    engine = make_engine(settings.database_url, pool_size=1, max_overflow=0)
    senders = {provider: sender for provider, sender in steps.senders(settings).items() if can_wake(sender)}
    terms = WakeTerms(
        built=frozenset(senders),
        pause=timedelta(minutes=settings.wake_minutes),
        lease=timedelta(seconds=settings.lease_seconds),
    )
    desk = WakeDesk(
        make_session=make_session_factory(engine),
        clock=clock,
        read_now=steps.now,
        senders=senders,
        terms=terms,
        limits=limits_of(settings),
        most=settings.sends_in_flight,
        chance=random.random,
        pace=pace_of(settings),
    )
    return engine, desk


def limits_of(settings: Settings) -> Limits:
    """Return how long the parts of a send may take."""
    return Limits(
        gate_to_send=timedelta(seconds=settings.gate_to_send_seconds),
        send=timedelta(seconds=settings.send_deadline_seconds),
        margin=timedelta(seconds=settings.lease_margin_seconds),
    )


def pace_of(settings: Settings) -> Pace:
    """Return how fast one sender may be: a worker's pace is shared by its senders, and by what wakes devices."""
    shares = {name: settings.sender_processes + _also_wakes(settings, name) for name, _ in settings.provider_paces}
    return Pace({Provider(name): rate / shares[name] for name, rate in settings.provider_paces})


def _also_wakes(settings: Settings, provider: str) -> bool:
    return settings.wakes_devices and provider in WAKING
