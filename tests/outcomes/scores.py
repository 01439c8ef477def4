"""Builds courses of care whose questionnaires were answered, to be counted."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models import Milestone, Practice, QuestionnaireAnswer, Surgery
from models.care import Reporter
from schedules.plan.vocabulary import Instrument
from tests import builders
from tests.outcomes.courses import DAY_0, at_noon, course


@dataclass(frozen=True)
class Asked:
    """A course with the questionnaires of six weeks and three months. Days are from surgery."""

    session: Session
    six_weeks: Milestone
    three_months: Milestone

    def answer(self, day: int, milestone: Milestone | None, instrument: str = "odi", **told: Any) -> None:
        """Let the patient answer, by default with an index of Oswestry."""
        row = QuestionnaireAnswer(practice_id=self.six_weeks.practice_id, id=f"{self.six_weeks.id}.{day}.{instrument}")
        row.patient_id, row.episode_id = self.six_weeks.patient_id, self.six_weeks.episode_id
        row.milestone_id, row.instrument = milestone.id if milestone else None, Instrument(instrument)
        row.answered_at = row.received_at = at_noon(DAY_0 + timedelta(days=day))
        row.reported_by, row.answers = Reporter.patient, told
        self.session.add(row)


def asked(session: Session, practice: Practice, **of: Any) -> Asked:
    """Add a course that is asked at six weeks, from day 28 to 56, and at three months, from day 70 to 120."""
    first = course(session, practice, kind="prom_followup", item=_window(28, 42, 56), **of)
    surgery = session.get_one(Surgery, (practice.id, first.surgery_id))
    second = builders.milestone(session, surgery, key="prom_3mo", kind="prom_followup", **_window(70, 90, 120))
    return Asked(session, first, second)


def improved(session: Session, practice: Practice, before: list[float], after: list[float], **of: Any) -> None:
    """Add a course for each index of Oswestry before surgery, with one at six weeks: who is last in answers first."""
    for index, (first, later) in enumerate(zip(before, after, strict=True)):
        one = asked(session, practice, **of)
        one.answer(-3, None, percent=first)
        one.answer(56 - index % 28, one.six_weeks, percent=later)
    session.commit()


def _window(earliest: int, target: int, latest: int) -> dict[str, int | date]:
    days = {"earliest": earliest, "target": target, "latest": latest}
    return {f"{name}_days": day for name, day in days.items()} | {
        f"{name}_on": DAY_0 + timedelta(days=day) for name, day in days.items()
    }
