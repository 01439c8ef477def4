"""The token of a dry run: the request itself, the fingerprint of what it showed, and how long it may be applied.

Sealed for one subject of one practice, so that nobody reads or changes it; a free text of the request is inside.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from models.private import SealError, seal, unseal
from service.errors import Fault, InvalidError

VALID_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DryRunToken:
    """An opened token. `body` is the request of the dry run; `id` is the same for the same token, however written."""

    id: str
    body: dict[str, Any]
    fingerprint: str
    expires_at: datetime


def issue(practice_id: str, subject: str, *, body: dict[str, Any], fingerprint: str, expires_at: datetime) -> str:
    """Return a token for a dry run of `body`. `subject` says of what, such as move/EPISODE."""
    content = {"body": body, "fingerprint": fingerprint, "expires_at": expires_at}
    sealed = seal(orjson.dumps(content).decode(), f"{practice_id}/{subject}")
    return base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")


def open_token(token: str, practice_id: str, subject: str, *, expected: str) -> DryRunToken:
    """Return what a token holds. Raises InvalidError for one that is not of this practice and subject."""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        content = orjson.loads(unseal(sealed, f"{practice_id}/{subject}"))
    except (SealError, binascii.Error, ValueError):
        raise InvalidError(Fault("/token", expected, "another text")) from None
    digest = base64.b32encode(hashlib.sha256(sealed).digest()[:20]).decode("ascii").lower()
    expires_at = datetime.fromisoformat(content["expires_at"])
    return DryRunToken(digest, content["body"], content["fingerprint"], expires_at)
