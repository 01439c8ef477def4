"""The last check before a message leaves, in the one transaction that locks out withdrawals.

Passing it writes an attempt before the request starts, so that a withdrawal that comes later can say `in_flight`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models import journal
from models.audit import ActorKind, AuditAction
from models.care import Surgery
from models.people import Patient
from models.private import lookup_hash
from models.reminder import DecisionKind, Delivery, DeliveryAttempt, DeliveryState
from schedules.delivery.book import Claim, ended, move
from schedules.delivery.decide import (
    Cancel,
    Expire,
    Hold,
    PassedOver,
    Reason,
    Send,
    Suppress,
    decide,
)
from schedules.delivery.digest import texts_said_along
from schedules.delivery.facts import Care, count_open_tries, facts_of, load_care, lock_delivery
from schedules.delivery.fall_back import tried_targets
from schedules.delivery.fuse import Since, count_messages, day_began_at, day_ends_at, tell_clinic
from schedules.delivery.leases import RELEASED, Lease, held
from schedules.delivery.message import Draft
from schedules.delivery.policy import DEFAULT_POLICY, Policy
from schedules.plan.library import load_library
from schedules.plan.protocol import Protocol
from schedules.plan.vocabulary import Channel, Provider
from schedules.planning.library import find_protocol
from schedules.planning.story import step_of, tell

ROUTE = "worker.send"
_ENDS: dict[type[Suppress | Expire | Cancel], DeliveryState] = {
    Suppress: DeliveryState.suppressed,
    Expire: DeliveryState.expired,
    Cancel: DeliveryState.cancelled,
}


@dataclass(frozen=True, slots=True)
class Permit:
    """A message may leave: by which channel, to whom, and what it is about.

    `held_from_ms` is the machine's monotonic count just before the lease was renewed: counted from there, a length of
    time ends before the lease does.
    """

    channel: Channel
    provider: Provider
    address: str
    draft: Draft
    passed_at: datetime
    held_from_ms: int


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A claimed delivery at the gate, locked to the commit."""

    session: Session
    claim: Claim
    delivery: Delivery
    now: datetime

    def move(self, **columns: Any) -> None:
        move(self.session, self.claim, DeliveryState.leased, **columns)

    def tell(
        self,
        kind: DecisionKind,
        *,
        reason: Reason | None = None,
        channel: Channel | None = None,
        until: datetime | None = None,
    ) -> None:
        step = step_of(self.delivery)
        tell(self.session, step, kind, now=self.now, reason=reason, channel=channel, until=until)


def pass_gate(
    session: Session,
    claim: Claim,
    lease: Lease,
    *,
    built: Collection[Provider],
    now: datetime,
    policy: Policy = DEFAULT_POLICY,
) -> Permit | None:
    """Return a permit to send at `now`; None if the delivery was moved elsewhere or the claim no longer holds.

    `built` are those whom this worker can hand messages to. Three queries read the facts, whatever the patient; a rule
    whose past policy is `digest` costs one more.
    """
    delivery = lock_delivery(session, claim)
    if delivery is None:
        return None
    arrival = _Arrival(session, claim, delivery, now)
    care = load_care(session, delivery)
    tried = tried_targets(session, delivery)
    fuse_until = _fuse_until(session, care.patient, policy, now)
    verdict = decide(facts_of(delivery, care, built=built, tried=tried, fuse_until=fuse_until, now=now))
    if isinstance(verdict, Send | Suppress):
        _tell_passed_over(arrival, verdict.passed_over)
    if isinstance(verdict, Send):
        held_from_ms = lease.clock.monotonic_ms()
        _begin_attempt(arrival, lease, verdict)
        return Permit(verdict.channel, verdict.provider, verdict.address, _draft(arrival, care), now, held_from_ms)
    if isinstance(verdict, Hold):
        _hold(arrival, verdict)
        if verdict.reason is Reason.fuse:
            tell_clinic(session, care.reminder, care.practice, zone=ZoneInfo(care.patient.time_zone), now=now)
    else:
        _end(arrival, verdict)
    return None


