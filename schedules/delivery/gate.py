"""The last check before messages leave, in the one transaction that locks out withdrawals. A batch of one practice.

Passing it writes an attempt for each delivery before a request starts, so that a withdrawal that comes later can say
`in_flight`. What goes to one address of one patient at the same time goes as one message.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models import journal
from models.audit import ActorKind, AuditAction
from models.bulk import insert_at_commit
from models.private import lookup_hash, prepare_keys
from models.reminder import DecisionKind, DeliveryAttempt, DeliveryState
from models.statistics import look_up_by_key
from schedules.delivery.book import Claim, Held, ended, lock_held, move, move_each
from schedules.delivery.call_message import CallDraft
from schedules.delivery.calls import Call
from schedules.delivery.dead_addresses import dead_among
from schedules.delivery.decide import Cancel, Expire, Facts, Hold, PassedOver, Reason, Send, Suppress, Verdict, decide
from schedules.delivery.drafts import Going, draft_of
from schedules.delivery.facts import Care, facts_of, load_cares
from schedules.delivery.fall_back import tried_targets
from schedules.delivery.flow import KEPT_FOR, NO_PACE, Pace, paused_until
from schedules.delivery.fuse import fuse_ends, tell_clinic
from schedules.delivery.judge_calls import judge_calls
from schedules.delivery.leases import RELEASED, Lease, held
from schedules.delivery.message import Draft
from schedules.delivery.notice_message import NoticeDraft
from schedules.delivery.policy import DEFAULT_POLICY, Policy
from schedules.delivery.subjects import goes_to_staff, rules_of
from schedules.delivery.ways import Ways
from schedules.plan.urgency import Urgency
from schedules.plan.vocabulary import Channel, Provider
from schedules.planning.story import tell

_ENDS: dict[type[Suppress | Expire | Cancel], DeliveryState] = {
    Suppress: DeliveryState.suppressed,
    Expire: DeliveryState.expired,
    Cancel: DeliveryState.cancelled,
}


@dataclass(frozen=True, slots=True)
class Permit:
    """A message may leave: for which deliveries, to whom, and what it is about. The first of the `claims` carries it.

    `held_from_ms` is the machine's monotonic count just before the leases were renewed: counted from there, a length
    of time ends before the leases do.
    """

    claims: tuple[Claim, ...]
    channel: Channel
    provider: Provider
    address: str
    draft: Draft | CallDraft | NoticeDraft
    passed_at: datetime
    held_from_ms: int


@dataclass(frozen=True, slots=True)
class _Gate:
    """One passage of a batch."""

    session: Session
    lease: Lease
    now: datetime

    def tell(
        self,
        delivery: Held,
        kind: DecisionKind,
        *,
        reason: Reason | None = None,
        channel: Channel | None = None,
        until: datetime | None = None,
    ) -> None:
        tell(self.session, delivery.story, kind, now=self.now, reason=reason, channel=channel, until=until)


def pass_gate(
    session: Session,
    claims: Sequence[Claim],
    lease: Lease,
    *,
    built: Collection[Provider],
    pace: Pace = NO_PACE,
    policy: Policy = DEFAULT_POLICY,
    now: datetime,
) -> list[Permit]:
    """Return the messages that may leave at `now` for the claims, which are of one practice.

    What may not is moved elsewhere, and what a claim no longer holds stays. `built` are those whom this worker can hand
    messages to, `pace` how fast. The facts of a batch cost five queries; a later step of a channel order, a repeat and
    a rule whose past policy is `digest` cost one more each.
    """
    gate = _Gate(session, lease, now)
    look_up_by_key(session)
    deliveries = lock_held(session, claims, DeliveryState.leased)
    if not deliveries:
        return []
    going, held_by_fuse = [], []
    for claim, care, decided in _judge(session, deliveries, built=built, policy=policy, now=now):
        delivery = deliveries[claim]
        verdict = _in_pace(decided, delivery, pace, now)
        if isinstance(verdict, Send):
            _tell_passed_over(gate, delivery, verdict.passed_over)
            going.append(Going(claim, delivery, care, verdict))
        else:
            _stay(gate, claim, delivery, verdict)
            if verdict.reason is Reason.fuse and isinstance(care, Care):
                held_by_fuse.append(care)
    held_from_ms = lease.clock.monotonic_ms()
    messages = _as_messages(going)
    _begin_attempts(gate, messages)
    permits = _permits(session, messages, now, held_from_ms)
    for care in held_by_fuse:
        tell_clinic(session, care, now)
    return permits


def _judge(
    session: Session, deliveries: Mapping[Claim, Held], *, built: Collection[Provider], policy: Policy, now: datetime
) -> Iterator[tuple[Claim, Care | Call, Verdict]]:
    """Yield what is decided of each delivery, messages to staff first; they are locked, and of one practice."""
    calls = {claim: each for claim, each in deliveries.items() if goes_to_staff(each)}
    if calls:
        yield from judge_calls(session, calls, built=built, now=now)
    reminders = {claim: each for claim, each in deliveries.items() if claim not in calls}
    if reminders:
        for claim, care, facts in _look(session, reminders, built=built, policy=policy, now=now):
            yield claim, care, decide(facts)


def _look(
    session: Session, deliveries: Mapping[Claim, Held], *, built: Collection[Provider], policy: Policy, now: datetime
) -> Iterator[tuple[Claim, Care, Facts]]:
    """Yield what is known now of each reminder's delivery; they are locked, and of one practice."""
    practice_id = next(iter(deliveries)).practice_id
    cares = load_cares(session, practice_id, {each.reminder_id or "" for each in deliveries.values()})
    targets = {target for care in cares.values() for target in care.contact.targets}
    ways = Ways(built, paused_until(session, now), dead_among(session, practice_id, targets))
    zones = {care.contact.id: ZoneInfo(care.zone) for care in cares.values()}
    fuses = fuse_ends(session, practice_id, zones, most=policy.messages_a_day, now=now)
    for claim, delivery in deliveries.items():
        care, tried = cares[delivery.reminder_id or ""], tried_targets(session, delivery)
        fuse_until = fuses.get(delivery.patient_id)
        yield claim, care, facts_of(delivery, care, ways=ways, tried=tried, fuse_until=fuse_until, now=now)


