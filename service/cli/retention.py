"""`flask retention`: removes what is past its term, and with `--records` erases whoever the clinic need not keep."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session, sessionmaker

from models import Practice
from models.audit import ActorKind
from models.engine import scrub
from models.isolation import reading_practice
from schedules.keeping.removal import remove_batch
from schedules.keeping.terms import Terms, count_past
from service.care.erasure_ledger import LedgerError, add_to_ledger
from service.care.retention import erase_over, find_over
from service.cli.context import choose_practice, clock, fail, list_practices, sessions, settings

MOST = 500


@click.command("retention")
@click.option("--practice", "slug", help="The clinic's slug; without it every clinic has its turn.")
@click.option("--records", is_flag=True, help="Also erase patients after the clinic's `records_kept_years`.")
@click.option("--most", type=click.IntRange(1, 100_000), default=MOST, help="Most patients to erase at one run.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@with_appcontext
def retention(slug: str | None, most: int, *, records: bool, dry_run: bool) -> None:
    """Remove what is past its term, as the worker does at night. Stop it whenever you like; run again, it goes on."""
    now = clock().now()
    with sessions() as make_session:
        with make_session() as session:
            practices = list_practices(session) if slug is None else [choose_practice(session, slug)]
            practices = list(practices)
            session.expunge_all()
        if dry_run:
            for practice in practices:
                _preview(make_session, practice, now)
            return
        _remove(make_session, practices, now)
        if records:
            _erase(make_session, practices, now, most)
            scrub(make_session.kw["bind"])


def _preview(make_session: sessionmaker[Session], practice: Practice, now: datetime) -> None:
    with reading_practice(make_session, practice.id) as session:
        past = count_past(session, practice.id, _terms(), now)
    over = find_over(make_session, practice.id, now)
    print(f"{practice.slug}:")
    for name, count in past.items():
        print(f"{count:>8} rows of {name} past their term")
    print(f"{len(over):>8} patients whose years are over")
    for patient_id in over:
        print(f"         {patient_id}")


def _remove(make_session: sessionmaker[Session], practices: Sequence[Practice], now: datetime) -> None:
    """Give each clinic its turn until none has anything left."""
    waiting, count = list(practices), 0
    while waiting:
        left = []
        for practice in waiting:
            removed = remove_batch(make_session, practice.id, _terms(), now, actor=ActorKind.command)
            count += sum(removed.values())
            left += [practice] if removed else []
        waiting = left
    print(f"{count} rows removed.")


def _erase(make_session: sessionmaker[Session], practices: Sequence[Practice], now: datetime, most: int) -> None:
    enter, count = partial(add_to_ledger, Path(settings().erasure_ledger)), 0
    due = [(practice.id, iter(find_over(make_session, practice.id, now))) for practice in practices]
    try:
        for practice_id, patient_id in _in_turns(due):
            if count == most:
                break
            count += erase_over(make_session, practice_id, patient_id, now, enter=enter)
    except LedgerError as error:
        fail(f"{count} patients erased, then no more: {error}.")
    print(f"{count} patients erased.")


def _in_turns(due: Sequence[tuple[str, Iterator[str]]]) -> Iterator[tuple[str, str]]:
    """Yield one patient of each clinic after the other."""
    waiting = list(due)
    while waiting:
        for each in list(waiting):
            patient_id = next(each[1], None)
            if patient_id is None:
                waiting.remove(each)
            else:
                yield each[0], patient_id


def _terms() -> Terms:
    return Terms.of_days(**settings().kept_days)


COMMANDS = (retention,)
