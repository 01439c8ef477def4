"""How a provider proves that a request is its own: by a signature over what it sends. Compared in constant time.

A provider that is not set up cannot sign, so whatever comes in its name is refused.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence


def is_signed_by_sms_provider(token: str | None, signature: str, url: str, form: Sequence[tuple[str, str]]) -> bool:
    """Return whether Twilio, or a service that speaks its API, signed a request to `url` with the account's token.

    Its scheme: HMAC-SHA1 over the address as it was called and the form's fields, sorted by name, without separators.
    """
    if token is None:
        return False
    told = url + "".join(f"{name}{value}" for name, value in sorted(set(form)))
    digest = hmac.new(token.encode(), told.encode(), hashlib.sha1).digest()
    return hmac.compare_digest(base64.b64encode(digest), signature.encode("utf-8", "replace"))