def _fuse_until(session: Session, patient: Patient, policy: Policy, now: datetime) -> datetime | None:
    """Return the end of the patient's day if they have had as many messages on it as may be, else None."""
    zone = ZoneInfo(patient.time_zone)
    today = Since(patient.practice_id, patient.id, day_began_at(now, zone))
    count = count_messages(session, [today]).get((patient.practice_id, patient.id), 0)
    return day_ends_at(now, zone) if count >= policy.messages_a_day else None


def _begin_attempt(arrival: _Arrival, lease: Lease, verdict: Send) -> None:
    session, claim = arrival.session, arrival.claim
    target = lookup_hash(verdict.address, claim.practice_id)
    arrival.move(state=DeliveryState.sending, channel=verdict.channel, target=target, **held(session, lease))
    attempt = DeliveryAttempt(practice_id=claim.practice_id, delivery_id=claim.delivery_id, fence=claim.fence)
    attempt.channel, attempt.provider, attempt.started_at = verdict.channel, verdict.provider, arrival.now
    session.add(attempt)
    arrival.tell(DecisionKind.sending, channel=verdict.channel)
    _audit(arrival, lease.owner, verdict.channel)


def _audit(arrival: _Arrival, worker_id: str, channel: Channel) -> None:
    delivery = arrival.delivery
    act = journal.Act(
        actor_kind=ActorKind.worker,
        actor_id=worker_id,
        action=AuditAction.send,
        route=ROUTE,
        about={
            "reminder_id": delivery.reminder_id,
            "delivery_id": delivery.id,
            "fence": arrival.claim.fence,
            "channel": channel,
        },
        patient_ids=[delivery.patient_id],
    )
    journal.append(arrival.session, delivery.practice_id, act, arrival.now)


def _hold(arrival: _Arrival, hold: Hold) -> None:
    arrival.move(
        state=DeliveryState.pending,
        reason=hold.reason,
        next_attempt_at=hold.look_again_at,
        attempts=arrival.delivery.attempts - 1,  # waiting is no attempt
        **RELEASED,
    )
    # Looked at again and still held for the same reason: nothing new to tell.
    if arrival.delivery.reason != hold.reason:
        arrival.tell(DecisionKind.held, reason=hold.reason, until=hold.until)


def _end(arrival: _Arrival, verdict: Suppress | Expire | Cancel) -> None:
    state = _ENDS[type(verdict)]
    columns = ended(state, now=arrival.now, reason=verdict.reason)
    arrival.move(attempts=arrival.delivery.attempts - 1, **columns)
    arrival.tell(DecisionKind(state), reason=verdict.reason)


def _tell_passed_over(arrival: _Arrival, passed_over: Iterable[PassedOver]) -> None:
    # A repeat passes the same channels over again; the story says so once.
    if arrival.delivery.channel is None:
        for each in passed_over:
            arrival.tell(DecisionKind.passed_over, reason=each.reason, channel=each.channel)


def _draft(arrival: _Arrival, care: Care) -> Draft:
    session, delivery = arrival.session, arrival.delivery
    own = _own_protocol(session, care.surgery)
    return Draft(
        practice_id=delivery.practice_id,
        delivery_id=delivery.id,
        generation=delivery.generation,
        language=care.patient.language,
        practice_name=care.practice.name,
        practice_phone=care.practice.phone,
        protocol_id=care.surgery.protocol_id,
        protocol_version=care.surgery.protocol_version,
        milestone_kind=care.milestone.kind,
        reminder_key=care.reminder.key,
        useful_until=delivery.useful_until,
        is_correction=delivery.is_correction,
        own=own,
        also=texts_said_along(session, care, own, arrival.now),
        open_tries=count_open_tries(session, delivery),
    )


def _own_protocol(session: Session, surgery: Surgery) -> Protocol | None:
    """Return the practice's own protocol that a surgery pins, read here: rendering has no transaction."""
    if load_library().find(surgery.protocol_id, surgery.protocol_version) is not None:
        return None
    return find_protocol(session, surgery.practice_id, surgery.protocol_id, surgery.protocol_version)
