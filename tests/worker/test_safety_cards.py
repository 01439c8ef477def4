"""The card that phones keep for emergencies is written where it differs, and takes a revision only then."""

import threading

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from models.engine import make_session_factory
from models.isolation import in_practice
from models.practice import Practice
from models.safety import SafetyCard
from models.sync import SyncClock
from schedules import jobs
from schedules.planning.safety_cards import write_safety_card
from tests import builders
from tests.database import service_engine_of
from tests.worker.rows import is_somebody_waiting, wait_until


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


def card_of(session: Session, practice: Practice) -> SafetyCard | None:
    session.expire_all()
    return session.get(SafetyCard, (practice.id, practice.id))


def revision(session: Session, practice: Practice) -> int:
    """Return the practice's revision and let go of the database, so that a job can write."""
    number = session.scalars(select(SyncClock.revision).where(SyncClock.practice_id == practice.id)).one()
    session.rollback()
    return number


def test_every_clinic_gets_its_own_card(session: Session, make_session: sessionmaker[Session]) -> None:
    here = builders.practice(session)
    there = builders.practice(session, name="Klinik am Park", phone="+49301234567", country="DE")
    session.commit()

    jobs.write_safety_cards(make_session)

    cards = [card_of(session, each) for each in (here, there)]
    assert [(card.name, card.phone, card.country) for card in cards if card is not None] == [
        ("Hudson Spine Clinic", "+12125550100", "US"),
        ("Klinik am Park", "+49301234567", "DE"),
    ]
    assert all(card is not None and card.monitored_until is None for card in cards)


def test_a_card_that_stands_takes_no_revision(session: Session, make_session: sessionmaker[Session]) -> None:
    practice = builders.practice(session)
    session.commit()
    jobs.write_safety_cards(make_session)
    before = revision(session, practice)

    jobs.write_safety_cards(make_session)

    assert revision(session, practice) == before


def test_a_card_of_an_older_release_is_brought_up_to_date_with_one_revision(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    old, current = builders.practice(session), builders.practice(session)
    session.commit()
    jobs.write_safety_cards(make_session)
    card = session.get_one(SafetyCard, (old.id, old.id))
    card.red_flags, card.words = card.red_flags[:3], {}
    session.commit()
    before = revision(session, old), revision(session, current)

    jobs.write_safety_cards(make_session)

    written = card_of(session, old)
    assert written is not None
    assert (len(written.red_flags), "local_number" in written.words) == (22, True)
    assert written.rev == before[0] + 1
    session.rollback()
    assert (revision(session, old), revision(session, current)) == (before[0] + 1, before[1])


@pytest.mark.postgresql_only
def test_a_change_of_the_clinic_and_the_job_do_not_write_over_each_other(
    engine: Engine, session: Session, make_session: sessionmaker[Session]
) -> None:
    practice = builders.practice(session)
    session.commit()
    with in_practice(make_session, practice.id) as changing:
        held = changing.get_one(Practice, practice.id, with_for_update={"key_share": True})
        job = threading.Thread(target=jobs.write_safety_cards, args=(make_session,))
        job.start()
        wait_until(lambda: is_somebody_waiting(engine))
        held.phone = "+12125550199"
        write_safety_card(changing, held)
    job.join(timeout=10)

    card = card_of(session, practice)
    assert card is not None
    assert card.phone == "+12125550199"
