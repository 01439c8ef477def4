"""Decides, for one delivery at one instant, whether it goes out. Pure: facts in, a verdict out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from schedules.plan.timing import QuietHours, hold_for_quiet_hours
from schedules.plan.vocabulary import Channel, EpisodeStatus, Phase, Provider, SurgeryStatus

LOOK_AGAIN_AFTER = timedelta(minutes=15)


class Reason(StrEnum):
    """Why a delivery waits, ends or was passed over. The codes stand in the decision log and on the reminder."""

    withdrawn = "withdrawn"
    moved = "moved"
    achieved = "achieved"
    skipped = "skipped"
    milestone_cancelled = "milestone_cancelled"
    died = "died"
    episode_closed = "episode_closed"
    episode_withdrawn = "episode_withdrawn"
    episode_transferred = "episode_transferred"
    surgery_cancelled = "surgery_cancelled"
    not_due = "not_due"
    too_late = "too_late"
    paused = "paused"
    episode_paused = "episode_paused"
    surgery_unconfirmed = "surgery_unconfirmed"
    quiet_hours = "quiet_hours"
    not_built = "not_built"
    opted_out = "opted_out"
    opted_out_category = "opted_out_category"
    no_address = "no_address"
    no_channel = "no_channel"
    already_tried = "already_tried"
    provider_paused = "provider_paused"
    provider_pace = "provider_pace"
    fell_back = "fell_back"
    in_digest = "in_digest"
    silence = "silence"
    snoozed = "snoozed"
    fuse = "fuse"
    acknowledged = "acknowledged"
    reported = "reported"
    address_refused = "address_refused"
    address_dead = "address_dead"
    message_refused = "message_refused"
    refused = "refused"
    unknown_outcome = "unknown_outcome"
    raised = "raised"
    attempts_exhausted = "attempts_exhausted"
    worker_died = "worker_died"
    not_delivered = "not_delivered"
    complained = "complained"
    staff_disabled = "staff_disabled"
    not_admin = "not_admin"


_ENDED_EPISODES = {
    EpisodeStatus.closed: Reason.episode_closed,
    EpisodeStatus.died: Reason.died,
    EpisodeStatus.withdrawn: Reason.episode_withdrawn,
    EpisodeStatus.transferred: Reason.episode_transferred,
}
# What even an urgent correction respects. It goes out although the surgery or its milestones no longer stand.
_STOP_EVERYTHING = frozenset(
    {Reason.withdrawn, Reason.moved, Reason.acknowledged, Reason.died, Reason.episode_withdrawn}
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to reach the patient, in the patient's order of channels, as it stands now.

    `provider` is None, and there is no address, where this service sends to none on that channel. `free_at`: until
    then the provider is left alone.
    """

    channel: Channel
    provider: Provider | None
    is_opted_out: bool
    address: str | None
    is_tried: bool = False  # an earlier step of the order failed on it
    is_dead: bool = False  # no message reaches it
    free_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known at `now` of a delivery, its reminder and its patient. `offers` are in the patient's order."""

    now: datetime
    due_at: datetime
    useful_until: datetime
    phase: Phase
    is_withdrawn: bool
    is_stale: bool  # the reminder was planned again since
    is_achieved: bool
    is_skipped: bool
    is_milestone_cancelled: bool
    has_died: bool
    is_paused: bool
    episode_status: EpisodeStatus
    surgery_status: SurgeryStatus
    zone: ZoneInfo  # where the patient is now
    quiet_hours: QuietHours | None
    offers: tuple[Offer, ...]
    is_category_opted_out: bool = False
    has_reported: bool = False  # the patient has checked in already on the day that it asks about
    snoozed_until: datetime | None = None
    fuse_until: datetime | None = None  # the patient has had as many messages today as may be: until when
    is_acknowledged: bool = False  # it was to repeat what went out, and that has been seen
    is_urgent: bool = False  # takes back advice for a surgery that moved or was called off


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A channel that cannot be used, and why."""

    channel: Channel
    reason: Reason


@dataclass(frozen=True, slots=True)
class Send:
    """It goes out now, on this channel."""

    channel: Channel
    provider: Provider
    address: str
    passed_over: tuple[PassedOver, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """It waits until `until`; what holds it may end sooner, so it is decided again at `look_again_at`."""

    until: datetime
    look_again_at: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class Suppress:
    """There is no way to reach the patient, or none is wanted."""

    reason: Reason
    passed_over: tuple[PassedOver, ...] = ()


@dataclass(frozen=True, slots=True)
class Expire:
    """It is no longer useful: from `useful_until` on nothing is sent. The reason is what held it, if something did."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Cancel:
    """It must not go out any more."""

    reason: Reason


Verdict = Send | Hold | Suppress | Expire | Cancel