def _in_pace(verdict: Verdict, delivery: Held, pace: Pace, now: datetime) -> Verdict:
    """Return the verdict, or a wait for the time that the provider's pace gives to a message.

    One that has waited for its time goes: a new one would lie behind all that came meanwhile. If no worker came for it
    in time there may be many such: they get new times, so that they do not all go at once.
    """
    has_waited = delivery.reason == Reason.provider_pace
    if has_waited and verdict == Expire(Reason.too_late):
        return Expire(Reason.provider_pace)
    has_its_time = has_waited and now - delivery.next_attempt_at < KEPT_FOR
    if not isinstance(verdict, Send) or has_its_time:
        return verdict
    at = pace.time_for(verdict.provider, now, useful_until=delivery.useful_until)
    if at <= now or delivery.urgency == Urgency.urgent:
        return verdict
    until = min(at, delivery.useful_until)
    return Hold(until, until, Reason.provider_pace)


def _stay(gate: _Gate, claim: Claim, delivery: Held, verdict: Hold | Suppress | Expire | Cancel) -> None:
    if isinstance(verdict, Hold):
        _hold(gate, claim, delivery, verdict)
        return
    if isinstance(verdict, Suppress):
        _tell_passed_over(gate, delivery, verdict.passed_over)
    _end(gate, claim, delivery, verdict)


def _as_messages(going: Iterable[Going]) -> list[list[Going]]:
    """Return what goes out by message, the longest due first in each.

    Messages to staff, urgent corrections, and what is delivered alone since a worker died of it, go by themselves.
    """
    messages: dict[object, list[Going]] = {}
    for each in sorted(going, key=lambda item: (item.delivery.due_at, item.delivery.id)):
        alone = each.claim.solo or each.care.goes_alone
        address = each.verdict.provider, each.verdict.address
        messages.setdefault(each.delivery.id if alone else (each.delivery.patient_id, address), []).append(each)
    return list(messages.values())


