"""Renders what an admin is told of break-glass: which role, when, and where to look. No patient, no reason, no name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from models.people import StaffRole
from schedules.delivery.channels import Message
from schedules.delivery.message import REF_LENGTH, key_of
from schedules.delivery.notices import Opened
from schedules.plan.day_words import day_words
from schedules.plan.placeholders import fill
from schedules.plan.protocol import Text
from schedules.plan.vocabulary import Language

REVIEW_PATH: Final = "clinic/emergency-accesses"  # where the dashboard shows accesses to who has signed in
_SUBJECT = Text(en="Emergency access was used in your clinic", es="Se usó el acceso de emergencia en su clínica")
_BODY = Text(
    en=(
        "Somebody with the role of {role} used emergency access: they opened a patient outside of their caseload.\n\n"
        "Opened: {opened}\n"
        "Ends: {ends}\n"
        "Times are those of your clinic ({zone}).\n\n"
        "Who it was, and why, stands on this page once you have signed in: {link}\n\n"
        "Please look into it, and say so there. Ref {reference}\n"
    ),
    es=(
        "Alguien con el rol de {role} usó el acceso de emergencia: abrió a un paciente que no es suyo.\n\n"
        "Apertura: {opened}\n"
        "Fin: {ends}\n"
        "Las horas son las de su clínica ({zone}).\n\n"
        "Quién fue y por qué está en esta página, una vez iniciada la sesión: {link}\n\n"
        "Por favor, revíselo e indíquelo allí. Ref {reference}\n"
    ),
)
ROLES: Final[Mapping[StaffRole, Text]] = {
    StaffRole.practice_admin: Text(en="practice admin", es="administración de la clínica"),
    StaffRole.clinician: Text(en="clinician", es="profesional de salud"),
    StaffRole.coordinator: Text(en="coordinator", es="coordinación"),
    StaffRole.auditor: Text(en="auditor", es="auditoría"),
    StaffRole.operator: Text(en="operator", es="operación técnica"),
}


@dataclass(frozen=True, slots=True)
class NoticeDraft:
    """What a notice is about. It has no id of a patient, nor of an access."""

    practice_id: str
    delivery_id: str
    generation: int
    opened: Opened
    language: Language
    useful_until: datetime
    open_tries: int = 0


def render_notice(draft: NoticeDraft, address: str, now: datetime, public_url: str) -> Message:
    """Return the message to `address`, written at `now`, with a link to the service at `public_url`."""
    opened, spoken = draft.opened, draft.language
    link, key = f"{public_url}/{REVIEW_PATH}", key_of(draft.practice_id, draft.delivery_id, draft.generation)
    values = {
        "role": ROLES[opened.role].in_language(spoken),
        "opened": _instant(opened.opened_at, opened.zone, spoken),
        "ends": _instant(opened.expires_at, opened.zone, spoken),
        "zone": opened.zone,
        "link": link,
        "reference": key[:REF_LENGTH],
    }
    subject = _SUBJECT.in_language(spoken)
    return Message(
        key=key,
        address=address,
        subject=subject,
        body=fill(_BODY.in_language(spoken), values),
        language=spoken,
        written_at=now,
        notice=subject,
        useful_until=draft.useful_until,
        open_tries=draft.open_tries,
        link=link,
    )


def _instant(at: datetime, zone: str, language: Language) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{day_words(local.date(), language)}, {local:%H:%M}"
