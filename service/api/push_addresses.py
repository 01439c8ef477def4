"""Push addresses: where the calling phone or browser takes messages. Nobody else sees them, and none is shown again."""

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, fields

from models.push import PushAddress, PushProvider
from models.push_forms import (
    LONGEST_ENDPOINT,
    LONGEST_TOKEN,
    Subscription,
    application_key,
    as_point,
    as_secret,
    is_admitted,
    is_endpoint,
    is_token,
)
from service.api import examples
from service.api.fields import Instant, Text, Word
from service.api.resource import Resource
from service.api.scope import caller, now, settings, show
from service.care.push_addresses import (
    RegisterAddress,
    find_push_address,
    forget_push_address,
    register_push_address,
)
from service.db import current_session
from service.errors import Fault, InvalidError, describe_private

push_addresses = Resource("push-address", "Where the calling device takes push messages.")


class KeysBody(Schema):
    """The keys of a browser's subscription, in base64url."""

    p256dh = Text(128, "a public key of the curve P-256 in base64url", required=True)
    auth = Text(64, "16 bytes in base64url", required=True)


class SubscriptionBody(Schema):
    """A browser's subscription, as its `toJSON()` gives it."""

    endpoint = Text(LONGEST_ENDPOINT, "an https address of a push service that the clinic admits", required=True)
    expiration_time = fields.Float(
        data_key="expirationTime",
        load_default=None,
        allow_none=True,
        metadata={"expected": "a number or null", "description": "Not heeded: most browsers give null."},
    )
    keys = fields.Nested(KeysBody, required=True)


class PushAddressBody(Schema):
    """A token of `fcm`, `apns` or `expo`, or for `web_push` a subscription."""

    provider = Word(PushProvider, required=True)
    token = Text(LONGEST_TOKEN, "the token that the provider gave to the app", load_default=None, allow_none=True)
    subscription = fields.Nested(
        SubscriptionBody, load_default=None, allow_none=True, metadata={"expected": "a browser's subscription"}
    )


class PushAddressView(Schema):
    """What is known of the device's address. `disabled_at`: since when its provider calls it dead, by which code.

    `web_push_key` is what a browser subscribes with; null where the clinic sends to none.
    """

    provider = Word(PushProvider, required=True, allow_none=True)
    registered_at = Instant(required=True, allow_none=True)
    disabled_at = Instant(required=True, allow_none=True)
    disabled_code = fields.String(required=True, allow_none=True)
    web_push_key = fields.String(required=True, allow_none=True)


@push_addresses.get("/push-address")
@push_addresses.response(200, PushAddressView)
def get_push_address() -> Any:
    """Return whether the calling device has an address, without the address."""
    show(str(caller().patient_id))
    return _view(find_push_address(current_session(), caller()))


@push_addresses.put("/push-address")
@push_addresses.arguments(PushAddressBody, example=examples.PUSH_ADDRESS)
@push_addresses.response(200, PushAddressView)
@push_addresses.alt_response(201, schema=PushAddressView, success=True)
def store_push_address(body: dict[str, Any]) -> Any:
    """Register the calling device's address in the place of its earlier one. Call it at each start of the app.

    Needs no `If-Match`: a device has one address, which it alone knows and changes.
    """
    command = RegisterAddress(body["provider"], _address(body))
    row, is_new = register_push_address(current_session(), caller(), command, now())
    show(row.patient_id)
    return _view(row), 201 if is_new else 200


@push_addresses.delete("/push-address")
@push_addresses.response(204)
def remove_push_address() -> Any:
    """Forget the calling device's address. A message that is on its way may still come."""
    show(str(caller().patient_id))
    forget_push_address(current_session(), caller())
    return ""


def _view(row: PushAddress | None) -> dict[str, Any]:
    key = settings().web_push_key
    told = {name: getattr(row, name, None) for name in PushAddressView().fields}
    return told | {"web_push_key": None if key is None else application_key(key)}


def _address(body: dict[str, Any]) -> str:
    """Return the address that a body gives, as it is stored. Raises InvalidError."""
    provider, token, subscription = body["provider"], body["token"], body["subscription"]
    if provider is PushProvider.web_push:
        return _subscription(subscription, token).text
    if subscription is not None:
        raise InvalidError(Fault("/subscription", f"none for {provider}", "a subscription"))
    if token is None or not is_token(provider, token):
        raise InvalidError(Fault("/token", f"a token of {provider}", describe_private(token)))
    return str(token)


def _subscription(told: dict[str, Any] | None, token: str | None) -> Subscription:
    if token is not None:
        raise InvalidError(Fault("/token", "none for web_push", describe_private(token)))
    return read_subscription_body(told)


def read_subscription_body(told: dict[str, Any] | None) -> Subscription:
    """Return a browser's subscription that a body gives. Raises InvalidError for one that is not taken."""
    if told is None:
        raise InvalidError(Fault("/subscription", "a browser's subscription", "nothing"))
    endpoint, keys = told["endpoint"], told["keys"]
    if not is_endpoint(endpoint) or not is_admitted(endpoint, settings().web_push_hosts):
        expected = "an https address of a push service that the clinic admits"
        raise InvalidError(Fault("/subscription/endpoint", expected, describe_private(endpoint)))
    p256dh = _read(as_point, keys, "p256dh", "a public key of the curve P-256 in base64url")
    return Subscription(endpoint, p256dh, _read(as_secret, keys, "auth", "16 bytes in base64url"))


def _read(reader: Callable[[str], bytes], keys: dict[str, str], name: str, expected: str) -> bytes:
    try:
        return reader(keys[name])
    except ValueError:
        raise InvalidError(Fault(f"/subscription/keys/{name}", expected, describe_private(keys[name]))) from None
