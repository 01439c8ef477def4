"""Each patient has a key of their own, wrapped by the master key; without the key's row nothing of theirs opens."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Engine, delete, event, select, text, update
from sqlalchemy.orm import Session

from models import CheckIn, DataKey, Patient, Practice, Staff, data_keys, kept_keys, private
from models.base import table_of
from models.care import Reporter
from models.data_keys import present_master
from models.engine import begin_reads, make_session_factory
from models.kept_keys import KeptKeys, OwnedKey
from models.private import SealError
from service.care.resealing import START, Batch, make_keys, reseal_batch, rewrap_batch, sealed_models
from tests import builders
from tests.database import SEAL_KEY

NEW_KEY = bytes(range(64, 96))


@pytest.fixture(autouse=True)
def keys_as_ever() -> Iterator[None]:
    """Give every other test the keys that it expects."""
    yield
    private.set_key(SEAL_KEY)


@pytest.fixture
def clinic(session: Session) -> Practice:
    """Return a clinic."""
    return builders.practice(session)


def _as_before_data_keys(session: Session, *rows: Any) -> None:
    """Store the private columns of these rows as they were stored before there were data keys, and drop the keys."""
    for row in rows:
        for column in sealed_models()[type(row)]:
            plain = column.__get__(row, type(row))
            if plain is not None:
                setattr(row, column.column, private.seal(plain, column.place(row.practice_id, row.id)))
    session.flush()
    session.execute(delete(DataKey))
    session.commit()
    private.set_key(SEAL_KEY)


def _reseal_all(session: Session) -> list[Batch]:
    while make_keys(session, 1):
        session.commit()
    batches = []
    for model in sealed_models():
        place = START
        while True:
            batches.append(reseal_batch(session, model, place, 1))
            session.commit()
            if (last := batches[-1].last) is None:
                break
            place = last
    return batches


def test_what_belongs_to_a_patient_is_under_the_patients_own_key(session: Session, clinic: Practice) -> None:
    ada, ben = builders.patient(session, clinic), builders.patient(session, clinic)
    staff = builders.staff(session, clinic)
    session.commit()

    ids = {row.patient_id: bytes.fromhex(row.id) for row in session.scalars(select(DataKey))}
    named = [bytes(row.email_sealed or b"")[1:17] for row in (ada, ben, staff)]

    assert named == [ids[ada.id], ids[ben.id], ids[None]]


def test_nothing_of_a_patient_opens_without_the_row_of_the_key(session: Session, clinic: Practice) -> None:
    ada, ben = builders.patient(session, clinic), builders.patient(session, clinic)
    session.commit()
    session.execute(delete(DataKey).where(DataKey.patient_id == ada.id))
    session.commit()
    private.set_key(SEAL_KEY)  # as another process, which keeps no key

    with pytest.raises(SealError, match="expected the data key"):
        assert ada.email
    assert ben.email


def test_a_key_serves_nobody_but_the_patient_it_was_wrapped_for(session: Session, clinic: Practice) -> None:
    ada, ben = builders.patient(session, clinic), builders.patient(session, clinic)
    session.commit()
    table = table_of(DataKey)
    session.execute(delete(DataKey).where(DataKey.patient_id == ada.id))
    session.execute(update(table).where(table.c.patient_id == ben.id).values(patient_id=ada.id))
    private.set_key(SEAL_KEY)

    with pytest.raises(SealError, match="got a changed one"):
        data_keys.find_data_key(session, clinic.id, ada.id)
    session.rollback()


def test_a_key_whose_making_was_rolled_back_seals_nothing_afterwards(session: Session, clinic: Practice) -> None:
    session.commit()
    builders.patient(session, clinic, id="patient-twice")
    session.rollback()
    patient = builders.patient(session, clinic, id="patient-twice")
    session.commit()
    private.set_key(SEAL_KEY)

    patient.phone = "+12125550199"
    session.commit()
    private.set_key(SEAL_KEY)

    assert patient.phone == "+12125550199"


def test_many_addresses_cost_one_query_for_their_keys_and_then_none(
    session: Session, engine: Engine, clinic: Practice
) -> None:
    for _ in range(20):
        builders.patient(session, clinic)
    session.commit()
    private.set_key(SEAL_KEY)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    with make_session_factory(engine)() as reading:
        begin_reads(reading)
        rows = reading.execute(select(Patient.id, Patient.email_sealed)).all()
        for _ in range(2):
            keys = private.keys_of(reading, clinic.id, (row.email_sealed for row in rows))
            for row in rows:
                Patient.email.opened(row.email_sealed, keys, practice_id=clinic.id, row_id=row.id)

    assert len([each for each in statements if "data_key" in each]) == 1


def test_sealing_for_many_patients_asks_once_who_has_a_key_and_who_has_none(
    session: Session, engine: Engine, clinic: Practice
) -> None:
    patients = [builders.patient(session, clinic) for _ in range(6)]
    session.commit()
    ids = [each.id for each in patients]
    session.execute(delete(DataKey).where(DataKey.patient_id.in_(ids[:3])))
    session.commit()
    private.set_key(SEAL_KEY)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    data_keys.prepare_keys(session, clinic.id, ids)
    owned = {"practice_id": clinic.id, "row_id": "row"}
    sealed = [Patient.email.closed(session, "ada@example.org", **owned, patient_id=each) for each in ids]

    assert [each[:1] for each in sealed] == [private.UNDER_MASTER] * 3 + [private.UNDER_DATA_KEY] * 3
    assert len([each for each in statements if "data_key" in each]) == 1


def test_who_is_known_to_have_no_key_has_the_one_that_is_made_next(session: Session, clinic: Practice) -> None:
    patient = builders.patient(session, clinic)
    session.execute(delete(DataKey).where(DataKey.patient_id == patient.id))
    session.commit()
    private.set_key(SEAL_KEY)

    data_keys.prepare_keys(session, clinic.id, [patient.id])
    before = data_keys.find_data_key(session, clinic.id, patient.id)
    private.make_data_key(session, clinic.id, patient.id)
    made = data_keys.find_data_key(session, clinic.id, patient.id)

    assert before is None
    assert made is not None


def test_a_key_that_does_not_unwrap_is_heard_of_by_who_seals_and_is_no_missing_one(
    session: Session, clinic: Practice
) -> None:
    patient = builders.patient(session, clinic)
    session.commit()
    private.set_key(NEW_KEY)

    data_keys.prepare_keys(session, clinic.id, [patient.id])

    with pytest.raises(SealError, match="expected the master key"):
        data_keys.find_data_key(session, clinic.id, patient.id)


def test_a_process_keeps_so_many_keys_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_keys, "KEPT", 2)
    kept = KeptKeys()
    owned = OwnedKey(AESGCM(bytes(32)), None)

    kept.put(b"1", owned)
    kept.put(b"2", owned)
    kept.find(b"1")
    kept.put(b"3", owned)

    assert [kept.find(each) is not None for each in (b"1", b"2", b"3")] == [True, False, True]


def test_a_new_master_key_takes_over_key_by_key_and_the_old_one_opens_the_rest(
    session: Session, clinic: Practice
) -> None:
    patients = [builders.patient(session, clinic) for _ in range(3)]
    session.commit()
    private.set_key(NEW_KEY, former=[SEAL_KEY])

    first = rewrap_batch(session, 2)
    session.commit()
    halfway = [patient.email for patient in patients]
    second = rewrap_batch(session, 2)
    session.commit()
    last = rewrap_batch(session, 2)

    private.set_key(NEW_KEY)
    assert (first, second, last) == (2, 2, 0)
    assert all(halfway)
    assert [patient.email for patient in patients] == halfway
    assert set(session.scalars(select(DataKey.wrapped_by))) == {present_master()}


def test_a_rotation_without_the_former_key_says_so(session: Session, clinic: Practice) -> None:
    session.commit()
    private.set_key(NEW_KEY)

    with pytest.raises(SealError, match="SEAL_FORMER_KEYS"):
        rewrap_batch(session, 2)


def test_people_are_found_by_their_address_after_a_rotation(session: Session, clinic: Practice) -> None:
    before = private.lookup_hash("ada@example.org", clinic.id), private.link_token("delivery-1")

    private.set_key(NEW_KEY, former=[os.urandom(32), SEAL_KEY])

    assert (private.lookup_hash("ada@example.org", clinic.id), private.link_token("delivery-1")) == before


def test_values_of_before_are_sealed_anew_wherever_one_was_stopped(session: Session, clinic: Practice) -> None:
    patient, staff = builders.patient(session, clinic), builders.staff(session, clinic)
    episode = builders.episode(session, patient)
    check_in = CheckIn(practice_id=clinic.id, id="check-in-1", patient_id=patient.id, episode_id=episode.id)
    session.add(check_in)
    check_in.reported_at = check_in.received_at = builders.ENROLLED_AT
    check_in.reported_by, check_in.pain, check_in.note = Reporter.patient, 3, "slept badly"
    session.commit()
    _as_before_data_keys(session, patient, staff, check_in)
    told = (patient.email, patient.phone, staff.email, check_in.note)
    revision = check_in.rev

    make_keys(session, 1)
    session.commit()
    reseal_batch(session, Staff, START, 1)
    session.rollback()  # killed
    batches = _reseal_all(session)
    again = _reseal_all(session)

    for row in (patient, staff, check_in):
        session.refresh(row)
    assert sum(batch.changed for batch in batches) == 3
    assert sum(batch.changed for batch in again) == 0
    assert (patient.email, patient.phone, staff.email, check_in.note) == told
    assert {bytes(value or b"")[:1] for value in (patient.email_sealed, staff.email_sealed, check_in.note_sealed)} == {
        b"\x02"
    }
    assert check_in.rev > revision


def test_a_former_version_is_sealed_anew_and_changes_in_nothing_else(session: Session, clinic: Practice) -> None:
    from models import FormerVersion

    patient = builders.patient(session, clinic)
    version = FormerVersion(practice_id=clinic.id, id="version-1", patient_id=patient.id)
    session.add(version)
    version.collection, version.row_id, version.replaced_at = "check_ins", "check-in-1", builders.ENROLLED_AT
    version.content_sealed = private.seal('{"pain":4}', FormerVersion.content.place(clinic.id, "version-1"))
    session.commit()

    _reseal_all(session)

    session.refresh(version)
    assert bytes(version.content_sealed)[:1] == b"\x02"
    assert version.content == '{"pain":4}'
    for change in ("row_id = 'another'", "content_sealed = content_sealed"):
        with pytest.raises(Exception, match=r"refuse_change|append-only"):
            session.execute(text(f"UPDATE former_version SET {change}"))
        session.rollback()


def test_what_somebody_wrote_meanwhile_stays_as_it_was_written(
    session: Session, engine: Engine, clinic: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = builders.staff(session, clinic)
    session.commit()
    _as_before_data_keys(session, staff)
    make_keys(session, 1)
    session.commit()
    from service.care import resealing

    read = resealing._read

    def read_and_be_overtaken(reading: Session, *place: Any) -> Any:
        rows = read(reading, *place)
        reading.execute(update(table_of(Staff)).values(email_sealed=private.seal("new@example.org", _place_of(staff))))
        return rows

    monkeypatch.setattr(resealing, "_read", read_and_be_overtaken)

    batch = reseal_batch(session, Staff, START, 10)
    session.commit()

    session.refresh(staff)
    assert batch.changed == 0
    assert staff.email == "new@example.org"


def _place_of(staff: Staff) -> str:
    return Staff.email.place(staff.practice_id, staff.id)


def test_a_value_that_does_not_open_is_counted_and_holds_up_no_other(session: Session, clinic: Practice) -> None:
    broken, whole = builders.staff(session, clinic), builders.staff(session, clinic)
    session.commit()
    _as_before_data_keys(session, broken, whole)
    broken.email_sealed = b"\x01" + bytes(40)
    session.commit()
    while make_keys(session, 10):
        session.commit()

    batch = reseal_batch(session, Staff, START, 10)

    assert (batch.changed, batch.unreadable) == (1, 1)
