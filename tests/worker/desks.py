"""A worker's parts for tests that run one step in this process."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from models.engine import make_session_factory
from models.reminder import AttemptOutcome
from schedules.clock import Clock
from schedules.delivery.book import Claim
from schedules.delivery.channels import ChannelSender, Message, Result
from schedules.delivery.claim import claim_due
from schedules.delivery.deliver import Desk, Limits, Steps, pass_all, record_all
from schedules.delivery.gate import Permit, pass_gate
from schedules.delivery.leases import Lease
from schedules.delivery.message import Draft
from schedules.delivery.parcels import parcels, send_parcel
from schedules.delivery.policy import DEFAULT_POLICY, Policy
from schedules.plan.vocabulary import Provider
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import service_engine_of

PUBLIC_URL = "https://recovery.example.org"
LEASE_LENGTH = timedelta(seconds=30)
LIMITS = Limits(gate_to_send=timedelta(seconds=2), send=timedelta(seconds=10), margin=timedelta(seconds=8))
SHORT_LEASE = {
    "poll_seconds": 0.1,
    "lease_seconds": 1.2,
    "gate_to_send_seconds": 0.5,
    "send_deadline_seconds": 0.5,
    "lease_margin_seconds": 0.2,
}
SMTP_ONLY = frozenset({Provider.smtp})


class Outbox:
    """A channel at the edge: keeps what it is given and answers as told."""

    def __init__(self, result: Result | None = None) -> None:
        self.messages: list[Message] = []
        self.result = result or Result(AttemptOutcome.accepted, "250")

    def send(self, message: Message, deadline: timedelta) -> Result:
        self.messages.append(message)
        return self.result


def lease_of(clock: Clock, owner: str = "worker-1") -> Lease:
    """Return a lease of 30 seconds."""
    return Lease(owner, LEASE_LENGTH, clock)


def desk_of(
    engine: Engine, clock: Clock, senders: Mapping[Provider, ChannelSender], policy: Policy = DEFAULT_POLICY
) -> Desk:
    """Return a sender's desk whose due times follow the test's clock and whose repeats come as late as they may."""
    return Desk(
        make_session=make_session_factory(service_engine_of(engine)),
        lease=lease_of(clock),
        limits=LIMITS,
        steps=Steps(now=lambda _session, clock: clock.now()),
        senders=senders,
        public_url=PUBLIC_URL,
        chance=lambda: 1.0,
        policy=policy,
    )


def deliver(desk: Desk, *claims: Claim) -> None:
    """Take claims of one practice from their gate to their recorded results, one parcel after the other."""
    for parcel in parcels(desk, pass_all(desk, claims)):
        if sent := send_parcel(desk, parcel):
            record_all(desk, sent)


def claim_all(session: Session, clock: Clock, owner: str = "worker-1", limit: int = 100) -> list[Claim]:
    """Claim what is due by the test's clock, and commit."""
    claims = claim_due(session, lease_of(clock, owner), now=clock.now(), limit=limit)
    session.commit()
    return claims


def pass_now(session: Session, claim: Claim, now: datetime = MONDAY_AFTERNOON) -> Permit | None:
    """Take a claim through the gate, and commit. As after another process's work, the session must read anew."""
    permits = pass_gate(session, [claim], lease_of(FixedClock(now)), built=SMTP_ONLY, now=now)
    session.commit()
    session.expire_all()
    return permits[0] if permits else None


def lapse(session: Session, clock: FixedClock) -> None:
    """Let every lease run out, by the clock that judges it."""
    clock.advance(LEASE_LENGTH + timedelta(seconds=1))
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("UPDATE delivery SET lease_until = lease_until - interval '31 seconds'"))
        session.commit()


def reminder_draft(permit: Permit) -> Draft:
    """Return what a permit's message says, which is about reminders."""
    assert isinstance(permit.draft, Draft)
    return permit.draft
