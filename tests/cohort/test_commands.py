"""The commands around a caseload: what a person sees, what is left behind, and with which exit code."""

import csv
import json
import os
import subprocess
import sys
import termios
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import pytest
from click.testing import Result
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from config import Settings, environment_with
from models import (
    Alert,
    AuditSubject,
    CardVersion,
    CheckIn,
    Device,
    OnCallShift,
    Patient,
    Practice,
    QuestionnaireAnswer,
    SafetyCard,
    SignInCode,
    Staff,
    Surgery,
    Token,
)
from models.engine import make_engine
from models.migrate import is_current
from schedules.plan.scores import scores_of
from schedules.plan.vocabulary import Instrument, SurgeryStatus
from service.app import create_app
from service.cli.demo import REFERENCE_DAY, shifted_caseload
from service.dashboard.queries.worklist import load_caseload
from service.dashboard.worklist import Wanted, make_worklist
from service.dashboard.worklist_day import make_day
from service.dashboard.worklist_reasons import Why
from service.db import db
from service.identity.tokens import authenticate, hash_secret
from tests import builders
from tests.clock import FixedClock
from tests.cohort.caseload import FAULTY, caseload
from tests.database import Databases, settings_for
from tests.e2e.clinic_at import ROOT, environment_of

Run = Callable[..., Result]
DEMO_NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@pytest.fixture
def run(settings: Settings, clock: FixedClock) -> Run:
    """Return what runs a command on this test's database, by the test's clock."""
    return lambda *arguments: run_command(settings, clock, *arguments)


@pytest.fixture
def practice(session: Session) -> Practice:
    """Add the only clinic."""
    practice = builders.practice(session, slug="hudson")
    session.commit()
    return practice


def run_command(settings: Settings, clock: FixedClock, *arguments: str | Path) -> Result:
    # As in a process of its own: the application is made for a command, so it may be behind with its schema.
    with click.Context(click.Command("flask")):
        app = create_app(settings, clock)
    try:
        return app.test_cli_runner().invoke(args=[str(each) for each in arguments])
    finally:
        with app.app_context():
            db.engine.dispose()


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "caseload.csv"
    path.write_bytes(content)
    return path


def _patients(engine: Engine) -> int:
    with Session(engine) as session:
        return session.scalar(select(func.count()).select_from(Patient)) or 0


@pytest.mark.usefixtures("practice")
def test_the_faulty_file_ends_with_exit_code_1_and_ten_faults_by_line_and_column(run: Run, engine: Engine) -> None:
    done = run("import", FAULTY)

    lines = done.stdout.splitlines()
    assert done.exit_code == 1
    assert [line.split(":")[0] for line in lines[:10]] == [
        "line 2, date_of_birth",
        "line 3, time_zone",
        "line 4, approach",
        "line 5, email",
        "line 6, approach",
        "line 7, procedure",
        "line 8, date_of_birth",
        "line 10, surgery_date",
        "line 12, channels",
        "line 13, setting",
    ]
    assert lines[-1] == "13 rows: 3 loaded, 0 unchanged, 0 differs, 10 refused."
    assert _patients(engine) == 3


@pytest.mark.usefixtures("practice")
def test_a_good_file_ends_with_exit_code_0_and_again_changes_nothing(run: Run, tmp_path: Path) -> None:
    file = _file(tmp_path, caseload({}))

    first, second = run("import", file), run("import", file, "--practice", "hudson")

    assert (first.exit_code, first.stdout) == (0, "1 row: 1 loaded, 0 unchanged, 0 differs, 0 refused.\n")
    assert (second.exit_code, second.stdout) == (0, "1 row: 0 loaded, 1 unchanged, 0 differs, 0 refused.\n")


@pytest.mark.usefixtures("practice")
def test_a_difference_is_told_and_is_no_failure(run: Run, tmp_path: Path) -> None:
    run("import", _file(tmp_path, caseload({})))

    done = run("import", _file(tmp_path, caseload({"family_name": "Other"})))

    assert done.exit_code == 0
    assert "line 2: differs from what is stored in family_name; nothing was changed" in done.stdout


@pytest.mark.usefixtures("practice")
def test_warnings_are_counted(run: Run, tmp_path: Path) -> None:
    done = run("import", _file(tmp_path, caseload({"surgery_date": "2026-03-09"})))

    assert "warning: 1 x performed_in_future" in done.stdout


