"""The proof of the audit trail: whatever the database's owner does to it, the first row that is wrong is named."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.audit import ActorKind, AuditAction
from models.engine import make_session_factory
from schedules import jobs
from schedules.watch.trail import prove
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import service_engine_of
from tests.owner import TABLES, Owner

LENGTH = 8
SEALED_AT = MONDAY_AFTERNOON + timedelta(seconds=LENGTH)


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


def clinic(session: Session, practice_id: str) -> list[str]:
    """Store a clinic with entries that name two patients each. Return the entries' ids."""
    builders.practice(session, id=practice_id, slug=practice_id)
    ids = [write(session, practice_id, number) for number in range(LENGTH)]
    session.commit()
    return ids


def act_of(number: int) -> journal.Act:
    who = {"actor_kind": ActorKind.staff, "actor_id": "staff-1", "action": AuditAction.read}
    told = {"status": 200, "about": {"number": number, "word": "é"}, "patient_ids": ["patient-a", "patient-b"]}
    return journal.Act(**who, route="GET /api/v1/patients", **told)  # type: ignore[arg-type]


def write(session: Session, practice_id: str, number: int) -> str:
    return journal.append(session, practice_id, act_of(number), MONDAY_AFTERNOON + timedelta(seconds=number))


OF_ENTRY = "WHERE practice_id = :practice AND id = :id"
OF_LINK = "WHERE practice_id = :practice AND sequence = :sequence"
SUBJECT = "practice_id = :practice AND entry_id = :id AND patient_id"


def edit_a_word(owner: Owner, ids: list[str]) -> None:
    owner.does(f"UPDATE audit_entry SET route = 'GET /api/v1/nothing' {OF_ENTRY}", id=ids[2])


def edit_what_it_tells(owner: Owner, ids: list[str]) -> None:
    owner.does(f"UPDATE audit_entry SET about = '{{}}' {OF_ENTRY}", id=ids[2])


def edit_its_time(owner: Owner, ids: list[str]) -> None:
    later = "happened_at = (SELECT max(happened_at) FROM audit_entry)"
    owner.does(f"UPDATE audit_entry SET {later} {OF_ENTRY}", id=ids[2])


def edit_its_mac(owner: Owner, ids: list[str]) -> None:
    owner.does(
        f"UPDATE audit_entry SET mac = digest FROM audit_seal {OF_LINK} AND audit_entry.id = :id".replace(
            "WHERE practice_id", "WHERE audit_seal.practice_id"
        ),
        sequence=1,
        id=ids[2],
    )


def name_another_patient(owner: Owner, ids: list[str]) -> None:
    owner.does(f"UPDATE audit_subject SET patient_id = 'patient-c' WHERE {SUBJECT} = 'patient-a'", id=ids[2])


def name_a_patient_less(owner: Owner, ids: list[str]) -> None:
    owner.does(f"DELETE FROM audit_subject WHERE {SUBJECT} = 'patient-a'", id=ids[2])


def name_a_patient_more(owner: Owner, ids: list[str]) -> None:
    owner.does("INSERT INTO audit_subject VALUES (:practice, :id, 'patient-c')", id=ids[2])


def delete_an_entry(owner: Owner, ids: list[str]) -> None:
    owner.does(f"DELETE FROM audit_entry {OF_ENTRY}", id=ids[2])


def delete_a_link(owner: Owner, ids: list[str]) -> None:
    owner.does(f"DELETE FROM audit_seal {OF_LINK}", sequence=3)


def delete_a_link_and_close_the_gap(owner: Owner, ids: list[str]) -> None:
    owner.does(f"DELETE FROM audit_seal {OF_LINK}", sequence=3)
    for sequence in range(4, LENGTH + 1):
        owner.does(f"UPDATE audit_seal SET sequence = sequence - 1 {OF_LINK}", sequence=sequence)


def swap_two_links(owner: Owner, ids: list[str]) -> None:
    for sequence, becomes in ((3, "parked"), (4, ids[2]), (3, ids[3])):
        owner.does(f"UPDATE audit_seal SET entry_id = :becomes {OF_LINK}", sequence=sequence, becomes=becomes)


def edit_a_digest(owner: Owner, ids: list[str]) -> None:
    mac = "(SELECT mac FROM audit_entry WHERE practice_id = :practice AND id = :id)"
    owner.does(f"UPDATE audit_seal SET digest = {mac} {OF_LINK}", sequence=3, id=ids[2])