def decide(facts: Facts) -> Verdict:
    """Return what happens to the delivery now. What ends it is asked first, then what holds it, then how to send it."""
    cancelled = _cancelled_because(facts)
    if cancelled is not None:
        return Cancel(cancelled)
    hold = _hold(facts)
    if facts.now >= facts.useful_until:
        return Expire(_too_late_because(facts, hold))
    if hold is not None:
        return hold
    if facts.is_category_opted_out and not facts.is_urgent:
        return Suppress(Reason.opted_out_category)
    if facts.has_reported:
        return Suppress(Reason.reported)
    chosen = choose_channel(facts.offers, now=facts.now, useful_until=facts.useful_until)
    return (isinstance(chosen, Send) and _hold_for_fuse(facts)) or chosen


def _too_late_because(facts: Facts, hold: Hold | None) -> Reason:
    hold = hold or _hold_for_fuse(facts)
    return Reason.too_late if hold is None else hold.reason


def _hold_for_fuse(facts: Facts) -> Hold | None:
    if facts.fuse_until is None or facts.is_urgent:
        return None
    until = min(facts.fuse_until, facts.useful_until)
    return Hold(until, until, Reason.fuse)


def _cancelled_because(facts: Facts) -> Reason | None:
    reasons = (
        (facts.is_withdrawn, Reason.withdrawn),
        (facts.is_stale, Reason.moved),
        (facts.is_acknowledged, Reason.acknowledged),
        (facts.is_achieved, Reason.achieved),
        (facts.is_skipped, Reason.skipped),
        (facts.is_milestone_cancelled, Reason.milestone_cancelled),
        (facts.has_died, Reason.died),
        (facts.surgery_status is SurgeryStatus.cancelled, Reason.surgery_cancelled),
        (facts.episode_status in _ENDED_EPISODES, _ENDED_EPISODES.get(facts.episode_status)),
    )
    holding = (reason for holds, reason in reasons if holds)
    return next((each for each in holding if not facts.is_urgent or each in _STOP_EVERYTHING), None)


def _hold(facts: Facts) -> Hold | None:
    if facts.now < facts.due_at:
        return Hold(facts.due_at, facts.due_at, Reason.not_due)
    if facts.is_urgent:
        return None
    if facts.snoozed_until is not None and facts.now < facts.snoozed_until:
        until = min(facts.snoozed_until, facts.useful_until)
        return Hold(until, until, Reason.snoozed)
    # Nobody knows yet whether it happened, so nothing goes out that assumes it did.
    unconfirmed = facts.phase is Phase.after_surgery and facts.surgery_status is SurgeryStatus.planned
    open_ended = (
        (facts.is_paused, Reason.paused),
        (facts.episode_status is EpisodeStatus.paused, Reason.episode_paused),
        (unconfirmed, Reason.surgery_unconfirmed),
    )
    for holds, reason in open_ended:
        if holds:
            return Hold(facts.useful_until, min(facts.useful_until, facts.now + LOOK_AGAIN_AFTER), reason)
    return _hold_for_quiet_hours(facts)


def _hold_for_quiet_hours(facts: Facts) -> Hold | None:
    if facts.quiet_hours is None:
        return None
    end = hold_for_quiet_hours(facts.now, facts.quiet_hours, facts.zone)
    if end <= facts.now:
        return None
    until = min(end, facts.useful_until)
    return Hold(until, until, Reason.quiet_hours)


def is_usable(offer: Offer) -> bool:
    """Return whether a message can go this way."""
    return _unusable_because(offer) is None


def choose_channel(offers: Iterable[Offer], *, now: datetime, useful_until: datetime) -> Send | Hold | Suppress:
    """Return the first way that is open. One whose provider is left alone is waited for while the message is useful."""
    passed_over: list[PassedOver] = []
    for offer in offers:
        reason = _unusable_because(offer)
        if reason is None and offer.free_at is not None and offer.free_at > now:
            if offer.free_at < useful_until:
                return Hold(offer.free_at, offer.free_at, Reason.provider_paused)
            reason = Reason.provider_paused
        if reason is None and offer.provider is not None and offer.address is not None:
            return Send(offer.channel, offer.provider, offer.address, tuple(passed_over))
        because = PassedOver(offer.channel, reason or Reason.no_address)
        if because not in passed_over:  # of two devices of the patient it is said once
            passed_over.append(because)
    return Suppress(Reason.no_channel, tuple(passed_over))


def _unusable_because(offer: Offer) -> Reason | None:
    if offer.provider is None:
        return Reason.not_built
    if offer.is_opted_out:
        return Reason.opted_out
    if offer.is_tried:
        return Reason.already_tried
    if offer.is_dead:
        return Reason.address_dead
    return None if offer.address is not None else Reason.no_address