def test_a_dry_run_leaves_in_the_audit_trail_of_whom_it_told_something(
    run: Run, session: Session, practice: Practice, tmp_path: Path
) -> None:
    patient_id = builders.patient(session, practice, mrn="SP000001").id
    session.commit()

    run("import", _file(tmp_path, caseload({}, {"mrn": "SP000002"})), "--dry-run")

    session.rollback()
    assert session.scalars(select(AuditSubject.patient_id)).all() == [patient_id]


@pytest.mark.usefixtures("practice")
def test_a_dry_run_stores_nothing(run: Run, engine: Engine, tmp_path: Path) -> None:
    done = run("import", _file(tmp_path, caseload({})), "--dry-run")

    assert done.stdout == "1 row: 1 would be loaded, 0 unchanged, 0 differs, 0 refused.\n"
    assert _patients(engine) == 0


@pytest.mark.usefixtures("practice")
def test_the_report_file_has_counts_and_every_row_and_no_name(run: Run, tmp_path: Path) -> None:
    run("import", FAULTY, "--report", tmp_path / "report.json")

    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    report = json.loads(text)
    assert report["counts"] == {"loaded": 3, "unchanged": 0, "differs": 0, "refused": 10}
    assert len(report["results"]) == 13
    assert not [name for name in ("Rossi", "Haddad", "not-an-address", "HYPERLINK") if name in text]


@pytest.mark.usefixtures("practice")
def test_a_file_without_its_columns_is_refused_as_a_whole(run: Run, engine: Engine, tmp_path: Path) -> None:
    done = run("import", _file(tmp_path, caseload({}).replace(b"status", b"state")))

    assert done.exit_code == 1
    assert "line 1, status: expected this column; got none" in done.stderr
    assert _patients(engine) == 0


@pytest.mark.usefixtures("practice")
def test_no_progress_bar_is_drawn_where_nobody_watches(run: Run, tmp_path: Path) -> None:
    done = run("import", _file(tmp_path, caseload({})))

    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.sqlite_only
@pytest.mark.usefixtures("practice")
def test_progress_is_drawn_on_a_terminal_and_not_in_the_output(settings: Settings, tmp_path: Path) -> None:
    file = _file(tmp_path, caseload(*({"mrn": f"SP{number:06}"} for number in range(1, 6))))
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))

    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "import", str(file)],
        cwd=ROOT,
        env=environment_with(environment_of(settings)),
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        check=True,
        timeout=60,
    )

    os.close(theirs)
    drawn = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "/5 [" in drawn
    assert done.stdout == "5 rows: 5 loaded, 0 unchanged, 0 differs, 0 refused.\n"


@pytest.mark.usefixtures("practice")
def test_a_file_beyond_the_limit_is_not_read(settings: Settings, clock: FixedClock, tmp_path: Path) -> None:
    small = settings_for(settings.database_url, max_import_bytes=1024)

    done = run_command(small, clock, "import", _file(tmp_path, caseload(*[{}] * 20)))

    assert done.exit_code == 1
    assert "Expected a file of at most 1024 bytes" in done.stderr


def test_without_a_slug_there_must_be_one_practice(run: Run, session: Session, tmp_path: Path) -> None:
    builders.practice(session, slug="hudson")
    builders.practice(session, slug="east")
    session.commit()

    done = run("import", _file(tmp_path, caseload({})))

    assert done.exit_code == 1
    assert "Expected --practice with the slug of a practice; there are: east, hudson." in done.stderr


def test_a_database_that_was_not_migrated_is_told_and_migrate_mends_it(
    empty_database_url: str, clock: FixedClock, tmp_path: Path
) -> None:
    settings = settings_for(empty_database_url)
    refused = run_command(settings, clock, "import", _file(tmp_path, caseload({})))

    migrated = run_command(settings, clock, "migrate")

    engine = make_engine(empty_database_url)
    with engine.connect() as connection:
        assert is_current(connection)
    engine.dispose()
    assert (refused.exit_code, migrated.exit_code) == (1, 0)
    assert "Run: flask --app wsgi migrate" in refused.stderr


