"""Delays after wrong tries grow, end, and let no stranger shut anybody out."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import SignInThrottle
from models.engine import make_session_factory
from service.identity.throttle import (
    Counts,
    clear,
    counts_of_known,
    counts_of_password,
    delay_after,
    remember,
    take_turn,
)
from tests import builders
from tests.clock import MONDAY_AFTERNOON

HERE, ELSEWHERE = "203.0.113.7", "198.51.100.1"


@pytest.fixture
def practice_id(session: Session) -> str:
    """Return the id of a stored clinic."""
    practice = builders.practice(session)
    session.commit()
    return practice.id


def tries(session: Session, counts: Counts, number: int) -> int:
    """Return how many of so many tries at one time are judged at all."""
    return sum(take_turn(session, counts, MONDAY_AFTERNOON) for _ in range(number))


def test_delays_double_up_to_a_quarter_of_an_hour() -> None:
    seconds = [delay_after(beyond).total_seconds() for beyond in (-1, 0, 1, 5, 8, 9, 10_000)]

    assert seconds == [0, 2, 4, 64, 512, 900, 900]


def test_after_five_wrong_tries_from_one_address_the_next_waits_and_waiting_does_not_add(
    session: Session, practice_id: str
) -> None:
    counts = counts_of_password(practice_id, "casey@example.org", HERE)

    judged = tries(session, counts, 100)
    after = [take_turn(session, counts, MONDAY_AFTERNOON + timedelta(seconds=each)) for each in (1, 2, 5, 6, 13, 14)]

    assert judged == 5
    assert after == [False, True, False, True, False, True]


def test_a_right_password_ends_the_delays(session: Session, practice_id: str) -> None:
    counts = counts_of_password(practice_id, "casey@example.org", HERE)
    tries(session, counts, 4)

    clear(session, counts)

    assert tries(session, counts, 100) == 5


def test_many_addresses_count_for_one_account_but_not_where_it_is_known(session: Session, practice_id: str) -> None:
    known = counts_of_password(practice_id, "casey@example.org", HERE)
    remember(session, known, MONDAY_AFTERNOON)
    strangers = [counts_of_password(practice_id, "Casey@example.org ", f"198.51.100.{each}") for each in range(25)]

    judged = sum(take_turn(session, each, MONDAY_AFTERNOON) for each in strangers)

    assert judged == 20
    assert tries(session, known, 100) == 5  # its own delays it has all the same


def test_one_address_that_tries_many_accounts_waits(session: Session, practice_id: str) -> None:
    people = [counts_of_password(practice_id, f"person{each}@example.org", HERE) for each in range(50)]

    judged = sum(take_turn(session, each, MONDAY_AFTERNOON) for each in people)

    assert judged == 40
    assert take_turn(session, counts_of_password(practice_id, "person1@example.org", ELSEWHERE), MONDAY_AFTERNOON)


def test_wrong_tries_are_forgotten_after_a_day_and_their_rows_go(session: Session, practice_id: str) -> None:
    counts, tomorrow = counts_of_known(practice_id, "staff", "code"), MONDAY_AFTERNOON + timedelta(hours=24)
    tries(session, counts, 5)
    tries(session, counts_of_known(practice_id, "others", "code"), 1)

    fresh = sum(take_turn(session, counts, tomorrow) for _ in range(100))
    remember(session, counts_of_password(practice_id, "casey@example.org", HERE), tomorrow)

    assert fresh == 5
    assert session.query(SignInThrottle).filter(SignInThrottle.forgotten_at <= tomorrow).count() == 0


def test_tries_at_once_are_all_counted(engine: Engine, practice_id: str) -> None:
    counts, judged = counts_of_password(practice_id, "casey@example.org", HERE), []

    def attempt() -> None:
        for _ in range(3):
            with make_session_factory(engine).begin() as session:
                judged.append(take_turn(session, counts, MONDAY_AFTERNOON))

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert (len(judged), sum(judged)) == (12, 5)
