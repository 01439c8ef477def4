"""`flask staff list`, `invite`, `set-role`, `reset-password`, `reset-second-factor`, `disable`, `enable`: who signs in.

A code is printed once, on standard output; whoever runs the command hands it over. No secret stands on a command line.
The rules are those of the pages and the API, but that a command is nobody of the staff.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click
from sqlalchemy.orm import Session

from models import Practice, Staff, journal
from models.audit import ActorKind, AuditAction
from models.people import StaffRole
from models.sign_in import CodePurpose
from service.care.staff import (
    Lost,
    Member,
    change_role,
    deactivate,
    find_by_email,
    issue_reset,
    list_members,
    reactivate,
    view_member,
)
from service.cli.context import choose_practice, clock, fail, sessions, settings
from service.cli.tokens import staff_commands
from service.errors import ConflictError
from service.identity.codes import IssuedCode
from service.identity.invitations import issue_sign_in_code

_slug = click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")
_email = click.option("--email", required=True, help="Their e-mail address.")


@staff_commands.command("list")
@_slug
def list_staff(slug: str | None) -> None:
    """Print the clinic's staff: id, role, how they sign in, name."""
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, slug)
        for member in list_members(session, practice.id, idle=_idle(), now=clock().now()):
            staff = member.staff
            print(f"{staff.id}\t{staff.role}\t{_state(member)}\t{staff.display_name}")


@staff_commands.command("invite")
@_slug
@_email
def invite(slug: str | None, email: str) -> None:
    """Print a code with which somebody sets their first password within 24 hours. Earlier codes end."""
    with _changed(slug, email, "flask staff invite") as (session, staff):
        if view_member(session, staff.practice_id, staff.id, idle=_idle(), now=clock().now()).has_password:
            fail("Expected somebody without a password; for a new one there is: flask staff reset-password")
        issued = issue_sign_in_code(session, staff, CodePurpose.invitation, clock().now())
    _print_code(issued)


@staff_commands.command("set-role")
@_slug
@_email
@click.option("--role", required=True, type=click.Choice([role.value for role in StaffRole]))
def set_role(slug: str | None, email: str, role: str) -> None:
    """Give somebody another role. Their sessions end. A clinic's last admin stays one."""
    with _changed(slug, email, "flask staff set-role", role=role) as (session, staff):
        before = change_role(session, staff.practice_id, staff.id, StaffRole(role), by=None, now=clock().now())
    print(f"{before.value} -> {role}")


@staff_commands.command("reset-password")
@_slug
@_email
def reset_password(slug: str | None, email: str) -> None:
    """Print a code with which somebody sets a new password within an hour. Their authenticator stays.

    The old password holds until then. Make sure who asks.
    """
    with _changed(slug, email, "flask staff reset-password") as (session, staff):
        issued = issue_reset(session, staff.practice_id, staff.id, Lost.password, by=None, now=clock().now())
    _print_code(issued)


@staff_commands.command("reset-second-factor")
@_slug
@_email
def reset_second_factor(slug: str | None, email: str) -> None:
    """Forget all that somebody signs in with, end their sessions, and print a code to begin anew.

    That is authenticator, passkeys, recovery codes and password, since whoever else knows the password could set up an
    authenticator of their own. Make sure who asks.
    """
    with _changed(slug, email, "flask staff reset-second-factor") as (session, staff):
        issued = issue_reset(session, staff.practice_id, staff.id, Lost.second_factor, by=None, now=clock().now())
    _print_code(issued)


@staff_commands.command("disable")
@_slug
@_email
def disable(slug: str | None, email: str) -> None:
    """End somebody's access at once: sign-in, sessions, tokens and codes. What they entered stays under their name."""
    with _changed(slug, email, "flask staff disable") as (session, staff):
        deactivate(session, staff.practice_id, staff.id, by=None, now=clock().now())
    print("Disabled.")


@staff_commands.command("enable")
@_slug
@_email
def enable(slug: str | None, email: str) -> None:
    """Let somebody who was disabled in again, and print a code with which they begin anew."""
    with _changed(slug, email, "flask staff enable", is_active=False) as (session, staff):
        issued = reactivate(session, staff.practice_id, staff.id, now=clock().now())
    _print_code(issued)


@contextmanager
def _changed(
    slug: str | None, email: str, command: str, *, is_active: bool = True, **about: str
) -> Iterator[tuple[Session, Staff]]:
    """Yield a member of staff to be changed, and commit with an entry of the audit trail."""
    with sessions() as make_session, make_session() as session:
        staff = _find(session, choose_practice(session, slug), email, is_active=is_active)
        try:
            yield session, staff
        except ConflictError as refused:
            fail("; ".join(f"Expected {each.expected}, got {each.got}." for each in refused.faults))
        told = {"staff_id": staff.id} | about
        act = journal.Act(ActorKind.command, None, AuditAction.token, command, about=told)
        journal.append(session, staff.practice_id, act, clock().now())
        session.commit()


def _find(session: Session, practice: Practice, email: str, *, is_active: bool) -> Staff:
    staff = find_by_email(session, practice.id, email)
    if staff is None or (staff.disabled_at is None) is not is_active:
        fail(f"Expected --email of {'an active' if is_active else 'a disabled'} member of this clinic's staff.")
    return staff


def _idle() -> timedelta:
    return timedelta(minutes=settings().session_idle_minutes)


def _state(member: Member) -> str:
    if member.staff.disabled_at is not None:
        return "disabled"
    if not member.has_password:
        return "no password"
    return "password and authenticator" if member.has_authenticator else "password only"


def _print_code(issued: IssuedCode) -> None:
    print(issued.code)
    print(f"Valid until {issued.expires_at:%Y-%m-%d %H:%M} UTC, once. It is not shown again.", file=sys.stderr)


COMMANDS = (staff_commands,)
