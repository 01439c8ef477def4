"""The live service against its own document, fuzzed as whoever may call it, and tried as everybody else: no 5xx, and no
answer that the document does not promise.

Every check runs on every operation, with two exceptions on routes with an ETag (a change without If-Match is 428).
Where a rule cannot be written as a schema, the refusal counts as an answer to valid data: a cursor that we did not
make (400), and facts that contradict each other, the calendar or the state of a row (422).
"""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import tomli_w
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Settings, environment_with
from models import Alert, Milestone, Reminder, Task
from models.people import StaffRole
from models.report import TaskKind
from models.service_account import Scope
from schedules.clock import SystemClock
from schedules.plan.vocabulary import AlertKind, AlertState, AlertUrgency
from service.identity.callers import ANYONE
from service.identity.principal import PATIENT_WORD
from service.identity.roles import WHO_MAY
from service.identity.service_accounts import NewServiceAccount, make_service_account
from service.identity.tokens import enrol_device, issue_staff_token
from tests import builders
from tests.api.conftest import API, Clinic
from tests.e2e.clinic_at import environment_of
from tests.processes import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.sqlite_only]

ROOT = Path(__file__).parent.parent.parent
LISTS = (
    "list_applied",
    "list_clearance_rules",
    "list_episode_observations",
    "list_episode_events",
    "list_caseload",
    "list_episodes",
    "list_surgeries",
    "list_episode_reminders",
    "list_reminder_decisions",
    "list_episode_check_ins",
    "list_episode_questionnaire_answers",
    "list_waiting",
    "list_inbound_messages",
    "list_audits",
    "list_sync_conflicts",
    "list_rows_refused",
    "list_check_in_versions",
    "list_observation_versions",
    "list_milestone_versions",
    "list_answer_versions",
    "list_settings_versions",
    "list_patient_accesses",
    "list_practice_alerts",
    "list_rota",
    "list_held_deliveries",
    "list_emergency_accesses",
    "list_audit_entries",
    "list_letter_releases",
    "list_episode_letters",
    "list_card_versions",
)
CONTRADICTABLE = (
    "add_proxy",
    "compare_digests",
    "achieve_milestone",
    "skip_milestone",
    "import_caseload",
    "merge_patient",
    "move_episode",
    "clear_milestone",
    "copy_a_protocol",
    "store_card",
    "migrate_patients",
    "revoke_clearance",
    "sign_entry",
    "snooze_reminder",
    "run_simulation",
    "step_up",
)
# Changes by POST that need the ETag which the caller read.
MATCHED = ("sign_protocol", "release_protocol", "retire_protocol", "sign_a_card")
# A body of TOML, which the fuzzer cannot write, and what synchronises: a cursor ahead of the clock is a 503 there, and
# streams have no end. Nor what signs staff in: after a minute's share of requests every answer would be 429. Their
# hostile bodies are tried by tests of their own.
NOT_FUZZED = (
    "sign_in",
    "set_first_password",
    "give_second_factor",
    "set_up_first_authenticator",
    "confirm_first_authenticator",
    "ask_passkey",
    "sign_in_with_passkey",
    "store_protocol",
    "pull_watermelon",
    "push_watermelon",
    "pull_rxdb",
    "push_rxdb",
    "stream_rxdb",
    "stream_powersync",
    "upload_powersync",
    "stream_changes",
    "wait_for_change",
)
WITH_ETAG = {"missing_required_header": {"enabled": False}, "positive_data_acceptance": {"enabled": False}}
USUAL = ["2xx", "3xx", "401", "403", "404", "409"]
PROGRAM = "program"
# An operation is fuzzed in earnest as the first of these who may call it, and tried once as each of the others.
KINDS = (StaffRole.coordinator, PATIENT_WORD, *(role for role in StaffRole if role != StaffRole.coordinator), PROGRAM)
WORDS: dict[str, Iterable[str]] = {PROGRAM: Scope}
EXAMPLES = 6


@dataclass(frozen=True)
class LiveClinic:
    """A clinic behind a real server, with a credential of each kind."""

    address: str
    tokens: dict[str, str]
    ids: dict[str, str]


@pytest.fixture
def live(settings: Settings, session: Session, clinic: Clinic) -> Iterator[LiveClinic]:
    """Yield a clinic that gunicorn serves."""
    now = SystemClock().now()
    tokens = _tokens(session, clinic, now)
    ids = _targets(session, clinic)
    session.commit()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with _serving(settings, listener):
            wait_for(lambda: _answers(address), "the service", seconds=60)
            yield LiveClinic(address, tokens, ids)


def _tokens(session: Session, clinic: Clinic, now: datetime) -> dict[str, str]:
    """Return a credential of every kind."""
    people = {role: builders.staff(session, clinic.practice, role=role) for role in StaffRole}
    tokens: dict[str, str] = {role: issue_staff_token(session, each, now).secret for role, each in people.items()}
    tokens[PATIENT_WORD] = enrol_device(session, clinic.id, clinic.patient.id, now).access.secret
    wanted = NewServiceAccount(name="Fuzzer", scopes=list(Scope))
    tokens[PROGRAM] = make_service_account(session, clinic.id, wanted, now)[1]
    return tokens


