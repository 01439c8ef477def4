"""Furnishes the desk of a process that sends, from the settings."""

import random
from datetime import timedelta
from threading import BoundedSemaphore

from sqlalchemy import Engine

from config import Settings
from models.engine import make_engine, make_session_factory
from schedules.delivery.deliver import Desk, Limits, Steps
from schedules.delivery.flow import Pace
from schedules.delivery.leases import Lease
from schedules.delivery.policy import policy_of
from schedules.plan.vocabulary import Provider

POSTGRESQL_TURNS = 4


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


def limits_of(settings: Settings) -> Limits:
    """Return how long the parts of a send may take."""
    return Limits(
        gate_to_send=timedelta(seconds=settings.gate_to_send_seconds),
        send=timedelta(seconds=settings.send_deadline_seconds),
        margin=timedelta(seconds=settings.lease_margin_seconds),
    )


def pace_of(settings: Settings) -> Pace:
    """Return how fast one sender may be: a worker's pace is shared by its senders."""
    return Pace({Provider(name): rate / settings.sender_processes for name, rate in settings.provider_paces})
