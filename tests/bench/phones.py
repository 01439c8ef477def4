"""Five hundred phones of one practice synchronise at once, while their coordinators write about the same patients.

Run with `make phones`. The service runs as in a clinic: gunicorn, two processes, PostgreSQL. Each phone, which was
enrolled before, pulls everything, then in turns pushes a check-in and the progress of a milestone and pulls what is
new, over a connection of its own for each request. Meanwhile coordinators store a check-in of each patient. In the
end the database must hold all that phones pushed, and each phone must have been given what was stored for it.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import CheckIn, Episode, Milestone, MilestoneProgress, Patient
from schedules.plan.vocabulary import Owner
from service.identity.tokens import enrol_device
from tests.bench.children import leave_nothing_behind
from tests.bench.stored import ROWS_A_PATIENT, Stored, store
from tests.clients.service import running_service
from tests.database import Databases

PHONES, ROUNDS, COORDINATORS = 500, 3, 4
ANSWER_SECONDS = 120.0
MOST_TRIES = 20
PAUSE_SECONDS = 0.5  # before what was refused for a while is tried again


@dataclass(slots=True)
class Tally:
    """Every answer: what was asked, its status, and the seconds until its last byte."""

    answers: list[tuple[str, int, float]] = field(default_factory=list)

    def seconds(self, what: str) -> list[float]:
        """Return how long each answer took, shortest first."""
        return sorted(seconds for asked, _, seconds in self.answers if what in ("all", asked))


@dataclass(slots=True)
class Phone:
    """One phone: where it is in the changes, what it was given, what it pushed."""

    patient_id: str
    episode_id: str
    milestone_ids: list[str]
    token: str
    cursor: int | None = None
    given: set[str] = field(default_factory=set)
    pushed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Line:
    """Sends requests to the service."""

    base: str
    tally: Tally

    async def ask(self, what: str, method: str, path: str, token: str, body: Any = None) -> tuple[int, Any]:
        """Return status and JSON of an answer."""
        place = urlsplit(self.base)
        sent = b"" if body is None else orjson.dumps(body)
        head = (
            f"{method} {place.path}{path} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\nConnection: close\r\n\r\n"
        )
        start = time.monotonic()
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            writer.write(head.encode() + sent)
            told = await asyncio.wait_for(reader.read(), ANSWER_SECONDS)
        finally:
            writer.close()
        status_line, _, rest = told.partition(b"\r\n")
        status = int(status_line.split()[1])
        self.tally.answers.append((what, status, time.monotonic() - start))
        return status, orjson.loads(rest.partition(b"\r\n\r\n")[2] or b"null")


async def pull(line: Line, phone: Phone) -> None:
    """Take what is new for a phone."""
    what = "first pull" if phone.cursor is None else "pull"
    since = "" if phone.cursor is None else phone.cursor
    path = f"/sync/watermelon?last_pulled_at={since}&schema_version=2&migration=null"
    status, told = await line.ask(what, "GET", path, phone.token)
    if status == 200:
        phone.cursor = told["timestamp"]
        phone.given |= {row["id"] for lists in told["changes"].values() for row in lists["updated"]}


async def push(line: Line, phone: Phone, number: int) -> None:
    """Push a new check-in and a milestone's progress, again after each pull that a conflict asks for."""
    check_in = {"id": f"{phone.patient_id}.in{number}", "episode_id": phone.episode_id, "pain": number}
    check_in["reported_at"] = 1_772_460_000_000 + number
    progress = {"id": phone.milestone_ids[number], "achieved_on": "2026-03-02", "skip_reason": None, "note": None}
    changes = {
        "check_ins": {"created": [check_in], "updated": [], "deleted": []},
        "milestone_progress": {"created": [progress], "updated": [], "deleted": []},
    }
    for _ in range(MOST_TRIES):
        path = f"/sync/watermelon?last_pulled_at={phone.cursor}"
        status, _told = await line.ask("push", "POST", path, phone.token, changes)
        if status == 200:
            phone.pushed |= {str(check_in["id"]), str(progress["id"])}
            return
        await asyncio.sleep(PAUSE_SECONDS)
        await pull(line, phone)
    raise AssertionError(f"a push was refused {MOST_TRIES} times")


async def use(line: Line, phone: Phone) -> None:
    """Do what an app does when it is opened and used for a while."""
    while phone.cursor is None:
        await pull(line, phone)
    for number in range(ROUNDS):
        await push(line, phone, number)
        await pull(line, phone)


