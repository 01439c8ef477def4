"""Renders a message at send time: the protocol's own text in the patient's language, and how to reach the clinic.

The words that are alike in every message stand in `schedules.plan.wording`.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, time

from schedules.delivery.channels import Message
from schedules.plan.corrections import OPENING, URGENT_TEXTS
from schedules.plan.errors import PlanError, describe
from schedules.plan.library import load_library
from schedules.plan.protocol import Protocol, Text
from schedules.plan.vocabulary import Channel, Language, MilestoneKind
from schedules.plan.wording import Said, Wording

REF_LENGTH = 8  # hex digits of the key: two notices to one patient never read the same
MESSAGE_PATH = "m"  # where the service shows a message to who has its link


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a message says, as codes. `own`: the protocol, where it is the practice's.

    `is_correction`: a message with another time went out before, which this one replaces. `also`: what is past and
    still unfinished, said along with it. `arrival_at`: the wall time at the hospital, None while it is not known.
    """

    protocol_id: str
    protocol_version: int
    milestone_kind: str
    reminder_key: str
    own: Protocol | None = None
    is_correction: bool = False
    also: tuple[Text, ...] = ()
    arrival_at: time | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a message is about and who it comes from. `delivery_id`: whose it is; a digest says several `items`.

    `country` is where the patient is. `with_details`: the patient agreed that subject and notice say more than that
    something waits. `token`: of the message's one-time link. The last four: see `Message`.
    """

    practice_id: str
    delivery_id: str
    generation: int
    language: Language
    practice_name: str
    practice_phone: str
    items: tuple[Item, ...]
    useful_until: datetime
    country: str
    channel: Channel = Channel.email
    with_details: bool = False
    token: str = field(default="", repr=False)
    open_tries: int = 0
    patient_id: str = ""
    episode_id: str = ""
    webhook_secret: str | None = field(default=None, repr=False)


def render(draft: Draft, address: str, now: datetime, public_url: str) -> Message:
    """Return the message to `address`, written at `now`, with a link to the service at `public_url`.

    Raises PlanError if a protocol has no such reminder.
    """
    link = f"{public_url}/{MESSAGE_PATH}/{draft.token}"
    words = wording_of(draft, link)
    return Message(
        key=message_key(draft),
        address=address,
        subject=words.subject,
        body=words.body,
        language=draft.language,
        written_at=now,
        notice=words.sms if draft.channel is Channel.sms else words.notice,
        useful_until=draft.useful_until,
        open_tries=draft.open_tries,
        link=link,
        patient_id=draft.patient_id,
        episode_id=draft.episode_id,
        webhook_secret=draft.webhook_secret,
    )


def wording_of(draft: Draft, link: str = "") -> Wording:
    """Return what a message is made of. Raises PlanError if a protocol has no such reminder."""
    return Wording(
        language=draft.language,
        says=tuple(Said(each, item.arrival_at) for item in draft.items for each in _texts_of(item)),
        practice_name=draft.practice_name,
        practice_phone=draft.practice_phone,
        country=draft.country,
        reference=message_key(draft)[:REF_LENGTH],
        link=link,
        with_details=draft.with_details,
        is_urgent=any(item.reminder_key in URGENT_TEXTS for item in draft.items),
    )


def message_key(draft: Draft) -> str:
    """Return the key that all repeats of a delivery share: 32 hex digits that tell a provider nothing."""
    return key_of(draft.practice_id, draft.delivery_id, draft.generation)


def key_of(practice_id: str, delivery_id: str, generation: int) -> str:
    """Return the key of a delivery: 32 hex digits that tell a provider nothing."""
    identity = f"{practice_id}\0{delivery_id}\0{generation}"
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def _texts_of(item: Item) -> list[Text]:
    return [OPENING] * item.is_correction + [_find_text(item), *item.also]


def _find_text(item: Item) -> Text:
    if item.reminder_key in URGENT_TEXTS:
        return URGENT_TEXTS[item.reminder_key]
    protocol = item.own or load_library().protocol(item.protocol_id, item.protocol_version)
    for template in protocol.reminders.for_kind(MilestoneKind(item.milestone_kind)):
        if template.key == item.reminder_key:
            return template.text
    raise PlanError("reminder", f"a reminder of {describe(item.milestone_kind)}", describe(item.reminder_key))
