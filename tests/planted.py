"""Plants known faults, one at a time, and sees that a test notices (`make delivery-mutants`).

Each fault is the exact text that it replaces: when that is not found, the table is out of date, and the run fails.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("deploy", "docs", "models", "schedules", "service", "tests")
ABOUT_A_TEST = ("-q", "-x", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cacheprovider", "--no-header")


@dataclass(frozen=True, slots=True)
class Change:
    """A text in a file, which stands there once, and what takes its place."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A known way to get it wrong, and the tests of which one must fail."""

    name: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]


FAULTS = (
    Fault(
        "M1 marked as sent before it is sent",
        (
            Change(
                "schedules/delivery/sender.py",
                "        all_sent = send_parcel(self._desk, parcel)\n",
                "        from models.reminder import AttemptOutcome\n"
                "        from schedules.delivery.channels import Result\n"
                "        record_all(self._desk, [Sent(each, Result(AttemptOutcome.accepted)) for each in parcel])\n"
                "        send_parcel(self._desk, parcel)\n"
                "        all_sent: list[Sent] = []\n",
            ),
        ),
        ("tests/worker/test_kill_points.py -k recorded",),
    ),
    Fault(
        "M2 a result without a fence",
        (
            Change(
                "schedules/delivery/book.py", "if row is not None and row.fence == claim.fence", "if row is not None"
            ),
            Change(
                "schedules/delivery/book.py",
                '"fence": claim.fence, **columns}',
                "**columns}",
            ),
            Change(
                "schedules/delivery/book.py",
                'keys=("practice_id", "id", "fence"), common',
                'keys=("practice_id", "id"), common',
            ),
        ),
        ("tests/worker/test_record.py -k stale",),
    ),
    Fault(
        "M3 a withdrawal that looks at the delivery's state alone",
        (
            Change(
                "schedules/planning/messages.py",
                "        outcomes = self.outcomes.get(delivery.id, _NONE)\n",
                "        outcomes = _NONE\n",
            ),
        ),
        ("tests/planning/test_withdrawal.py",),
    ),
    Fault(
        "M4 no lease",
        (
            Change(
                "schedules/delivery/claim.py",
                "and_(held_once, has_run_out_by(shared=shared))",
                "held_once",
            ),
        ),
        ("tests/worker/test_claims.py",),
    ),
    Fault(
        "M5 a gate that refuses and leaves the delivery leased",
        (
            Change(
                "schedules/delivery/gate.py",
                "    move(gate.session, [claim], attempts=delivery.attempts - 1, **columns)\n",
                "",
            ),
        ),
        ("tests/worker/test_gate.py",),
    ),
    Fault(
        "M6 leases by each worker's own clock",
        (
            Change(
                "schedules/database_time.py",
                'return session.get_bind().dialect.name == "postgresql"',
                "return False",
            ),
            Change(
                "schedules/database_time.py",
                '"now_ms": clock.monotonic_ms()',
                '"now_ms": int(clock.now().timestamp() * 1000)',
            ),
            Change(
                "schedules/delivery/leases.py",
                "ends_ms = lease.clock.monotonic_ms() + ",
                "ends_ms = int(lease.clock.now().timestamp() * 1000) + ",
            ),
        ),
        ("tests/worker/test_skewed_clocks.py",),
    ),
    Fault(
        "M7 a write that begins as a read",
        (Change("models/engine.py", '"BEGIN" if reads else "BEGIN IMMEDIATE"', '"BEGIN"'),),
        ("tests/storage/test_busy_writers.py",),
    ),
    Fault(
        "M9a a practice that is named for the whole connection",
        (
            Change(
                "models/isolation.py",
                'bindparam("practice", type_=String), true())',
                'bindparam("practice", type_=String), false())',
            ),
            Change("models/isolation.py", "func, select, true\n", "false, func, select, true\n"),
        ),
        ("tests/storage/test_row_security.py -k ends_with_its_transaction", "tests/api/test_one_connection.py"),
    ),
    Fault(
        "M9b row security that spares the owner",
        (
            Change(
                "models/row_security.py",
                "ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
                "ENABLE ROW LEVEL SECURITY",
            ),
        ),
        ("tests/storage/test_row_security.py -k guarded_even",),
    ),
    Fault(
        "M9c a service that may become the owner",
        (
            Change(
                "deploy/postgresql-roles.sql",
                "REVOKE recovery_owner FROM recovery_app;",
                "GRANT recovery_owner TO recovery_app;",
            ),
        ),
        ("tests/storage/test_row_security.py -k binds_the_role",),
    ),
    Fault(
        "M9d an owner that passes for the service",
        (Change("models/row_security.py", '"owns the tables": role.owns_tables', '"owns the tables": False'),),
        ("tests/storage/test_row_security.py -k may_become",),
    ),
    Fault(
        "M9e a statement that forgets its practice",
        (
            Change(
                "schedules/delivery/book.py", '        .where(Delivery.practice_id == bindparam("practice_id"))\n', ""
            ),
        ),
        ("tests/worker/test_deliver.py",),
    ),
    Fault(
        "M10 a key that is stored before what it stands for",
        (
            Change(
                "service/api/idempotency.py",
                "            return claim_reply(current_session(), self.practice_id, self.reply_id, now())\n",
                "            taken = claim_reply(current_session(), self.practice_id, self.reply_id, now())\n"
                "            current_session().commit()\n"
                "            return taken\n",
            ),
        ),
        ("tests/api/test_idempotency.py -k killed",),
    ),
    Fault(
        "M11 a reference without the practice",
        (
            Change(
                "models/migrations/versions/0001_create_the_tables.py",
                '        sa.UniqueConstraint("practice_id", "mrn", name=op.f("uq_patient_practice_id_mrn")),\n',
                '        sa.UniqueConstraint("practice_id", "mrn", name=op.f("uq_patient_practice_id_mrn")),\n'
                '        sa.UniqueConstraint("id", name=op.f("uq_patient_id")),\n',
            ),
            Change(
                "models/migrations/versions/0001_create_the_tables.py",
                '            ["practice_id", "patient_id"],\n            ["patient.practice_id", "patient.id"],\n'
                '            name=op.f("fk_device_practice_id_patient_id"),\n',
                '            ["patient_id"],\n            ["patient.id"],\n'
                '            name=op.f("fk_device_practice_id_patient_id"),\n',
            ),
        ),
        (
            "tests/storage/test_row_security.py -k raw_row",
            "tests/storage/test_row_security.py -k every_reference",
            "tests/storage/test_row_security.py -k guess",
        ),
    ),
    Fault(
        "M12 a backup that copies the file of SQLite",
        (
            Change(
                "service/backup/sqlite.py",
                "            source.backup(target, pages=-1, progress=give_up_in_the_end)\n",
                "            import shutil\n\n            shutil.copyfile(path, copy)\n",
            ),
        ),
        ("tests/backup/test_under_load.py -k prefix and sqlite",),
    ),
    Fault(
        "M13 errors of the database tell their parameters",
        (Change("models/engine.py", '{"hide_parameters": True}', '{"hide_parameters": False}'),),
        ("tests/api/test_leaks.py -k no_error_of_the_database",),
    ),
    Fault(
        "M14 a provider's token whose time and nonce nobody checks",
        (
            Change(
                "service/identity/provider.py",
                "            claims.validate(now=int(now.timestamp()), leeway=_LEEWAY_SECONDS)\n",
                "",
            ),
        ),
        ("tests/sso/test_provider_answers.py -k another_time", "tests/sso/test_provider_answers.py -k not_for_this"),
    ),
    Fault(
        "M15 jobs that are dropped when they come a second late",
        (Change("schedules/worker.py", '"misfire_grace_time": None', '"misfire_grace_time": 1'),),
        ("tests/worker/test_late_jobs.py",),
    ),
    Fault(
        "M16 a route without an entry",
        (Change("service/identity/roles.py", '    "GET /api/v1/me": EVERY_STAFF,\n', ""),),
        ("tests/api/test_walls.py -k stands_in_the_table",),
    ),
    Fault(
        "M17 no deadline by the kernel",
        (
            Change(
                "schedules/delivery/deadline.py",
                "        _check(_LIBC.timer_settime(timer, 0, ctypes.byref(once), None))\n",
                "",
            ),
        ),
        ("tests/worker/test_processes.py -k frozen_past_its_lease or thawed",),
    ),
    Fault(
        "M18 deleted content stays in the file",
        (
            Change(
                "models/engine.py",
                "PRAGMA secure_delete=ON",
                "PRAGMA secure_delete=OFF",
            ),
        ),
        ("tests/api/test_erasure.py -k gone_from_every_table",),
    ),
)


