"""The channels that messages leave by: one file a channel, each behind one small interface.

A channel knows its provider's protocol and nothing of patients, plans or the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeGuard

from models.reminder import AttemptOutcome
from schedules.plan.vocabulary import Language


@dataclass(frozen=True, slots=True)
class Message:
    """One rendered message to one address. `key` is the same in every repeat, so that a receiver can tell.

    `notice` is what may stand on a lock screen: that something waits, unless the patient agreed to more. `link` opens
    the message once, with the date of birth; an SMS has it in its notice. Times are aware; nothing may arrive from
    `useful_until` on. `open_tries` counts the earlier attempts that may have been accepted. Ids and
    `webhook_secret` are for a clinic's own system.
    """

    key: str
    address: str
    subject: str
    body: str
    language: Language
    written_at: datetime
    notice: str
    useful_until: datetime
    open_tries: int = 0
    link: str = ""
    patient_id: str = ""
    episode_id: str = ""
    webhook_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Wake:
    """A silent push to one address: it carries nothing and shows nothing. Nothing may arrive from `useful_until` on."""

    address: str = field(repr=False)
    written_at: datetime
    useful_until: datetime


class Refusal(StrEnum):
    """What a provider refused for good."""

    address = "address"
    message = "message"
    opted_out = "opted_out"  # the patient told the provider to stop


class Fault(StrEnum):
    """What is wrong with the way to a provider itself, whatever the message."""

    unreachable = "unreachable"
    credentials = "credentials"  # it does not know us


@dataclass(frozen=True, slots=True)
class Result:
    """What a provider answered. `code` is its status, never its free text; `message_id` its own name for the message.

    A result that is `for_good` will not get better by a repeat: the address, or the message itself, was refused.
    `retry_after`: the provider is busy and asks to be left alone for so long. `fault`: it would be so for any message.
    `address_dead_since`: when the provider says that a refused address died, where it says so.
    """

    outcome: AttemptOutcome
    code: str | None = None
    for_good: Refusal | None = None
    retry_after: timedelta | None = None
    message_id: str | None = None
    fault: Fault | None = None
    address_dead_since: datetime | None = None


class ChannelSender(Protocol):
    """Hands messages to one provider."""

    def send(self, message: Message, deadline: timedelta) -> Result:
        """Hand the message over and return what became of it, within `deadline` for the whole conversation."""
        ...


class ManySender(Protocol):
    """Hands several messages to one provider in one request."""

    @property
    def most_at_once(self) -> int:
        """Return how many messages the provider takes in one request."""
        ...

    def send_many(self, messages: Sequence[Message], deadline: timedelta) -> list[Result]:
        """Hand the messages over in one request within `deadline`, and return what became of each, in their order."""
        ...


class WakeSender(Protocol):
    """Wakes apps in the background, through one provider."""

    @property
    def most_wakes(self) -> int:
        """Return how many wake-ups the provider takes in one request."""
        ...

    def wake(self, wakes: Sequence[Wake], deadline: timedelta) -> list[Result]:
        """Hand the wake-ups over in one request within `deadline`, and return what became of each, in their order."""
        ...


def can_wake(sender: ChannelSender | WakeSender) -> TypeGuard[WakeSender]:
    """Return whether a sender's provider can wake an app without showing anything."""
    return hasattr(sender, "wake")


def is_many(sender: "ChannelSender | ManySender") -> TypeGuard[ManySender]:
    """Return whether a sender takes several messages in one request."""
    return hasattr(sender, "send_many")
