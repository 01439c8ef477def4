"""Tells waiting clients of this process that something of theirs changed. It carries no data: that comes by cursor.

One thread polls the revision clocks of the practices that somebody waits for; it runs only while somebody does. The
number of who may wait is bounded, so that streams never take the threads that requests need.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from models import SyncClock
from models.engine import begin_reads
from models.isolation import DOORS, see
from models.on_devices import changes
from service.identity.principal import Principal
from service.logs import log_event

POLL_SECONDS: Final = 1.0


@dataclass(eq=False, slots=True)
class Waiting:
    """One client that waits. `patient_id` None: staff, who are told of every change of the practice."""

    practice_id: str
    patient_id: str | None
    changed: threading.Event = field(default_factory=threading.Event)


class Wakes:
    """Who waits in this process, at most `most` at a time, and the thread that wakes them."""

    def __init__(self, sessions: sessionmaker[Session], most: int) -> None:
        self._sessions = sessions
        self._most = most
        self._lock = threading.Lock()
        self._waiting: set[Waiting] = set()
        self._seen: dict[str, int] = {}
        self._thread: threading.Thread | None = None
        self._nobody_waits = threading.Event()

    @contextmanager
    def wait_for(self, caller: Principal, revision: int) -> Iterator[Waiting | None]:
        """Yield what tells of changes after `revision`, or None where too many wait already."""
        waiting = Waiting(caller.practice_id, caller.patient_id)
        if not self._enter(waiting, revision):
            yield None
            return
        try:
            yield waiting
        finally:
            self._leave(waiting)

    def _enter(self, waiting: Waiting, revision: int) -> bool:
        with self._lock:
            if len(self._waiting) >= self._most:
                return False
            self._waiting.add(waiting)
            self._nobody_waits.clear()
            # Whoever waits from an earlier revision has the changes since looked through again for all.
            known = self._seen.get(waiting.practice_id, revision)
            self._seen[waiting.practice_id] = min(known, revision)
            if self._thread is None:
                self._thread = threading.Thread(target=self._poll, name="sync-wakes", daemon=True)
                self._thread.start()
            return True

    def _leave(self, waiting: Waiting) -> None:
        with self._lock:
            self._waiting.discard(waiting)
            if all(each.practice_id != waiting.practice_id for each in self._waiting):
                self._seen.pop(waiting.practice_id, None)
            if not self._waiting:
                self._nobody_waits.set()

    def _poll(self) -> None:
        while True:
            self._nobody_waits.wait(POLL_SECONDS)
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                seen = dict(self._seen)
            try:
                self._wake(seen)
            except SQLAlchemyError as error:
                log_event("sync_wakes_failed", error=error)

    def _wake(self, seen: dict[str, int]) -> None:
        with self._sessions() as session:
            see(session, DOORS)
            begin_reads(session, snapshot=True)
            for practice_id, top in _moved(session, seen).items():
                see(session, practice_id)
                patients = _changed_patients(session, practice_id, seen[practice_id], top)
                self._tell(practice_id, patients, top)

    def _tell(self, practice_id: str, patients: frozenset[str | None], top: int) -> None:
        with self._lock:
            if practice_id in self._seen:
                self._seen[practice_id] = top
            for waiting in self._waiting:
                is_told = waiting.patient_id is None or None in patients or waiting.patient_id in patients
                if waiting.practice_id == practice_id and is_told:
                    waiting.changed.set()


def _moved(session: Session, seen: dict[str, int]) -> dict[str, int]:
    """Return the practices whose clock has gone on, and to where."""
    query = select(SyncClock.practice_id, SyncClock.revision).where(SyncClock.practice_id.in_(sorted(seen)))
    return {practice_id: top for practice_id, top in session.execute(query) if top > seen[practice_id]}


def _changed_patients(session: Session, practice_id: str, since: int, top: int) -> frozenset[str | None]:
    """Return whose rows changed in between; None among them: rows that everybody sees."""
    told = {"practice_id": practice_id, "since": since, "top": top}
    return frozenset(session.scalars(changes(), told))
