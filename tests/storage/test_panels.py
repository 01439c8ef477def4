"""A coordinator's panel follows the episodes, however they are changed, at the revision of the change."""

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from models import Episode, Panel, Patient, Practice, Staff
from models.base import table_of
from models.sync import stamp
from schedules.plan.vocabulary import EpisodeStatus
from tests import builders


def _clinic(session: Session) -> tuple[Practice, Staff, Patient]:
    practice = builders.practice(session)
    return practice, builders.staff(session, practice, id="casey"), builders.patient(session, practice, id="alex")


def _panels(session: Session) -> dict[str, tuple[bool, int]]:
    return {row.staff_id: (row.active, row.changed_rev) for row in session.execute(select(Panel.__table__))}


def test_a_new_episode_puts_its_patient_on_the_coordinators_panel(session: Session) -> None:
    _, casey, alex = _clinic(session)

    episode = builders.episode(session, alex, coordinator_id=casey.id)

    assert _panels(session) == {"casey": (True, episode.rev)}


def test_an_episode_without_a_coordinator_is_on_no_panel(session: Session) -> None:
    _, _, alex = _clinic(session)

    builders.episode(session, alex)

    assert _panels(session) == {}


def test_an_episode_that_changes_hands_leaves_one_panel_for_another(session: Session) -> None:
    practice, casey, alex = _clinic(session)
    jo = builders.staff(session, practice, id="jo")
    episode = builders.episode(session, alex, coordinator_id=casey.id)
    session.commit()

    episode.coordinator_id = jo.id
    session.commit()

    assert _panels(session) == {"casey": (False, episode.rev), "jo": (True, episode.rev)}


def test_a_patient_stays_on_the_panel_until_the_last_open_episode_ends(session: Session) -> None:
    _, casey, alex = _clinic(session)
    first = builders.episode(session, alex, coordinator_id=casey.id)
    second = builders.episode(session, alex, coordinator_id=casey.id)
    granted = first.rev
    session.commit()

    first.status = EpisodeStatus.closed
    session.commit()
    after_one = _panels(session)
    second.status = EpisodeStatus.transferred
    session.commit()

    assert after_one == {"casey": (True, granted)}
    assert _panels(session) == {"casey": (False, second.rev)}


def test_a_paused_episode_stays_on_the_panel(session: Session) -> None:
    _, casey, alex = _clinic(session)
    episode = builders.episode(session, alex, coordinator_id=casey.id)
    granted = episode.rev
    session.commit()

    episode.status = EpisodeStatus.paused
    session.commit()

    assert _panels(session) == {"casey": (True, granted)}


def test_rows_written_by_core_are_followed_too(session: Session) -> None:
    practice, casey, alex = _clinic(session)
    session.commit()
    table = table_of(Episode)
    columns = {"practice_id": practice.id, "id": "e-1", "patient_id": alex.id, "label": "E1", "deleted": False}
    rest = {"status": EpisodeStatus.active, "workers_comp": False, "enrolled_at": builders.ENROLLED_AT}
    inserted = stamp(session, practice.id)
    session.connection().execute(insert(table).values(**columns, **rest, coordinator_id=casey.id, rev=inserted))
    session.commit()
    after_insert = _panels(session)

    ended = stamp(session, practice.id)
    session.connection().execute(update(table).values(status=EpisodeStatus.closed, rev=ended))
    session.commit()

    assert after_insert == {"casey": (True, inserted)}
    assert _panels(session) == {"casey": (False, ended)}
