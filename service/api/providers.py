"""What providers tell: receipts of messages, and patients' SMS. Public routes that check their own signatures.

Nothing is stored before its signature holds. A message that is not ours answers like one that is.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from flask import Response, request
from marshmallow import Schema, fields, validate

from models.receipts import ReceiptKind
from schedules.plan.vocabulary import Provider
from schedules.planning.receipts import Told, store_receipts
from schedules.signatures import is_signed
from service.api import examples_providers as examples
from service.api.fields import Instant, Text, WholeText
from service.api.resource import Resource
from service.api.scope import now, route_of, settings
from service.care.inbound import Sms, take_sms
from service.care.receipts import read_mail_event, read_sms_status
from service.db import current_session
from service.errors import BadRequestError, Fault, UnauthenticatedError
from service.identity.providers import is_signed_by_sms_provider
from service.logs import log_event

providers = Resource("providers", "What providers of messages tell, each request signed by its provider.")
MOST_EVENTS = 500
MOST_FIELDS = 200
_FORM = "application/x-www-form-urlencoded"
_TWIML = "text/xml"
View = Callable[..., Any]


class MailEventBody(Schema):
    """One event. `id` names it, `message_id` is the Message-ID of our mail, `code` an SMTP status such as 5.1.1."""

    id = Text(200, "the service's own name for the event", required=True)
    type = fields.String(
        required=True,
        validate=validate.OneOf([ReceiptKind.delivered, ReceiptKind.bounced, ReceiptKind.complained]),
        metadata={"expected": "one of delivered, bounced, complained"},
    )
    message_id = Text(300, "the Message-ID of the mail", required=True)
    at = Instant(required=True)
    code = fields.String(
        validate=WholeText("^[A-Za-z0-9._-]{1,64}$"),
        allow_none=True,
        metadata={"expected": "a status code such as 5.1.1, never free text"},
    )


class MailEventsBody(Schema):
    """What a mail service tells, several events at once."""

    events = fields.List(
        fields.Nested(MailEventBody),
        required=True,
        validate=validate.Length(max=MOST_EVENTS),
        metadata={"expected": f"a list of at most {MOST_EVENTS} events"},
    )


def _from_sms_provider(view: View) -> View:
    """Let `view` have the fields of a form that the SMS provider signed. Raises UnauthenticatedError for another."""

    @wraps(view)
    def check() -> Any:
        form = _form()
        query = request.query_string.decode("ascii", "replace")
        url = f"{settings().public_url}{request.path}" + f"?{query}" * bool(query)
        signature = request.headers.get("X-Twilio-Signature", "")
        if not is_signed_by_sms_provider(settings().sms_token, signature, url, form):
            raise UnauthenticatedError
        return view(dict(form))

    return check


def _from_mail_service(view: View) -> View:
    """Let `view` answer what the mail service signed within five minutes. Raises UnauthenticatedError for another."""

    @wraps(view)
    def check() -> Any:
        secret, body = settings().mail_events_secret, request.get_data(cache=True)
        headers = {name.lower(): value for name, value in request.headers.items()}
        if secret is None or not is_signed(secret, headers, body, now=now()):
            raise UnauthenticatedError
        return view()

    return check


def _form_of(example: dict[str, str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in example}}
    return {"required": True, "content": {_FORM: {"schema": schema, "example": example}}}


@providers.post("/providers/sms/status")
@_from_sms_provider
@providers.response(204)
@providers.doc(requestBody=_form_of(examples.SMS_STATUS))
def take_sms_status(form: dict[str, str]) -> None:
    """Take what the SMS provider tells of a message: its status callback, signed by `X-Twilio-Signature`."""
    told = read_sms_status(form, now())
    _store(Provider.sms, [] if told is None else [told])


@providers.post("/providers/sms/inbound")
@_from_sms_provider
@providers.response(200, description="TwiML: an answer, or none.", content_type=_TWIML)
@providers.doc(requestBody=_form_of(examples.SMS_INBOUND))
def take_inbound_sms(form: dict[str, str]) -> Response:
    """Take an SMS that somebody sent to the clinic's number, and answer it."""
    sms = Sms(form.get("MessageSid", ""), form.get("From", ""), form.get("Body", ""))
    answer = take_sms(current_session(), sms, route=route_of(), now=now()) if sms.message_id and sms.sender else None
    told = "" if answer is None else f"<Message>{escape(answer)}</Message>"
    content = f'<?xml version="1.0" encoding="UTF-8"?><Response>{told}</Response>'
    return Response(content, content_type=f"{_TWIML}; charset=utf-8")


@providers.post("/providers/mail/events")
@_from_mail_service
@providers.arguments(MailEventsBody, example=examples.MAIL_EVENTS)
@providers.response(204)
def take_mail_events(body: dict[str, Any]) -> None:
    """Take what a mail service tells of mails: a body signed by Standard Webhooks with `MAIL_EVENTS_SECRET`."""
    _store(Provider.smtp, [read_mail_event(event) for event in body["events"]])


def _store(provider: Provider, told: list[Told]) -> None:
    unknown = store_receipts(current_session(), provider, told, now())
    if unknown:
        log_event("receipt_of_unknown_message", route=route_of(), count=unknown)


def _form() -> list[tuple[str, str]]:
    try:
        text = request.get_data(cache=True).decode("utf-8")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadRequestError(Fault("", "a form in UTF-8", "other bytes")) from None
