"""Of whom the worklist reads a name: of those alone who may need somebody, and of everybody who does."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy.orm import Session

from models import CheckIn, Episode, Practice
from models.care import Reporter
from schedules.plan.check_ins import CheckInRhythm, RhythmHistory, RhythmPhase, RhythmVersion
from service.dashboard.queries.worklist import load_caseload
from service.dashboard.worklist import Wanted, make_worklist
from service.dashboard.worklist_day import make_day
from service.dashboard.worklist_reasons import Why
from tests import builders
from tests.api.conftest import Clinic
from tests.builders import DAY_0
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.test_worklist import NEW_YORK


@pytest.fixture
def practice(session: Session) -> Practice:
    """Return a clinic of two patients who were operated on day 0 and have no plan."""
    practice = builders.practice(session)
    for name in ("heard", "unheard"):
        episode = builders.episode(session, builders.patient(session, practice), id=name)
        builders.surgery(session, episode, surgery_on=DAY_0)
    session.commit()
    return practice


def add_check_in(session: Session, practice: Practice, at: datetime) -> CheckIn:
    episode = session.get_one(Episode, (practice.id, "heard"))
    row = CheckIn(practice_id=practice.id, id="c1", patient_id=episode.patient_id, episode_id=episode.id, pain=3)
    row.reported_at, row.received_at, row.reported_by = at, at, Reporter.patient
    session.add(row)
    session.commit()
    return row


def test_of_who_was_heard_from_and_needs_nobody_no_name_is_read(session: Session, practice: Practice) -> None:
    day = make_day(date(2026, 2, 27), NEW_YORK)
    before = load_caseload(session, practice.id, day)
    add_check_in(session, practice, datetime(2026, 2, 26, 14, 0, tzinfo=UTC))

    after = load_caseload(session, practice.id, day)

    assert {each.episode_id for each in before.people} == {"heard", "unheard"}
    assert [each.episode_id for each in after.people] == ["unheard"]
    assert (before.open_count, after.open_count) == (2, 2)


@pytest.mark.parametrize("through", [None, 60, 180])
def test_who_is_left_unread_needs_nobody(session: Session, practice: Practice, through: int | None) -> None:
    """Whatever day it is and whatever the clinic's rhythm, the list is the one made of everybody."""
    rhythm = None if through is None else CheckInRhythm((RhythmPhase(through, 2),), None, ())
    rhythms = RhythmHistory(() if rhythm is None else (RhythmVersion(1, date(2026, 1, 1), rhythm),))
    row = add_check_in(session, practice, MONDAY_AFTERNOON)
    read, seen = set(), set()

    for after in (0, 1, 2, 3, 14, 16, 43, 57, 90, 91, 104, 180, 181):
        today = DAY_0 + timedelta(days=after)
        for heard_before in (0, 2, 3, 15):
            row.reported_at = datetime.combine(today, time(4, 30), UTC) - timedelta(days=heard_before)
            session.commit()
            day = make_day(today, NEW_YORK, rhythms)
            anybody = day._replace(lately=datetime(2100, 1, 1, tzinfo=UTC), operated_since=date(1900, 1, 1))
            loaded = [load_caseload(session, practice.id, each) for each in (day, anybody)]
            found, of_all = (make_worklist(each, Wanted(), today, NEW_YORK, rhythms=rhythms) for each in loaded)
            assert len(loaded[1].people) == 2
            assert found == of_all
            read.add(len(loaded[0].people))
            seen |= {entry.why for entry in found.entries}

    assert (read, seen) == ({0, 1, 2}, {Why.silent, Why.today})


def test_who_died_or_was_removed_is_in_no_recovery_whatever_the_episode_says(session: Session, clinic: Clinic) -> None:
    clinic.patient.died_on, clinic.other_patient.deleted = date(2026, 3, 2), True
    session.commit()

    found = load_caseload(session, clinic.id, make_day(date(2027, 3, 2), NEW_YORK))

    assert (found.open_count, list(found.people)) == (0, [])
    assert len(found.late) == 2
