"""Deliveries as Celery tasks, for many machines: `celery -A schedules.celery_app worker`.

A task takes a batch of claims through gate, send and result, as a sender process of the worker does. The workers that
claim (`python -m schedules.worker`) must run too: nothing here looks for what is due.
"""

import sys
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from celery import Celery
from celery.signals import celeryd_init
from sqlalchemy.exc import OperationalError

from config import ConfigError, Settings
from models import journal, private
from models.engine import begin_reads
from models.ids import new_id
from schedules.clock import SystemClock
from schedules.delivery.batch import deliver_all
from schedules.delivery.book import Claim
from schedules.delivery.broker import PARTS, make_broker, queue_of, task_of
from schedules.delivery.deliver import DEFAULT_STEPS, Desk, Steps
from schedules.delivery.flow import NO_PACE
from schedules.delivery.furnish import furnish
from schedules.delivery.leases import Lease
from schedules.delivery.remote_crew import Wire
from schedules.plan.library import load_library

TRIES_WITHOUT_DATABASE = 3
ONLY_POOL = "prefork"


def make_app(settings: Settings, steps: Steps = DEFAULT_STEPS) -> Celery:
    """Return the application with a task for each queue. Raises ConfigError without a broker."""
    if settings.broker_url is None:
        raise ConfigError(("BROKER_URL: must be set for Celery workers, and for the workers that claim",))
    app = make_broker(settings)
    app.conf.task_default_queue = queue_of(settings, PARTS[0])

    @cache
    def desk() -> Desk:
        """Return this process's own desk: made at its first task, after Celery has forked it."""
        return _furnish(settings, steps)

    for part in PARTS:

        @app.task(
            name=task_of(part),
            # For as long as the lease lasts the same claims may still pass the gate.
            autoretry_for=(OperationalError,),
            max_retries=TRIES_WITHOUT_DATABASE,
            retry_backoff=True,
        )
        def deliver(wire: Wire) -> None:
            """Deliver the claims that came. Raises OperationalError, for Celery to repeat, without a database."""
            with desk().make_session() as session:
                begin_reads(session)
            deliver_all(desk(), [Claim(*each) for each in wire])

    return app


def _furnish(settings: Settings, steps: Steps) -> Desk:
    private.set_key(settings.seal_key, former=settings.seal_former_keys)
    journal.set_key(settings.audit_key, former=settings.audit_former_keys)
    load_library()
    clock = SystemClock()
    lease = Lease(new_id(clock.now()), timedelta(seconds=settings.lease_seconds), clock)
    # How fast messages go is Celery's business here.
    return replace(furnish(settings, lease, steps)[1], pace=NO_PACE)


@celeryd_init.connect
def _refuse_other_pools(conf: Any = None, options: Any = None, **_: object) -> None:
    """At its deadline the kernel ends the whole process that sends: it may hold one batch and nothing else."""
    pool = (options or {}).get("pool") or ONLY_POOL
    name = pool if isinstance(pool, str) else pool.__module__.rpartition(".")[2]
    if name != ONLY_POOL:
        sys.exit(f"expected Celery's pool {ONLY_POOL}, got {name}")


def _from_environment() -> Celery:
    try:
        return make_app(Settings.from_env())
    except ConfigError as error:
        sys.exit(str(error))


def __getattr__(name: str) -> Celery:
    """Make `app`, the application that Celery's own command looks for, when it is asked for."""
    if name != "app":
        raise AttributeError(name)
    return _from_environment()
