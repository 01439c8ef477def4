"""What the worklist is made of: open episodes, what of their plans is late or waits, tasks, alerts, last check-ins.

Seven SELECTs and one about the patients who are shown, whatever the number of patients. Names, surgeries and last
check-ins are read of those alone who may need somebody; rows are kept as the driver gives them, but for what is judged.
Which items matter is narrowed down by dates alone; how each stands is decided by `schedules.plan.progress`, as
everywhere.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Surgery
from models.caseload import rows_seen
from models.prepared import Prepared
from models.report import TaskKind
from models.sets import json_list
from models.statistics import look_up_by_key
from schedules.plan.progress import ClearedSpan, MilestoneFacts, ProgressFacts, milestone_state
from schedules.plan.vocabulary import MilestoneState
from service.care.plan_rows import is_whole
from service.dashboard.queries import worklist_statements as statements
from service.dashboard.worklist_day import Day


class Stage(NamedTuple):
    """A surgery of an open episode that was not cancelled. What is a word of a vocabulary stands as it is stored."""

    episode_id: str
    stage: int
    procedure: str
    approach_class: str | None
    surgery_on: date | None
    status: str

    @property
    def place(self) -> tuple[str, int]:
        """Return what names the surgery within the practice."""
        return self.episode_id, self.stage


class Person(NamedTuple):
    """A patient in an open episode, who checked in last at `heard_at`. `stages` are its surgeries."""

    patient_id: str
    episode_id: str
    given_name: str
    family_name: str
    coordinator_id: str | None
    date_of_birth: date
    heard_at: datetime | None
    stages: list[Stage]

    @property
    def name(self) -> str:
        """Return the name as lists show it."""
        return f"{self.family_name}, {self.given_name}"


class OpenAlert(NamedTuple):
    """An alert that is not closed. What is a word of a vocabulary stands as it is stored."""

    alert_id: str
    episode_id: str
    kind: str
    urgency: str
    state: str
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class Late:
    """An item of a plan that waits for a clinician (`eligible`), or that the patient should have done (`overdue`).

    `since_on`: the day from which it could be cleared, or the last day on which it was in time.
    """

    episode_id: str
    milestone_id: str
    kind: str
    state: MilestoneState
    since_on: date


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A question that waits for the clinic."""

    task_id: str
    episode_id: str
    kind: TaskKind
    due_on: date | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Caseload:
    """All that the worklist of a practice is made of. `late`, `tasks` and `alerts` are by episode.

    `people`: who may need somebody, and everybody who does; `open_count`: how many are in recovery.
    """

    people: Sequence[Person]
    late: Mapping[str, Sequence[Late]]
    tasks: Mapping[str, Sequence[OpenTask]]
    alerts: Mapping[str, Sequence[OpenAlert]]
    staff: Mapping[str, str]
    open_count: int


def load_caseload(session: Session, practice_id: str, day: Day) -> Caseload:
    """Return what the worklist of a practice is made of on a day of its calendar.

    From here on the transaction looks up by key: what is open is little beside what is finished.
    """
    look_up_by_key(session)
    told = {"practice": practice_id, "today": day.today}
    late = _by_episode(_late(session, practice_id, day.today))
    tasks = _by_episode([OpenTask(*row) for row in _named(session, statements.TASKS, practice=practice_id)])
    alerts = _alerts(session, practice_id)
    since = {"lately": day.lately, "operated_since": day.operated_since}
    quiet = [episode_id for (episode_id,) in rows_seen(session, statements.QUIET, told | since)]
    return Caseload(
        people=_people(session, practice_id, {*late, *tasks, *alerts, *quiet}),
        late=late,
        tasks=tasks,
        alerts=alerts,
        staff=dict(_named(session, statements.STAFF, practice=practice_id)),
        open_count=rows_seen(session, statements.COUNT, {"practice": practice_id})[0][0],
    )


def levels_of(session: Session, practice_id: str, stages: Iterable[Stage]) -> dict[tuple[str, int], list[str]]:
    """Return the levels of some surgeries, by their places."""
    wanted = [each.place for each in stages]
    query = select(Surgery.episode_id, Surgery.stage, Surgery.levels).where(
        Surgery.practice_id == practice_id, Surgery.episode_id.in_([episode_id for episode_id, _ in wanted])
    )
    found = {(row.episode_id, row.stage): row.levels for row in session.execute(query)}
    return {each: found[each] for each in wanted}


def _people(session: Session, practice_id: str, episode_ids: Collection[str]) -> list[Person]:
    query = statements.people(session.get_bind().dialect.name)
    on, at = (query.reader(session.connection(), name) for name in ("date_of_birth", "heard_at"))
    people: dict[str, Person] = {}
    for row in rows_seen(session, query, {"practice": practice_id, "episodes": json_list(episode_ids)}):
        episode_id, patient_id, given, family, born, coordinator, heard, stage, procedure, of_class, day0, status = row
        if episode_id not in people:
            heard_at = None if heard is None else at(heard)
            people[episode_id] = Person(patient_id, episode_id, given, family, coordinator, on(born), heard_at, [])
        if stage is not None:
            dated = None if day0 is None else on(day0)
            people[episode_id].stages.append(Stage(episode_id, stage, procedure, of_class, dated, status))
    return list(people.values())


def _alerts(session: Session, practice_id: str) -> dict[str, list[OpenAlert]]:
    """Return the alerts that are not closed. What time alone has raised is on the list by itself: silent, behind."""
    query = statements.ALERTS
    read, found = query.reader(session.connection(), "raised_at"), defaultdict[str, list[OpenAlert]](list)
    for alert_id, episode_id, kind, urgency, state, at in rows_seen(session, query, {"practice": practice_id}):
        found[episode_id].append(OpenAlert(alert_id, episode_id, kind, urgency, state, read(at)))
    return found


def _late(session: Session, practice_id: str, today: date) -> Iterator[Late]:
    rows = _named(session, statements.late(session.get_bind().dialect.name), practice=practice_id, today=today)
    for _, of_item in groupby(rows, attrgetter("id")):
        late = _judge(list(of_item), today)
        if late is not None:
            yield late


def _judge(rows: Sequence[Any], today: date) -> Late | None:
    """Return how an item stands, of which there is a row for each clearance that holds, or one without any."""
    row = rows[0]
    facts = MilestoneFacts(
        phase=row.phase,
        earliest_on=row.earliest_on,
        target_on=row.target_on,
        latest_on=row.latest_on,
        eligible_on=row.eligible_on,
        lifts=row.lifts,
        owner=row.owner,
        past_policy=row.past_policy,
        superseded_on=row.superseded_on,
    )
    day0 = row.surgery_on
    spans = tuple(
        ClearedSpan(each.cleared_on, each.revoked_on)
        for each in rows
        if each.cleared_on is not None
        and day0 is not None
        and day0 <= each.cleared_on
        and is_whole(row.kind, each.work_class)
    )
    state = milestone_state(facts, ProgressFacts(clearances=spans), today)
    since_on = facts.due_on if state is MilestoneState.eligible else facts.closes_on
    if state not in (MilestoneState.eligible, MilestoneState.overdue) or since_on is None:
        return None
    return Late(row.episode_id, row.id, row.kind, state, since_on)


def _named(session: Session, query: Prepared, **told: object) -> list[Any]:
    return query.named(session.connection(), rows_seen(session, query, told))


def _by_episode(rows: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.episode_id].append(row)
    return found
