"""Asks Expo a while later what became of the messages that it took: it calls nobody back."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models.isolation import reading_doors
from models.practice import Practice
from models.receipts import Receipt, ReceiptKind
from models.reminder import AttemptOutcome, DeliveryAttempt
from schedules.clock import Clock
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.channels.expo import MOST_RECEIPTS, ExpoSender
from schedules.delivery.push_senders import make_expo_sender
from schedules.jobs.apart import run_apart
from schedules.plan.vocabulary import Provider
from schedules.planning.receipts import Told, store_receipts

# Expo advises to ask after 15 minutes, and forgets receipts after a day.
NOT_BEFORE = timedelta(minutes=15)
NOT_AFTER = timedelta(hours=24)
MOST_TICKETS = 3000


def ask_expo(settings: Settings, clock: Clock, read_now: Callable[[Session, Clock], datetime]) -> None:
    """Ask Expo, if it is set up, in a process of its own: it may be slow to answer."""
    expo = make_expo_sender(settings)
    if expo is None:
        return
    deadline = timedelta(seconds=settings.send_deadline_seconds)

    def ask(make_session: sessionmaker[Session], now: datetime) -> None:
        fetch_push_receipts(make_session, expo, deadline=deadline, now=now)

    run_apart("push receipts", ask, settings, clock, read_now)


def fetch_push_receipts(
    make_session: sessionmaker[Session], expo: ExpoSender, *, deadline: timedelta, now: datetime
) -> None:
    """Store what Expo tells of messages that it took, within `deadline` for each request, a bounded number at a turn.

    The latest come first, so that what Expo never tells of holds up nothing. The job `follow` draws the conclusions.
    """
    with reading_doors(make_session) as session:
        tickets = _open_tickets(session, now)
    for start in range(0, len(tickets), MOST_RECEIPTS):
        results = expo.fetch_receipts(tickets[start : start + MOST_RECEIPTS], deadline)
        told = [_told(ticket, results[ticket], now) for ticket in sorted(results)]
        with make_session.begin() as session:
            store_receipts(session, Provider.expo, [each for each in told if each is not None], now)


def _open_tickets(session: Session, now: datetime) -> Sequence[str]:
    """Return the names of the messages that Expo took and told nothing of yet, the latest first."""
    is_told = exists().where(
        Receipt.practice_id == DeliveryAttempt.practice_id,
        Receipt.delivery_id == DeliveryAttempt.delivery_id,
        Receipt.fence == DeliveryAttempt.fence,
    )
    name = DeliveryAttempt.provider_message_id
    query = (
        select(name)
        .where(
            DeliveryAttempt.practice_id.in_(select(Practice.id)),  # the index by time begins with the practice
            DeliveryAttempt.started_at > now - NOT_AFTER,
            DeliveryAttempt.ended_at <= now - NOT_BEFORE,
            DeliveryAttempt.provider == Provider.expo,
            DeliveryAttempt.outcome == AttemptOutcome.accepted,
            name.is_not(None),
            ~is_told,
        )
        .group_by(name)
        .order_by(func.max(DeliveryAttempt.started_at).desc(), name)
        .limit(MOST_TICKETS)
    )
    return [each for each in session.scalars(query) if each is not None]


def _told(ticket: str, result: Result, now: datetime) -> Told | None:
    """Return what a receipt tells; None for one that cannot be read.

    Ok means that Apple or Firebase has the message, not that the phone has: nothing follows from it.
    """
    if result.outcome is AttemptOutcome.unknown:
        return None
    if result.outcome is AttemptOutcome.accepted:
        return Told(ticket, ticket, ReceiptKind.delivered, now, result.code, is_read=True)
    kind = ReceiptKind.bounced if result.for_good is Refusal.address else ReceiptKind.undelivered
    return Told(ticket, ticket, kind, now, result.code)
