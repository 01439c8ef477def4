"""Whom an alert calls, in which order and how soon: data with grades, and the next round of calls. Pure.

No source says how soon a clinic must answer a red flag: each figure here is grade E, a default that a clinic sets
anew within bounds, which are of that grade too. What is urgent about the symptom has its sources, see
`schedules.plan.red_flags`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import AlertUrgency, Grade, OnCallPlace

SHORTEST_MINUTES: Final = 2  # repeats of one call to one person come as close
LONGEST_TIMES: Final = 2  # the default: a longer wait would make it another urgency


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
_WAITS: Final = ("acknowledge_minutes", "escalate_minutes")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which minutes a clinic may set each wait of an urgency."""

    shortest: int
    longest_acknowledge: int
    longest_escalate: int


def bounds_of(urgency: AlertUrgency) -> Bounds:
    """Return what a clinic may set for an urgency. Raises KeyError for one that calls nobody.

    >>> bounds_of(AlertUrgency.emergency_number)
    Bounds(shortest=2, longest_acknowledge=20, longest_escalate=10)
    """
    default = ANSWERING[urgency]
    longest = (LONGEST_TIMES * default.acknowledge_minutes, LONGEST_TIMES * default.escalate_minutes)
    return Bounds(SHORTEST_MINUTES, *longest)


def is_longer(urgency: AlertUrgency, answering: Answering) -> bool:
    """Return whether a wait is longer than the default."""
    default = ANSWERING[urgency]
    return any(getattr(answering, each) > getattr(default, each) for each in _WAITS)


def within_bounds(urgency: AlertUrgency, answering: Answering) -> Answering:
    """Return the nearest that a clinic may set: what is stored may be from a release with other bounds."""
    bounds = bounds_of(urgency)
    return Answering(
        min(max(answering.acknowledge_minutes, bounds.shortest), bounds.longest_acknowledge),
        min(max(answering.escalate_minutes, bounds.shortest), bounds.longest_escalate),
    )


def check_answering(urgency: AlertUrgency, wanted: Answering, others: Mapping[AlertUrgency, Answering]) -> None:
    """Raise PlanError for waits out of bounds, or with which a more urgent alert would wait longer than a less urgent.

    `others`: how each urgency stands; that of `urgency` itself is not looked at.
    """
    near = within_bounds(urgency, wanted)
    bounds = bounds_of(urgency)
    for name, longest in zip(_WAITS, (bounds.longest_acknowledge, bounds.longest_escalate), strict=True):
        minutes = getattr(wanted, name)
        if minutes != getattr(near, name):
            raise PlanError(name, f"{bounds.shortest} to {longest} minutes", str(minutes))
        ranked = [getattr(wanted if each is urgency else others[each], name) for each in ANSWERING]
        place = list(ANSWERING).index(urgency)
        least, most = max(ranked[:place], default=minutes), min(ranked[place + 1 :], default=minutes)
        if minutes < least:
            raise PlanError(name, f"at least the {least} minutes of what is more urgent", str(minutes))
        if minutes > most:
            raise PlanError(name, f"at most the {most} minutes of what is less urgent", str(minutes))


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
