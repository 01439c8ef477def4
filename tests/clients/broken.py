"""The service with known faults: what a test of convergence must be able to see.

Started by gunicorn in place of `wsgi:app`.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Flask, Response, request
from sqlalchemy import text
from sqlalchemy.orm import Session

from config import Settings
from models import CheckIn
from models import sync as clock
from service.app import create_app
from service.identity.principal import Principal
from service.sync import apply as applying
from service.sync import rxdb
from service.sync.changes import read_now
from service.sync.collections import COLLECTIONS, SCHEMA_VERSION
from service.sync.edits import Applied, Edit
from service.sync.writers.base import Writer

SLOW_PAIN = 10  # a check-in that tells of it takes long to commit, where the fault is in the order of commits
SLOW_SECONDS = 1.5
PULL_SECONDS = 0.2


def merges_badly() -> Flask:
    """A fault in each of two protocols, so that a client meets one of them.

    RxDB has the check of its tutorial: an edit that was made from another revision is a conflict, and is dropped.
    Pushes of WatermelonDB are taken whatever changed since the pull; its pulls are slow, so that two fall together.
    """
    rxdb.apply = _apply_from_same_revision  # type: ignore[assignment,attr-defined]  # a planted fault
    Writer.is_stale = lambda *_: False  # type: ignore[method-assign]  # a planted fault
    app = create_app(Settings.from_env())

    @app.after_request
    def take_time(response: Response) -> Response:
        if request.method == "GET" and request.path.endswith("/sync/watermelon"):
            time.sleep(PULL_SECONDS)
        return response

    return app


def numbered_by_sequence() -> Flask:
    """Revisions are taken as from a sequence: in the order of asking, not of committing."""
    clock.stamp = _stamp_at_once
    return create_app(Settings.from_env())


def _apply_from_same_revision(session: Session, caller: Principal, edits: Sequence[Edit], now: datetime) -> Applied:
    (name,) = {edit.collection for edit in edits}
    stored = read_now(session, caller, COLLECTIONS[name], {edit.id for edit in edits}, SCHEMA_VERSION)
    fresh = [
        edit
        for edit in edits
        if edit.id not in stored or (edit.base or {}).get("rev") == stored[edit.id].document["rev"]
    ]
    return applying.apply(session, caller, fresh, now)


def _stamp_at_once(session: Session, practice_id: str) -> int:
    revisions: dict[int, Any] = session.info.setdefault("numbers", {})
    if id(session.get_transaction()) not in revisions:
        with session.get_bind().connect() as other:  # type: ignore[union-attr]  # an engine
            if other.dialect.name == "postgresql":
                other.execute(text("SELECT set_config('app.practice', :id, true)"), {"id": practice_id})
            taken = other.execute(
                text("UPDATE sync_clock SET revision = revision + 1 WHERE practice_id = :id RETURNING revision"),
                {"id": practice_id},
            ).scalar_one()
            other.commit()
        revisions.clear()
        revisions[id(session.get_transaction())] = taken
        if any(isinstance(row, CheckIn) and row.pain == SLOW_PAIN for row in session.new):
            time.sleep(SLOW_SECONDS)
    return int(revisions[id(session.get_transaction())])
