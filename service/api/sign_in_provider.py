"""The clinic's own provider of sign-ins (single sign-on by OpenID Connect), for its admin."""

from concurrent.futures import Future
from typing import Any

from marshmallow import Schema

from schedules.addresses import AddressError, check_url, find_addresses, look_up
from service.api import examples_sign_in as examples
from service.api.fields import Text
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
    require_fresh(caller(), now())
    current_session().rollback()
    _refuse_unless_may_be_called(body["issuer"])
    begin(reads=False)
    scope().about["changed"] = ["sign_in_provider"]
    return _told(set_provider(current_session(), caller().practice_id, Client(**body, redirect_uri="")))


@sign_in_provider.delete("/practice/sign-in-provider")
@sign_in_provider.response(204)
def delete_sign_in_provider() -> Any:
    """Forget the clinic's own provider of sign-ins, and whom it knows. Asks for a fresh second factor."""
    require_fresh(caller(), now())
    drop_provider(current_session(), caller().practice_id)
    scope().about["changed"] = ["sign_in_provider"]
    return ""


def _refuse_unless_may_be_called(issuer: str) -> None:
    try:
        find_addresses(check_url(issuer, settings().sign_in_hosts or ()), LOOK_UP_WITHIN, Future(), look_up)
    except AddressError as error:
        raise InvalidError(Fault("/issuer", error.expected, error.code)) from None


def _told(provider: Any) -> dict[str, str]:
    redirect_uri = settings().public_url + ANSWERED_AT
    return {"issuer": provider.issuer, "client_id": provider.client_id, "redirect_uri": redirect_uri}