def _begin_attempts(gate: _Gate, messages: Sequence[Sequence[Going]]) -> None:
    if not messages:
        return
    moves = []
    for message in messages:
        carrier = message[0]
        target = lookup_hash(carrier.verdict.address, carrier.claim.practice_id)
        for each in message:
            moves.append((each.claim, {"channel": each.verdict.channel, "target": target}))
            _add_attempt(gate, each, carried_by=None if each is carrier else carrier.delivery.id)
    leases = held(gate.session, gate.lease)
    move_each(gate.session, moves, state=DeliveryState.sending, **leases)
    acts = [_act_of(message, gate.lease.owner) for message in messages]
    journal.append_all(gate.session, messages[0][0].claim.practice_id, acts, gate.now)


def _add_attempt(gate: _Gate, each: Going, *, carried_by: str | None) -> None:
    columns = {
        "practice_id": each.claim.practice_id,
        "delivery_id": each.claim.delivery_id,
        "fence": each.claim.fence,
        "channel": each.verdict.channel,
        "provider": each.verdict.provider,
        "carried_by": carried_by,
        "started_at": gate.now,
    }
    insert_at_commit(gate.session, DeliveryAttempt, columns)
    reason = None if carried_by is None else Reason.in_digest
    gate.tell(each.delivery, DecisionKind.sending, reason=reason, channel=each.verdict.channel)


def _act_of(message: Sequence[Going], worker_id: str) -> journal.Act:
    """Return the audit entry of one message: what it carries besides is listed under `with`."""
    first = message[0]
    rules = rules_of(first.delivery)
    about: dict[str, object] = {name: getattr(first.delivery, name) for name in rules.names} | {
        "delivery_id": first.delivery.id,
        "fence": first.claim.fence,
        "channel": first.verdict.channel,
    }
    if len(message) > 1:
        about["with"] = [each.delivery.id for each in message[1:]]
    return journal.Act(
        actor_kind=ActorKind.worker,
        actor_id=worker_id,
        action=AuditAction.send,
        route=rules.route,
        about=about,
        patient_ids=[first.delivery.patient_id],
    )


def _hold(gate: _Gate, claim: Claim, delivery: Held, hold: Hold) -> None:
    move(
        gate.session,
        [claim],
        state=DeliveryState.pending,
        reason=hold.reason,
        next_attempt_at=hold.look_again_at,
        attempts=delivery.attempts - 1,  # waiting is no attempt
        **RELEASED,
    )
    # Looked at again and still held for the same reason: nothing new to tell.
    if delivery.reason != hold.reason:
        gate.tell(delivery, DecisionKind.held, reason=hold.reason, until=hold.until)


def _end(gate: _Gate, claim: Claim, delivery: Held, verdict: Suppress | Expire | Cancel) -> None:
    state = _ENDS[type(verdict)]
    columns = ended(state, now=gate.now, reason=verdict.reason)
    move(gate.session, [claim], attempts=delivery.attempts - 1, **columns)
    gate.tell(delivery, DecisionKind(state), reason=verdict.reason)


def _tell_passed_over(gate: _Gate, delivery: Held, passed_over: Iterable[PassedOver]) -> None:
    # A repeat passes the same channels over again; the story says so once.
    if delivery.channel is None:
        for each in passed_over:
            gate.tell(delivery, DecisionKind.passed_over, reason=each.reason, channel=each.channel)


def _permits(session: Session, messages: Sequence[Sequence[Going]], now: datetime, held_from_ms: int) -> list[Permit]:
    of_patients = [message[0].delivery for message in messages if not goes_to_staff(message[0].delivery)]
    if of_patients:  # the words of each are sealed for its patient
        prepare_keys(session, of_patients[0].practice_id, [each.patient_id for each in of_patients])
    return [_permit(session, message, now, held_from_ms) for message in messages]


def _permit(session: Session, message: Sequence[Going], now: datetime, held_from_ms: int) -> Permit:
    verdict = message[0].verdict
    claims = tuple(each.claim for each in message)
    draft = draft_of(session, message, now)
    return Permit(claims, verdict.channel, verdict.provider, verdict.address, draft, now, held_from_ms)
