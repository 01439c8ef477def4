"""Takes claimed deliveries through their gate, and records their results, in batches. In between they are sent."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any, Protocol, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models.isolation import in_practice
from schedules.clock import Clock
from schedules.delivery.book import Claim
from schedules.delivery.channels import ChannelSender, Result
from schedules.delivery.channels.email import EmailSender, MailServer
from schedules.delivery.channels.log import LogSender
from schedules.delivery.channels.sms import SmsProvider, SmsSender
from schedules.delivery.channels.webhook import WebhookSender
from schedules.delivery.claim import claim_due, release
from schedules.delivery.flow import NO_PACE, Breaker, Pace, write_pauses
from schedules.delivery.gate import Permit, pass_gate
from schedules.delivery.leases import Lease, read_now
from schedules.delivery.policy import DEFAULT_POLICY, Policy
from schedules.delivery.push_senders import make_push_senders
from schedules.delivery.record import record_results, record_trouble
from schedules.plan.vocabulary import Provider

Answer = TypeVar("Answer")
Part = TypeVar("Part")
SMS_STATUS = "/api/v1/providers/sms/status"  # of the service
_TRIES = 3
logger = logging.getLogger(__name__)


class ClaimStep(Protocol):
    """Takes what is due."""

    def __call__(self, session: Session, lease: Lease, *, now: datetime, limit: int) -> list[Claim]: ...


class GateStep(Protocol):
    """Checks deliveries of one practice for the last time."""

    def __call__(
        self,
        session: Session,
        claims: Sequence[Claim],
        lease: Lease,
        *,
        built: Collection[Provider],
        pace: Pace,
        policy: Policy,
        now: datetime,
    ) -> list[Permit]: ...


class RecordStep(Protocol):
    """Writes what became of attempts, all of one practice."""

    def __call__(
        self,
        session: Session,
        results: Sequence[tuple[Claim, Result]],
        *,
        built: Collection[Provider],
        now: datetime,
        chance: Callable[[], float],
        policy: Policy,
    ) -> list[Claim]: ...


def make_senders(settings: Settings) -> dict[Provider, ChannelSender]:
    """Return whom this service can hand messages to."""
    server = MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        mail_from=settings.mail_from,
        username=settings.smtp_username,
        password=settings.smtp_password,
    )
    senders: dict[Provider, ChannelSender] = {
        Provider.smtp: EmailSender(server),
        Provider.webhook: WebhookSender(settings.webhook_hosts or ()),
    }
    if settings.sms_account is not None:
        senders[Provider.sms] = SmsSender(sms_provider(settings))
    senders |= make_push_senders(settings)
    if settings.send_to_log:
        return {provider: LogSender(provider) for provider in senders}
    return senders


def sms_provider(settings: Settings) -> SmsProvider:
    """Return where SMS are handed over."""
    return SmsProvider(
        url=settings.sms_url,
        account=settings.sms_account or "",
        token=settings.sms_token or "",
        sender=settings.sms_sender or "",
        status_url=f"{settings.public_url}{SMS_STATUS}" if settings.public_url.startswith("https://") else None,
    )


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a delivery in their order, each replaceable by who starts the worker."""

    now: Callable[[Session, Clock], datetime] = read_now
    claim: ClaimStep = claim_due
    gate: GateStep = pass_gate
    senders: Callable[[Settings], Mapping[Provider, ChannelSender]] = make_senders
    record: RecordStep = record_results


DEFAULT_STEPS = Steps()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the parts of a send may take. They fit into a lease, which the settings check."""

    gate_to_send: timedelta
    send: timedelta
    margin: timedelta


@dataclass(frozen=True, slots=True)
class Desk:
    """What a sender works with. `chance` gives a number from 0 to 1; `turns` bounds the transactions at one time.

    Links in messages begin with `public_url`.
    """

    make_session: sessionmaker[Session]
    lease: Lease
    limits: Limits
    steps: Steps
    senders: Mapping[Provider, ChannelSender]
    public_url: str
    chance: Callable[[], float]
    policy: Policy = DEFAULT_POLICY
    turns: AbstractContextManager[Any] = field(default_factory=lambda: BoundedSemaphore(1))
    pace: Pace = NO_PACE
    breaker: Breaker = field(default_factory=Breaker)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was handed over, or not, and what became of it.

    Of messages of one request with one result only the first `is_counted`: the request had that trouble once.
    """

    permit: Permit
    result: Result
    is_counted: bool = True


