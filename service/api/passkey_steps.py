"""What is done with passkeys, each step with its commits and its audit entry. The API and the dashboard take the same.

A refusal is committed before it is raised: that a passkey was copied must outlast it.
"""

from models import Staff
from models.sign_in import Passkey
from service.api.scope import caller, now, scope, settings
from service.api.settle import commit_refusal
from service.api.sign_in_steps import Begun, begin_session
from service.db import current_session
from service.errors import SignInRefusedError, WrongSecretError
from service.identity.challenges import Ceremony
from service.identity.passkeys import (
    Asked,
    Site,
    Spoken,
    Verdict,
    add_passkey,
    ask_for_answer,
    ask_for_new,
    find_passkey,
    find_passkey_of,
    judge,
    list_passkeys,
    remove_passkey,
)
from service.identity.principal import Principal
from service.identity.second_factor import lock_credential
from service.identity.sessions import end_sessions, note_fresh, require_fresh, session_of
from service.identity.sign_in import find_sign_in


def ask_who_it_is(bound_to: str) -> Spoken:
    """Return what any passkey of this site may answer, to sign in with it alone."""
    return ask_for_answer(_asked(Ceremony.sign_in, bound_to), (), now())


def take_passkey(given: Spoken, bound_to: str) -> Begun:
    """Begin a session with a passkey alone: it is both factors. Raises SignInRefusedError, whatever was wrong."""
    session = current_session()
    passkey = find_passkey(session, given)
    if passkey is None:
        raise SignInRefusedError
    lock_credential(session, passkey.practice_id, passkey.staff_id)
    staff = session.get_one(Staff, (passkey.practice_id, passkey.staff_id), populate_existing=True)
    usable = passkey if staff.disabled_at is None else None
    _refuse_unless_right(usable, _asked(Ceremony.sign_in, bound_to), given, staff)
    scope().about["by"] = "passkey"
    return begin_session(staff)


def ask_second_factor(challenge: str) -> Spoken:
    """Return what a passkey answers in the place of a code. Raises SignInRefusedError for a sign-in that is over."""
    opened = find_sign_in(current_session(), challenge, now())
    known = list_passkeys(current_session(), opened.staff.practice_id, opened.staff.id)
    return ask_for_answer(_asked(Ceremony.second_factor, opened.challenge.id), known, now())


def take_passkey_as_second_factor(challenge: str, given: Spoken) -> Begun:
    """Begin a session with a passkey after the password. Raises SignInRefusedError."""
    opened = find_sign_in(current_session(), challenge, now())
    passkey = find_passkey_of(current_session(), opened.staff, given)
    _refuse_unless_right(passkey, _asked(Ceremony.second_factor, opened.challenge.id), given, opened.staff)
    scope().about["by"] = "passkey"
    opened.challenge.used_at = now()
    return begin_session(opened.staff)


def ask_fresh_factor() -> Spoken:
    """Return what a passkey of the caller's answers, to be a fresh second factor. Raises SessionRequiredError."""
    known = list_passkeys(current_session(), caller().practice_id, caller().actor_id)
    return ask_for_answer(_asked(Ceremony.step_up, session_of(caller()).id), known, now())


def take_passkey_as_fresh_factor(given: Spoken) -> None:
    """Note that the caller has given a second factor again. Raises SessionRequiredError, WrongSecretError."""
    session, who = current_session(), caller()
    lock_credential(session, who.practice_id, who.actor_id)
    staff = session.get_one(Staff, (who.practice_id, who.actor_id))
    passkey = find_passkey_of(session, staff, given)
    _refuse_unless_right(passkey, _asked(Ceremony.step_up, session_of(who).id), given, staff)
    note_fresh(session, who, now())
    scope().about.update({"changed": ["fresh"], "by": "passkey"})


def ask_new_passkey() -> Spoken:
    """Return what a new passkey of the caller's is made by. Raises SessionRequiredError, StepUpError."""
    session, who = current_session(), caller()
    _lock_fresh(who)
    staff = session.get_one(Staff, (who.practice_id, who.actor_id))
    return ask_for_new(session, _asked(Ceremony.registration, session_of(who).id), staff, now())


def take_new_passkey(name: str, given: Spoken) -> Passkey:
    """Return the caller's new passkey. Raises SessionRequiredError, StepUpError, InvalidError, ConflictError."""
    session, who = current_session(), caller()
    _lock_fresh(who)
    asked = _asked(Ceremony.registration, session_of(who).id)
    passkey = add_passkey(session, asked, who, name=name, given=given, now=now())
    scope().about.update({"changed": ["passkeys"], "passkey_id": passkey.id})
    return passkey


def end_passkey(passkey_id: str) -> None:
    """Remove one of the caller's passkeys, and end their other sessions, which it may have begun.

    Raises SessionRequiredError, StepUpError, NotFoundError.
    """
    session, who = current_session(), caller()
    _lock_fresh(who)
    remove_passkey(session, who, passkey_id)
    end_sessions(session, who.practice_id, who.actor_id, but=who.session, now=now())
    scope().about.update({"changed": ["passkeys"], "passkey_id": passkey_id})


def _lock_fresh(who: Principal) -> None:
    """Lock the credential of a caller who may change it, so that changes come one after the other."""
    require_fresh(who, now())
    lock_credential(current_session(), who.practice_id, who.actor_id)


def _asked(ceremony: Ceremony, bound_to: str) -> Asked:
    return Asked(Site.of(settings().public_url), ceremony, bound_to)


def _refuse_unless_right(passkey: Passkey | None, asked: Asked, given: Spoken, whose: Staff) -> None:
    """Raise SignInRefusedError, or WrongSecretError for who has a session, unless the passkey's answer is right."""
    verdict = Verdict.wrong if passkey is None else judge(current_session(), passkey, asked, given, now())
    if verdict is Verdict.right:
        return
    about = {"refused": "passkey_copied", "passkey_id": passkey.id} if passkey and verdict is Verdict.copied else {}
    if asked.ceremony is Ceremony.step_up:
        commit_refusal(whose.practice_id, whose.id, WrongSecretError(), **about)
    commit_refusal(whose.practice_id, None, SignInRefusedError(), staff_id=whose.id, **about)
