"""What all push providers have in common: how long a message may wait, what it says, and how an answer is judged.

A push says that something waits, and bears the message's key, by which an app fetches it or replaces an earlier one.
"""

import re
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Fault, Message, Refusal, Result, Wake
from schedules.delivery.channels.http import Answer, retry_after

MESSAGE_KEY = "message_key"
# All wake-ups of a device are one: a provider keeps the last. The word is the same for everybody, so it tells nothing.
WAKE_KEY = "wake"
LONGEST_WAIT = timedelta(days=28)  # providers refuse a message that is to be kept for longer
TOO_LATE = Result(AttemptOutcome.refused, "too_late")
# A refusal of ourselves: no message goes out until somebody sets it right.
NOT_KNOWN = Result(AttemptOutcome.refused, "credentials", fault=Fault.credentials)
_CODE = re.compile(r"[A-Za-z_]{1,40}")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9:%_.=+-]{1,128}")


def read_key(pem: str, kind: type[Any], name: str) -> Any:
    """Return a provider's signing key. Raises ValueError, which names the setting and nothing of the key."""
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, kind):
        raise ValueError(f"{name}: expected a key of the kind that the provider gives, got another or none")
    return key


def seconds_of_use(message: Message | Wake) -> int:
    """Return for how many whole seconds a provider may keep the message: never beyond its use. 0: it may not be sent.

    A provider takes 0 as "now or never", which a phone that is off for a minute would turn into silence.
    """
    return int(min(message.useful_until - message.written_at, LONGEST_WAIT).total_seconds())


def notification(message: Message) -> dict[str, str]:
    """Return the words that stand on a lock screen."""
    return {"title": message.subject, "body": message.notice}


def judge(answer: Answer, code: str | None = None) -> Result:
    """Return what an answer means that took no message. `code` is the provider's own, by default the HTTP status."""
    status, told = answer.status, code or str(answer.status)
    wait = retry_after(answer) if status in (429, 503) else None
    if status == 429 or wait is not None:
        return Result(AttemptOutcome.refused, told, retry_after=wait)
    if status in (401, 403):
        return NOT_KNOWN
    if 400 <= status < 500:
        return Result(AttemptOutcome.refused, told, Refusal.message)
    # A server error, or a yes that cannot be read, may come after the message was taken; a redirect took nothing.
    is_redirect = 300 <= status < 400
    return Result(AttemptOutcome.refused if is_redirect else AttemptOutcome.unknown, told)


def code_of(told: Any) -> str | None:
    """Return a provider's code for a refusal; None for anything that might be its free text."""
    return told if isinstance(told, str) and _CODE.fullmatch(told) else None


def id_of(told: Any) -> str | None:
    """Return a provider's name for a message that it took; None if it cannot be one."""
    return told if isinstance(told, str) and _MESSAGE_ID.fullmatch(told) else None
