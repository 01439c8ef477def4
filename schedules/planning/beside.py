"""The patient's other episodes: of an item that several share, one of them speaks.

Their plans are not made again for it: they keep their items and times, and only what is said of them changes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from models.care import Surgery
from schedules.plan.message_facts import MessageFacts
from schedules.plan.rearm import (
    DecidedReminder,
    Occasion,
    StoredReminder,
    WantedReminder,
    decide_reminders,
)
from schedules.plan.reminders import PLANNED
from schedules.plan.side_by_side import Topic, said_elsewhere, topic_of
from schedules.plan.vocabulary import EpisodeStatus, ReminderOutcome, ReminderState
from schedules.planning.facts import Care, PlacedItem, care_of, outline
from schedules.planning.rows import find_all
from schedules.planning.stored import Beside, StoredCare, stored_reminders
from schedules.planning.stored_plan import planned_milestone

_ELSEWHERE = ReminderOutcome.said_elsewhere
Silent = Mapping[str, frozenset[tuple[str, int]]]  # (milestone key, occurrence) by the episode's id


def silent_in(
    session: Session, care: Care, stored: StoredCare, standing: Iterable[PlacedItem], now: datetime
) -> Silent:
    """Return of which items each of the patient's episodes says nothing, since another one speaks of them."""
    if not stored.beside:
        return {}
    topics: list[Topic | None] = []
    if care.sends and care.episode.status is EpisodeStatus.active:
        open_ones = (item for item in standing if item.id not in stored.complete)
        topics += [topic_of(care.episode.id, item.planned) for item in open_ones]
    if care.patient.died_on is None:
        for each in stored.beside:
            topics += _topics_beside(session, each, stored, now)
    silent: dict[str, set[tuple[str, int]]] = {}
    for topic in said_elsewhere(topic for topic in topics if topic is not None):
        silent.setdefault(topic.episode_id, set()).add((topic.key, topic.occurrence))
    return {episode_id: frozenset(items) for episode_id, items in silent.items()}


def _topics_beside(session: Session, beside: Beside, stored: StoredCare, now: datetime) -> list[Topic | None]:
    episode = beside.episode
    if episode in session.new:
        surgeries = find_all(session, Surgery, episode.practice_id, episode_id=episode.id)
        plan = outline(session, care_of(session, episode, surgeries), now).plan
        return [topic_of(episode.id, item) for item in plan.milestones]
    return [
        topic_of(episode.id, planned_milestone(row))
        for row in beside.rows.milestones.values()
        if row.cancelled_at is None and row.id not in stored.complete
    ]


def decide_beside(
    stored: StoredCare, silent: Silent, facts: Mapping[str, MessageFacts], now: datetime
) -> list[DecidedReminder]:
    """Return what happens to those stored messages of the other episodes whose turn to speak came or went."""
    decided: list[DecidedReminder] = []
    for beside in stored.beside:
        quiet = silent.get(beside.episode.id, frozenset())
        concerned = {
            each.id: each
            for each in stored_reminders(beside.rows).values()
            if _is_concerned(each, is_silent=(each.planned.milestone_key, each.planned.occurrence) in quiet)
            and beside.rows.milestones[each.milestone_id].cancelled_at is None
        }
        wanted = {each.id: _as_wanted(each) for each in concerned.values()}
        decided += decide_reminders(concerned, wanted, facts, Occasion(now, stored.complete))
    return decided


def _is_concerned(stored: StoredReminder, *, is_silent: bool) -> bool:
    if is_silent:
        return stored.state is ReminderState.planned
    return stored.state in (ReminderState.suppressed, ReminderState.cancelled) and stored.reason == _ELSEWHERE


def _as_wanted(stored: StoredReminder) -> WantedReminder:
    """What waits falls silent; what was silent is said at its own time."""
    outcome = _ELSEWHERE if stored.state is ReminderState.planned else PLANNED
    return WantedReminder(stored.id, stored.milestone_id, replace(stored.planned, outcome=outcome))
