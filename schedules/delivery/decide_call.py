"""Decides, for one message to a member of staff, whether it goes out. Pure: facts in, a verdict out.

Nothing that is a patient's holds or stops it: no quiet hours, no digest, no fuse, no opt-out, no pause, no end of care.
What ends a call is that somebody has acknowledged the alert, and a notice that the person is no admin any more.
"""

from dataclasses import dataclass
from datetime import datetime

from schedules.delivery.decide import (
    Cancel,
    Expire,
    Hold,
    Offer,
    Reason,
    Verdict,
    choose_channel,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What is known at `now` of a call or notice. `offers` are the ways to the person, in the person's own order."""

    now: datetime
    due_at: datetime
    useful_until: datetime
    is_settled: bool  # somebody has acknowledged the alert
    is_disabled: bool  # the person no longer works here
    offers: tuple[Offer, ...]
    is_outside: bool = False  # it is for admins alone, and the person is none


def decide_call(facts: CallFacts) -> Verdict:
    """Return what happens to it now. A way whose provider is left alone gives way to the person's next one."""
    if facts.is_settled:
        return Cancel(Reason.acknowledged)
    if facts.is_disabled:
        return Cancel(Reason.staff_disabled)
    if facts.is_outside:
        return Cancel(Reason.not_admin)
    if facts.now < facts.due_at:
        return Hold(facts.due_at, facts.due_at, Reason.not_due)
    if facts.now >= facts.useful_until:
        return Expire(Reason.too_late)
    free_first = sorted(facts.offers, key=lambda offer: offer.free_at is not None and offer.free_at > facts.now)
    return choose_channel(free_first, now=facts.now, useful_until=facts.useful_until)
