"""The clinic's own provider of sign-ins (single sign-on by OpenID Connect), for its admin."""

from concurrent.futures import Future
from typing import Any

from marshmallow import Schema, fields

from models import SignInProvider
from schedules.addresses import AddressError, check_url, find_addresses, look_up
from service.api import examples_sign_in as examples
from service.api.fields import Text
from service.api.provider_steps import check_provider
from service.api.resource import Resource
from service.api.scope import caller, now, scope, settings
from service.care.webhooks import LOOK_UP_WITHIN
from service.db import begin, current_session
from service.errors import Fault, InvalidError, NotFoundError
from service.identity.provider import Client
from service.identity.sessions import require_fresh
from service.identity.single_sign_on import (
    ANSWERED_AT,
    LONGEST_CLIENT,
    LONGEST_ISSUER,
    LONGEST_SECRET,
    drop_provider,
    provider_of,
    set_provider,
)

sign_in_provider = Resource("sign-in provider", "The clinic's own provider of sign-ins, for its admin.")


class SignInProviderBody(Schema):
    """Who signs staff in, and what the clinic is there. The secret is never shown."""

    issuer = Text(LONGEST_ISSUER, "the issuer's https address, as the provider itself writes it", required=True)
    client_id = Text(LONGEST_CLIENT, "the clinic's id at the provider", required=True)
    client_secret = Text(LONGEST_SECRET, "the clinic's secret at the provider", required=True)


class SignInProviderView(Schema):
    """Who signs staff in. The provider must know `redirect_uri` as where it sends people back to."""

    issuer = Text(LONGEST_ISSUER, "the issuer", required=True)
    client_id = Text(LONGEST_CLIENT, "the clinic's id there", required=True)
    redirect_uri = Text(LONGEST_ISSUER, "where it sends people back to", required=True)


class ProviderCheckView(Schema):
    """What the provider answered. `code`: why it signs nobody in now."""

    answers = fields.Boolean(required=True)
    code = fields.String(required=True, allow_none=True)


@sign_in_provider.get("/practice/sign-in-provider")
@sign_in_provider.response(200, SignInProviderView, example=examples.PROVIDER)
def get_sign_in_provider() -> Any:
    """Return the clinic's own provider of sign-ins."""
    found = provider_of(current_session(), caller().practice_id)
    if found is None:
        raise NotFoundError
    return _told(found)


@sign_in_provider.put("/practice/sign-in-provider")
@sign_in_provider.arguments(SignInProviderBody, example=examples.NEW_PROVIDER)
@sign_in_provider.response(200, SignInProviderView, example=examples.PROVIDER)
def store_sign_in_provider(body: dict[str, Any]) -> Any:
    """Set the clinic's own provider of sign-ins. Asks for a fresh second factor: 403 `step_up_required`."""
    return _told(store_provider(body))


@sign_in_provider.delete("/practice/sign-in-provider")
@sign_in_provider.response(204)
def delete_sign_in_provider() -> Any:
    """Forget the clinic's own provider of sign-ins, and whom it knows. Asks for a fresh second factor."""
    forget_provider()
    return ""


@sign_in_provider.get("/practice/sign-in-provider/check")
@sign_in_provider.response(200, ProviderCheckView, example=examples.PROVIDER_CHECK)
def check_sign_in_provider() -> Any:
    """Ask the clinic's own provider whether it is there: its description, under the very issuer, and its keys.

    It takes up to ten seconds. Whether the clinic's id and secret are right, a sign-in alone shows.
    """
    trouble = check_provider(caller().practice_id)
    return {"answers": trouble is None, "code": trouble}


def store_provider(body: dict[str, str]) -> SignInProvider:
    """Set the clinic's provider. Raises StepUpError, InvalidError for an issuer that may not be called."""
    require_fresh(caller(), now())
    current_session().rollback()
    _refuse_unless_may_be_called(body["issuer"])
    begin(reads=False)
    scope().about["changed"] = ["sign_in_provider"]
    return set_provider(current_session(), caller().practice_id, Client(**body, redirect_uri=""))


def forget_provider() -> None:
    """Forget the clinic's provider, and whom it knows. Raises StepUpError, NotFoundError."""
    require_fresh(caller(), now())
    drop_provider(current_session(), caller().practice_id)
    scope().about["changed"] = ["sign_in_provider"]


def _refuse_unless_may_be_called(issuer: str) -> None:
    try:
        find_addresses(check_url(issuer, settings().sign_in_hosts or ()), LOOK_UP_WITHIN, Future(), look_up)
    except AddressError as error:
        raise InvalidError(Fault("/issuer", error.expected, error.code)) from None


def _told(provider: Any) -> dict[str, str]:
    redirect_uri = settings().public_url + ANSWERED_AT
    return {"issuer": provider.issuer, "client_id": provider.client_id, "redirect_uri": redirect_uri}