def main(run: Callable[[Path, str], bool]) -> int:
    """Plant each fault whose name begins with one of the arguments, all without any. Return 1 if one goes unnoticed."""
    wanted = tuple(f"{argument} " for argument in sys.argv[1:])
    unnoticed = 0
    for fault in FAULTS:
        if wanted and not fault.name.startswith(wanted):
            continue
        caught_by = _plant(fault, run)
        unnoticed += caught_by is None
        print(f"{'NOT caught' if caught_by is None else 'caught':10}  {fault.name:58}  {caught_by or ''}", flush=True)
    return 1 if unnoticed else 0


def _plant(fault: Fault, run: Callable[[Path, str], bool]) -> str | None:
    """Return which of the fault's tests failed first in a tree with the fault, None if none did."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in FOLDERS:
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("node_modules"))
        for file in [*ROOT.glob("*.py"), ROOT / "pyproject.toml"]:
            shutil.copyfile(file, tree / file.name)
        for change in fault.changes:
            _apply(tree, change)
        return next((test for test in fault.tests if not run(tree, test)), None)


def _apply(tree: Path, change: Change) -> None:
    """Change the tree. Raises LookupError unless the text stands there exactly once."""
    file = tree / change.file
    text = file.read_text(encoding="utf-8")
    if (count := text.count(change.old)) != 1:
        raise LookupError(f"expected once in {change.file}, got {count} times: {change.old!r}")
    file.write_text(text.replace(change.old, change.new), encoding="utf-8")


def _passes(tree: Path, test: str) -> bool:
    """Return whether the tests pass in the tree. Raises RuntimeError if they could not be run."""
    path, _, expression = test.partition(" -k ")
    selection = [path, *(["-k", expression] if expression else [])]
    command = [sys.executable, "-m", "pytest", *ABOUT_A_TEST, *selection]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{test}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(_passes))
