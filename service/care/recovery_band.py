"""Use cases: the band in which most patients of this clinic lie after the same surgery, for pain and for walking.

Expected means what was seen here of others, by procedure and approach class, and neither a goal nor a warning.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import CheckIn, Practice
from schedules.outcomes.bands import Reading, Week, weekly_band
from schedules.plan.protocol import Text
from schedules.plan.vocabulary import ApproachClass, Grade, Procedure
from service.care.outcome_rows import IndexSurgery, read_cohort
from service.care.outcomes import GRADE, NOTE, Smallest

MOST_COURSES: Final = 300  # the latest: what a clinic does changes, and a page must not wait for all
LAST_DAY: Final = 90  # check-ins have a rhythm up to then


@dataclass(frozen=True, slots=True)
class RecoveryBand:
    """The bands of one procedure and class, by week. `courses`: how many are in the cohort, None if they are too few.

    `pain` is the worst, 0 to 10; `walking` minutes of the day. A week is left out where too few told of it.
    """

    procedure: Procedure
    approach_class: ApproachClass | None
    as_of: date
    grade: Grade
    note: Text
    courses: int | None
    pain: tuple[Week, ...]
    walking: tuple[Week, ...]


def view_recovery_band(
    session: Session,
    practice: Practice,
    *,
    procedure: Procedure,
    approach_class: ApproachClass | None,
    today: date,
    smallest: Smallest,
    without_episode: str | None = None,
) -> RecoveryBand:
    """Return the bands of the practice's latest courses. `without_episode`: one that is compared with the others."""
    cohort = read_cohort(session, practice.id, procedure, today, latest=MOST_COURSES, approach_class=approach_class)
    courses = {
        each.episode_id: each
        for each in cohort.surgeries
        if each.approach_class is approach_class and each.episode_id != without_episode
    }
    is_shown = len(courses) >= smallest.group
    told = list(_check_ins(session, practice, courses, today)) if is_shown else []
    walked = [Reading(course, day, minutes) for course, day, _, minutes in told if minutes is not None]
    return RecoveryBand(
        procedure=procedure,
        approach_class=approach_class,
        as_of=today,
        grade=GRADE,
        note=NOTE,
        courses=len(courses) if is_shown else None,
        pain=weekly_band((Reading(course, day, pain) for course, day, pain, _ in told), smallest=smallest.group),
        walking=weekly_band(walked, smallest=smallest.group),
    )


def _check_ins(
    session: Session, practice: Practice, courses: dict[str, IndexSurgery], today: date
) -> Iterator[tuple[str, int, int, int | None]]:
    """Yield course, day, pain and minutes walked of each check-in from surgery on, up to what ended the look."""
    zone = ZoneInfo(practice.time_zone)
    query = select(CheckIn.episode_id, CheckIn.reported_at, CheckIn.pain, CheckIn.walking_minutes).where(
        CheckIn.practice_id == practice.id, CheckIn.deleted.is_(False), CheckIn.episode_id.in_(courses)
    )
    for row in session.execute(query):
        course, on = courses[row.episode_id], row.reported_at.astimezone(zone).date()
        day = (on - course.day0).days
        if 0 <= day <= LAST_DAY and on <= min(today, course.ended_on or today):
            yield row.episode_id, day, row.pain, row.walking_minutes
