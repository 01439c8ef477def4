"""The rival that makes each reminder a job of Procrastinate's, in a PostgreSQL database of its own: two workers.

A job does nothing. Jobs are stored before the measurement begins. `python -m tests.bench.rival_procrastinate URL` is
one of the workers.
"""

import logging
import sys
import time

import procrastinate
import psycopg
from procrastinate.types import JSONDict
from sqlalchemy import make_url

from tests.bench.children import module, started_all, wait_until
from tests.bench.due import NEVER
from tests.database import Databases

CONCURRENCY = 10
LOOKS_EVERY = 0.1  # seconds: a pause that is nothing beside those that are measured
WARM_UP = 200
app = procrastinate.App(connector=procrastinate.PsycopgConnector())


@app.task(name="remind")
async def remind(reminder_id: str) -> None:
    """Do nothing."""


def sent_a_second(databases: Databases, count: int) -> float:
    """Return how many jobs that are all due two workers do a second."""
    with databases.empty("postgresql") as url:
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        connector = procrastinate.SyncPsycopgConnector(conninfo=address)
        with app.replace_connector(connector), app.open(), psycopg.connect(address, autocommit=True) as connection:
            app.schema_manager.apply_schema()
            with started_all([module("rival_procrastinate", address)] * 2):
                _work_off(connection, WARM_UP)
                return count / _work_off(connection, count)


def _work_off(connection: "psycopg.Connection[tuple[object]]", count: int) -> float:
    """Return the seconds that the workers take for so many jobs, from the instant at which all fall due."""
    deferrer = remind.configure(schedule_at=NEVER)
    jobs: list[JSONDict] = [{"reminder_id": str(number)} for number in range(count)]
    deferrer.batch_defer(*jobs)
    connection.execute("ANALYZE")
    start = time.monotonic()
    connection.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
    query = "SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing') LIMIT 1"
    wait_until(lambda: connection.execute(query).fetchone() is None, "jobs done")
    return time.monotonic() - start


def _serve(address: str) -> None:
    logging.basicConfig(level=logging.ERROR)
    connector = procrastinate.PsycopgConnector(conninfo=address)
    with app.replace_connector(connector):
        app.run_worker(concurrency=CONCURRENCY, fetch_job_polling_interval=LOOKS_EVERY)


if __name__ == "__main__":
    # The task's name must be that of this module, not of the program that it is here.
    from tests.bench.rival_procrastinate import _serve as serve

    serve(sys.argv[1])
