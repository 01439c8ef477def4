"""The rival that makes each reminder a task of Celery's, on a Redis of its own: two prefork processes.

A task does nothing and is acknowledged when it has run, as a reminder that may not be lost would be. Tasks stand in the
queue before the measurement begins: what it costs to put them there is not counted. Redis stores nothing on disk.
"""

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import redis
from celery import Celery

from tests.bench.children import START_SECONDS, started, wait_until

SOCKET = "BENCH_REDIS_SOCKET"
QUEUE, HELD, UNFINISHED = "celery", "held", "unacked"
WARM_UP = 100

app = Celery("bench", broker=f"redis+socket://{os.environ.get(SOCKET, '')}", backend=None)
app.conf.update(task_ignore_result=True, task_acks_late=True, worker_hijack_root_logger=False)


def _do_nothing(_reminder_id: str) -> None:
    pass


remind = app.task(_do_nothing, name="remind")


def is_possible() -> bool:
    """Return whether this machine has a Redis server."""
    return shutil.which("redis-server") is not None


def sent_a_second(folder: Path, count: int) -> float:
    """Return how many waiting tasks two processes of a worker do a second."""
    with _redis(folder) as socket, redis.Redis(unix_socket_path=str(socket)) as server, _worker(socket):
        app.conf.broker_url = f"redis+socket://{socket}"
        _work_off(server, WARM_UP, within=START_SECONDS)
        return count / _work_off(server, count)


def _work_off(server: "redis.Redis", count: int, **bounds: float) -> float:
    """Return the seconds that the worker takes for so many tasks, from their release."""
    with app.producer_pool.acquire(block=True) as producer:
        for number in range(count):
            remind.apply_async((str(number),), queue=HELD, producer=producer)
    start = time.monotonic()
    server.rename(HELD, QUEUE)
    wait_until(lambda: not server.exists(QUEUE, UNFINISHED), "tasks done", **bounds)
    return time.monotonic() - start


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[Path]:
    socket = folder / "redis.sock"
    options = {"port": "0", "unixsocket": str(socket), "save": "", "appendonly": "no", "dir": str(folder)}
    command = ["redis-server", *(part for name, value in options.items() for part in (f"--{name}", value))]
    with started([*command, "--loglevel", "warning"]):
        wait_until(socket.exists, "Redis", within=START_SECONDS)
        yield socket
    socket.unlink(missing_ok=True)


@contextlib.contextmanager
def _worker(socket: Path) -> Iterator[None]:
    options = ["--pool", "prefork", "--concurrency", "2", "--loglevel", "ERROR"]
    options += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    command = [sys.executable, "-m", "celery", "-A", __name__, "worker", *options]
    with started(command, more_env={SOCKET: str(socket), "C_FORCE_ROOT": "1"}):
        yield
