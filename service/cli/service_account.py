"""`flask service-account create`, `list`, `revoke`: programs of a clinic. A key is printed once, on standard output."""

import sys

import click
from flask.cli import AppGroup

from models import journal
from models.audit import ActorKind, AuditAction
from models.service_account import Scope
from service.cli.context import choose_practice, clock, fail, sessions
from service.errors import ServiceError
from service.identity.service_accounts import (
    LIFE_DAYS,
    LONGEST_LIFE_DAYS,
    LONGEST_NAME,
    NewServiceAccount,
    list_service_accounts,
    make_service_account,
    revoke_service_account,
)

service_account_commands = AppGroup("service-account", help="Programs of a clinic that call the API.")
_slug = click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")


@service_account_commands.command("create")
@_slug
@click.option("--name", required=True, help="What the clinic calls the program.")
@click.option("--scope", "scopes", required=True, multiple=True, type=click.Choice([each.value for each in Scope]))
@click.option("--days", type=click.IntRange(1, LONGEST_LIFE_DAYS), default=LIFE_DAYS, show_default=True)
def create_service_account(slug: str | None, name: str, scopes: tuple[str, ...], days: int) -> None:
    """Add a program and print its key. It is not shown again."""
    if len(name) > LONGEST_NAME:
        fail(f"Expected --name of 1 to {LONGEST_NAME} characters.")
    now, wanted = clock().now(), NewServiceAccount(name=name, scopes=[Scope(each) for each in scopes], days=days)
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, slug)
        try:
            account, key = make_service_account(session, practice.id, wanted, now)
        except ServiceError as error:
            fail(f"Expected {error.faults[0].expected}.")
        about = {"service_account_id": account.id, "scopes": account.scopes}
        act = journal.Act(ActorKind.command, None, AuditAction.token, "flask service-account create", about=about)
        journal.append(session, practice.id, act, now)
        session.commit()
    print(key)
    print(f"Valid until {account.expires_at:%Y-%m-%d %H:%M} UTC. It is not shown again.", file=sys.stderr)


@service_account_commands.command("list")
@_slug
def print_service_accounts(slug: str | None) -> None:
    """Print the clinic's programs: id, scopes, until when, last used, name."""
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, slug)
        for each in list_service_accounts(session, practice.id, clock().now()):
            used = "never" if each.last_used_at is None else f"{each.last_used_at:%Y-%m-%d %H:%M}"
            print(f"{each.id}\t{','.join(each.scopes)}\t{each.expires_at:%Y-%m-%d}\t{used}\t{each.name}")


@service_account_commands.command("revoke")
@_slug
@click.argument("account_id")
def end_service_account(slug: str | None, account_id: str) -> None:
    """End a program's key at once."""
    now = clock().now()
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, slug)
        try:
            revoke_service_account(session, practice.id, account_id, now)
        except ServiceError:
            fail("Expected the id of a program whose key has not been revoked: flask service-account list")
        about = {"service_account_id": account_id}
        act = journal.Act(ActorKind.command, None, AuditAction.token, "flask service-account revoke", about=about)
        journal.append(session, practice.id, act, now)
        session.commit()


COMMANDS = (service_account_commands,)
