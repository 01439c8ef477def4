"""Which of two records' facts stand once the records are one. Pure: who asks whom, and what is stored, others know.

Where both records say the same there is nothing to choose. Else a person chooses; until one does, the survivor's value
stands, but that a clinical fact which only one record knows is kept, and of yes and no it is yes that holds a patient
back. What a patient does not want is no choice: opt-outs and pauses of either record stand, and only what was consented
to in both is consented to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from schedules.plan.vocabulary import OpioidUse
from service.care.records import PatientRecord


class Side(StrEnum):
    """Whose value stands."""

    survivor = "survivor"
    absorbed = "absorbed"


class Fact(StrEnum):
    """What is chosen as one."""

    mrn = "mrn"
    name = "name"
    date_of_birth = "date_of_birth"
    email = "email"
    phone = "phone"
    language = "language"
    country = "country"
    time_zone = "time_zone"
    units = "units"
    channels = "channels"
    quiet_hours = "quiet_hours"
    work_class = "work_class"
    opioid_use = "opioid_use"
    takes_blood_thinner = "takes_blood_thinner"
    has_diabetes_or_glp1 = "has_diabetes_or_glp1"
    uses_nicotine = "uses_nicotine"
    has_implanted_device = "has_implanted_device"
    low_bone_density = "low_bone_density"
    wants_contact_sport = "wants_contact_sport"


FIELDS: Final[Mapping[Fact, tuple[str, ...]]] = {
    **{fact: (fact.value,) for fact in Fact},
    Fact.name: ("given_name", "family_name"),
    Fact.quiet_hours: ("quiet_from", "quiet_until"),
}
# Follow from both records, by `join_facts`; a day of death must be the same in both.
NOT_CHOSEN: Final = frozenset(
    {"opted_out", "opted_out_categories", "reminders_paused_at", "details_consent_at", "died_on"}
)
_CLINICAL: Final = frozenset(
    {
        Fact.work_class,
        Fact.opioid_use,
        Fact.takes_blood_thinner,
        Fact.has_diabetes_or_glp1,
        Fact.uses_nicotine,
        Fact.has_implanted_device,
        Fact.low_bone_density,
    }
)
_UNKNOWN: Final = (None, OpioidUse.unknown)


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact on which two records differ, with the values of each by field, and whose stands."""

    fact: Fact
    survivor: Mapping[str, Any]
    absorbed: Mapping[str, Any]
    stands: Side


def find_differences(
    survivor: PatientRecord, absorbed: PatientRecord, choices: Mapping[Fact, Side]
) -> tuple[Difference, ...]:
    """Return the facts on which two records differ, each with whose value stands by what was chosen."""
    found = []
    for fact, names in FIELDS.items():
        own, other = ({name: getattr(each, name) for name in names} for each in (survivor, absorbed))
        if own != other:
            stands = choices.get(fact) or _usual(fact, next(iter(own.values())), next(iter(other.values())))
            found.append(Difference(fact, own, other, stands))
    return tuple(found)


def join_facts(survivor: PatientRecord, absorbed: PatientRecord, choices: Mapping[Fact, Side]) -> PatientRecord:
    """Return what the survivor's record says once the other is part of it."""
    taken: dict[str, Any] = {}
    for each in find_differences(survivor, absorbed, choices):
        taken |= each.absorbed if each.stands is Side.absorbed else {}
    return replace(
        survivor,
        **taken,
        opted_out=_either(survivor.opted_out, absorbed.opted_out),
        opted_out_categories=_either(survivor.opted_out_categories, absorbed.opted_out_categories),
        reminders_paused_at=_first(survivor.reminders_paused_at, absorbed.reminders_paused_at),
        details_consent_at=_last_of_both(survivor.details_consent_at, absorbed.details_consent_at),
    )


def free_labels(own: frozenset[str], moving: Mapping[str, str]) -> dict[str, str]:
    """Return another label for each episode, by id, whose label the survivor has already.

    >>> free_labels(frozenset({"E1", "E2"}), {"a": "E1", "b": "E3"})
    {'a': 'E1-2'}
    """
    taken, found = set(own) | set(moving.values()), {}
    for episode_id, label in sorted(moving.items()):
        if label in own:
            number = 2
            while f"{label}-{number}" in taken:
                number += 1
            found[episode_id] = f"{label}-{number}"
            taken.add(found[episode_id])
    return found


def _usual(fact: Fact, own: object, other: object) -> Side:
    """Return whose value stands where nobody chose."""
    is_known_there = own in _UNKNOWN and other not in _UNKNOWN
    is_yes_there = own is False and other is True
    return Side.absorbed if fact in _CLINICAL and (is_known_there or is_yes_there) else Side.survivor


def _either(own: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    return own + tuple(each for each in other if each not in own)


def _first(own: datetime | None, other: datetime | None) -> datetime | None:
    return min((each for each in (own, other) if each is not None), default=None)


def _last_of_both(own: datetime | None, other: datetime | None) -> datetime | None:
    return None if own is None or other is None else max(own, other)
