"""Every read, write and refusal leaves one entry that names each patient shown; nothing leaves without it."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from models import AuditEntry, AuditSubject, Patient, Reminder
from models.audit import ActorKind, AuditAction
from models.engine import begin_reads, make_session_factory
from models.journal import entry_mac
from service.api.examples import CASELOAD
from tests.api.conftest import Caller, Clinic, Look

Trail = Callable[[], list[tuple[str, str, int | None, tuple[str, ...]]]]


@pytest.fixture
def trail(engine: Engine, clinic: Clinic) -> Trail:
    """Return a way to read the clinic's trail: action, route, status and patients of each entry, in order."""

    def read() -> list[tuple[str, str, int | None, tuple[str, ...]]]:
        with make_session_factory(engine)() as session:
            begin_reads(session)
            entries = session.scalars(select(AuditEntry).filter_by(practice_id=clinic.id).order_by(AuditEntry.id)).all()
            subjects = session.scalars(select(AuditSubject).filter_by(practice_id=clinic.id)).all()
        named: dict[str, list[str]] = {}
        for subject in subjects:
            named.setdefault(subject.entry_id, []).append(subject.patient_id)
        return [(each.action, each.route, each.status, tuple(sorted(named.get(each.id, ())))) for each in entries]

    return read


def test_a_list_names_every_patient_whom_it_shows_and_no_other(
    coordinator: Caller, clinic: Clinic, trail: Trail
) -> None:
    shown = coordinator.get("/patients?limit=1").json["items"][0]["id"]

    assert trail() == [(AuditAction.read, "GET /api/v1/patients", 200, (shown,))]


def test_every_view_of_a_patients_rows_names_the_patient(
    coordinator: Caller, clinic: Clinic, trail: Trail, look: Look
) -> None:
    reminder = look(Reminder, practice_id=clinic.id, episode_id=clinic.episode.id)[0]
    paths = [
        f"/patients/{clinic.patient.id}",
        f"/patients/{clinic.patient.id}/episodes",
        f"/episodes/{clinic.episode.id}",
        f"/episodes/{clinic.episode.id}/surgeries",
        f"/episodes/{clinic.episode.id}/plan",
        f"/episodes/{clinic.episode.id}/reminders",
        f"/reminders/{reminder.id}/decisions",
        f"/episodes/{clinic.episode.id}/check-ins",
        f"/surgeries/{clinic.surgery.id}",
    ]

    for path in paths:
        coordinator.get(path)

    assert [(action, status, who) for action, _, status, who in trail()] == [
        (AuditAction.read, 200, (clinic.patient.id,))
    ] * len(paths)


def test_every_change_names_the_patient(
    coordinator: Caller, clinic: Clinic, trail: Trail, milestone_id: Callable[[str], str]
) -> None:
    walking = milestone_id("walk30")
    etag = coordinator.get(f"/patients/{clinic.patient.id}").headers["ETag"]

    coordinator.patch(f"/patients/{clinic.patient.id}", {"language": "es"}, match=etag)
    coordinator.post(f"/milestones/{walking}/achieve")
    coordinator.post("/enrolments", {"patient_id": clinic.patient.id})

    assert trail()[1:] == [
        (AuditAction.write, "PATCH /api/v1/patients/{patient_id}", 200, (clinic.patient.id,)),
        (AuditAction.write, "POST /api/v1/milestones/{milestone_id}/achieve", 200, (clinic.patient.id,)),
        (AuditAction.token, "POST /api/v1/enrolments", 201, (clinic.patient.id,)),
    ]


def test_refusals_are_recorded_without_a_patient(patient: Caller, clinic: Clinic, trail: Trail) -> None:
    patient.get(f"/patients/{clinic.other_patient.id}")
    patient.get("/patients")

    assert trail() == [
        (AuditAction.denied, "GET /api/v1/patients/{patient_id}", 404, ()),
        (AuditAction.denied, "GET /api/v1/patients", 403, ()),
    ]


