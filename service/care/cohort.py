"""Use case: a clinic's caseload enters the practice, each patient's rows in one transaction of their own.

Importing twice is importing once: ids follow from practice, MRN, episode, procedure and ordinal, and what is stored is
never changed, only compared.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from models import Episode, Patient, Practice, Surgery
from models.engine import begin_reads
from models.isolation import reading_practice, see
from models.statistics import refresh_statistics
from schedules.clock import Clock
from schedules.plan.errors import PlanError
from schedules.plan.library import Library
from schedules.planning.library import library_of
from service.care.cohort_file import read_rows
from service.care.cohort_match import Match, StoredPatient, match_rows
from service.care.cohort_report import ImportReport, RowOutcome, RowReport
from service.care.cohort_rows import CohortRow, Notice, RefusedRow, columns_of, judge_rows
from service.care.cohort_store import Importer, store_new
from service.care.enrol import clinic_today
from service.errors import Fault, ServiceError, from_plan

Progress = Callable[[int, int], None]
MANY_ROWS = 20  # loaded at once: what the database knew of its tables no longer holds


@dataclass(frozen=True, slots=True)
class _Import:
    """What every patient's transaction needs."""

    make_session: sessionmaker[Session]
    practice_id: str
    now: Callable[[], datetime]
    dry_run: bool
    importer: Importer


def import_cohort(
    make_session: sessionmaker[Session],
    practice_id: str,
    content: bytes,
    now: datetime,
    *,
    dry_run: bool,
    progress: Progress | None = None,
    importer: Importer | None = None,
    clock: Clock | None = None,
) -> ImportReport:
    """Load a caseload file and return what became of each row.

    Each patient has a transaction, so no other may be held by the caller on SQLite. A dry run reads, checks and
    compares, and writes nothing. `progress` is called with the rows done and the rows in all. `now` says which day it
    is; with a `clock` each patient's rows bear the time at which they are stored, however long the import takes.
    Raises CohortFileError if the file cannot be read as a whole, LookupError for an unknown practice.
    """
    read_now = (lambda: now) if clock is None else clock.now
    task = _Import(make_session, practice_id, read_now, dry_run, importer or Importer())
    practice, library = _load_practice(task)
    rows = read_rows(content)
    today = clinic_today(practice, now)
    good, refused = judge_rows(rows, today=today, country=practice.country, library=library)
    reports = [_refusal(row) for row in refused]
    for patient_rows in _by_patient(good):
        if progress is not None:
            progress(len(reports), len(rows))
        reports += _import_patient(task, patient_rows)
    if progress is not None:
        progress(len(reports), len(rows))
    report = ImportReport(dry_run, tuple(sorted(reports, key=lambda report: report.line)))
    if not dry_run and report.count(RowOutcome.loaded) >= MANY_ROWS:
        refresh_statistics(make_session)
    return report


def _load_practice(task: _Import) -> tuple[Practice, Library]:
    with reading_practice(task.make_session, task.practice_id) as session:
        practice, library = session.get(Practice, task.practice_id), library_of(session, task.practice_id)
    if practice is None:
        raise LookupError("expected a stored practice, got an unknown id")
    return practice, library


def _by_patient(rows: Iterable[CohortRow]) -> Iterable[list[CohortRow]]:
    groups: defaultdict[str, list[CohortRow]] = defaultdict(list)
    for row in rows:
        groups[row.patient.mrn].append(row)
    return groups.values()


def _refusal(row: RefusedRow) -> RowReport:
    return RowReport(row.line, RowOutcome.refused, faults=row.faults)


def _import_patient(task: _Import, rows: list[CohortRow]) -> list[RowReport]:
    """Load one patient's rows together; if that fails, refuse those that were new and leave all others alone."""
    try:
        try:
            return _load_rows(task, rows)
        except IntegrityError:
            # Somebody stored the same in the meantime: now it can be compared with.
            return _load_rows(task, rows)
    except PlanError as error:
        return _refuse_all(rows, from_plan(error).faults)
    except ServiceError as error:
        return _refuse_all(rows, error.faults)
    except DBAPIError as error:
        fault = Fault("", "a database that takes the patient's rows", type(error.orig or error).__name__)
        return [replace(report, was_interrupted=True) for report in _refuse_all(rows, (fault,))]


def _refuse_all(rows: Iterable[CohortRow], faults: tuple[Fault, ...]) -> list[RowReport]:
    return [RowReport(row.line, RowOutcome.refused, faults=columns_of(row.line, faults)) for row in rows]


def _load_rows(task: _Import, rows: list[CohortRow]) -> list[RowReport]:
    with task.make_session() as session:
        see(session, task.practice_id)
        if task.dry_run:
            begin_reads(session)
        stored = _load_stored(session, task.practice_id, rows[0].patient.mrn)
        matches = match_rows(rows, stored)
        new = [match for match in matches if match.is_new]
        notices = _late_stages(new, stored)
        if new and not task.dry_run:
            practice = session.get_one(Practice, task.practice_id)
            store_new(session, practice, new, stored, now=task.now(), importer=task.importer)
            session.commit()
    known = stored.patient.id if stored.patient is not None else None
    reports = [_report(match, notices.get(match.row.line, ())) for match in matches]
    return [replace(report, compared_with=known) for report in reports]


def _load_stored(session: Session, practice_id: str, mrn: str) -> StoredPatient:
    patient = session.scalar(select(Patient).where(Patient.practice_id == practice_id, Patient.mrn == mrn))
    if patient is None:
        return StoredPatient()
    of_patient = {"practice_id": practice_id, "patient_id": patient.id}
    surgeries: defaultdict[str, tuple[Surgery, ...]] = defaultdict(tuple)
    for surgery in session.scalars(select(Surgery).filter_by(**of_patient).order_by(Surgery.stage)):
        surgeries[surgery.episode_id] += (surgery,)
    episodes = session.scalars(select(Episode).filter_by(**of_patient))
    return StoredPatient(patient, {episode.label: episode for episode in episodes}, surgeries)


def _report(match: Match, notices: tuple[Notice, ...]) -> RowReport:
    line, told = match.row.line, match.row.notices + notices
    if match.differing:
        return RowReport(line, RowOutcome.differs, notices=told, differing=match.differing)
    outcome = RowOutcome.loaded if match.is_new else RowOutcome.unchanged
    return RowReport(line, outcome, notices=told if match.is_new else ())


def _late_stages(new: Iterable[Match], stored: StoredPatient) -> dict[int, tuple[Notice, ...]]:
    """Return a notice for each row whose stage number comes after that of a stored surgery on a later day."""
    notices: dict[int, tuple[Notice, ...]] = {}
    for match in new:
        known_on = [surgery.surgery_on for surgery in stored.surgeries_of(match.row.episode) if surgery.surgery_on]
        if known_on and (match.row.surgery.surgery_on or date.max) < max(known_on):
            text = "stored surgeries keep their stage, so this earlier one has a later number"
            notices[match.row.line] = (Notice("stage_added_late", "surgery_date", text),)
    return notices
