"""`flask practice`, `flask staff` and `flask token`: a clinic, its staff and their sign-ins. A token is shown once."""

import re
import sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from models import Practice, Staff, journal
from models.audit import ActorKind, AuditAction
from models.ids import new_id
from models.people import StaffRole
from service.care.checks import is_phone_number
from service.care.practice import add_practice
from service.care.staff import NewMember, add_member, find_by_email
from service.cli.context import choose_practice, clock, fail, list_practices, sessions
from service.errors import ConflictError, InvalidError
from service.identity.tokens import STAFF_LIFE, issue_staff_token

practice_commands = AppGroup("practice", help="Clinics.")
staff_commands = AppGroup("staff", help="Members of a clinic's staff.")
token_commands = AppGroup("token", help="Sign-ins of staff for the API.")


@practice_commands.command("create")
@click.option("--slug", required=True, help="Short name in commands, such as hudson.")
@click.option("--name", required=True, help="The clinic's name.")
@click.option("--country", required=True, help="ISO 3166-1 alpha-2, such as US.")
@click.option("--time-zone", required=True, help="IANA zone, in which the medical day is counted.")
@click.option("--phone", required=True, help="What patients call, in E.164 such as +12125550100.")
def create_practice(slug: str, name: str, country: str, time_zone: str, phone: str) -> None:
    """Add a clinic and print its id."""
    _check_practice(slug=slug, country=country, time_zone=time_zone, phone=phone)
    with sessions() as make_session, make_session() as session:
        if any(each.slug == slug for each in list_practices(session)):
            fail(f"Expected a slug that no clinic has, got {slug}.")
        practice_id = new_id(clock().now())
        row = Practice(id=practice_id, slug=slug, name=name, country=country, time_zone=time_zone, phone=phone)
        add_practice(session, row)
        session.commit()
    print(practice_id)


@staff_commands.command("create")
@click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")
@click.option("--email", required=True, help="The e-mail address that names them in commands.")
@click.option("--name", required=True, help="The name that patients and colleagues see.")
@click.option("--role", required=True, type=click.Choice([role.value for role in StaffRole]))
def create_staff(slug: str | None, email: str, name: str, role: str) -> None:
    """Add a member of staff and print their id."""
    now = clock().now()
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, slug)
        try:
            staff = add_member(session, practice.id, NewMember(name=name, email=email, role=StaffRole(role)), now)
        except (ConflictError, InvalidError) as refused:
            fail("; ".join(f"Expected --{each.pointer[1:]} with {each.expected}." for each in refused.faults))
        session.commit()
    print(staff.id)


@token_commands.command("create")
@click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")
@click.option("--staff", "email", required=True, help="Their e-mail address.")
@click.option("--days", type=click.IntRange(1, 365), default=STAFF_LIFE.days, show_default=True)
def create_token(slug: str | None, email: str, days: int) -> None:
    """Print a new bearer token of a member of staff. It is not shown again."""
    now = clock().now()
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, slug)
        staff = find_by_email(session, practice.id, email)
        if staff is None or staff.disabled_at is not None:
            fail("Expected --staff with the e-mail address of an active member of this clinic's staff.")
        issued = issue_staff_token(session, staff, now, timedelta(days=days))
        _record_token(session, staff, now)
        session.commit()
    print(issued.secret)
    print(f"Valid until {issued.expires_at:%Y-%m-%d %H:%M} UTC. It is not shown again.", file=sys.stderr)


def _record_token(session: Session, staff: Staff, now: datetime) -> None:
    about = {"staff_id": staff.id}
    act = journal.Act(ActorKind.command, None, AuditAction.token, "flask token create", about=about)
    journal.append(session, staff.practice_id, act, now)


def _check_practice(*, slug: str, country: str, time_zone: str, phone: str) -> None:
    if not re.fullmatch("[a-z0-9][a-z0-9-]{0,63}", slug):
        fail("Expected --slug of lower-case letters, digits and hyphens.")
    if not re.fullmatch("[A-Z]{2}", country):
        fail("Expected --country with two capital letters.")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fail("Expected --time-zone with an IANA zone such as America/New_York.")
    if not is_phone_number(phone):
        fail("Expected --phone in E.164 such as +12125550100.")


COMMANDS = (practice_commands, staff_commands, token_commands)
