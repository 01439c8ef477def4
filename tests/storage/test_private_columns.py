"""Contact data and free text rest sealed: unreadable in the database, bound to their row, found by a keyed hash."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models import CheckIn, Episode, MilestoneProgress, Patient, Staff, private
from models.base import Base
from models.private import Sealed, SealError, lookup_hash, seal, unseal
from tests import builders
from tests.database import SEAL_KEY

SEALED_COLUMNS = {
    "check_in.note",
    "clinical_event.detail",
    "emergency_access.note",
    "message_link.said",
    "inbound_message.text",
    "kept_reply.reply",
    "milestone_progress.note",
    "patient.email",
    "patient.phone",
    "practice.webhook_secret",
    "sign_in_provider.client_secret",
    "staff.email",
    "staff_credential.pending_secret",
    "staff_credential.totp_secret",
    "surgery.indication",
    "visit.note",
    "wound_photo.picture",
    "clearance.override",
    "clearance.revoked_because",
    "plan_change.reason_text",
    "slot_entry.instruction",
    "push_address.address",
    "proxy_consent.name",
    "sync_conflict.kept",
    "sync_conflict.lost",
    "former_version.content",
    "refused_row.content",
    "alert_entry.note",
    "staff_address.address",
    "letter_release.name",
    "letter_release.address",
    "letter_release.claim_number",
    "letter.pdf",
    "record_merge.former",
    "saved_view.name",
    "alert_answering.reason",
}


@pytest.fixture
def other_key() -> Iterator[None]:
    """Use another key than the one that sealed, for one test."""
    yield
    private.set_key(SEAL_KEY)


def test_the_private_columns_are_these_and_no_other() -> None:
    found = {
        f"{mapper.local_table.name}.{name}"  # type: ignore[attr-defined]
        for mapper in Base.registry.mappers
        for name, value in vars(mapper.class_).items()
        if isinstance(value, Sealed)
    }

    assert found == SEALED_COLUMNS


def test_an_address_cannot_be_read_in_the_database(session: Session) -> None:
    patient = builders.patient(session, builders.practice(session), email="ada.lovelace@example.org")
    session.commit()

    stored = session.execute(text("SELECT email_sealed, email_lookup FROM patient")).one()

    assert b"ada" not in bytes(stored[0]) + bytes(stored[1])
    assert b"example" not in bytes(stored[0])
    assert patient.email == "ada.lovelace@example.org"


def test_an_address_is_found_by_its_keyed_hash_whatever_its_case(session: Session) -> None:
    practice = builders.practice(session)
    patient = builders.patient(session, practice, email="Ada@Example.org")
    session.commit()

    wanted = lookup_hash("ada@example.ORG", practice.id)
    found = session.scalars(select(Patient).where(Patient.email_lookup == wanted)).one()

    assert found.id == patient.id


def test_one_address_has_another_hash_in_another_practice() -> None:
    assert lookup_hash("ada@example.org", "practice-a") != lookup_hash("ada@example.org", "practice-b")


def test_a_sealed_value_moved_to_another_row_does_not_open(session: Session) -> None:
    practice = builders.practice(session)
    first, second = builders.patient(session, practice), builders.patient(session, practice)

    second.email_sealed = first.email_sealed

    with pytest.raises(SealError):
        assert second.email


def test_a_sealed_value_moved_to_another_column_does_not_open(session: Session) -> None:
    patient = builders.patient(session, builders.practice(session))

    patient.phone_sealed = patient.email_sealed

    with pytest.raises(SealError):
        assert patient.phone


def test_sealing_the_same_text_twice_gives_other_bytes() -> None:
    private.set_key(SEAL_KEY)

    assert seal("text", "a/b/c/d") != seal("text", "a/b/c/d")


def test_setting_the_text_that_is_stored_changes_nothing(session: Session) -> None:
    patient = builders.patient(session, builders.practice(session), email="ada@example.org")
    session.commit()

    patient.email = "ada@example.org"

    assert not session.is_modified(patient)


def test_taking_an_address_away_takes_its_hash_away(session: Session) -> None:
    patient = builders.patient(session, builders.practice(session), email="ada@example.org")

    patient.email = None

    assert (patient.email, patient.email_sealed, patient.email_lookup) == (None, None, None)


@pytest.mark.usefixtures("other_key")
def test_another_key_opens_nothing(session: Session) -> None:
    patient = builders.patient(session, builders.practice(session))

    private.set_key(bytes(32))

    with pytest.raises(SealError):
        assert patient.email


@pytest.mark.parametrize("damaged", [b"", b"\x02" + bytes(40), b"\x01" + bytes(11), b"\x01" + bytes(40)])
def test_damaged_bytes_are_a_seal_error_and_nothing_else(damaged: bytes) -> None:
    private.set_key(SEAL_KEY)

    with pytest.raises(SealError):
        unseal(damaged, "a/b/c/d")


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"expected a key of 32 bytes, got {length}"):
        private.set_key(bytes(length))


def test_a_row_without_an_id_cannot_be_sealed_for() -> None:
    with pytest.raises(SealError, match="expected a row with practice_id"):
        Staff().email = "ada@example.org"


def test_free_text_is_sealed_like_contacts(session: Session) -> None:
    patient = builders.patient(session, builders.practice(session))
    episode: Episode = builders.episode(session, patient)
    milestone = builders.milestone(session, builders.surgery(session, episode))
    progress: MilestoneProgress = builders.progress(session, milestone, note="walked to the lake")
    check_in = CheckIn(practice_id=patient.practice_id, id="c1", patient_id=patient.id)
    session.add(check_in)
    check_in.note = "slept badly"
    session.expunge(check_in)
    session.commit()

    stored = session.execute(text("SELECT note_sealed FROM milestone_progress")).scalar_one()

    assert b"lake" not in bytes(stored)
    assert (progress.note, check_in.note) == ("walked to the lake", "slept badly")
