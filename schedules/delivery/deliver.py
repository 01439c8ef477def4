"""Takes one claimed delivery from its gate to its recorded result. Runs in a thread of a sender process."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any, Protocol, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models.reminder import AttemptOutcome
from schedules.clock import Clock
from schedules.delivery.book import Claim
from schedules.delivery.channels import ChannelSender, Result
from schedules.delivery.channels.email import EmailSender, MailServer
from schedules.delivery.channels.sms import SmsProvider, SmsSender
from schedules.delivery.claim import claim_due
from schedules.delivery.deadline import kernel_deadline
from schedules.delivery.gate import Permit, pass_gate
from schedules.delivery.leases import Lease, read_now
from schedules.delivery.message import render
from schedules.delivery.policy import DEFAULT_POLICY, Policy
from schedules.delivery.record import record_result, record_trouble
from schedules.plan.vocabulary import Provider

Answer = TypeVar("Answer")
_TRIES = 3
_MILLISECOND = timedelta(milliseconds=1)


class ClaimStep(Protocol):
    """Takes what is due."""

    def __call__(self, session: Session, lease: Lease, *, now: datetime, limit: int) -> list[Claim]: ...


class GateStep(Protocol):
    """Checks one delivery for the last time."""

    def __call__(
        self,
        session: Session,
        claim: Claim,
        lease: Lease,
        *,
        built: Collection[Provider],
        now: datetime,
        policy: Policy,
    ) -> Permit | None: ...


class RecordStep(Protocol):
    """Writes what became of one attempt."""

    def __call__(
        self,
        session: Session,
        claim: Claim,
        result: Result,
        *,
        built: Collection[Provider],
        now: datetime,
        chance: float,
        policy: Policy,
    ) -> bool: ...


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
    senders: dict[Provider, ChannelSender] = {Provider.smtp: EmailSender(server)}
    if settings.sms_account is not None:
        senders[Provider.sms] = SmsSender(sms_provider(settings))
    return senders


def sms_provider(settings: Settings) -> SmsProvider:
    """Return where SMS are handed over."""
    return SmsProvider(
        url=settings.sms_url,
        account=settings.sms_account or "",
        token=settings.sms_token or "",
        sender=settings.sms_sender or "",
    )


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a delivery in their order, each replaceable by who starts the worker."""

    now: Callable[[Session, Clock], datetime] = read_now
    claim: ClaimStep = claim_due
    gate: GateStep = pass_gate
    senders: Callable[[Settings], Mapping[Provider, ChannelSender]] = make_senders
    record: RecordStep = record_result


DEFAULT_STEPS = Steps()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the parts of a send may take. They fit into a lease, which the settings check."""

    gate_to_send: timedelta
    send: timedelta
    margin: timedelta


@dataclass(frozen=True, slots=True)
class Desk:
    """What a sender works with. `chance` gives a number from 0 to 1; `turns` bounds the transactions at one time."""

    make_session: sessionmaker[Session]
    lease: Lease
    limits: Limits
    steps: Steps
    senders: Mapping[Provider, ChannelSender]
    chance: Callable[[], float]
    policy: Policy = DEFAULT_POLICY
    turns: AbstractContextManager[Any] = field(default_factory=lambda: BoundedSemaphore(1))


def deliver(desk: Desk, claim: Claim) -> None:
    """Take the delivery through the gate, send its message and record the result, each in its own transaction."""
    permit = _in_transaction(desk, lambda session: _pass(desk, session, claim))
    if permit is None:
        return
    result = _send(desk, permit)
    _in_transaction(desk, lambda session: _record(desk, session, claim, result))


def give_up(desk: Desk, claim: Claim) -> None:
    """Put back a delivery that raised an error, or set it aside after its last attempt."""

    def record(session: Session) -> bool:
        now = desk.steps.now(session, desk.lease.clock)
        return record_trouble(session, claim, now=now, chance=desk.chance())

    _in_transaction(desk, record)


def _pass(desk: Desk, session: Session, claim: Claim) -> Permit | None:
    now = desk.steps.now(session, desk.lease.clock)
    built = desk.senders.keys()
    return desk.steps.gate(session, claim, desk.lease, built=built, now=now, policy=desk.policy)


def _send(desk: Desk, permit: Permit) -> Result:
    message = render(permit.draft, permit.address, permit.passed_at)
    left = _left(desk, permit, desk.lease.length - desk.limits.margin)
    if left <= timedelta(0):
        return Result(AttemptOutcome.refused, "not_begun")
    # The timer is set before the clock is asked: a freeze in between ends this process.
    with kernel_deadline(left):
        if _left(desk, permit, desk.limits.gate_to_send) <= timedelta(0):
            return Result(AttemptOutcome.refused, "not_begun")
        return desk.senders[permit.provider].send(message, desk.limits.send)


def _left(desk: Desk, permit: Permit, allowed: timedelta) -> timedelta:
    return allowed - (desk.lease.clock.monotonic_ms() - permit.held_from_ms) * _MILLISECOND


def _record(desk: Desk, session: Session, claim: Claim, result: Result) -> bool:
    now = desk.steps.now(session, desk.lease.clock)
    built, chance = desk.senders.keys(), desk.chance()
    return desk.steps.record(session, claim, result, built=built, now=now, chance=chance, policy=desk.policy)


def _in_transaction(desk: Desk, work: Callable[[Session], Answer]) -> Answer:
    """Return what `work` returns, committed. A lock that others hold too long is tried for again as a whole."""
    for _ in range(_TRIES - 1):
        with suppress(OperationalError), desk.turns, desk.make_session.begin() as session:
            return work(session)
    with desk.turns, desk.make_session.begin() as session:
        return work(session)
