"""`flask patient export`, `erase`, `hold`, `end-hold`, `flask privacy reapply`: a person's data and its erasure."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from models import Patient, Practice, journal
from models.audit import ActorKind, AuditAction
from models.engine import scrub
from models.erasure import ErasureReason
from models.hold import HoldReason
from service.care.erasure import Erase, Erased, OverrideReason, erase_patient, preview_erasure, reapply
from service.care.erasure_ledger import LedgerError, add_to_ledger, read_ledger
from service.care.holds import end_hold, place_hold
from service.care.patient_export import export_patient
from service.cli.context import choose_practice, clock, fail, sessions, settings
from service.errors import ServiceError

Value = TypeVar("Value")
_OF_PEOPLE = [each.value for each in ErasureReason if each is not ErasureReason.restored_backup]

patient_commands = AppGroup("patient", help="Hand out all that is held on a patient, or erase it.")
privacy_commands = AppGroup("privacy", help="See to erasures after a restore.")
_slug = click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")


@patient_commands.command("export")
@click.argument("patient_id")
@click.argument("file", type=click.Path(path_type=Path))
@_slug
def export(patient_id: str, file: Path, slug: str | None) -> None:
    """Write all that is held on PATIENT_ID to a new FILE of JSON, which its owner alone may read."""
    now = clock().now()
    with sessions() as make_session, make_session() as session:
        patient = _find(session, choose_practice(session, slug), patient_id)
        record = export_patient(session, patient, now)
        _record(session, patient, AuditAction.read, "flask patient export")
        session.commit()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(orjson.dumps(record, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2))
    except FileExistsError:
        fail(f"Expected a new file, got one that exists: {file}")
    print(f"{sum(map(len, record['tables'].values()))} rows in {file}")


@patient_commands.command("erase")
@click.argument("patient_id")
@_slug
@click.option("--reason", type=click.Choice(_OF_PEOPLE), required=True)
@click.option("--override-reason", type=click.Choice(list(OverrideReason)), help="Why a hold does not count.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and erase nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(patient_id: str, slug: str | None, reason: str, override_reason: str | None, **flags: bool) -> None:
    """Erase PATIENT_ID for good: the key is destroyed, rows are removed or blanked, devices are told to delete."""
    command = Erase(ErasureReason(reason), None if override_reason is None else OverrideReason(override_reason))
    with sessions() as make_session, make_session() as session:
        patient = _find(session, choose_practice(session, slug), patient_id)
        _print(preview_erasure(session, patient, clock().now()))
        if flags["dry_run"]:
            return
        session.rollback()  # nothing waits while somebody is asked
        if not flags["yes"]:
            click.confirm("Erase this patient for good?", abort=True)
        _erase(session, _find(session, choose_practice(session, slug), patient_id), command)
        session.commit()
        scrub(make_session.kw["bind"])
    print("Erased.")


@patient_commands.command("hold")
@click.argument("patient_id")
@_slug
@click.option("--reason", type=click.Choice(list(HoldReason)), required=True)
def hold(patient_id: str, slug: str | None, reason: str) -> None:
    """Put the record of PATIENT_ID on hold: until that is ended nobody erases it."""
    with sessions() as make_session, make_session() as session:
        patient = _find(session, choose_practice(session, slug), patient_id)
        placed = place_hold(session, patient.practice_id, patient.id, HoldReason(reason), clock().now(), by=None)
        about = {"hold_id": placed.id, "reason": placed.reason.value}
        _record(session, patient, AuditAction.write, "flask patient hold", about)
        session.commit()
        print(f"On hold: {placed.id}")


@patient_commands.command("end-hold")
@click.argument("patient_id")
@click.argument("hold_id")
@_slug
def finish_hold(patient_id: str, hold_id: str, slug: str | None) -> None:
    """End the hold HOLD_ID on the record of PATIENT_ID."""
    with sessions() as make_session, make_session() as session:
        patient = _find(session, choose_practice(session, slug), patient_id)
        now = clock().now()
        _told(lambda: end_hold(session, patient.practice_id, patient.id, hold_id, now, by=None))
        _record(session, patient, AuditAction.write, "flask patient end-hold", {"hold_id": hold_id})
        session.commit()
    print("Ended.")


@privacy_commands.command("reapply")
@click.option("--ledger", type=click.Path(path_type=Path), help="Without it ERASURE_LEDGER.")
def reapply_ledger(ledger: Path | None) -> None:
    """Erase again whoever the ledger names and the database still has, as after a restore. Harmless otherwise."""
    if ledger is not None and not ledger.exists():
        fail(f"Nothing was erased: expected a ledger of erasures, got no such file: {ledger}")
    with sessions(of_owner=True) as make_session, make_session() as session:
        found = _told(lambda: reapply(session, read_ledger(ledger or _ledger()), clock().now()))
        session.commit()
        scrub(make_session.kw["bind"])
    print(f"{sum(map(len, found.values()))} patients erased again.")


def _find(session: Session, practice: Practice, patient_id: str) -> Patient:
    patient = session.get(Patient, (practice.id, patient_id))
    if patient is None or patient.deleted:
        fail("Expected the id of a patient of this clinic.")
    return patient


def _erase(session: Session, patient: Patient, command: Erase) -> None:
    now, enter = clock().now(), partial(add_to_ledger, _ledger())
    erased = _told(lambda: erase_patient(session, patient, command, now, enter=enter))
    about: dict[str, Any] = {"reason": command.reason.value, "holds": [each.value for each in erased.holds]}
    if command.override_reason is not None:
        about["override_reason"] = command.override_reason.value
    _record(session, patient, AuditAction.write, "flask patient erase", about)


def _told(work: Callable[[], Value]) -> Value:
    """Return what `work` returns; end the command with one line for what it refuses."""
    try:
        return work()
    except ServiceError as error:
        fail(" ".join((error.title, *(f"Expected {each.expected}, got {each.got}." for each in error.faults))))
    except LedgerError as error:
        fail(f"Nothing was erased: {error}.")


def _record(
    session: Session, patient: Patient, action: AuditAction, route: str, about: dict[str, Any] | None = None
) -> None:
    act = journal.Act(ActorKind.command, None, action, route, about=about or {}, patient_ids=[patient.id])
    journal.append(session, patient.practice_id, act, clock().now())


def _ledger() -> Path:
    return Path(settings().erasure_ledger)


def _print(erased: Erased) -> None:
    for hold in erased.holds:
        print(f"Stands against it: {hold}")
    for each in erased.tables:
        if each.rows:
            print(f"{each.rows:>8} rows of {each.table} {each.fate}")


COMMANDS = (patient_commands, privacy_commands)
