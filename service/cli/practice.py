"""`flask practice set`: what a clinic sets for all its plans. The same rules as `PATCH /api/v1/practice`."""

import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from models import journal
from models.audit import ActorKind, AuditAction
from schedules.addresses import LONGEST_URL
from schedules.signatures import read_secret
from service.care.practice import WEBHOOK_SECRET, set_practice
from service.care.webhooks import check_webhook
from service.cli.context import choose_practice, clock, fail, sessions, settings
from service.cli.tokens import practice_commands
from service.errors import InvalidError

NONE = "none"
_SHOWN = (
    "closed_on",
    "holiday_calendar",
    "opioid_free_hours",
    "own_caseload_only",
    "records_kept_years",
    "webhook_url",
    "workers_comp_percent",
)


@practice_commands.command("set")
@click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")
@click.option("--holiday-calendar", help="Country or region whose public holidays are closed, such as US-NY; or none.")
@click.option("--closed-on", type=click.DateTime(["%Y-%m-%d"]), multiple=True, help="A closed day; replaces the list.")
@click.option("--no-closed-days", is_flag=True, help="Empty the list of the clinic's own closed days.")
@click.option(
    "--opioid-free-hours", help="Hours since the last opioid, from 1, before driving may be cleared by rule; or none."
)
@click.option("--records-kept-years", help="Years after the last care that the law has records kept; or none.")
@click.option("--workers-comp-percent", type=click.IntRange(100, 300), help="100 changes nothing.")
@click.option("--own-caseload-only", type=click.Choice(["yes", "no"]), help="Staff see their own caseload alone.")
@click.option("--work-table", help="A TOML file of demand levels, or none for those of the protocols.")
@click.option("--webhook-url", help="Where the clinic's own system takes messages; or none.")
@click.option("--webhook-secret-file", help="A file with the secret that signs them: whsec_ and base64.")
@click.option("--ask-webhook-secret", is_flag=True, help="Ask for that secret at the terminal.")
def set_clinic(
    slug: str | None,
    webhook_url: str | None,
    webhook_secret_file: str | None,
    ask_webhook_secret: bool,  # noqa: FBT001 - an option
    **told: Any,
) -> None:
    """Change what is given of a clinic's settings, and print them as they stand. Secrets are never printed."""
    changes = _changes(**told) | _webhook(webhook_url, webhook_secret_file, is_asked=ask_webhook_secret)
    if changes.get("webhook_url") is not None:
        with _told_in_a_line():
            check_webhook(changes["webhook_url"], settings().webhook_hosts or ())
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, slug)
        session.refresh(practice, with_for_update={"key_share": True})
        with _told_in_a_line():
            view = set_practice(session, practice, changes)
        if view.changed:
            about = {"changed": list(view.changed)}
            act = journal.Act(ActorKind.command, None, AuditAction.write, "flask practice set", about=about)
            journal.append(session, practice.id, act, clock().now())
        session.commit()
    for name in _SHOWN:
        print(f"{name}: {_shown(getattr(view.settings, name))}")
    print(f"work_table: {'of the protocols' if view.settings.work_table is None else 'its own'}")
    if view.episodes_to_rebuild:
        print(f"{view.episodes_to_rebuild} open plans still stand as before: flask rebuild-plans", file=sys.stderr)


def _changes(
    *,
    holiday_calendar: str | None,
    closed_on: tuple[datetime, ...],
    no_closed_days: bool,
    opioid_free_hours: str | None,
    records_kept_years: str | None,
    workers_comp_percent: int | None,
    own_caseload_only: str | None,
    work_table: str | None,
) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if holiday_calendar is not None:
        changes["holiday_calendar"] = None if holiday_calendar == NONE else holiday_calendar
    if closed_on or no_closed_days:
        changes["closed_on"] = tuple(day.date() for day in closed_on)
    if opioid_free_hours is not None:
        changes["opioid_free_hours"] = None if opioid_free_hours == NONE else _hours(opioid_free_hours)
    if records_kept_years is not None:
        changes["records_kept_years"] = None if records_kept_years == NONE else _years(records_kept_years)
    if workers_comp_percent is not None:
        changes["workers_comp_percent"] = workers_comp_percent
    if own_caseload_only is not None:
        changes["own_caseload_only"] = own_caseload_only == "yes"
    if work_table is not None:
        changes["work_table"] = None if work_table == NONE else _read_table(Path(work_table))
    return changes


@contextmanager
def _told_in_a_line() -> Iterator[None]:
    """End the command with one line for settings that cannot be."""
    try:
        yield
    except InvalidError as error:
        fail("; ".join(f"{each.pointer}: expected {each.expected}, got {each.got}" for each in error.faults))


def _webhook(url: str | None, secret_file: str | None, *, is_asked: bool) -> dict[str, Any]:
    """Return what is given of the webhook. Its secret is no option: options stand in a shell's history."""
    changes: dict[str, Any] = {}
    if url is not None:
        if not 1 <= len(url) <= LONGEST_URL:
            fail(f"Expected --webhook-url of up to {LONGEST_URL} characters, or none.")
        changes["webhook_url"] = None if url == NONE else url
    if secret_file is not None:
        changes[WEBHOOK_SECRET] = _secret(_read_text(Path(secret_file)))
    elif is_asked:
        changes[WEBHOOK_SECRET] = _secret(click.prompt("Webhook secret", hide_input=True))
    return changes


def _secret(text: str) -> str:
    try:
        read_secret(text.strip())
    except ValueError:
        fail("Expected a webhook secret: whsec_ and 24 to 64 bytes in base64.")
    return text.strip()


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        fail("Expected --webhook-secret-file with a readable file.")


def _hours(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 720):
        fail("Expected --opioid-free-hours from 1 to 720, or none.")
    return int(text)


def _years(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 100):
        fail("Expected --records-kept-years from 0 to 100, or none.")
    return int(text)


def _read_table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        fail("Expected --work-table with a readable TOML file.")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or NONE
    return NONE if value is None else str(value)


COMMANDS = (practice_commands,)
