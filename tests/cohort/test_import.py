"""A caseload enters the practice: every patient on a plan, stages in order, twice the same as once, the past quiet."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session, sessionmaker

from models import (
    AuditEntry,
    AuditSubject,
    Base,
    Delivery,
    Episode,
    Milestone,
    Patient,
    Practice,
    Reminder,
    Restriction,
    Surgery,
    Task,
)
from models.audit import ActorKind, AuditAction
from models.engine import make_session_factory
from models.report import TaskKind, TaskState
from schedules.plan.vocabulary import Phase, ReminderState
from service.care.cohort import import_cohort
from service.care.cohort_report import ImportReport, RowOutcome, report_body
from service.care.cohort_store import Importer
from tests import builders
from tests.clock import FixedClock
from tests.cohort.caseload import FAULTY, caseload
from tests.database import service_engine_of

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DEMO_NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    """Return a factory of sessions, as commands and routes use it."""
    return make_session_factory(service_engine_of(engine))


@pytest.fixture
def practice(session: Session) -> Practice:
    """Return a clinic in New York."""
    practice = builders.practice(session, id="practice-a")
    session.commit()
    return practice


@pytest.fixture
def run(make_session: sessionmaker[Session], practice: Practice) -> Any:
    """Return the import into the practice at NOW; keywords as the use case has them."""
    practice_id = practice.id  # reading it later would open a transaction of the test's own

    def run(content: bytes, now: datetime = NOW, **changes: Any) -> ImportReport:
        return import_cohort(make_session, practice_id, content, now, **({"dry_run": False} | changes))

    return run


def _outcomes(report: ImportReport) -> list[str]:
    return [row.outcome.value for row in report.rows]


def _count(session: Session, model: type[Base]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def _all_counts(session: Session) -> dict[str, int]:
    models = (Patient, Episode, Surgery, Milestone, Restriction, Reminder, Delivery, Task, AuditEntry)
    return {model.__tablename__: _count(session, model) for model in models}


def test_a_row_becomes_a_patient_with_a_plan_and_reminders(session: Session, run: Any) -> None:
    report = run(caseload({}))

    patient = session.scalars(select(Patient)).one()
    surgery = session.scalars(select(Surgery)).one()
    assert _outcomes(report) == ["loaded"]
    assert (patient.mrn, patient.email, patient.channels) == ("SP000001", "mei.okafor@example.org", ["push", "email"])
    assert (surgery.stage, surgery.protocol_id, surgery.levels) == (1, "MD-MISS", ["L4-L5"])
    assert _count(session, Milestone) > 20
    assert _count(session, Restriction) > 3
    assert _count(session, Delivery) > 5


def test_the_faulty_file_loads_exactly_its_three_good_rows(session: Session, run: Any) -> None:
    report = run(FAULTY.read_bytes(), DEMO_NOW)

    assert sorted(session.scalars(select(Patient.mrn))) == ["SP900008", "SP900009", "SP900012"]
    assert [row.line for row in report.rows if row.outcome is RowOutcome.loaded] == [9, 11, 14]
    assert session.scalar(select(Patient.given_name).where(Patient.mrn == "SP900008")) == '=HYPERLINK("http://x")'


def test_importing_twice_is_importing_once(session: Session, run: Any) -> None:
    content = caseload({}, {"surgery_date": "2026-04-20", "status": "planned"}, {"mrn": "SP000002"})
    run(content)
    before = _all_counts(session)
    session.rollback()

    report = run(content, NOW + timedelta(hours=1))

    assert _outcomes(report) == ["unchanged"] * 3
    assert _all_counts(session) == before


def test_ids_follow_from_the_natural_key_and_do_not_show_it(session: Session, run: Any) -> None:
    run(caseload({}))
    patient = session.scalars(select(Patient)).one()
    surgery = session.scalars(select(Surgery)).one()

    assert patient.id == "3f86be7e26953834f3a60b822e76d36a"
    assert len({patient.id, surgery.id, surgery.episode_id}) == 3
    assert "SP000001" not in patient.id + surgery.id + surgery.episode_id


def test_rows_of_one_episode_become_stages_in_the_order_of_their_days(session: Session, run: Any) -> None:
    later = {"surgery_date": "2026-02-23"}
    earlier = {"procedure": "intracept", "approach": "percutaneous", "levels": "L4;L5", "surgery_date": "2026-01-12"}
    undated = {"procedure": "tlif", "approach": "open", "surgery_date": "", "status": "planned"}

    run(caseload(undated, later, earlier))

    stages = session.execute(select(Surgery.stage, Surgery.procedure).order_by(Surgery.stage)).all()
    assert [tuple(stage) for stage in stages] == [(1, "intracept"), (2, "lumbar_microdiscectomy"), (3, "tlif")]
    assert _count(session, Episode) == 1
    assert set(session.scalars(select(Milestone.occurrence))) == {1, 2, 3}


def test_two_episodes_of_one_patient_are_two_plans(session: Session, run: Any) -> None:
    run(caseload({}, {"episode": "E2", "surgery_date": "2026-02-24"}))

    assert (_count(session, Patient), _count(session, Episode)) == (1, 2)
    assert set(session.scalars(select(Surgery.stage))) == {1}


def test_the_same_procedure_again_in_an_episode_is_a_surgery_of_its_own(session: Session, run: Any) -> None:
    content = caseload({"surgery_date": "2025-11-03"}, {"surgery_date": "2026-02-23"})

    run(content)

    assert _outcomes(run(content)) == ["unchanged", "unchanged"]
    assert session.scalars(select(Surgery.stage).order_by(Surgery.surgery_on)).all() == [1, 2]


def test_a_bad_row_put_right_and_imported_again_adds_only_itself(session: Session, run: Any) -> None:
    good = {"surgery_date": "2026-02-23"}
    run(caseload({"surgery_date": "0026-01-12"}, good))

    report = run(caseload({"surgery_date": "2026-01-12"}, good))

    assert _outcomes(report) == ["loaded", "unchanged"]
    assert [notice.code for notice in report.rows[0].notices] == ["stage_added_late"]
    assert session.scalars(select(Surgery.surgery_on).order_by(Surgery.stage)).all() == [
        datetime(2026, 2, 23, tzinfo=UTC).date(),
        datetime(2026, 1, 12, tzinfo=UTC).date(),
    ]


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({"family_name": "Other"}, ("family_name",)),
        ({"email": "new@example.org"}, ("email",)),
        ({"channels": "email;push"}, ("channels",)),
        ({"workers_comp": "yes"}, ("workers_comp",)),
        ({"surgery_date": "2026-02-24"}, ("surgery_date",)),
        ({"status": "cancelled", "setting": "inpatient"}, ("status", "setting")),
        ({"approach": "open", "low_bone_density": "yes"}, ("low_bone_density", "approach")),
    ],
)
def test_a_row_that_differs_from_what_is_stored_is_told_and_not_applied(
    session: Session, run: Any, change: dict[str, str], differing: tuple[str, ...]
) -> None:
    run(caseload({}))
    before = _all_counts(session)
    session.rollback()

    (row,) = run(caseload(change)).rows

    assert (row.outcome, row.differing) == (RowOutcome.differs, differing)
    assert _all_counts(session) == before
    assert session.scalars(select(Patient.family_name)).one() == "Okafor"


def test_a_new_surgery_of_a_patient_who_differs_is_not_loaded(session: Session, run: Any) -> None:
    run(caseload({}))

    (row,) = run(caseload({"date_of_birth": "1985-01-01", "episode": "E2"})).rows

    assert (row.outcome, row.differing) == (RowOutcome.differs, ("date_of_birth",))
    assert _count(session, Episode) == 1


def test_a_patient_who_was_enrolled_by_hand_is_found_by_mrn(session: Session, run: Any, practice: Practice) -> None:
    run(caseload({}))
    stored = session.scalars(select(Patient)).one()
    other = builders.practice(session)
    session.commit()

    report = run(caseload({"episode": "E2"}))

    assert _outcomes(report) == ["loaded"]
    assert session.scalars(select(Episode.patient_id)).all() == [stored.id] * 2
    assert other.id != practice.id


def test_a_performed_surgery_ahead_is_stored_as_planned(session: Session, run: Any) -> None:
    report = run(caseload({"surgery_date": "2026-03-16"}))

    assert session.scalars(select(Surgery.status)).one() == "planned"
    assert [notice.code for notice in report.rows[0].notices] == ["performed_in_future"]
    assert _count(session, Delivery) > 0


def test_a_planned_surgery_in_the_past_asks_the_coordinator_once_whether_it_happened(
    session: Session, run: Any
) -> None:
    content = caseload({"surgery_date": "2026-02-27", "status": "planned"})
    run(content)
    run(content)

    surgery = session.scalars(select(Surgery)).one()
    (task,) = session.scalars(select(Task).where(Task.kind == TaskKind.confirm_surgery))
    assert (surgery.status, task.state, task.surgery_id) == ("planned", TaskState.open, surgery.id)


def test_a_cancelled_surgery_is_stored_without_a_plan(session: Session, run: Any) -> None:
    run(caseload({"status": "cancelled"}))

    assert session.scalars(select(Surgery.status)).one() == "cancelled"
    assert (_count(session, Milestone), _count(session, Reminder)) == (0, 0)


def test_a_surgery_without_a_day_has_a_plan_without_dates(session: Session, run: Any) -> None:
    run(caseload({"surgery_date": "", "status": "planned"}))

    assert set(session.scalars(select(Milestone.target_on))) == {None}
    assert _count(session, Milestone) > 20
    assert _count(session, Reminder) == 0


def test_the_past_sends_nothing_and_asks_one_question_a_patient(session: Session, run: Any) -> None:
    run(caseload({"surgery_date": "2025-09-01"}, {"surgery_date": "2025-12-01"}, {"mrn": "SP000002"}))

    for reminder in session.scalars(select(Reminder).where(Reminder.state == ReminderState.planned)):
        assert reminder.useful_until > NOW
    questions = session.scalars(select(Task.patient_id).where(Task.kind == TaskKind.past_items)).all()
    assert len(questions) == len(set(questions))
    kinds = {Phase(phase) for phase in session.scalars(select(Milestone.phase))}
    assert kinds == {Phase.before_surgery, Phase.after_surgery}


def test_a_dry_run_tells_what_an_import_would_do_and_stores_nothing(session: Session, run: Any) -> None:
    empty = _all_counts(session)
    session.rollback()

    report = run(FAULTY.read_bytes(), DEMO_NOW, dry_run=True)

    assert report.dry_run
    assert (report.count(RowOutcome.loaded), report.count(RowOutcome.refused)) == (3, 10)
    assert _all_counts(session) == empty
    session.rollback()
    assert _outcomes(run(FAULTY.read_bytes(), DEMO_NOW)) == _outcomes(report)


def test_each_patients_rows_are_one_transaction_with_one_audit_entry(session: Session, run: Any) -> None:
    run(
        caseload({}, {"episode": "E2"}, {"mrn": "SP000002"}),
        importer=Importer(ActorKind.staff, "staff-7", "/api/v1/import"),
    )

    entries = session.scalars(select(AuditEntry)).all()
    assert sorted(entry.about["rows"] for entry in entries) == [1, 2]
    assert {(entry.action, entry.actor_kind, entry.actor_id, entry.route) for entry in entries} == {
        (AuditAction.import_, ActorKind.staff, "staff-7", "/api/v1/import")
    }
    subjects = set(session.scalars(select(AuditSubject.patient_id)))
    assert subjects == set(session.scalars(select(Patient.id)))
    revisions = session.execute(
        select(Milestone.patient_id, func.count(Milestone.rev.distinct())).group_by("patient_id")
    )
    assert {count for _, count in revisions} == {1}


def test_a_patient_that_the_database_refuses_leaves_all_others_loaded(
    session: Session, engine: Engine, run: Any
) -> None:
    def fail_second(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        if statement.startswith("INSERT INTO patient") and "SP000002" in str(parameters):
            # A real refusal by the database, in the middle of the patient's transaction.
            raise engine.dialect.loaded_dbapi.OperationalError("disk I/O error for Okafor")

    event.listen(service_engine_of(engine), "before_cursor_execute", fail_second)

    report = run(caseload({}, {"mrn": "SP000002"}, {"mrn": "SP000002", "episode": "E2"}, {"mrn": "SP000003"}))

    event.remove(service_engine_of(engine), "before_cursor_execute", fail_second)
    assert _outcomes(report) == ["loaded", "refused", "refused", "loaded"]
    assert "Okafor" not in str(report_body(report))
    assert sorted(session.scalars(select(Patient.mrn))) == ["SP000001", "SP000003"]


def test_two_imports_at_once_load_each_patient_once(session: Session, run: Any) -> None:
    content = caseload(*({"mrn": f"SP{number:06}"} for number in range(1, 9)))
    reports: list[ImportReport] = []
    threads = [threading.Thread(target=lambda: reports.append(run(content))) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (_count(session, Patient), _count(session, Surgery)) == (8, 8)
    told = [pair for report in reports for pair in _outcomes(report)]
    assert (told.count("loaded"), told.count("unchanged")) == (8, 8)


def test_progress_tells_rows_done_of_rows_in_all(run: Any) -> None:
    told: list[tuple[int, int]] = []

    run(FAULTY.read_bytes(), DEMO_NOW, progress=lambda done, total: told.append((done, total)))

    assert (told[0], told[-1]) == ((10, 13), (13, 13))
    assert told == sorted(told)


def test_the_report_counts_and_names_every_row(run: Any) -> None:
    body = report_body(run(FAULTY.read_bytes(), DEMO_NOW))

    assert body["counts"] == {"loaded": 3, "unchanged": 0, "differs": 0, "refused": 10}
    assert [row["line"] for row in body["results"]] == list(range(2, 15))
    assert body["results"][0]["errors"] == [
        {"line": 2, "column": "date_of_birth", "expected": "a date of the calendar as YYYY-MM-DD", "got": "1971-02-30"}
    ]


class PassingClock(FixedClock):
    """A clock that a minute passes on each time that it is read."""

    def now(self) -> datetime:
        self.advance(timedelta(minutes=1))
        return super().now()


def test_each_patient_of_a_long_import_bears_the_time_at_which_it_was_stored(session: Session, run: Any) -> None:
    content = caseload(*({"mrn": f"SP00000{number}", "email": f"{number}@example.org"} for number in range(1, 4)))

    run(content, clock=PassingClock(NOW))

    enrolled = session.scalars(select(Episode.enrolled_at).order_by(Episode.enrolled_at)).all()
    assert enrolled == [NOW + timedelta(minutes=number) for number in range(1, 4)]


def test_an_unknown_practice_is_an_error_of_the_caller(make_session: sessionmaker[Session]) -> None:
    with pytest.raises(LookupError):
        import_cohort(make_session, "nobody", caseload({}), NOW, dry_run=False)


def test_practices_share_mrns_and_nothing_else(
    session: Session, make_session: sessionmaker[Session], run: Any, practice: Practice
) -> None:
    other = builders.practice(session)
    session.commit()
    run(caseload({}))

    report = import_cohort(make_session, other.id, caseload({"family_name": "Other"}), NOW, dry_run=False)

    assert _outcomes(report) == ["loaded"]
    patients = {patient.practice_id: patient for patient in session.scalars(select(Patient))}
    assert patients[practice.id].id != patients[other.id].id


@pytest.fixture(autouse=True)
def _close(engine: Engine) -> Iterator[None]:
    """Let no connection of a thread outlive its test."""
    yield
    engine.dispose()
