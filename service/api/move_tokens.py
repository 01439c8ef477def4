"""The token of a dry run: the request itself, the fingerprint of what it showed, and how long it may be applied.

Sealed for one episode of one practice, so that nobody reads or changes it; a free text of the request is inside.
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
class MoveToken:
    """An opened token. `body` is the request of the dry run; `id` is the same for the same token, however written."""

    id: str
    body: dict[str, Any]
    fingerprint: str
    expires_at: datetime


def issue(practice_id: str, episode_id: str, *, body: dict[str, Any], fingerprint: str, expires_at: datetime) -> str:
    """Return a token for a dry run of `body`."""
    content = {"body": body, "fingerprint": fingerprint, "expires_at": expires_at}
    sealed = seal(orjson.dumps(content).decode(), _place(practice_id, episode_id))
    return base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")


def open_token(token: str, practice_id: str, episode_id: str) -> MoveToken:
    """Return what a token holds. Raises InvalidError for one that is not of this practice and episode."""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        content = orjson.loads(unseal(sealed, _place(practice_id, episode_id)))
    except (SealError, binascii.Error, ValueError):
        raise InvalidError(Fault("/token", "the token of a dry run of this episode", "another text")) from None
    digest = base64.b32encode(hashlib.sha256(sealed).digest()[:20]).decode("ascii").lower()
    expires_at = datetime.fromisoformat(content["expires_at"])
    return MoveToken(digest, content["body"], content["fingerprint"], expires_at)


def _place(practice_id: str, episode_id: str) -> str:
    return f"{practice_id}/move/{episode_id}"
