"""`flask staff list`, `invite`, `reset-password`, `reset-second-factor`, `disable`: who signs in, and with what.

A code is printed once, on standard output; whoever runs the command hands it over. No secret stands on a command line.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Practice, Staff, StaffCredential, journal
from models.audit import ActorKind, AuditAction
from models.sign_in import CodePurpose
from service.cli.context import choose_practice, clock, fail, sessions
from service.cli.tokens import find_staff, staff_commands
from service.identity.codes import IssuedCode
from service.identity.invitations import end_sign_in_codes, issue_sign_in_code
from service.identity.passkeys import forget_passkeys
from service.identity.second_factor import forget_authenticator, lock_credential
from service.identity.sessions import end_every_token, end_sessions

_slug = click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")
_email = click.option("--email", required=True, help="Their e-mail address.")


@staff_commands.command("list")
@_slug
def list_staff(slug: str | None) -> None:
    """Print the clinic's staff: id, role, how they sign in, name."""
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, slug)
        query = select(Staff).where(Staff.practice_id == practice.id).order_by(Staff.display_name, Staff.id)
        for staff in session.scalars(query):
            credential = session.get(StaffCredential, (practice.id, staff.id))
            print(f"{staff.id}\t{staff.role}\t{_state(staff, credential)}\t{staff.display_name}")


@staff_commands.command("invite")
@_slug
@_email
def invite(slug: str | None, email: str) -> None:
    """Print a code with which somebody sets their first password within 24 hours. Earlier codes end."""
    with _changed(slug, email, "flask staff invite") as (session, staff):
        credential = lock_credential(session, staff.practice_id, staff.id)
        if credential is not None and credential.password_hash is not None:
            fail("Expected somebody without a password; for a new one there is: flask staff reset-password")
        issued = issue_sign_in_code(session, staff, CodePurpose.invitation, clock().now())
    _print_code(issued)


@staff_commands.command("reset-password")
@_slug
@_email
def reset_password(slug: str | None, email: str) -> None:
    """Print a code with which somebody sets a new password within an hour. Their authenticator stays.

    The old password holds until then. Make sure who asks.
    """
    with _changed(slug, email, "flask staff reset-password") as (session, staff):
        issued = issue_sign_in_code(session, staff, CodePurpose.password_reset, clock().now())
    _print_code(issued)


@staff_commands.command("reset-second-factor")
@_slug
@_email
def reset_second_factor(slug: str | None, email: str) -> None:
    """Forget all that somebody signs in with, end their sessions, and print a code to begin anew.

    That is authenticator, passkeys, recovery codes and password, since whoever else knows the password could set up an
    authenticator of their own. Make sure who asks.
    """
    now = clock().now()
    with _changed(slug, email, "flask staff reset-second-factor") as (session, staff):
        credential = lock_credential(session, staff.practice_id, staff.id)
        if credential is not None:
            forget_authenticator(session, credential)
            forget_passkeys(session, staff.practice_id, staff.id)
            credential.password_hash = credential.password_changed_at = None
        end_sessions(session, staff.practice_id, staff.id, but=None, now=now)
        issued = issue_sign_in_code(session, staff, CodePurpose.invitation, now)
    _print_code(issued)


@staff_commands.command("disable")
@_slug
@_email
def disable(slug: str | None, email: str) -> None:
    """End somebody's access at once: sign-in, sessions, tokens and codes. What they entered stays under their name."""
    now = clock().now()
    with _changed(slug, email, "flask staff disable") as (session, staff):
        lock_credential(session, staff.practice_id, staff.id)
        staff.disabled_at = now
        end_every_token(session, staff.practice_id, staff.id, now)
        end_sign_in_codes(session, staff, now)
    print("Disabled.")


@contextmanager
def _changed(slug: str | None, email: str, command: str) -> Iterator[tuple[Session, Staff]]:
    """Yield an active member of staff to be changed, and commit with an entry of the audit trail."""
    with sessions() as make_session, make_session() as session:
        staff = _active(session, choose_practice(session, slug), email)
        yield session, staff
        act = journal.Act(ActorKind.command, None, AuditAction.token, command, about={"staff_id": staff.id})
        journal.append(session, staff.practice_id, act, clock().now())
        session.commit()


def _active(session: Session, practice: Practice, email: str) -> Staff:
    staff = find_staff(session, practice, email)
    if staff is None or staff.disabled_at is not None:
        fail("Expected --email of an active member of this clinic's staff.")
    return staff


def _state(staff: Staff, credential: StaffCredential | None) -> str:
    if staff.disabled_at is not None:
        return "disabled"
    if credential is None or credential.password_hash is None:
        return "no password"
    return "password only" if credential.totp_secret_sealed is None else "password and authenticator"


def _print_code(issued: IssuedCode) -> None:
    print(issued.code)
    print(f"Valid until {issued.expires_at:%Y-%m-%d %H:%M} UTC, once. It is not shown again.", file=sys.stderr)


COMMANDS = (staff_commands,)