def _targets(session: Session, clinic: Clinic) -> dict[str, str]:
    whose = {"practice_id": clinic.id, "episode_id": clinic.episode.id}
    walking = session.scalars(select(Milestone.id).filter_by(key="walk30", **whose)).one()
    reminder = session.scalars(select(Reminder.id).filter_by(milestone_id=walking, key="goal")).one()
    at = clinic.episode.enrolled_at
    session.add(
        Task(id="task", kind=TaskKind.fill_slot, patient_id=clinic.patient.id, created_at=at, about={}, **whose)
    )
    conflict = builders.conflict(session, clinic.patient)
    alert = Alert(id="alert", patient_id=clinic.patient.id, raised_at=at, about={"red_flag": "calf"}, **whose)
    alert.kind, alert.urgency, alert.state = AlertKind.red_flag, AlertUrgency.same_day, AlertState.open
    session.add(alert)
    return {
        "patient_id": clinic.patient.id,
        "episode_id": clinic.episode.id,
        "surgery_id": clinic.surgery.id,
        "milestone_id": walking,
        "reminder_id": reminder,
        "task_id": "task",
        "conflict_id": conflict.id,
        "alert_id": "alert",
        "card_id": "dressing",
        "language": "en",
    }


@contextlib.contextmanager
def _serving(settings: Settings, listener: socket.socket) -> Iterator[None]:
    """Run gunicorn on an open socket."""
    environment = environment_with(environment_of(settings) | {"LOG_LEVEL": "WARNING"})
    number = listener.fileno()
    options = f"--bind fd://{number} --threads 4 --no-control-socket --log-level warning"
    # A phone that idles is cut off; a fuzzer that idles on a busy machine would count that as a failure.
    options += " --keep-alive 75"
    argv = [sys.executable, "-m", "gunicorn", "wsgi:app", *options.split()]
    with subprocess.Popen(argv, cwd=ROOT, env=environment, pass_fds=(number,)) as server:
        try:
            yield
        finally:
            server.terminate()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


def _operations(address: str) -> dict[str, str]:
    """Return the route of each operation that the service describes, as the role table has it."""
    paths = httpx.get(f"{address}{API}/openapi.json", timeout=10).json()["paths"]
    methods = ("get", "post", "put", "patch", "delete")
    return {
        operations[method]["operationId"]: f"{method.upper()} {path}"
        for path, operations in paths.items()
        for method in methods
        if method in operations
    }


def _is_tried_in_earnest(route: str, kind: str) -> bool:
    who = WHO_MAY[route]
    first = KINDS[0] if who is ANYONE else next(each for each in KINDS if not who.isdisjoint(WORDS.get(each, {each})))
    return kind == first


def _configuration(ids: dict[str, str], others: list[str]) -> dict[str, Any]:
    """Return the fuzzer's settings; `others` are the operations that it tries once."""
    once: dict[str, Any] = {"phases": {"coverage": {"enabled": False}}, "generation": {"max-examples": 1}}
    return {
        "seed": 20260302,
        "hooks": str(Path(__file__).with_name("fuzz_hooks.py")),
        "generation": {"max-examples": EXAMPLES, "database": "none", "allow-x00": False},
        "phases": {"stateful": {"enabled": False}},
        "parameters": {f"path.{name}": value for name, value in ids.items()},
        "operations": [
            {"include-operation-id": list(NOT_FUZZED), "enabled": False},
            {"include-operation-id": others, **once},
            {"include-method": ["PUT", "PATCH"], "checks": WITH_ETAG},
            {"include-operation-id": list(MATCHED), "checks": WITH_ETAG},
            {
                "include-operation-id": list(LISTS),
                "checks": {"positive_data_acceptance": {"expected-statuses": [*USUAL, "400"]}},
            },
            {
                "include-operation-id": list(CONTRADICTABLE),
                "checks": {"positive_data_acceptance": {"expected-statuses": [*USUAL, "422"]}},
            },
        ],
    }


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_of_the_live_service_is_in_its_document(live: LiveClinic, kind: str, tmp_path: Path) -> None:
    described = _operations(live.address)
    others = [name for name, route in described.items() if not _is_tried_in_earnest(route, kind)]
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(tomli_w.dumps(_configuration(live.ids, others)))
    # One thread: two share the interpreter and gain nothing, and once met an error inside the fuzzer itself.
    options = ["--no-color", "--workers", "1", "--request-timeout", "60"]
    header = ["--header", f"Authorization: Bearer {live.tokens[kind]}"]
    program = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(configuration), "run"]

    fuzzing = subprocess.run(
        [*program, f"{live.address}{API}/openapi.json", *header, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert fuzzing.returncode == 0, fuzzing.stdout.partition("= WARNINGS =")[0][-20_000:]
    assert f"{len(described) - len(NOT_FUZZED)}/{len(described)}" in fuzzing.stdout
