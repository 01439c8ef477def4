"""How urgent a message is. What is due at one time goes out in this order; the most urgent also passes limits.

Pure: knows what a message is about, not what it says or whom it goes to.
"""

from enum import IntEnum

from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.vocabulary import Channel, ReminderCategory


class Urgency(IntEnum):
    """The order in which waiting messages are taken. The number is what rows and the claim's index carry."""

    urgent = 0  # takes back advice that has become dangerous: goes out at any hour, and nothing puts it off
    safety = 1  # fasting, medicines, warning signs: of use for hours, and harmful where it is missed
    usual = 2


_SAFETY = frozenset({ReminderCategory.safety, ReminderCategory.medication})


def urgency_of(category: ReminderCategory, key: str) -> Urgency:
    """Return how urgent a reminder of this category and key is.

    >>> urgency_of(ReminderCategory.safety, "evening"), urgency_of(ReminderCategory.visit, "book")
    (<Urgency.safety: 1>, <Urgency.usual: 2>)
    """
    if key in URGENT_KEYS:
        return Urgency.urgent
    return Urgency.safety if category in _SAFETY else Urgency.usual


def goes_on_after_silence(channel: Channel, urgency: Urgency) -> bool:
    """Return whether a message that nobody acknowledges is said again on the patient's next channel.

    An app acknowledges what is opened, so that its silence means something. What is urgent waits for an answer on every
    channel.
    """
    return channel is Channel.push or urgency is Urgency.urgent
