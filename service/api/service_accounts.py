"""Programs of the clinic that call this API: each has a key of its own, which opens what its scopes say."""

from typing import Any

from marshmallow import Schema, fields, validate

from models.service_account import Scope
from service.api import examples_service_accounts as examples
from service.api.fields import Id, Instant, Text, Whole, Word
from service.api.resource import Resource
from service.api.scope import caller, now, scope
from service.db import current_session
from service.identity.service_accounts import (
    LIFE_DAYS,
    LONGEST_LIFE_DAYS,
    LONGEST_NAME,
    NewServiceAccount,
    list_service_accounts,
    make_service_account,
    revoke_service_account,
)
from service.identity.sessions import require_fresh

service_accounts = Resource(
    "service accounts", "Programs of the clinic that call this API, for its admin. Changes ask for a session."
)


class ServiceAccountBody(Schema):
    """What the program is called, what it may do, and for how many days."""

    name = Text(LONGEST_NAME, "a name in one line", required=True)
    scopes = fields.List(Word(Scope), required=True, validate=validate.Length(min=1, max=len(Scope)))
    days = Whole(1, LONGEST_LIFE_DAYS, "days", load_default=LIFE_DAYS)


class ServiceAccountView(Schema):
    """One program. `made_by` null: a command made it. `last_used_at` is told to the minute."""

    id = Id(required=True)
    name = Text(LONGEST_NAME, "a name", required=True)
    scopes = fields.List(Word(Scope), required=True)
    made_by = Id(required=True, allow_none=True)
    made_at = Instant(required=True)
    expires_at = Instant(required=True)
    last_used_at = Instant(required=True, allow_none=True)


class NewServiceAccountView(ServiceAccountView):
    """A new program with its key, which is not shown again."""

    key = Text(80, "the bearer token of the program's requests", required=True)


class ServiceAccountsView(Schema):
    """The programs whose keys have not ended."""

    items = fields.List(fields.Nested(ServiceAccountView), required=True)


@service_accounts.get("/service-accounts")
@service_accounts.response(200, ServiceAccountsView, example=examples.SERVICE_ACCOUNTS)
def get_service_accounts() -> Any:
    """List the clinic's programs whose keys have neither expired nor been revoked, the latest made first."""
    return {"items": [_told(each) for each in list_service_accounts(current_session(), caller().practice_id, now())]}


@service_accounts.post("/service-accounts")
@service_accounts.arguments(ServiceAccountBody, example=examples.SERVICE_ACCOUNT)
@service_accounts.response(201, NewServiceAccountView, example=examples.NEW_SERVICE_ACCOUNT)
def add_service_account(body: dict[str, Any]) -> Any:
    """Add a program. Its key is shown in this answer alone. Asks for a fresh second factor: 403 `step_up_required`."""
    require_fresh(caller(), now())
    wanted = NewServiceAccount(**body, made_by=caller().actor_id)
    account, key = make_service_account(current_session(), caller().practice_id, wanted, now())
    scope().about.update({"service_account_id": account.id, "scopes": account.scopes})
    return _told(account) | {"key": key}


@service_accounts.delete("/service-accounts/<id:account_id>")
@service_accounts.response(204)
def end_service_account(account_id: str) -> Any:
    """Revoke a program's key; it holds for the next request. Asks for a fresh second factor."""
    require_fresh(caller(), now())
    revoke_service_account(current_session(), caller().practice_id, account_id, now())
    scope().about["service_account_id"] = account_id
    return ""


def _told(account: Any) -> dict[str, Any]:
    names = ("id", "name", "made_by", "made_at", "expires_at", "last_used_at")
    return {name: getattr(account, name) for name in names} | {"scopes": [Scope(each) for each in account.scopes]}
