"""Passkeys of staff: to sign in with one alone or after the password, and to add and remove one's own."""

from typing import Any, Final

from service.api import examples_passkeys as examples
from service.api.passkey_bodies import (
    NewPasskeyBody,
    PasskeyAnswerBody,
    PasskeyOptionsView,
    PasskeysView,
    PasskeyView,
    SignInPasskeyBody,
)
from service.api.passkey_steps import (
    ask_fresh_factor,
    ask_new_passkey,
    ask_second_factor,
    ask_who_it_is,
    end_passkey,
    take_new_passkey,
    take_passkey,
)
from service.api.resource import Resource
from service.api.scope import caller
from service.api.sign_in_bodies import SessionTokenView
from service.api.staff_sign_in import session_token
from service.db import current_session
from service.identity.passkeys import list_passkeys

passkeys = Resource("passkeys", "Passkeys of staff, by WebAuthn. Their pages stand under PUBLIC_URL.")
_PROGRAM: Final = "api"  # whoever signs in here shows no cookie that a challenge could be bound to


@passkeys.post("/sign-in/passkey/options")
@passkeys.arguments(SignInPasskeyBody, example=examples.ASK)
@passkeys.response(200, PasskeyOptionsView, example=examples.REQUEST)
def ask_passkey(body: dict[str, Any]) -> Any:
    """Ask for a passkey: any of this site's, or with the challenge of a password one of its holder's."""
    challenge = body["challenge"]
    return {"options": ask_who_it_is(_PROGRAM) if challenge is None else ask_second_factor(challenge)}


@passkeys.post("/sign-in/passkey")
@passkeys.arguments(PasskeyAnswerBody, example=examples.ANSWER)
@passkeys.response(200, SessionTokenView, example=examples.SESSION_TOKEN)
def sign_in_with_passkey(body: dict[str, Any]) -> Any:
    """Begin a session with a passkey alone. Whatever was wrong, a refusal is the same 401."""
    return session_token(take_passkey(body["passkey"], _PROGRAM))


@passkeys.post("/me/step-up/options")
@passkeys.response(200, PasskeyOptionsView, example=examples.REQUEST)
def ask_passkey_again() -> Any:
    """Ask for a passkey of the caller's, to be sent to `/me/step-up`."""
    return {"options": ask_fresh_factor()}


@passkeys.get("/me/passkeys")
@passkeys.response(200, PasskeysView, example=examples.PASSKEYS)
def get_passkeys() -> Any:
    """List the caller's passkeys, the oldest first."""
    return {"items": list_passkeys(current_session(), caller().practice_id, caller().actor_id)}


@passkeys.post("/me/passkey-options")
@passkeys.response(200, PasskeyOptionsView, example=examples.CREATION)
def begin_passkey() -> Any:
    """Ask for a new passkey. Asks for a fresh second factor: 403 `step_up_required`."""
    return {"options": ask_new_passkey()}


@passkeys.post("/me/passkeys")
@passkeys.arguments(NewPasskeyBody, example=examples.NEW)
@passkeys.response(201, PasskeyView, example=examples.PASSKEY)
def store_passkey(body: dict[str, Any]) -> Any:
    """Add a passkey that was asked for in this session. Asks for a fresh second factor."""
    return take_new_passkey(body["name"], body["passkey"])


@passkeys.delete("/me/passkeys/<id:passkey_id>")
@passkeys.response(204)
def delete_passkey(passkey_id: str) -> Any:
    """Remove a passkey. Asks for a fresh second factor; the other sessions end."""
    end_passkey(passkey_id)
    return ""
