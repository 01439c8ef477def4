"""The clinic's own provider of sign-ins, for its admin: set, asked whether it is there, and forgotten."""

from dataclasses import dataclass

from flask import Response

from service.api.parsing import load_form
from service.api.provider_steps import check_provider
from service.api.scope import caller, settings
from service.api.settle import settled
from service.api.sign_in_provider import SignInProviderBody, forget_provider, store_provider
from service.dashboard.blueprint import clinic, typed, typed_secret
from service.dashboard.render import go_to, page
from service.db import begin, current_session
from service.errors import Fault, InvalidError
from service.identity.single_sign_on import ANSWERED_AT, provider_of

_PATH = "/clinic/practice/sign-in-provider"
_TEXTS = ("issuer", "client_id")


@dataclass(frozen=True, slots=True)
class Checked:
    """What the provider answered. `trouble` None: it is there."""

    trouble: str | None


@clinic.get("/practice/sign-in-provider")
@settled
def show_sign_in_provider() -> Response:
    """Show the clinic's provider, or a form for one."""
    return _provider()


@clinic.post("/practice/sign-in-provider")
@settled
def set_sign_in_provider() -> Response:
    """Set the clinic's provider."""
    try:
        sent = {name: typed(name) for name in _TEXTS} | {"client_secret": typed_secret("client_secret")}
        store_provider(load_form(SignInProviderBody(), sent))
    except InvalidError as refused:
        current_session().rollback()
        begin(reads=False)
        return _provider(status=422, faults=refused.faults)
    return go_to(_PATH)


@clinic.post("/practice/sign-in-provider/check")
@settled
def ask_sign_in_provider() -> Response:
    """Ask the provider whether it is there."""
    trouble = check_provider(caller().practice_id)
    begin(reads=False)
    return _provider(checked=Checked(trouble))


@clinic.post("/practice/sign-in-provider/forget")
@settled
def forget_sign_in_provider() -> Response:
    """Forget the clinic's provider, and whom it knows."""
    forget_provider()
    return go_to(_PATH)


def _provider(*, status: int = 200, faults: tuple[Fault, ...] = (), checked: Checked | None = None) -> Response:
    found = provider_of(current_session(), caller().practice_id)
    said = {name: typed(name) or getattr(found, name, "") for name in _TEXTS}
    return page(
        "sign_in_provider.html",
        status=status,
        faults=faults,
        said=said,
        provider=found,
        redirect_uri=settings().public_url + ANSWERED_AT,
        checked=checked,
    )