def pass_all(desk: Desk, claims: Sequence[Claim]) -> list[Permit]:
    """Take claims of one practice through the gate and return the messages that may leave.

    One that raises is put back and takes no other with it.
    """

    def work(session: Session, some: Sequence[Claim]) -> list[Permit]:
        now = desk.steps.now(session, desk.lease.clock)
        built, pace, policy = desk.senders.keys(), desk.pace, desk.policy
        return desk.steps.gate(session, some, desk.lease, built=built, pace=pace, policy=policy, now=now)

    permits: list[Permit] = []
    if not claims:
        return permits
    for part, answer in _in_parts(desk, claims[0].practice_id, claims, work):
        if isinstance(answer, Exception):
            put_back(desk, part, answer)
        else:
            permits += answer
    return permits


def record_all(desk: Desk, sent: Sequence[Sent]) -> None:
    """Write what became of messages of one practice. One that raises is put back and takes no other with it."""

    def work(session: Session, some: Sequence[Sent]) -> None:
        now = desk.steps.now(session, desk.lease.clock)
        results = [(claim, each.result) for each in some for claim in each.permit.claims]
        built, policy = desk.senders.keys(), desk.policy
        desk.steps.record(session, results, built=built, now=now, chance=desk.chance, policy=policy)
        pauses = [desk.breaker.note(each.permit.provider, each.result, now) for each in some if each.is_counted]
        write_pauses(session, [each for each in pauses if each is not None], now)

    for part, answer in _in_parts(desk, sent[0].permit.draft.practice_id, sent, work):
        if isinstance(answer, Exception):
            put_back(desk, [claim for each in part for claim in each.permit.claims], answer)


def put_back(desk: Desk, claims: Sequence[Claim], error: Exception) -> None:
    """Put back deliveries of one practice that raised an error, or set them aside after their last attempt.

    If that fails too, their leases run out and they are claimed again.
    """
    logger.warning("delivery raised %s: %s", type(error).__name__, _ids(claims))

    def work(session: Session) -> None:
        now = desk.steps.now(session, desk.lease.clock)
        record_trouble(session, claims, now=now, chance=desk.chance)

    try:
        _in_transaction(desk, claims[0].practice_id, work)
    except Exception as second:  # noqa: BLE001 - the sender's loop: one bad delivery must not stop the rest
        logger.warning("deliveries could not be put back, %s: %s", type(second).__name__, _ids(claims))


def give_back(desk: Desk, claims: Sequence[Claim]) -> None:
    """Give back claims that nothing was begun with, for any worker to take. If that fails, their leases run out."""
    if not claims:
        return
    try:
        _in_transaction(desk, claims[0].practice_id, lambda session: release(session, claims))
    except Exception as error:  # noqa: BLE001 - the sender's end: it must come whatever becomes of these
        logger.warning("claims could not be given back, %s: %s", type(error).__name__, _ids(claims))


def _ids(claims: Iterable[Claim]) -> str:
    return ", ".join(each.delivery_id for each in claims)


def _in_parts(
    desk: Desk, practice_id: str, whole: Sequence[Part], work: Callable[[Session, Sequence[Part]], Answer]
) -> Iterator[tuple[Sequence[Part], Answer | Exception]]:
    """Yield the answer for the whole, in one transaction; if that raises, one for each part in its own."""
    try:
        answer = _in_transaction(desk, practice_id, lambda session: work(session, whole))
    except Exception as error:  # noqa: BLE001 - the sender's loop: one bad delivery must not stop the rest
        if len(whole) == 1:
            yield whole, error
            return
    else:
        yield whole, answer
        return
    for each in whole:
        yield from _in_parts(desk, practice_id, [each], work)


def _in_transaction(desk: Desk, practice_id: str, work: Callable[[Session], Answer]) -> Answer:
    """Return what `work` in one practice returns, committed.

    A lock that others hold too long is tried for again as a whole.
    """
    for _ in range(_TRIES - 1):
        with suppress(OperationalError), desk.turns, in_practice(desk.make_session, practice_id) as session:
            return work(session)
    with desk.turns, in_practice(desk.make_session, practice_id) as session:
        return work(session)