def refuse_a_dead_demo(session: Session) -> None:
    """Assert that pages and charts have something to show: answers, scores, cards, and alerts that somebody gets."""
    at = datetime(2027, 5, 3, 15, 0, tzinfo=UTC)
    answered = Counter(session.scalars(select(QuestionnaireAnswer.instrument)))
    assert min(answered[each] for each in (Instrument.nrs, Instrument.rmdq, Instrument.ndi)) >= 20
    rows = session.scalars(select(QuestionnaireAnswer)).all()
    assert all(score.value is not None for row in rows for score in scores_of(row.instrument, row.answers))
    assert max(row.answered_at for row in rows) <= at
    told = session.scalars(select(CheckIn).where(CheckIn.sleep.is_not(None))).all()
    assert len(told) > 500
    assert max(row.reported_at for row in told) <= at
    alerts = session.scalars(select(Alert)).all()
    assert Counter((row.about["red_flag"], row.state.value) for row in alerts) == {
        ("chest", "open"): 1, ("calf", "acknowledged"): 1, ("wound_infection", "open"): 1,
    }  # fmt: skip
    # Somebody is on call, but no worker has run yet that would tell them.
    assert session.scalars(select(SafetyCard.monitored_until)).all() == [None]
    assert {row.staff_id for row in session.scalars(select(OnCallShift))} == {"demo-coordinator", "demo-surgeon"}
    cards = session.scalars(select(CardVersion)).all()
    signed = {(row.card_id, row.language.value) for row in cards if row.signed_by == "demo-surgeon"}
    assert signed == {(card, language) for card in ("dressing", "bathing", "stairs") for language in ("en", "es")}
    assert [row.card_id for row in cards if row.signed_by is None] == ["refills"]


@pytest.mark.slow
@pytest.mark.sqlite_only
@pytest.mark.timeout(300)  # twenty seconds of work, which a busy machine shares out
def test_the_demo_clinic_loads_once_and_its_sign_ins_work(settings: Settings, engine: Engine) -> None:
    first = run_command(settings, FixedClock(datetime(2027, 5, 3, 15, 0, tzinfo=UTC)), "demo", "load")
    later = FixedClock(datetime(2027, 5, 9, 15, 0, tzinfo=UTC))
    second = run_command(settings, later, "demo", "load")
    signed_in = run_command(settings, later, "demo", "tokens")

    assert (first.stdout, second.stdout) == (
        "Demo clinic: 331 surgeries loaded.\n",
        "Demo clinic: loaded already, nothing changed.\n",
    )
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Surgery)) == 331
        assert session.scalar(select(func.count()).select_from(Staff)) == 3
        assert session.scalars(select(SafetyCard.phone)).all() == ["+12125550142"]
        zone = ZoneInfo("America/New_York")
        worklist = make_worklist(
            load_caseload(session, "demo", make_day(date(2027, 5, 3), zone)), Wanted(), date(2027, 5, 3), zone
        )
        assert {why: count > 0 for why, count in worklist.counts.items()} == dict.fromkeys(Why, True)
        assert worklist.needing < worklist.open_count / 2
        refuse_a_dead_demo(session)
        secrets = [line.split()[-1] for line in signed_in.stdout.splitlines()]
        staff, device = (authenticate(session, secret, later.now()) for secret in secrets[:2])
        assert (staff.practice_id, staff.is_staff) == ("demo", True)
        assert device.patient_id is not None
        (invitation,) = session.scalars(select(SignInCode)).all()
        assert "First sign-in of coordinator@example.org (until 2027-05-10 15:00 UTC): " in signed_in.stdout
        assert invitation.code_hash == hash_secret(secrets[3].replace("-", ""))
        assert session.scalar(select(func.count()).select_from(Device)) == 1
        assert session.scalar(select(func.count()).select_from(Token)) == 3


@pytest.mark.parametrize("today", [date(2026, 11, 22), date(2027, 5, 3), date(2024, 2, 29)])
def test_the_demo_has_patients_at_every_stage_on_any_day(today: date) -> None:
    text = shifted_caseload(today - REFERENCE_DAY).decode()

    rows = list(csv.DictReader(StringIO(text)))
    days = [(date.fromisoformat(row["surgery_date"]) - today).days for row in rows if row["surgery_date"]]
    stages = Counter(_stage(day) for day in days)
    assert len(rows) == 331
    assert set(stages) == {"before", "first days", "first weeks", "first months", "later"}
    assert min(stages.values()) >= 5
    assert {row["status"] for row in rows} == set(SurgeryStatus)
    assert len(days) < 331


