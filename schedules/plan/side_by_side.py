"""Which of a patient's overlapping episodes speaks of an item that they share: each is said once.

Pure; knows no episode but by its id. The clinical plans stay apart, each with its own items: only the messages meet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from schedules.plan.items import PlannedMilestone
from schedules.plan.vocabulary import Phase


@dataclass(frozen=True, slots=True)
class Topic:
    """What one episode would speak of: an open item with its window and its day."""

    episode_id: str
    key: str
    occurrence: int
    phase: Phase
    first_on: date
    last_on: date
    day: date


def topic_of(episode_id: str, planned: PlannedMilestone) -> Topic | None:
    """Return the topic that a milestone is; None without dates, as there are no messages then."""
    days = [on for on in (planned.earliest_on, planned.target_on, planned.eligible_on, planned.latest_on) if on]
    if not days:
        return None
    day = planned.eligible_on or planned.target_on or days[0]
    return Topic(episode_id, planned.key, planned.occurrence, planned.phase, days[0], max(days), day)


def said_elsewhere(topics: Iterable[Topic]) -> frozenset[Topic]:
    """Return the topics of which another episode speaks.

    Two episodes share an item with the same key whose windows overlap; before surgery, where advice is for one day of
    surgery, only with the very same window. It is said by the episode whose day is later, of the same day by the one
    with the smaller id. An episode's own occurrences never silence each other.
    """
    by_key: dict[str, list[Topic]] = {}
    for topic in topics:
        by_key.setdefault(topic.key, []).append(topic)
    silent: set[Topic] = set()
    for sharing in by_key.values():
        speaking: list[Topic] = []
        for topic in sorted(sharing, key=_turn):
            if any(_share(topic, other) for other in speaking):
                silent.add(topic)
            else:
                speaking.append(topic)
    return frozenset(silent)


def _turn(topic: Topic) -> tuple[int, str, int]:
    return -topic.day.toordinal(), topic.episode_id, topic.occurrence


def _share(one: Topic, other: Topic) -> bool:
    if one.episode_id == other.episode_id or one.phase is not other.phase:
        return False
    if one.phase is Phase.before_surgery:
        return (one.first_on, one.last_on) == (other.first_on, other.last_on)
    return one.first_on <= other.last_on and other.first_on <= one.last_on
