"""Whether an answer's time tells who is known: refused sign-ins of a member of staff, beside those of nobody (A13).

Run with `.venv/bin/python -m tests.bench.bench_strangers`. The whole application answers in this process; both send a
wrong password, in turns of one, 200 times each, an hour apart so that neither has to wait.
"""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from time import perf_counter

from models.engine import make_engine, make_session_factory
from service.app import create_app
from service.db import db
from tests import builders
from tests.api.signing_in import Person, give_credential
from tests.bench.bench_audit import print_lines
from tests.clock import FixedClock
from tests.database import Databases, owner_url_of, settings_for

SAMPLES = 200
KNOWN = "casey@example.org"


def person_at(url: str) -> Person:
    """Store a member of staff with a password, and return them at a browser."""
    clock, engine = FixedClock(), make_engine(owner_url_of(url), unhurried=True)
    with make_session_factory(engine)() as session:
        practice = builders.practice(session)
        casey = builders.staff(session, practice, email=KNOWN)
        give_credential(session, casey, secret=None)
    engine.dispose()
    return Person(create_app(settings_for(url), clock), practice, casey, clock)


def compare(databases: Databases, kind: str) -> Iterator[str]:
    """Yield the line about one kind of database."""
    with databases.migrated(kind) as url, contextlib.ExitStack() as stack:
        casey = person_at(url)
        with casey.app.app_context():
            stack.callback(db.engine.dispose)
        seen: dict[str, list[float]] = {KNOWN: [], "nobody@example.org": []}
        for number in range(2 * SAMPLES):
            email = list(seen)[number % 2]
            casey.clock.advance(timedelta(hours=1))
            casey.address = f"203.0.{number // 200}.{number % 200}"
            sent = {"practice": casey.practice.slug, "email": email, "password": "wrong ladder 94 otter"}
            start = perf_counter()
            answer = casey.send("/sign-in", sent)
            seen[email].append(perf_counter() - start)
            assert answer.status_code == 401, f"expected 401, got {answer.status_code}"
        known, unknown = (median(each) for each in seen.values())
        yield f"strangers_{kind}: ratio {known / unknown:.2f} ({known * 1e3:.1f} ms of the known, {unknown * 1e3:.1f})"


if __name__ == "__main__":
    print_lines(compare)
