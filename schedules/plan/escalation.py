"""Whom an alert calls, in which order and how soon: data with grades, and the next round of calls. Pure.

No source says how soon a clinic must answer a red flag: each figure here is grade E, a default that a clinic sets
anew. What is urgent about the symptom has its sources, see `schedules.plan.red_flags`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from schedules.plan.vocabulary import AlertUrgency, Grade, OnCallPlace

MOST_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Answering:
    """How soon an alert must be acknowledged, and how long each further round of calls is given. Minutes."""

    acknowledge_minutes: int
    escalate_minutes: int
    grade: Grade = Grade.E
    sources: tuple[str, ...] = ()

    @property
    def first_wait(self) -> timedelta:
        """Return how long the first who are called have."""
        return timedelta(minutes=self.acknowledge_minutes)

    @property
    def next_wait(self) -> timedelta:
        """Return how long each further round is given."""
        return timedelta(minutes=self.escalate_minutes)


# An urgency that is left out calls nobody.
ANSWERING: Final[Mapping[AlertUrgency, Answering]] = MappingProxyType(
    {
        AlertUrgency.emergency_number: Answering(acknowledge_minutes=10, escalate_minutes=5),
        AlertUrgency.emergency_department: Answering(acknowledge_minutes=15, escalate_minutes=10),
        AlertUrgency.same_day: Answering(acknowledge_minutes=60, escalate_minutes=30),
        AlertUrgency.next_day: Answering(acknowledge_minutes=240, escalate_minutes=120),
    }
)
CHAIN: Final = tuple(OnCallPlace)
EVERYONE: Final = len(CHAIN) + 1  # the level at which whoever is on call, the admins and the clinic's phone are called
_NOBODY_YET = 0


@dataclass(frozen=True, slots=True)
class Rota:
    """Who can be called now: the staff of each place who are on call and have an address, and the admins who have one.

    All are ids.
    """

    on_call: Mapping[OnCallPlace, Sequence[str]]
    admins: Sequence[str] = ()

    @property
    def is_covered(self) -> bool:
        """Return whether somebody is on call."""
        return any(self.on_call.values())


@dataclass(frozen=True, slots=True)
class CallRound:
    """Who is called at a level of the chain. `with_phone`: the clinic's own phone too."""

    level: int
    staff_ids: tuple[str, ...]
    with_phone: bool = False


def next_round(level: int, rota: Rota) -> CallRound:
    """Return the round of calls after `level`, which is 0 before the first.

    Places with nobody are passed over at once. After the last place everyone is called, again and again.
    """
    for place_level, place in enumerate(CHAIN[level:], start=level + 1) if level < EVERYONE else ():
        staff_ids = tuple(dict.fromkeys(rota.on_call.get(place, ())))
        if staff_ids:
            return CallRound(place_level, staff_ids)
    all_on_call = (staff_id for place in CHAIN for staff_id in rota.on_call.get(place, ()))
    return CallRound(EVERYONE, tuple(dict.fromkeys((*all_on_call, *rota.admins))), with_phone=True)


def wait_of_round(level_before: int, answering: Answering) -> timedelta:
    """Return how long the round after `level_before` is given: the first until the acknowledgement is due."""
    return answering.first_wait if level_before == _NOBODY_YET else answering.next_wait
