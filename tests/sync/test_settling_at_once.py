"""Two members of staff settle one conflict at once: one wins, and the other is told so or finds the same done."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import CheckIn, FormerVersion, SyncConflict
from models.engine import make_session_factory
from service.identity.principal import Principal
from service.sync.conflicts import Keep, resolve_conflict
from tests.api.conftest import Answer, Caller, Clinic, Look, as_staff
from tests.clock import MONDAY_AFTERNOON
from tests.sync.conftest import Phone, check_in
from tests.worker.rows import is_somebody_waiting, wait_until

pytestmark = pytest.mark.postgresql_only  # SQLite has one writer at a time


@pytest.fixture
def conflict_id(session: Session, phone: Phone, clinic: Clinic, coordinator: Caller) -> str:
    """Return an open conflict: a pain of 5 stands, one of 42, which cannot be, does not."""
    phone.push(check_ins=[check_in(clinic, "c-1", pain=5)])
    phone.pull()
    phone.push(check_ins=[check_in(clinic, "c-1", pain=42)])
    (conflict,) = coordinator.get("/conflicts").json["items"]
    row = session.get_one(SyncConflict, (clinic.id, conflict["id"]))
    row.lost = '{"pain":7}'  # one that can be written again
    session.commit()
    return str(row.id)


def settle_at_once(
    app: Flask, session: Session, engine: Engine, clinic: Clinic, conflict_id: str, *, first: Keep, second: Keep
) -> Answer:
    """Let a coordinator settle as `first` and a clinician as `second` before that is committed; return their answer."""
    clinician, path = as_staff(app, session, clinic.clinician), f"/conflicts/{conflict_id}/resolve"
    coordinator = Principal(clinic.id, clinic.coordinator.id, role=clinic.coordinator.role)
    session.commit()
    with ThreadPoolExecutor(1) as thread, make_session_factory(engine)() as holder:
        resolve_conflict(holder, coordinator, conflict_id, keep=first, now=MONDAY_AFTERNOON)
        answer = thread.submit(clinician.post, path, {"keep": second.value})
        wait_until(lambda: answer.done() or is_somebody_waiting(engine))
        holder.commit()
        return answer.result()


@pytest.mark.parametrize(("first", "second"), [(Keep.kept, Keep.lost), (Keep.lost, Keep.kept)])
def test_of_two_who_settle_otherwise_at_once_the_first_wins_and_the_second_is_told_so(
    app: Flask,
    session: Session,
    engine: Engine,
    clinic: Clinic,
    look: Look,
    conflict_id: str,
    first: Keep,
    second: Keep,
) -> None:
    answer = settle_at_once(app, session, engine, clinic, conflict_id, first=first, second=second)

    (row,) = look(SyncConflict)
    assert answer.status_code == 409
    assert answer.json["errors"] == [
        {"pointer": "/keep", "expected": "as the conflict was settled already", "got": second.value}
    ]
    assert (row.resolution, row.resolved_by) == (
        "kept" if first is Keep.kept else "restored", clinic.coordinator.id,
    )  # fmt: skip
    assert look(CheckIn)[0].pain == (5 if first is Keep.kept else 7)


@pytest.mark.parametrize("word", [Keep.kept, Keep.lost])
def test_of_two_who_settle_alike_at_once_both_are_told_what_the_first_did_and_it_is_done_once(
    app: Flask, session: Session, engine: Engine, clinic: Clinic, look: Look, conflict_id: str, word: Keep
) -> None:
    answer = settle_at_once(app, session, engine, clinic, conflict_id, first=word, second=word)

    assert (answer.status_code, answer.json["resolved_by"]) == (200, clinic.coordinator.id)
    assert len(look(FormerVersion)) == (0 if word is Keep.kept else 1)
