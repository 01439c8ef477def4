"""What a phone must know without a network: whom to call, the red flags with questions, who watches. Pure.

Texts keep `{number}` and `{phone}` open: the app fills in the number of the country where the patient is, or
`words.local_number` where it is not known, and the clinic's phone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schedules.plan.corrections import OPENING
from schedules.plan.emergency import EMERGENCY_NUMBERS, LOCAL_NUMBER, NOT_MONITORED
from schedules.plan.red_flag import RedFlag
from schedules.plan.red_flag_questions import QUESTIONS
from schedules.plan.red_flags import RED_FLAGS


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyContent:
    """What stands on a clinic's card, as rows and the wire carry it, but for who is on call."""

    name: str
    phone: str
    country: str
    time_zone: str
    emergency_numbers: Mapping[str, str]
    not_monitored: Mapping[str, str]
    red_flags: list[dict[str, Any]]
    words: Mapping[str, Mapping[str, str]]


def compose_safety_card(*, name: str, phone: str, country: str, time_zone: str) -> SafetyContent:
    """Return the card of a clinic: `phone` in E.164, `country` as ISO 3166-1 alpha-2, `time_zone` as IANA name."""
    return SafetyContent(
        name=name,
        phone=phone,
        country=country,
        time_zone=time_zone,
        emergency_numbers=dict(sorted(EMERGENCY_NUMBERS.items())),
        not_monitored=NOT_MONITORED.by_language(),
        red_flags=[_told(flag, order) for order, flag in enumerate(RED_FLAGS, start=1)],
        words={"local_number": LOCAL_NUMBER.by_language(), "correction": OPENING.by_language()},
    )


def _told(flag: RedFlag, order: int) -> dict[str, Any]:
    return {
        "key": flag.key,
        "order": order,
        "urgency": flag.urgency.value,
        "text": flag.text.by_language(),
        "question": QUESTIONS[flag.key].by_language(),
        "what_to_do": flag.what_to_do.by_language(),
        "sources": list(flag.sources),
    }