async def coordinate(line: Line, token: str, phones: Sequence[Phone]) -> None:
    """Store a check-in that each patient told on the telephone."""
    for phone in phones:
        body = {"episode_id": phone.episode_id, "reported_at": "2026-03-02T15:00:00Z", "pain": 3}
        for _ in range(MOST_TRIES):
            status, _told = await line.ask("coordinator", "PUT", f"/check-ins/{told_by(phone)}", token, body)
            if status in (200, 201):
                break


def told_by(phone: Phone) -> str:
    """Return the id of the check-in that a coordinator stores."""
    return f"{phone.patient_id}.told"


async def morning(line: Line, stored: Stored, phones: Sequence[Phone]) -> float:
    """Let all phones and coordinators work at once. Return the seconds; then each phone pulls once more."""
    start = time.monotonic()
    desks = (coordinate(line, stored.coordinator, phones[place::COORDINATORS]) for place in range(COORDINATORS))
    await asyncio.gather(*(use(line, phone) for phone in phones), *desks)
    seconds = time.monotonic() - start
    await asyncio.gather(*(pull(Line(line.base, Tally()), phone) for phone in phones))
    return seconds


def enrol(session: Session, practice_id: str) -> list[Phone]:
    """Enrol a phone of every patient."""
    phones, now = [], datetime.now(UTC)
    for patient_id in session.scalars(select(Patient.id).order_by(Patient.id)).all():
        episode_id = session.scalars(select(Episode.id).where(Episode.patient_id == patient_id)).one()
        of_patient = Milestone.patient_id == patient_id, Milestone.owner == Owner.patient
        milestones = session.scalars(select(Milestone.id).where(*of_patient).order_by(Milestone.id).limit(ROUNDS))
        token = enrol_device(session, practice_id, patient_id, now).access.secret
        phones.append(Phone(patient_id, episode_id, list(milestones), token))
    session.commit()
    return phones


def lost(session: Session, phones: Sequence[Phone]) -> tuple[int, int]:
    """Return how many pushed rows the database lacks, and how many coordinators' rows the phones lack."""
    held = {*session.scalars(select(CheckIn.id)), *session.scalars(select(MilestoneProgress.id))}
    pushed = {row_id for phone in phones for row_id in phone.pushed}
    return len(pushed - held), sum(told_by(phone) not in phone.given for phone in phones)


def report(tally: Tally, seconds: float, phones: Sequence[Phone], losses: tuple[int, int]) -> None:
    """Print what came of it."""
    print(f"{len(phones)} phones, {len(tally.answers)} requests in {seconds:.1f} s: ", end="")
    print(f"{len(tally.answers) / seconds:.0f} a second")
    statuses = Counter(status for _, status, _ in tally.answers)
    print(f"statuses: {', '.join(f'{status}: {many}' for status, many in sorted(statuses.items()))}")
    for what in ("first pull", "pull", "push", "coordinator", "all"):
        waited = tally.seconds(what)
        marks = " / ".join(f"{waited[int(len(waited) * share)]:.2f}" for share in (0.5, 0.95, 0.99))
        print(f"{what}: {len(waited)}, seconds p50 / p95 / p99 {marks}")
    pushed = sum(len(phone.pushed) for phone in phones)
    print(
        f"lost: {losses[0]} of {pushed} rows that phones pushed, {losses[1]} of {len(phones)} that coordinators wrote"
    )


def main() -> int:
    """Print the report; return 1 if anything was lost, or a request failed by the service's fault."""
    parser = argparse.ArgumentParser(prog="phones", description="Many phones synchronise at once.")
    parser.add_argument("--phones", type=int, default=PHONES, help=f"how many (default {PHONES})")
    chosen = parser.parse_args()
    leave_nothing_behind()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        databases = Databases(Path(folder), stack, durable=True)
        url = stack.enter_context(databases.migrated("postgresql"))
        stored = store(url, others=(chosen.phones - 1) * ROWS_A_PATIENT)
        service = stack.enter_context(running_service(url))
        tally = Tally()
        with service.sessions() as session:
            phones = enrol(session, stored.practice_id)
            seconds = asyncio.run(morning(Line(service.base, tally), stored, phones))
            session.rollback()
            losses = lost(session, phones)
        report(tally, seconds, phones, losses)
        return int(any(losses) or any(status >= 500 for _, status, _ in tally.answers))


if __name__ == "__main__":
    sys.exit(main())
