"""What a message says on each channel, in the patient's language: subject, body and notice. Pure.

Without the patient's consent to details a subject and a notice say only that something waits. Nobody reads replies, so
every message says so and gives the clinic's number. The Spanish words of a notice keep to the letters of an SMS, which
has no á, í, ó and ú.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time

from schedules.plan.emergency import emergency_words
from schedules.plan.placeholders import fill
from schedules.plan.protocol import Text
from schedules.plan.vocabulary import Language

LONGEST_SUBJECT = 120  # characters, with the patient's consent to details
LONGEST_LEAD = 300  # characters of a notice before whom to call, with that consent
SUBJECT = Text(en="A message from your care team", es="Un mensaje de su equipo de atención")
# What may stand on a lock screen: no diagnosis, procedure, name or answer (and a clinic's name may tell the first).
_SOMETHING_WAITS = Text(en="Your care team has a message for you.", es="Su equipo médico tiene un mensaje para usted.")
_SOMETHING_CHANGED = Text(en="Something that we told you has changed.", es="Algo que le dijimos ha cambiado.")
_CALL = Text(
    en="Please call {phone}. Replies are not read. Ref {reference}",
    es="Llame al {phone}. No se leen respuestas. Ref {reference}",
)
_CALL_NOW = Text(
    en="Please call us now: {phone}. Replies are not read. Ref {reference}",
    es="Llame ahora al {phone}. No se leen respuestas. Ref {reference}",
)
# The link tells one message from another, so that no reference is needed.
_READ_OR_CALL = Text(
    en="Read it: {link} Or call {phone}. Replies are not read.",
    es="Léalo: {link} O llame al {phone}. No se leen respuestas.",
)
_CALL_NOW_OR_READ = Text(
    en="Call us now: {phone}. Or read: {link} Replies are not read.",
    es="Llame ahora al {phone}. O léalo: {link} No se leen respuestas.",
)
_READ_HERE = Text(
    en="Read it here: {link}\nThe page asks for your date of birth. The link works once.",
    es="Léalo aquí: {link}\nLa página pide su fecha de nacimiento. El enlace sirve una sola vez.",
)
_CLOSING = Text(
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
_NO_ARRIVAL = Text(en="the time that we give you", es="la hora que le demos")


@dataclass(frozen=True, slots=True)
class Said:
    """One text of a protocol. `arrival_at` is the wall time at the hospital, None while it is not known."""

    text: Text
    arrival_at: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What a message is made of. `says` are the protocols' texts, in the order in which they are said.

    `country` (ISO 3166-1 alpha-2) is where the patient is. `with_details`: the patient agreed that subjects and notices
    say more than that something waits. `is_urgent`: something that was said is wrong now. `reference` tells two notices
    apart.
    """

    language: Language
    says: tuple[Said, ...]
    practice_name: str
    practice_phone: str
    country: str
    reference: str
    link: str
    with_details: bool = False
    is_urgent: bool = False

    @property
    def said(self) -> str:
        """Return the texts with their placeholders filled in: a paragraph each, what is alike said once."""
        return "\n\n".join(dict.fromkeys(self._say(each) for each in self.says))

    @property
    def subject(self) -> str:
        """Return the subject line: one line, whatever the text."""
        if self.with_details:
            return _one_line(self.said, LONGEST_SUBJECT)
        return SUBJECT.in_language(self.language)

    @property
    def body(self) -> str:
        """Return the whole text of an e-mail."""
        parts = (self.said, self._filled(_READ_HERE), self._filled(_CLOSING))
        return "\n\n".join(parts) + "\n"

    @property
    def notice(self) -> str:
        """Return what may stand on a lock screen, without the link."""
        return f"{self._lead} {self._filled(_CALL_NOW if self.is_urgent else _CALL)}"

    @property
    def sms(self) -> str:
        """Return an SMS: the notice with the link in it."""
        return f"{self._lead} {self._filled(_CALL_NOW_OR_READ if self.is_urgent else _READ_OR_CALL)}"

    @property
    def _lead(self) -> str:
        if self.with_details:
            return _one_line(self.said, LONGEST_LEAD)
        return (_SOMETHING_CHANGED if self.is_urgent else _SOMETHING_WAITS).in_language(self.language)

    def _say(self, each: Said) -> str:
        at = each.arrival_at
        values = {
            "phone": self.practice_phone,
            "emergency": emergency_words(self.country, self.language),
            "arrival": _NO_ARRIVAL.in_language(self.language) if at is None else time_words(at, self.language),
        }
        return fill(each.text.in_language(self.language), values)

    def _filled(self, words: Text) -> str:
        values: Mapping[str, str] = {
            "phone": self.practice_phone,
            "practice": self.practice_name,
            "link": self.link,
            "reference": self.reference,
        }
        return fill(words.in_language(self.language), values)


def _one_line(words: str, longest: int) -> str:
    line = " ".join(words.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def time_words(at: time, language: Language) -> str:
    """Return a wall time as it is said: 6:30 am."""
    morning, evening = ("a. m.", "p. m.") if language is Language.es else ("am", "pm")
    return f"{at.hour % 12 or 12}:{at.minute:02} {morning if at.hour < 12 else evening}"
