"""A patient's settings, which the clinic and several phones write: the later word stands, no earlier one is lost."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from models import FormerVersion, Patient, SyncConflict
from service.care.inbound import Sms, take_sms
from service.identity.principal import Principal
from service.sync.apply import apply
from service.sync.edits import Applied, Edit
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON
from tests.sync.conftest import Phone

SETTINGS = ("language", "country", "time_zone", "units", "channels", "opted_out", "opted_out_categories")


def write(phone: Phone, clinic: Clinic, **changed: Any) -> Any:
    """Push the whole row as WatermelonDB does: as the phone pulled it, but for what the patient changed on it."""
    row = phone.rows["patients"][clinic.patient.id]
    return phone.push(patients=[{name: row[name] for name in ("id", *SETTINGS)} | changed])


def versions(who: Caller, clinic: Clinic) -> list[tuple[str, dict[str, Any]]]:
    """Return in whose name each former version was replaced, and what it said, the latest first."""
    answer = who.get(f"/patients/{clinic.patient.id}/versions")
    assert answer.status_code == 200, answer.json
    return [(each["replaced_by"], each["content"]) for each in answer.json["items"]]


def conflicts(who: Caller) -> list[dict[str, Any]]:
    return list(who.get("/conflicts").json["items"])


def push_with_base(session: Session, clinic: Clinic, base: dict[str, Any], **values: Any) -> Applied:
    """Apply an edit of a phone that tells what it started from."""
    caller = Principal(clinic.id, "phone", patient_id=clinic.patient.id)
    edit = Edit(collection="patients", id=clinic.patient.id, values=values, base=base)
    applied = apply(session, caller, [edit], MONDAY_AFTERNOON)
    session.commit()
    return applied


def test_what_the_clinic_set_while_a_phone_was_offline_is_kept_and_listed_when_the_phone_overwrites_it(
    phone: Phone, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    coordinator.amend(f"/patients/{clinic.patient.id}", {"time_zone": "America/Denver", "units": "metric"})
    refused = write(phone, clinic, time_zone="America/Chicago")
    phone.pull()

    pushed = write(phone, clinic, time_zone="America/Chicago")

    (row,), (conflict,) = look(Patient, id=clinic.patient.id), conflicts(coordinator)
    assert (refused.status_code, pushed.status_code) == (409, 200)
    assert (row.time_zone, row.units) == ("America/Chicago", "metric")
    assert (conflict["collection"], conflict["lost_by"]) == ("patients", "staff")
    assert (conflict["kept"], conflict["lost"]) == (
        {"time_zone": "America/Chicago"}, {"time_zone": "America/Denver"},
    )  # fmt: skip
    assert versions(coordinator, clinic) == [
        ("patient", {"time_zone": "America/Denver"}),
        ("staff", {"time_zone": "America/New_York", "units": "imperial"}),
    ]


def test_what_the_clinic_had_set_is_written_again_where_the_coordinator_says_so(
    phone: Phone, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    coordinator.amend(f"/patients/{clinic.patient.id}", {"time_zone": "America/Denver"})
    phone.pull()
    write(phone, clinic, time_zone="America/Chicago")
    (conflict,) = conflicts(coordinator)

    answer = coordinator.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "lost"})

    assert answer.status_code == 200
    assert look(Patient, id=clinic.patient.id)[0].time_zone == "America/Denver"
    assert versions(coordinator, clinic)[0] == ("staff", {"time_zone": "America/Chicago"})
    assert conflicts(coordinator) == []


def test_a_second_phone_that_overwrites_the_first_ones_setting_leaves_a_former_version_and_no_conflict(
    phone: Phone, second_phone: Phone, patient: Caller, clinic: Clinic, look: Look
) -> None:
    write(phone, clinic, time_zone="America/Denver")
    second_phone.pull()

    write(second_phone, clinic, time_zone="America/Chicago")

    assert versions(patient, clinic) == [
        ("patient", {"time_zone": "America/Denver"}),
        ("patient", {"time_zone": "America/New_York"}),
    ]
    assert look(SyncConflict) == []


@pytest.mark.sqlite_only
def test_a_setting_as_it_was_enrolled_is_changed_without_a_conflict(
    phone: Phone, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    coordinator.amend(f"/patients/{clinic.patient.id}", {"time_zone": "America/Denver"})
    phone.pull()

    write(phone, clinic, language="es")
    write(phone, clinic, language="es")

    assert look(SyncConflict) == []
    assert [version for version in versions(coordinator, clinic) if "language" in version[1]] == [
        ("patient", {"language": "en"})
    ]


@pytest.mark.sqlite_only
def test_a_phone_that_changes_its_own_word_again_collides_with_nobody(
    phone: Phone, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    coordinator.amend(f"/patients/{clinic.patient.id}", {"time_zone": "America/Denver"})
    for zone in ("America/Chicago", "America/Boise"):
        phone.pull()
        write(phone, clinic, time_zone=zone)

    assert [row.lost for row in look(SyncConflict)] == ['{"time_zone":"America/Denver"}']


@pytest.mark.sqlite_only
def test_of_two_edits_in_one_push_the_second_replaces_the_patients_own_word(
    session: Session, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    coordinator.amend(f"/patients/{clinic.patient.id}", {"time_zone": "America/Denver"})
    caller = Principal(clinic.id, "phone", patient_id=clinic.patient.id)
    edits = [
        Edit(collection="patients", id=clinic.patient.id, values={"time_zone": zone})
        for zone in ("America/Chicago", "America/Boise")
    ]

    apply(session, caller, edits, MONDAY_AFTERNOON)
    session.commit()

    assert [row.lost for row in look(SyncConflict)] == ['{"time_zone":"America/Denver"}']
    assert [row.content for row in look(FormerVersion)][1:] == [
        '{"time_zone":"America/Denver"}', '{"time_zone":"America/Chicago"}',
    ]  # fmt: skip


# --------------------------------------------------------------------------------------------- whose words were lost
def test_the_other_phones_word_that_was_lost_is_said_to_be_the_patients(
    session: Session, patient: Caller, coordinator: Caller, clinic: Clinic
) -> None:
    patient.amend(f"/patients/{clinic.patient.id}", {"time_zone": "America/Denver"})

    push_with_base(session, clinic, {"time_zone": "America/New_York"}, time_zone="America/Chicago")

    (conflict,) = conflicts(coordinator)
    assert (conflict["lost_by"], conflict["lost"]) == ("patient", {"time_zone": "America/Denver"})


def test_a_setting_of_which_nobody_kept_who_wrote_it_is_said_to_be_of_an_unknown_hand(
    session: Session, coordinator: Caller, clinic: Clinic
) -> None:
    push_with_base(session, clinic, {"time_zone": "America/Denver"}, time_zone="America/Chicago")

    (conflict,) = conflicts(coordinator)
    assert (conflict["lost_by"], conflict["lost"]) == ("unknown", {"time_zone": "America/New_York"})


def test_an_sms_that_stops_messages_is_the_patients_word(session: Session, coordinator: Caller, clinic: Clinic) -> None:
    clinic.patient.phone = "+12125550123"
    session.commit()
    coordinator.amend(f"/patients/{clinic.patient.id}", {"opted_out": ["email"]})
    take_sms(session, Sms("SM1", "+12125550123", "STOP"), route="/providers/sms/inbound", now=MONDAY_AFTERNOON)
    session.commit()

    push_with_base(session, clinic, {"opted_out": "[]"}, opted_out='["push"]')

    (conflict,) = conflicts(coordinator)
    assert versions(coordinator, clinic)[1:] == [
        ("patient", {"opted_out": '["email"]'}), ("staff", {"opted_out": "[]"}),
    ]  # fmt: skip
    assert (conflict["lost_by"], conflict["lost"]) == ("patient", {"opted_out": '["email","sms"]'})
