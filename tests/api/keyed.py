"""Callers that send requests under an Idempotency-Key, and a way to have one die at a given step of its request."""

import os
import signal
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from config import Settings
from service.api.idempotency import KEY, REPLAYED
from service.app import create_app
from tests.api.conftest import Answer, Caller
from tests.clock import FixedClock
from tests.failpoints import FailPoint
from tests.forks import forks_with

COMMITTED = "committed"
_FORKS = forks_with(__name__)


@dataclass(frozen=True)
class Keyed(Caller):
    """A caller all of whose requests bear one key."""

    key: str = "the-key"

    def call(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request with the key, as it is: the test client would refuse some."""
        return super().call(method, path, environ_overrides={"HTTP_IDEMPOTENCY_KEY": self.key}, **options)

    def with_key(self, key: str) -> "Keyed":
        """Return the same caller with another key."""
        return replace(self, key=key)


def keyed(caller: Caller, key: str = "the-key") -> Keyed:
    """Return the caller with a key."""
    return Keyed(caller.client, caller.token, key)


def is_replay(answer: Answer) -> bool:
    """Return whether the answer says that it was given before."""
    return bool(answer.headers.get(REPLAYED) == "true")


def told(answer: Answer) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return all of an answer but whether it was given before."""
    return answer.status_code, answer.get_data(), [each for each in answer.headers if each[0] != REPLAYED]


def die_during(
    caller: Keyed, settings: Settings, fail: FailPoint, path: str, data: str, content_type: str = "application/json"
) -> None:
    """Send a POST in a process of its own, which is killed at the step that `fail` names; fails if it is not.

    A step is the beginning of the SQL statement that was just executed, or `committed`.
    """
    sent = {"data": data, "content_type": content_type, "headers": {KEY: caller.key}}
    process = _FORKS.Process(target=_send, args=(settings, fail, caller.token, path, sent))
    process.start()
    process.join(60)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL, f"it did not die at {fail.name}: {process.exitcode}"
    assert fail.marker.exists()


def _send(settings: Settings, fail: FailPoint, token: str | None, path: str, sent: dict[str, Any]) -> None:
    os.setpgid(0, 0)

    def executed(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(fail.name):
            fail.reach(fail.name)

    event.listen(Engine, "after_cursor_execute", executed)
    event.listen(Session, "after_commit", lambda _session: fail.reach(COMMITTED))
    Caller(create_app(settings, FixedClock()).test_client(), token).call("POST", path, **sent)
