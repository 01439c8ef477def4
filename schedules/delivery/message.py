"""Renders a message at send time: the protocol's own text in the patient's language, and how to reach the clinic.

Nothing clinical stands in a subject. Nobody reads replies, so every message says so and gives the clinic's number.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from schedules.delivery.channels import Message
from schedules.plan.corrections import OPENING, URGENT_TEXTS
from schedules.plan.errors import PlanError, describe
from schedules.plan.library import load_library
from schedules.plan.protocol import Protocol, Text
from schedules.plan.vocabulary import Language, MilestoneKind

REF_LENGTH = 8  # hex digits of the key: two notices to one patient never read the same
SUBJECT = Text(en="A message from your care team", es="Un mensaje de su equipo de atención")
# What may stand on a lock screen: no diagnosis, procedure, name or answer (and a clinic's name may tell the first).
NOTICE = Text(
    en="Your care team has a message for you. Please call {phone}. Replies are not read. Ref {ref}",
    es="Su equipo de atención tiene un mensaje para usted. Llame al {phone}. No se leen respuestas. Ref {ref}",
)
URGENT_NOTICE = Text(
    en="Something that we told you has changed. Please call us now: {phone}. Replies are not read. Ref {ref}",
    es="Algo que le dijimos ha cambiado. Llámenos ahora: {phone}. No se leen respuestas. Ref {ref}",
)
CLOSING = Text(
    en=(
        "{practice}\n"
        "Questions? Call us: {phone}\n\n"
        "This mailbox is not monitored; please do not reply. "
        "In an emergency call your local emergency number."
    ),
    es=(
        "{practice}\n"
        "¿Preguntas? Llámenos: {phone}\n\n"
        "Nadie lee las respuestas a este correo; por favor, no responda. "
        "En una emergencia llame al número de emergencias de su localidad."
    ),
)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a message says, as codes. `own`: the protocol, where it is the practice's.

    `is_correction`: a message with another time went out before, which this one replaces. `also`: what is past and
    still unfinished, said along with it.
    """

    protocol_id: str
    protocol_version: int
    milestone_kind: str
    reminder_key: str
    own: Protocol | None = None
    is_correction: bool = False
    also: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What a message is about and who it comes from. `delivery_id`: whose it is; a digest says several `items`.

    The last four: see `Message`.
    """

    practice_id: str
    delivery_id: str
    generation: int
    language: Language
    practice_name: str
    practice_phone: str
    items: tuple[Item, ...]
    useful_until: datetime
    open_tries: int = 0
    patient_id: str = ""
    episode_id: str = ""
    webhook_secret: str | None = field(default=None, repr=False)


def render(draft: Draft, address: str, now: datetime) -> Message:
    """Return the message to `address`, written at `now`. Raises PlanError if a protocol has no such reminder."""
    texts = dict.fromkeys(each.in_language(draft.language) for item in draft.items for each in _texts_of(item))
    text = "\n\n".join(texts)  # two items that say the same say it once
    closing = CLOSING.in_language(draft.language)
    key = message_key(draft)
    is_urgent = any(item.reminder_key in URGENT_TEXTS for item in draft.items)
    notice = URGENT_NOTICE if is_urgent else NOTICE
    return Message(
        key=key,
        address=address,
        subject=SUBJECT.in_language(draft.language),
        body=f"{text}\n\n{closing.format(practice=draft.practice_name, phone=draft.practice_phone)}\n",
        language=draft.language,
        written_at=now,
        notice=notice.in_language(draft.language).format(phone=draft.practice_phone, ref=key[:REF_LENGTH]),
        useful_until=draft.useful_until,
        open_tries=draft.open_tries,
        patient_id=draft.patient_id,
        episode_id=draft.episode_id,
        webhook_secret=draft.webhook_secret,
    )


def message_key(draft: Draft) -> str:
    """Return the key that all repeats of a delivery share: 32 hex digits that tell a provider nothing."""
    identity = f"{draft.practice_id}\0{draft.delivery_id}\0{draft.generation}"
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