def test_a_change_that_is_refused_leaves_no_entry_of_a_change(
    coordinator: Caller, clinic: Clinic, trail: Trail
) -> None:
    coordinator.patch(f"/patients/{clinic.patient.id}", {"language": "es"})
    coordinator.patch(f"/patients/{clinic.patient.id}", {"language": "es"}, match='"1"')

    assert trail() == []


def test_without_a_trail_nothing_is_shown_refused_or_changed(
    coordinator: Caller, clinic: Clinic, engine: Engine, look: Look
) -> None:
    path, before = f"/patients/{clinic.patient.id}", look(Patient, id=clinic.patient.id)
    etag = coordinator.get(path).headers["ETag"]
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_entry RENAME TO lost"))

    answers = [
        coordinator.get(path),
        coordinator.get("/patients/nobody"),
        coordinator.patch(path, {"language": "es"}, match=etag),
    ]

    assert [each.status_code for each in answers] == [503] * 3
    assert not [each for each in answers if clinic.patient.mrn in each.get_data(as_text=True)]
    assert look(Patient, id=clinic.patient.id)[0].rev == before[0].rev


def test_a_reused_refresh_token_is_recorded(
    coordinator: Caller, anonymous: Caller, clinic: Clinic, trail: Trail
) -> None:
    code = coordinator.post("/enrolments", {"patient_id": clinic.patient.id}).json["code"]
    signed = anonymous.post("/devices", {"code": code}).json
    renewed = anonymous.post("/tokens/refresh", {"refresh_token": signed["refresh_token"]}).json
    for token in (renewed["refresh_token"], signed["refresh_token"]):
        anonymous.post("/tokens/refresh", {"refresh_token": token})

    assert trail()[1:] == [
        (AuditAction.token, "POST /api/v1/devices", 201, (clinic.patient.id,)),
        (AuditAction.token, "POST /api/v1/tokens/refresh", 200, (clinic.patient.id,)),
        (AuditAction.token, "POST /api/v1/tokens/refresh", 200, (clinic.patient.id,)),
        (AuditAction.token, "POST /api/v1/tokens/refresh", 401, (clinic.patient.id,)),
    ]


def test_an_entry_tells_who_called_and_authenticates_itself(patient: Caller, clinic: Clinic, engine: Engine) -> None:
    patient.get(f"/patients/{clinic.patient.id}")

    with make_session_factory(engine)() as session:
        begin_reads(session)
        entry = session.scalars(select(AuditEntry).filter_by(practice_id=clinic.id)).one()
    columns = ("practice_id", "id", "happened_at", "actor_kind", "actor_id", "action", "route", "status", "about")
    row: dict[str, Any] = {name: getattr(entry, name) for name in columns}
    assert entry.actor_kind is ActorKind.device
    assert entry.mac == entry_mac(row, [clinic.patient.id])


def test_the_trail_holds_no_name_contact_or_answer(coordinator: Caller, clinic: Clinic, engine: Engine) -> None:
    coordinator.amend(f"/patients/{clinic.patient.id}", {"given_name": "Zyzzyva", "email": "zyzzyva@example.org"})
    coordinator.get("/patients/Zyzzyva")

    with make_session_factory(engine)() as session:
        begin_reads(session)
        entries = session.scalars(select(AuditEntry).filter_by(practice_id=clinic.id)).all()
    assert entries
    assert not any("zyzzyva" in f"{each.route} {each.about} {each.actor_id}".lower() for each in entries)


def test_an_import_names_the_stored_patients_of_whom_it_tells_something(
    coordinator: Caller, clinic: Clinic, trail: Trail
) -> None:
    known = clinic.patient.mrn
    content = CASELOAD + CASELOAD.splitlines()[1].replace("SP200417", known) + "\n"

    report = coordinator.call("POST", "/import?dry_run=true", data=content, content_type="text/csv").json

    assert report["counts"] == {"loaded": 1, "unchanged": 0, "differs": 1, "refused": 0}
    assert trail() == [(AuditAction.import_, "POST /api/v1/import", 200, (clinic.patient.id,))]
