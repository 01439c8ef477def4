"""What providers send, signed as they sign it, and settings with which the service knows them."""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode

import orjson

from schedules.signatures import signed
from tests.api.conftest import API, Answer, Caller
from tests.clock import MONDAY_AFTERNOON

TOKEN = "sms-token"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PUBLIC_URL = "https://recovery.example.org"
KNOWN = {
    "public_url": PUBLIC_URL,
    "sms_account": "AC0123456789",
    "sms_token": TOKEN,
    "sms_sender": "+12125550100",
    "mail_events_secret": SECRET,
}
STATUS, INBOUND, EVENTS = "/providers/sms/status", "/providers/sms/inbound", "/providers/mail/events"


def sms_signature(path: str, form: dict[str, str], token: str = TOKEN) -> str:
    """Return the SMS provider's signature, made without the code under test."""
    told = PUBLIC_URL + API + path + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), told.encode(), "sha1").digest()).decode()


def send_form(who: Caller, path: str, form: dict[str, str], signature: str | None = None) -> Answer:
    """Send a form as the SMS provider does."""
    headers = {"X-Twilio-Signature": sms_signature(path, form) if signature is None else signature}
    kind = "application/x-www-form-urlencoded"
    return who.call("POST", path, data=urlencode(form), content_type=kind, headers=headers)


def send_events(
    who: Caller, *events: dict[str, Any], secret: str = SECRET, change: dict[str, str] | None = None
) -> Answer:
    """Send events as a mail service's adapter does on Monday afternoon; `change` overrides headers that were signed."""
    body = orjson.dumps({"events": events})
    name = hashlib.sha256(body).hexdigest()[:16]
    told = signed(secret, name, MONDAY_AFTERNOON, body)
    told |= {key.replace("_", "-"): value for key, value in (change or {}).items()}
    return who.call("POST", EVENTS, data=body, content_type="application/json", headers=told)
