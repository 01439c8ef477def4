"""The log of accesses: a patient sees who looked at their data, and by that look leaves an entry too."""

import pytest
from sqlalchemy.orm import Session

from models import AuditEntry, journal
from models.audit import ActorKind, AuditAction
from models.people import StaffRole
from service.care import access_log
from service.care.access_words import ACTORS, AREAS, KINDS, ROLES, AccessKind, Area, area_of, kind_of
from service.identity.callers import ANYONE
from service.identity.roles import WHO_MAY
from tests.api.conftest import Answer, Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON

# Of somebody of the staff, of the practice, or of a worker's doings, and of no patient.
NOT_OF_A_PATIENT = (
    "v1/me",
    "protocols",
    "practice",
    "simulations",
    "clearance-rules",
    "delivery-health",
    "self-audits",
    "service-accounts",
    "v1/staff",
    "clinic/staff",
    "clinic/practice",
    "on-call",
    "alert-rules",
    "alert-answering",
    "clinic/answering",
    "outcomes",
    "clinic-overview",
    "v1/questionnaires",
)


def told(answer: Answer) -> list[tuple[str | None, str, str]]:
    """Return name or kind of actor, kind and area of each access, the earliest first."""
    items = reversed(answer.json["items"])
    return [(each["who"]["name"] or each["who"]["kind"], each["kind"], each["area"]) for each in items]


def test_a_patient_sees_who_looked_changed_and_sent_and_the_look_itself(
    session: Session, patient: Caller, coordinator: Caller, clinician: Caller, clinic: Clinic
) -> None:
    path = f"/patients/{clinic.patient.id}"
    coordinator.get("/patients")
    coordinator.amend(path, {"language": "es"})
    clinician.get(f"/episodes/{clinic.episode.id}/plan")
    clinician.get(f"/patients/{clinic.other_patient.id}")
    patient.get(path)
    act = journal.Act(ActorKind.worker, "w", AuditAction.send, "worker.send", patient_ids=[clinic.patient.id])
    journal.append(session, clinic.id, act, MONDAY_AFTERNOON)
    session.commit()

    first, second = patient.get(f"{path}/access-log"), patient.get(f"{path}/access-log?limit=1")

    names = clinic.coordinator.display_name, clinic.clinician.display_name
    assert told(first) == [
        (names[0], "read", "record"),
        (names[0], "read", "record"),
        (names[0], "changed", "record"),
        (names[1], "read", "plan"),
        ("device", "read", "record"),
        ("worker", "sent", "messages"),
    ]
    assert told(second) == [("device", "read", "access_log")]
    assert first.json["items"][-1]["who"]["text"] == {"en": "Coordinator", "es": "Coordinación"}


def test_the_clinics_staff_see_it_too_and_nobody_else(
    coordinator: Caller, other_patient: Caller, foreign_staff: Caller, anonymous: Caller, clinic: Clinic
) -> None:
    path = f"/patients/{clinic.patient.id}/access-log"

    codes = [who.get(path).status_code for who in (coordinator, other_patient, foreign_staff, anonymous)]

    assert codes == [200, 404, 404, 401]


def test_it_is_read_page_by_page_and_without_the_patients_own_phone(
    patient: Caller, coordinator: Caller, clinic: Clinic, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    for who in (coordinator, patient, patient, patient, patient, coordinator, patient):
        who.get(f"/patients/{clinic.patient.id}")
    stored = [entry.id for entry in look(AuditEntry, practice_id=clinic.id)]
    monkeypatch.setattr(access_log, "LOOKED_AT", 3)

    found: list[str] = []
    sizes: list[int] = []
    after: str | None = ""
    while after is not None:
        page = coordinator.get(f"/patients/{clinic.patient.id}/access-log?whose=others&limit=1{after}").json
        found += [each["id"] for each in page["items"] if each["area"] != "access_log"]
        sizes.append(len(page["items"]))
        after = page["next"] and f"&after={page['next']}"

    assert found == [stored[5], stored[0]]
    assert 0 in sizes
    assert max(sizes) == 1


def test_a_cursor_of_another_list_and_an_unknown_word_are_refused(coordinator: Caller, clinic: Clinic) -> None:
    path = f"/patients/{clinic.patient.id}/access-log"
    foreign = coordinator.get("/patients?limit=1").json["next"]

    assert coordinator.get(f"{path}?after={foreign}").status_code == 400
    assert coordinator.get(f"{path}?whose=nobody").status_code == 422


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        (AuditAction.read, 200, AccessKind.read),
        (AuditAction.read, None, AccessKind.read),
        (AuditAction.write, 201, AccessKind.changed),
        (AuditAction.import_, 200, AccessKind.imported),
        (AuditAction.send, None, AccessKind.sent),
        (AuditAction.token, 201, AccessKind.signed_in),
        (AuditAction.token, 401, AccessKind.denied),
        (AuditAction.denied, 404, AccessKind.denied),
    ],
)
def test_what_an_entry_tells_is_one_kind_of_access(action: AuditAction, status: int | None, kind: AccessKind) -> None:
    assert kind_of(action, status) is kind


def test_every_route_about_a_patient_has_an_area_and_every_word_its_texts() -> None:
    known = [route for route, who in WHO_MAY.items() if who is not ANYONE or "/m/" in route]
    without = [route for route in known if area_of(route) is None]

    assert [route for route in without if not any(f"/{word}" in route for word in NOT_OF_A_PATIENT)] == []
    assert area_of("GET /api/v1/practice") is None
    assert (set(AREAS), set(KINDS)) == (set(Area), set(AccessKind))
    assert (set(ACTORS), set(ROLES)) == (set(ActorKind), set(StaffRole))
