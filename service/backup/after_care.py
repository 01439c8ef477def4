"""What a restored database needs before anybody is served from it: it must send nothing twice and revive nothing.

Between the backup and its restore messages went out, tokens were revoked, codes were used and phones moved on, and the
restored rows know nothing of it. All of it is one transaction. The steps stand in their order: whatever takes persons
or their messages out for good comes before messages are held, so that nothing of theirs is held.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select, true, update
from sqlalchemy.orm import Session

from models import journal
from models.audit import ActorKind, AuditAction
from models.calendar import CalendarFeed
from models.identity import EnrolmentCode, Token
from models.link import MessageLink
from models.practice import Practice
from models.replies import KeptReply
from models.service_account import ServiceAccount
from models.sign_in import SignInCode
from models.sync import SyncClock
from models.watch import WorkerHeartbeat
from schedules.planning.held import hold_what_may_have_gone_out
from service.care.erasure import reapply
from service.care.erasure_ledger import LedgerEntry

# More than a clinic's changes between two backups: no revision, and so no ETag, of the lost time is given out again.
REVISIONS_LEFT_OUT = 1_000_000
# An epoch is at least the days since then: on a machine that knows nothing of an earlier restore it is a new one too.
_EPOCHS_SINCE = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class Restored:
    """What is known of a restore: by which command, when, from what time, and the epochs of what it replaced.

    `ledger`: who was erased, at whatever time. It lies outside of the database.
    """

    command: str
    at: datetime
    made_at: datetime | None = None  # of the backup
    former_epochs: Mapping[str, int] = field(default_factory=dict)
    ledger: Sequence[LedgerEntry] = ()


@dataclass(frozen=True, slots=True)
class CaredFor:
    """What became of one practice."""

    slug: str
    erased: int
    epoch: int
    ended: int
    held: int


def take_care(session: Session, restored: Restored) -> list[CaredFor]:
    """Make a restored database of the newest schema fit to be served from, and return what was done."""
    session.execute(
        update(WorkerHeartbeat)
        .where(WorkerHeartbeat.stopped_at.is_(None))
        .values(stopped_at=restored.at)
        .execution_options(synchronize_session=False)
    )
    practices = session.scalars(select(Practice).order_by(Practice.id)).all()
    erased = reapply(session, restored.ledger, restored.at)
    return [_take_care_of(session, each, restored, len(erased.get(each.id, ()))) for each in practices]


def _take_care_of(session: Session, practice: Practice, restored: Restored, erased: int) -> CaredFor:
    counts = {"erased": erased} | {name: step(session, practice.id, restored) for name, step in _STEPS}
    told = {} if restored.made_at is None else {"made_at": restored.made_at.isoformat()}
    act = journal.Act(ActorKind.command, None, AuditAction.write, restored.command, about=counts | told)
    journal.append(session, practice.id, act, restored.at)
    return CaredFor(practice.slug, **counts)


def _begin_epoch(session: Session, practice_id: str, restored: Restored) -> int:
    """Have every device replace what it holds: what it got after the backup may never have been."""
    clock = session.get_one(SyncClock, practice_id, with_for_update=True)
    days = (restored.at.date() - _EPOCHS_SINCE).days
    clock.epoch = max(clock.epoch + 1, restored.former_epochs.get(practice_id, 0) + 1, days)
    clock.revision += REVISIONS_LEFT_OUT
    return clock.epoch


def _end_what_signs_in(session: Session, practice_id: str, restored: Restored) -> int:
    """End every token, session, begun sign-in, code and link, and return how many: which were ended is not known."""
    ended = _change(session, Token, practice_id, Token.revoked_at.is_(None), revoked_at=restored.at)
    ended += _change(session, ServiceAccount, practice_id, ServiceAccount.revoked_at.is_(None), revoked_at=restored.at)
    # They end with their making: whatever clock judges them, it is later.
    for model in (EnrolmentCode, SignInCode):
        ended += _change(session, model, practice_id, model.used_at.is_(None), expires_at=model.made_at)
    # A browser may have one open, which counts as long as it is known to have been opened.
    ended += _change(session, MessageLink, practice_id, true(), expires_at=MessageLink.made_at, opened_at=None)
    ended += _change(session, CalendarFeed, practice_id, CalendarFeed.revoked_at.is_(None), revoked_at=restored.at)
    forgotten = delete(KeptReply).where(KeptReply.practice_id == practice_id)
    session.execute(forgotten.execution_options(synchronize_session=False))
    return ended


def _hold_messages(session: Session, practice_id: str, restored: Restored) -> int:
    return hold_what_may_have_gone_out(session, practice_id, restored.at)


_Step = Callable[[Session, str, Restored], int]
_STEPS: tuple[tuple[str, _Step], ...] = (
    ("epoch", _begin_epoch),
    ("ended", _end_what_signs_in),
    ("held", _hold_messages),
)


def _change(session: Session, model: Any, practice_id: str, which: Any, **values: Any) -> int:
    statement = update(model).where(model.practice_id == practice_id, which).values(**values)
    kept = statement.execution_options(synchronize_session=False, preserve_rowcount=True)
    return int(session.execute(kept).rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has it
