"""The bare pull as gunicorn serves it: `tests.bench.bare_pull_app:app`, in place of `wsgi:app`.

The product answers the first requests, the last of which is listened to. From then on the bare one answers, whatever is
asked, out of the same process with all that the product has loaded.
"""

import gc
from collections.abc import Iterable
from itertools import count
from typing import Any, Final

from config import Settings
from service.app import create_app
from service.db import db
from tests.bench.rival_bare_pull import LEARNT, BarePull, Statement, heard
from tests.bench.wsgi import StartResponse

HEALTH: Final = "/health"


class LearntPull:
    """Answers as the product does, until it knows what that takes."""

    def __init__(self) -> None:
        self._product = create_app(Settings.from_env())
        self._asked = count(1)
        self._bare: BarePull | None = None

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == HEALTH:
            return self._product(environ, start_response)
        if self._bare is not None:
            return self._bare(environ, start_response)
        with self._product.app_context():
            engine = db.engine
        with heard(engine) as said:
            body = b"".join(self._product(environ, start_response))
        if next(self._asked) == LEARNT:
            self._bare = BarePull(engine, _practice_of(said), said, body)
        return [body]


def _practice_of(said: list[Statement]) -> str:
    """Return whose clock was read."""
    (given,) = (given for text, given in said if text.startswith("SELECT sync_clock.epoch"))
    return str(given["practice_id"] if isinstance(given, dict) else given[0])


app = LearntPull()
gc.collect()
gc.freeze()  # as the web process does
