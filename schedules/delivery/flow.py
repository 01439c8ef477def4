"""Whether a provider takes messages now, and how fast: a breaker that opens on trouble, and a pace.

The breaker of one process counts what it sees and tells all workers through the database. What is due meanwhile stays
pending and uses no attempt up.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.prepared import Prepared
from models.providers import PauseReason, ProviderPause
from models.reminder import AttemptOutcome
from schedules.delivery.channels import Fault, Result
from schedules.plan.vocabulary import Provider

TROUBLES = 5
WITHIN = timedelta(seconds=60)
PAUSES = {PauseReason.trouble: timedelta(seconds=60), PauseReason.credentials: timedelta(minutes=5)}
# A busy answer of these is about our whole account there, not about one address.
ONE_ACCOUNT = frozenset({Provider.sms, Provider.fcm, Provider.expo})
_NO_WAIT = timedelta(milliseconds=500)
_PAUSED = Prepared(
    select(ProviderPause.provider, ProviderPause.until_at).where(ProviderPause.until_at > bindparam("now"))
)
KEPT_FOR = timedelta(seconds=10)  # who comes later for the time that was kept is given another


@dataclass(frozen=True, slots=True)
class Pause:
    """A provider is to be left alone until `until_at`."""

    provider: Provider
    reason: PauseReason
    until_at: datetime
    code: str | None


@dataclass(slots=True)
class Breaker:
    """Counts a process's troubles with each provider."""

    _seen: dict[Provider, deque[datetime]] = field(default_factory=dict)

    def note(self, provider: Provider, result: Result, now: datetime) -> Pause | None:
        """Take note of a result, and return the pause that it brings, if it brings one.

        Five requests within a minute of which nobody knows what became, or that reached nobody, bring a minute; refused
        credentials five minutes, at once; a busy account what it asks for.
        """
        if provider is Provider.webhook:
            return None  # one clinic's trouble says nothing of another's system
        if result.fault is Fault.credentials:
            return self._pause(provider, PauseReason.credentials, now, result)
        if result.retry_after is not None and provider in ONE_ACCOUNT:
            return Pause(provider, PauseReason.busy, now + result.retry_after, result.code)
        if result.fault is not Fault.unreachable and result.outcome is not AttemptOutcome.unknown:
            return None
        seen = self._seen.setdefault(provider, deque(maxlen=TROUBLES))
        seen.append(now)
        if len(seen) < TROUBLES or now - seen[0] > WITHIN:
            return None
        return self._pause(provider, PauseReason.trouble, now, result)

    def _pause(self, provider: Provider, reason: PauseReason, now: datetime, result: Result) -> Pause:
        self._seen.pop(provider, None)
        return Pause(provider, reason, now + PAUSES[reason], result.code)


class Pace:
    """Gives each message to a provider that takes only so many a second a time of its own."""

    def __init__(self, a_second: Mapping[Provider, float]) -> None:
        self._gap = {provider: timedelta(seconds=1 / rate) for provider, rate in a_second.items()}
        self._next_at: dict[Provider, datetime] = {}

    def time_for(self, provider: Provider, now: datetime, *, useful_until: datetime) -> datetime:
        """Return when a message may go: `now`, or the later time that is kept free for it from now on.

        No time is kept for one that is of no more use by then.
        """
        gap = self._gap.get(provider)
        if gap is None:
            return now
        at = max(now, self._next_at.get(provider, now))
        if at < useful_until:
            self._next_at[provider] = at + gap
        return now if at - now <= _NO_WAIT else at


NO_PACE = Pace({})


def paused_until(session: Session, now: datetime) -> dict[Provider, datetime]:
    """Return until when which providers are left alone."""
    connection = session.connection()
    rows = _PAUSED.named(connection, _PAUSED.rows(connection, {"now": now}))
    return {row.provider: row.until_at for row in rows}


def write_pauses(session: Session, pauses: Iterable[Pause], now: datetime) -> None:
    """Let all workers leave these providers alone. A longer pause that stands is not cut short."""
    longest: dict[Provider, Pause] = {}
    for each in pauses:
        known = longest.get(each.provider)
        longest[each.provider] = each if known is None or each.until_at > known.until_at else known
    for provider in sorted(longest):
        _write(session, longest[provider], now)


def _write(session: Session, pause: Pause, now: datetime) -> None:
    row = session.get(ProviderPause, pause.provider, populate_existing=True, with_for_update=True)
    if row is None:
        row = ProviderPause(provider=pause.provider, began_at=now, until_at=now)
        session.add(row)
    if row.until_at <= now:
        row.began_at = now
    if pause.until_at > row.until_at:
        row.reason, row.until_at, row.code = pause.reason, pause.until_at, pause.code
