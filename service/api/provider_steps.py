"""The steps of a sign-in by the clinic's own provider, each with its commits and its audit entry.

No transaction is open while the provider is asked.
"""

from collections.abc import Mapping

from models import Staff
from service.api.scope import now, scope, settings
from service.api.settle import commit_refusal
from service.db import begin, current_session
from service.errors import NotFoundError, ProviderAwayError, SignInRefusedError
from service.identity.guarded_http import GuardedTransport
from service.identity.principal import Principal
from service.identity.provider import Asked, Client, Known, Provider, ProviderError
from service.identity.sign_in import FirstStep
from service.identity.single_sign_on import (
    BrowserKey,
    ask,
    client_of,
    find_asked,
    find_person,
    find_provider,
    go_on,
    provider_of,
    use_asked,
)


def send_to_provider(slug: str) -> tuple[str, BrowserKey]:
    """Return where somebody of a clinic goes to say who they are, and what their browser keeps meanwhile.

    Raises SignInRefusedError for a clinic without a provider, ProviderAwayError.
    """
    session = current_session()
    found = find_provider(session, slug)
    if found is None:
        raise SignInRefusedError
    key, client = BrowserKey.make(found.practice_id), client_of(found, settings().public_url)
    session.rollback()
    try:
        return _provider(client).address_for(ask(key, now())), key
    except ProviderError:
        raise ProviderAwayError from None


def check_provider(practice_id: str) -> str | None:
    """Return why the clinic's provider could not sign anybody in now; None if it answers as one.

    Raises NotFoundError for a clinic without one.
    """
    found = provider_of(current_session(), practice_id)
    if found is None:
        raise NotFoundError
    client = client_of(found, settings().public_url)
    current_session().rollback()
    try:
        _provider(client).check()
    except ProviderError as error:
        return error.code
    return None


def take_provider_answer(key: BrowserKey, answer: Mapping[str, str]) -> FirstStep:
    """Return the challenge for the second factor of whom the provider knows. An answer is judged once.

    Raises SignInRefusedError, whatever was wrong, and ProviderAwayError if the provider could not be asked.
    """
    session, asked = current_session(), find_asked(key, answer, now())
    found = provider_of(session, key.practice_id) if asked is not None else None
    if asked is None or found is None:
        raise SignInRefusedError
    client = client_of(found, settings().public_url)
    session.rollback()
    known = _ask_who_it_is(client, asked, answer)
    scope().reads = False  # a look so far, which kept nobody's turn while the provider was asked
    begin(reads=False)
    if not use_asked(session, key, asked, now()):
        raise SignInRefusedError
    if isinstance(known, ProviderError):
        error = ProviderAwayError() if known.is_away else SignInRefusedError()
        commit_refusal(key.practice_id, None, error, refused=known.code)
    staff = find_person(session, key.practice_id, known, now())
    if staff is None:
        commit_refusal(key.practice_id, None, SignInRefusedError(), refused="unknown_person")
    _note_who(staff)
    return go_on(session, staff, now())


def _ask_who_it_is(client: Client, asked: Asked, answer: Mapping[str, str]) -> Known | ProviderError:
    try:
        return _provider(client).who_is(asked, answer, now())
    except ProviderError as error:
        return error


def _provider(client: Client) -> Provider:
    return Provider(client, GuardedTransport(settings().sign_in_hosts or (), scope().clock))


def _note_who(staff: Staff) -> None:
    scope().principal = Principal(staff.practice_id, staff.id, role=staff.role)
    scope().about["by"] = "provider"