def _stage(day: int) -> str:
    if day > 0:
        return "before"
    if day > -7:
        return "first days"
    if day > -42:
        return "first weeks"
    return "first months" if day > -120 else "later"


def test_a_day_that_is_not_known_stays_unknown_in_the_demo() -> None:
    text = shifted_caseload(timedelta(days=100)).decode()

    assert sum(not row["surgery_date"] for row in csv.DictReader(StringIO(text))) == 7


@pytest.mark.sqlite_only
def test_sign_ins_without_a_demo_are_refused(run: Run) -> None:
    done = run("demo", "tokens")

    assert done.exit_code == 1


@pytest.mark.sqlite_only
def test_a_plan_is_printed_with_its_days(run: Run) -> None:
    done = run("plan", "tlif", "--class", "miss", "--date", "2026-03-02")

    assert done.exit_code == 0
    assert done.stdout.startswith("TLIF-MISS version 1 (draft)")
    assert "Mon 2026-03-02" in done.stdout


@pytest.mark.sqlite_only
def test_a_procedure_of_both_classes_is_printed_side_by_side(run: Run) -> None:
    lines = run("plan", "tlif", "--work", "heavy").stdout.splitlines()

    assert lines[0].startswith("TLIF-MISS version 1 (draft)")
    assert lines[1].startswith("TLIF-OPEN version 1 (draft)")
    rows = {line.split("  ")[0]: " ".join(line.split()[1:]) for line in lines[3:]}
    assert rows["rtw_heavy"] == "180 (84 to 250) D, 181 (lifting) 210 (84 to 365) E, 366 (lifting) *"
    assert rows["prom_3mo"] == "90 (70 to 120) E 90 (70 to 120) E"


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("intracept", "--class", "open"), "expected miss, the only choice for intracept"),
        (("acdf", "--class", "miss"), "expected no class, the only choice for acdf"),
    ],
)
def test_a_plan_that_a_procedure_does_not_have_is_refused(run: Run, arguments: tuple[str, ...], told: str) -> None:
    done = run("plan", *arguments)

    assert done.exit_code == 1
    assert told in done.stderr


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("arguments", "protocol"), [(("kyphoplasty",), "KYPHO"), (("acdf", "--levels", "2"), "ACDF-2+")]
)
def test_a_procedure_with_one_choice_needs_none(run: Run, arguments: tuple[str, ...], protocol: str) -> None:
    assert run("plan", *arguments).stdout.startswith(f"{protocol} version 1")


@pytest.fixture
def target_url(databases: Databases) -> Iterator[str]:
    """Yield a PostgreSQL database without a table."""
    with databases.empty("postgresql") as url:
        yield url


def test_a_clinic_moves_to_postgresql_by_command(databases: Databases, clock: FixedClock, target_url: str) -> None:
    with databases.migrated("sqlite") as url:
        source = make_engine(url)
        with Session(source) as session:
            builders.patient(session, builders.practice(session))
            session.commit()
        source.dispose()
        settings = settings_for(url)
        plain_url = target_url.replace("postgresql+psycopg://", "postgresql://")

        first = run_command(settings, clock, "copy-to", plain_url)
        second = run_command(settings, clock, "copy-to", plain_url)

    assert first.exit_code == 0
    assert "patient                     1 rows" in first.stdout
    assert "Copied 5 rows. Set DATABASE_URL" in first.stdout
    assert second.exit_code == 1
    assert "Nothing was copied: expected an empty database to copy to" in second.stderr


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("nonsense", "Expected an address such as postgresql://"),
        ("mysql://a@b/c", "Expected an address such as postgresql://"),
        ("sqlite:////tmp/never-made/other.sqlite3", "expected a PostgreSQL database to copy to"),
        ("postgresql://nobody@127.0.0.1:1/none", "the database answered with OperationalError"),
    ],
)
def test_an_address_to_which_nothing_can_be_copied_is_refused(run: Run, address: str, told: str) -> None:
    done = run("copy-to", address)

    assert done.exit_code == 1
    assert told in done.stderr
