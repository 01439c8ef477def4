"""What a red flag is: symptoms for which a patient must not wait, how urgent they are, and what to do about them.

The list of them is `schedules.plan.red_flags`. Numbers to call come from the country, never from here: `{number}` and
`{phone}` are filled in where a text is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schedules.plan.protocol import Text


class Urgency(StrEnum):
    """What a symptom calls for, the most urgent first."""

    emergency_number = "emergency_number"
    emergency_department = "emergency_department"
    same_day = "same_day"
    next_day = "next_day"


WHAT_TO_DO: Final[Mapping[Urgency, Text]] = MappingProxyType(
    {
        Urgency.emergency_number: Text(en="Call {number} now.", es="Llame al {number} ahora."),
        Urgency.emergency_department: Text(en="Go to an emergency department now.", es="Vaya a urgencias ahora."),
        Urgency.same_day: Text(en="Call us today: {phone}.", es="Llámenos hoy: {phone}."),
        Urgency.next_day: Text(en="Call us by tomorrow: {phone}.", es="Llámenos a más tardar mañana: {phone}."),
    }
)


@dataclass(frozen=True, slots=True)
class RedFlag:
    """Symptoms that stand for one danger. `key` never changes: answers name it.

    `also_do`: what to do is more than their urgency says.
    """

    key: str
    urgency: Urgency
    text: Text
    sources: tuple[str, ...]
    also_do: Text | None = None

    @property
    def what_to_do(self) -> Text:
        """Return what to do about them, with `{number}` and `{phone}` left open."""
        return WHAT_TO_DO[self.urgency] if self.also_do is None else self.also_do
