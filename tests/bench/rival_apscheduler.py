"""The rival that makes each reminder a date job of APScheduler's, in two schedulers with a job store each.

Two may not share a store, so each has half of the jobs. A job does nothing. `python -m tests.bench.rival_apscheduler
URL TABLE COUNT` is one of the schedulers.
"""

import pickle
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import insert

from tests.bench.children import await_go, module, seconds_of_all, started_all
from tests.database import Databases

_fired: Iterator[int]
_all_fired = threading.Event()


def sent_a_second(databases: Databases, count: int) -> float:
    """Return how many jobs that are all due two schedulers fire a second."""
    with databases.empty("postgresql") as url:
        commands = [module("rival_apscheduler", url, f"jobs_{number}", str(count // 2)) for number in range(2)]
        with started_all(commands) as children:
            return count / seconds_of_all(children)


def remind(_reminder_id: str) -> None:
    """Do nothing, and note when that was for the last time."""
    if next(_fired, None) is None:
        _all_fired.set()


def _serve(url: str, table: str, count: int) -> None:
    global _fired  # noqa: PLW0603 - jobs are functions of a module
    _fired = iter(range(count - 1))
    store = SQLAlchemyJobStore(url, tablename=table)
    scheduler = BackgroundScheduler(
        jobstores={"default": store}, job_defaults={"misfire_grace_time": None}, timezone=UTC
    )
    scheduler.start(paused=True)
    _add_jobs(scheduler, store, count)
    await_go()
    scheduler.resume()
    _all_fired.wait()
    print("done", flush=True)
    scheduler.shutdown()


def _add_jobs(scheduler: Any, store: Any, count: int) -> None:
    """Store the jobs all at once, as the store itself would one by one."""
    due_at = datetime.now(UTC) - timedelta(minutes=1)
    first = scheduler.add_job(remind, "date", run_date=due_at, args=["0"], id="0")
    columns = {"next_run_time": due_at.timestamp()}
    rows = []
    for number in range(1, count):
        state = {**first.__getstate__(), "id": str(number), "args": (str(number),)}
        rows.append(columns | {"id": str(number), "job_state": pickle.dumps(state, store.pickle_protocol)})
    with store.engine.begin() as connection:
        connection.execute(insert(store.jobs_t), rows)


if __name__ == "__main__":
    # The job's reference must name this module, not the program that it is here.
    from tests.bench.rival_apscheduler import _serve as serve

    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
