"""Renders what a member of staff is told of an alert: that one waits, and where. Nothing clinical, nobody's name."""

from dataclasses import dataclass
from datetime import datetime

from schedules.delivery.channels import Message
from schedules.delivery.message import REF_LENGTH, key_of
from schedules.plan.placeholders import fill
from schedules.plan.protocol import Text
from schedules.plan.vocabulary import Channel, Language

ALERT_PATH = "clinic/alerts"  # where the dashboard shows an alert to who has signed in
_SUBJECT = Text(en="An alert waits for you", es="Una alerta le espera")
_NOTICE = Text(
    en="An alert waits for you. Sign in and acknowledge it. Ref {reference}",
    es="Una alerta le espera. Inicie sesion y confirme. Ref {reference}",
)
_SMS = Text(
    en="An alert waits for you: {link} If nobody acknowledges it, the next person is told. Ref {reference}",
    es="Una alerta le espera: {link} Si nadie la confirma, se avisa a otra persona. Ref {reference}",
)
_BODY = Text(
    en=(
        "An alert waits for you.\n\n"
        "Sign in to read it, and acknowledge it: {link}\n\n"
        "If nobody acknowledges it in time, the next person is told. Ref {reference}\n"
    ),
    es=(
        "Una alerta le espera.\n\n"
        "Inicie sesión para leerla, y confírmela: {link}\n\n"
        "Si nadie la confirma a tiempo, se avisa a otra persona. Ref {reference}\n"
    ),
)


@dataclass(frozen=True, slots=True)
class CallDraft:
    """What a call is about, as ids alone."""

    practice_id: str
    delivery_id: str
    generation: int
    alert_id: str
    channel: Channel
    language: Language
    useful_until: datetime
    open_tries: int = 0


def render_call(draft: CallDraft, address: str, now: datetime, public_url: str) -> Message:
    """Return the message to `address`, written at `now`, with a link to the service at `public_url`."""
    link, key = (
        f"{public_url}/{ALERT_PATH}/{draft.alert_id}",
        key_of(draft.practice_id, draft.delivery_id, draft.generation),
    )
    values = {"link": link, "reference": key[:REF_LENGTH]}
    notice = _SMS if draft.channel is Channel.sms else _NOTICE
    return Message(
        key=key,
        address=address,
        subject=_SUBJECT.in_language(draft.language),
        body=fill(_BODY.in_language(draft.language), values),
        language=draft.language,
        written_at=now,
        notice=fill(notice.in_language(draft.language), values),
        useful_until=draft.useful_until,
        open_tries=draft.open_tries,
        link=link,
    )
