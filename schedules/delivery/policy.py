"""What the operator settles about sending: how long silence lasts before a message goes on to another channel,
and how many messages a patient may have in a day.
"""

from dataclasses import dataclass
from datetime import timedelta

from config import Settings
from schedules.plan.urgency import Urgency

_MINUTE = timedelta(minutes=1)
URGENT_SILENCE = 30 * _MINUTE  # no clinical figure: the clinic is asked to call at once, whatever becomes of it


@dataclass(frozen=True, slots=True)
class Policy:
    """The figures. What stands here is what the settings have where nothing is set."""

    silence: timedelta = 240 * _MINUTE
    messages_a_day: int = 8

    def silence_of(self, urgency: Urgency) -> timedelta:
        """Return how long after sending nobody has acknowledged a message that then goes on."""
        return URGENT_SILENCE if urgency is Urgency.urgent else self.silence


DEFAULT_POLICY = Policy()


def policy_of(settings: Settings) -> Policy:
    """Return what the settings say."""
    return Policy(
        silence=settings.silence_minutes * _MINUTE,
        messages_a_day=settings.messages_a_patient_a_day,
    )