def edit_the_time_of_a_link(owner: Owner, ids: list[str]) -> None:
    owner.does(f"UPDATE audit_seal SET sealed_at = (SELECT min(happened_at) FROM audit_entry) {OF_LINK}", sequence=3)


def insert_an_entry(owner: Owner, ids: list[str]) -> None:
    columns = "happened_at, actor_kind, actor_id, action, route, status, about, mac"
    copy = f"INSERT INTO audit_entry (practice_id, id, {columns}) SELECT practice_id, 'zzz', {columns} FROM audit_entry"
    owner.does(f"{copy} {OF_ENTRY}", id=ids[2])


def insert_a_link(owner: Owner, ids: list[str]) -> None:
    insert_an_entry(owner, ids)
    columns = "digest, sealed_at"
    copy = (
        f"INSERT INTO audit_seal (practice_id, sequence, entry_id, {columns}) SELECT practice_id, 9, 'zzz', {columns}"
    )
    owner.does(f"{copy} FROM audit_seal {OF_LINK}", sequence=3)


def delete_an_entry_with_its_link(owner: Owner, ids: list[str]) -> None:
    delete_an_entry(owner, ids)
    delete_a_link(owner, ids)


def delete_the_end(owner: Owner, ids: list[str]) -> None:
    delete = "WHERE practice_id = :practice AND"
    owner.does(f"DELETE FROM audit_seal {delete} sequence > 5")
    owner.does(f"DELETE FROM audit_subject {delete} entry_id > :id", id=ids[4])
    owner.does(f"DELETE FROM audit_entry {delete} id > :id", id=ids[4])


def delete_all_of_it(owner: Owner, ids: list[str]) -> None:
    for table in TABLES:
        owner.does(f"DELETE FROM {table} WHERE practice_id = :practice")


FAULTS = [
    (edit_a_word, "entry {2} (link 3): it, or the patients it names, are not what its MAC says"),
    (edit_what_it_tells, "entry {2} (link 3): it, or the patients it names, are not what its MAC says"),
    (edit_its_time, "entry {2} (link 3): it, or the patients it names, are not what its MAC says"),
    (edit_its_mac, "entry {2} (link 3): it, or the patients it names, are not what its MAC says"),
    (name_another_patient, "entry {2} (link 3): it, or the patients it names, are not what its MAC says"),
    (name_a_patient_less, "entry {2} (link 3): it, or the patients it names, are not what its MAC says"),
    (name_a_patient_more, "entry {2} (link 3): names a patient whom its MAC does not"),
    (delete_an_entry, "entry {2} (link 3): is gone, or its link was made to point at it"),
    (delete_a_link, "link 3: is gone"),
    (delete_a_link_and_close_the_gap, "link 3 (entry {3}): is not bound to what stands before it"),
    (delete_an_entry_with_its_link, "link 3: is gone"),
    (swap_two_links, "link 3 (entry {3}): is not bound to what stands before it"),
    (edit_a_digest, "link 3 (entry {2}): is not bound to what stands before it"),
    (edit_the_time_of_a_link, "link 3 (entry {2}): is not bound to what stands before it"),
    (insert_an_entry, "entry zzz (in no chain): it, or the patients it names, are not what its MAC says"),
    (insert_a_link, "entry zzz (link 9): it, or the patients it names, are not what its MAC says"),
]


def test_what_was_done_to_a_trail_is_named_by_the_first_row_that_is_wrong(
    session: Session, engine: Engine, make_session: sessionmaker[Session]
) -> None:
    chains = {attack.__name__: clinic(session, attack.__name__) for attack, _ in FAULTS}
    clinic(session, "untouched")
    jobs.seal_audit(make_session, SEALED_AT)
    before = [proof for name in chains if (proof := prove(make_session, name)).broken or proof.links != LENGTH]

    with engine.connect() as connection:
        owner = Owner(connection)
        for attack, _ in FAULTS:
            owner.practice_id = attack.__name__
            attack(owner, chains[attack.__name__])
        connection.commit()
        connection.invalidate()

    found = {name: prove(make_session, name).faults for name in (*chains, "untouched")}
    should = {attack.__name__: told.format(*chains[attack.__name__]) for attack, told in FAULTS}
    assert before == []
    assert {name: str(faults[0]) for name, faults in found.items() if faults} == should
