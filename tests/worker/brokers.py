"""Brokers for tests: a Redis of its own, or queues of its own on the machine's RabbitMQ. Nothing of it stays."""

import contextlib
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kombu.connection import Connection

from tests.needs import need
from tests.worker.rows import wait_until

RABBITMQ = "amqp://guest:guest@127.0.0.1:5672//"


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker listens, and what the names of a test's queues begin with."""

    url: str
    queues: str

    def waiting(self, *parts: str) -> int:
        """Return how many messages wait in these queues."""
        with Connection(self.url) as connection:
            counts = [_waiting(connection, f"{self.queues}.{part}") for part in parts]
        return sum(counts)

    def flush(self) -> None:
        """Lose everything that a Redis holds."""
        with Connection(self.url) as connection:
            connection.default_channel.client.flushall()


def _waiting(connection: Connection, queue: str) -> int:
    try:
        return int(connection.default_channel.queue_declare(queue=queue, passive=True).message_count)
    except connection.channel_errors:
        return 0


@contextlib.contextmanager
def redis_broker(folder: Path) -> Iterator[Broker]:
    """Run a Redis that keeps nothing on disk."""
    program = shutil.which("redis-server")
    if program is None:
        need("Redis", package="redis-server", why="no redis-server is installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            broker = Broker(f"redis://127.0.0.1:{port}/0", "recovery")
            wait_until(lambda: _answers(broker.url))
            yield broker
        finally:
            server.terminate()


@contextlib.contextmanager
def rabbitmq_broker() -> Iterator[Broker]:
    """Use queues of this test's own on the RabbitMQ of the machine, and delete them."""
    if not _answers(RABBITMQ):
        need("RabbitMQ", package="rabbitmq-server", why="none answers on its usual port")
    from schedules.delivery.broker import PARTS

    broker = Broker(RABBITMQ, f"test-{uuid.uuid4().hex[:12]}")
    try:
        yield broker
    finally:
        with Connection(RABBITMQ) as connection:
            for part in PARTS:
                with contextlib.suppress(*connection.channel_errors):
                    connection.default_channel.queue_delete(queue=f"{broker.queues}.{part}")
                with contextlib.suppress(*connection.channel_errors):
                    connection.default_channel.exchange_delete(exchange=f"{broker.queues}.{part}")


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError, *Connection(url).connection_errors), Connection(url, connect_timeout=2) as it:
        it.ensure_connection(max_retries=1, timeout=2)
        return True
    return False
