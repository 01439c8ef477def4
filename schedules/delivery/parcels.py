"""Hands messages over, in parcels: one request each, of as many messages as the provider takes at once."""

from collections.abc import Sequence
from datetime import timedelta

from models.reminder import AttemptOutcome
from schedules.delivery.call_message import CallDraft, render_call
from schedules.delivery.channels import ChannelSender, Message, Result, is_many
from schedules.delivery.deadline import kernel_deadline
from schedules.delivery.deliver import Desk, Sent, put_back
from schedules.delivery.gate import Permit
from schedules.delivery.message import render
from schedules.delivery.notice_message import NoticeDraft, render_notice
from schedules.plan.vocabulary import Provider

_MILLISECOND = timedelta(milliseconds=1)
_NOT_BEGUN = Result(AttemptOutcome.refused, "not_begun")


def parcels(desk: Desk, permits: Sequence[Permit]) -> list[list[Permit]]:
    """Return the messages of one practice parted into parcels: each of one provider, and past the gate at one time."""
    together: dict[tuple[Provider, int], list[Permit]] = {}
    for permit in permits:
        together.setdefault((permit.provider, permit.held_from_ms), []).append(permit)
    found = []
    for (provider, _), several in together.items():
        most = _most_at_once(desk.senders[provider])
        found += [several[start : start + most] for start in range(0, len(several), most)]
    return found


def send_parcel(desk: Desk, permits: Sequence[Permit]) -> list[Sent]:
    """Hand a parcel's messages over in one request, under its deadlines, and return what became of each.

    A message that cannot be rendered is put back and takes no other with it. If handing over raises, all are put back.
    What is put back is not among what is returned.
    """
    ready: list[tuple[Permit, Message]] = []
    failed: list[tuple[Permit, Exception]] = []
    for permit in permits:
        try:
            ready.append((permit, _written(permit, desk.public_url)))
        except Exception as error:  # noqa: BLE001 - the sender's loop: one bad delivery must not stop the rest
            failed.append((permit, error))
    sent = _send(desk, ready) if ready else []
    # Only now: the others were waiting, and their time to begin is short.
    for permit, reason in failed:
        put_back(desk, permit.claims, reason)
    return sent


def _written(permit: Permit, public_url: str) -> Message:
    draft = permit.draft
    if isinstance(draft, NoticeDraft):
        return render_notice(draft, permit.address, permit.passed_at, public_url)
    if isinstance(draft, CallDraft):
        return render_call(draft, permit.address, permit.passed_at, public_url)
    return render(draft, permit.address, permit.passed_at, public_url)


def _send(desk: Desk, ready: Sequence[tuple[Permit, Message]]) -> list[Sent]:
    permits = [permit for permit, _ in ready]
    try:
        results = _hand_over(desk, permits[0], [message for _, message in ready])
        numbered = enumerate(zip(permits, results, strict=True))
        return [Sent(permit, each, is_counted=each not in results[:number]) for number, (permit, each) in numbered]
    except Exception as error:  # noqa: BLE001 - the sender's loop: one bad provider must not stop the rest
        put_back(desk, [claim for permit in permits for claim in permit.claims], error)
        return []


def _hand_over(desk: Desk, permit: Permit, messages: Sequence[Message]) -> list[Result]:
    """Hand messages over that passed the gate with `permit`, unless that was too long ago."""
    left = _left(desk, permit, desk.lease.length - desk.limits.margin)
    if left <= timedelta(0):
        return [_NOT_BEGUN] * len(messages)
    # The timer is set before the clock is asked: a freeze in between ends this process.
    with kernel_deadline(left):
        if _left(desk, permit, desk.limits.gate_to_send) <= timedelta(0):
            return [_NOT_BEGUN] * len(messages)
        sender = desk.senders[permit.provider]
        if is_many(sender):
            return sender.send_many(messages, desk.limits.send)
        return [sender.send(message, desk.limits.send) for message in messages]


def _most_at_once(sender: ChannelSender) -> int:
    return sender.most_at_once if is_many(sender) else 1


def _left(desk: Desk, permit: Permit, allowed: timedelta) -> timedelta:
    return allowed - (desk.lease.clock.monotonic_ms() - permit.held_from_ms) * _MILLISECOND
