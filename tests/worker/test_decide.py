"""The verdict over one delivery, from facts alone."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schedules.delivery.decide import (
    Cancel,
    Expire,
    Facts,
    Hold,
    Offer,
    PassedOver,
    Reason,
    Send,
    Suppress,
    decide,
)
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import Channel, EpisodeStatus, Phase, Provider, SurgeryStatus

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
USEFUL_UNTIL = datetime(2026, 3, 5, 14, 0, tzinfo=UTC)
EMAIL = Offer(Channel.email, Provider.smtp, is_opted_out=False, address="alex@example.org")
GOING_OUT = Facts(
    now=NOW,
    due_at=datetime(2026, 3, 2, 14, 0, tzinfo=UTC),
    useful_until=USEFUL_UNTIL,
    phase=Phase.after_surgery,
    is_withdrawn=False,
    is_stale=False,
    is_achieved=False,
    is_skipped=False,
    is_milestone_cancelled=False,
    has_died=False,
    is_paused=False,
    episode_status=EpisodeStatus.active,
    surgery_status=SurgeryStatus.performed,
    zone=ZoneInfo("America/New_York"),
    quiet_hours=None,
    offers=(EMAIL,),
)
IN_15_MINUTES = datetime(2026, 3, 2, 15, 15, tzinfo=UTC)

CANCELLING: list[tuple[dict[str, Any], Reason]] = [
    ({"is_withdrawn": True}, Reason.withdrawn),
    ({"is_stale": True}, Reason.moved),
    ({"is_achieved": True}, Reason.achieved),
    ({"is_skipped": True}, Reason.skipped),
    ({"is_milestone_cancelled": True}, Reason.milestone_cancelled),
    ({"has_died": True}, Reason.died),
    ({"surgery_status": SurgeryStatus.cancelled}, Reason.surgery_cancelled),
    ({"episode_status": EpisodeStatus.closed}, Reason.episode_closed),
    ({"episode_status": EpisodeStatus.died}, Reason.died),
    ({"episode_status": EpisodeStatus.withdrawn}, Reason.episode_withdrawn),
    ({"episode_status": EpisodeStatus.transferred}, Reason.episode_transferred),
]
HOLDING: list[tuple[dict[str, Any], Reason]] = [
    ({"is_paused": True}, Reason.paused),
    ({"episode_status": EpisodeStatus.paused}, Reason.episode_paused),
    ({"surgery_status": SurgeryStatus.planned}, Reason.surgery_unconfirmed),
]


def test_what_nothing_stands_against_is_sent() -> None:
    assert decide(GOING_OUT) == Send(Channel.email, Provider.smtp, "alex@example.org")


@pytest.mark.parametrize(("change", "reason"), CANCELLING)
def test_what_became_wrong_is_cancelled_even_when_it_is_late_or_held(change: dict[str, Any], reason: Reason) -> None:
    facts = replace(GOING_OUT, **change)

    assert decide(facts) == Cancel(reason)
    assert decide(replace(facts, now=USEFUL_UNTIL)) == Cancel(reason)
    assert decide(replace(facts, is_paused=True)) == Cancel(reason)


@pytest.mark.parametrize(("change", "reason"), HOLDING)
def test_what_may_yet_be_right_is_held_as_long_as_it_is_useful(change: dict[str, Any], reason: Reason) -> None:
    facts = replace(GOING_OUT, **change)

    assert decide(facts) == Hold(USEFUL_UNTIL, IN_15_MINUTES, reason)
    assert decide(replace(facts, now=USEFUL_UNTIL)) == Expire(reason)


def test_a_hold_never_looks_again_after_the_end_of_usefulness() -> None:
    facts = replace(GOING_OUT, is_paused=True, now=USEFUL_UNTIL - timedelta(minutes=5))

    assert decide(facts) == Hold(USEFUL_UNTIL, USEFUL_UNTIL, Reason.paused)


def test_before_surgery_a_planned_surgery_holds_nothing() -> None:
    facts = replace(GOING_OUT, phase=Phase.before_surgery, surgery_status=SurgeryStatus.planned)

    assert decide(facts) == Send(Channel.email, Provider.smtp, "alex@example.org")


def test_nothing_is_sent_from_the_end_of_usefulness_on() -> None:
    last_moment = replace(GOING_OUT, now=USEFUL_UNTIL - timedelta(microseconds=1))

    assert decide(last_moment) == Send(Channel.email, Provider.smtp, "alex@example.org")
    assert decide(replace(GOING_OUT, now=USEFUL_UNTIL)) == Expire(Reason.too_late)


def test_nothing_is_sent_before_it_is_due_even_if_the_clock_stepped_back() -> None:
    due_at = NOW + timedelta(hours=2)

    assert decide(replace(GOING_OUT, due_at=due_at)) == Hold(due_at, due_at, Reason.not_due)


def test_quiet_hours_over_midnight_hold_to_their_end_in_the_patients_zone() -> None:
    quiet = QuietHours(start=time(21), end=time(8))
    at_night = datetime(2026, 3, 3, 4, 30, tzinfo=UTC)  # 23:30 in New York
    morning = datetime(2026, 3, 3, 13, 0, tzinfo=UTC)  # 08:00 there

    facts = replace(GOING_OUT, quiet_hours=quiet, now=at_night)

    assert decide(facts) == Hold(morning, morning, Reason.quiet_hours)
    assert decide(replace(facts, now=morning)) == Send(Channel.email, Provider.smtp, "alex@example.org")


def test_quiet_hours_that_outlast_its_usefulness_hold_to_its_end() -> None:
    quiet = QuietHours(start=time(9), end=time(18))
    useful_until = NOW + timedelta(hours=1)

    facts = replace(GOING_OUT, quiet_hours=quiet, useful_until=useful_until)

    assert decide(facts) == Hold(useful_until, useful_until, Reason.quiet_hours)


def test_channels_are_passed_over_in_the_patients_order_until_one_serves() -> None:
    push = Offer(Channel.push, None, is_opted_out=False, address=None)
    sms = Offer(Channel.sms, Provider.sms, is_opted_out=True, address="+12125550101")

    verdict = decide(replace(GOING_OUT, offers=(push, sms, EMAIL)))

    passed_over = (PassedOver(Channel.push, Reason.not_built), PassedOver(Channel.sms, Reason.opted_out))
    assert verdict == Send(Channel.email, Provider.smtp, "alex@example.org", passed_over)


def test_a_patient_whom_no_channel_reaches_is_not_written_to() -> None:
    homeless = replace(EMAIL, address=None)

    assert decide(replace(GOING_OUT, offers=(homeless,))) == Suppress(
        Reason.no_channel, (PassedOver(Channel.email, Reason.no_address),)
    )
    assert decide(replace(GOING_OUT, offers=())) == Suppress(Reason.no_channel)


URGENT = replace(GOING_OUT, is_urgent=True, phase=Phase.before_surgery)
NEVER_STOPPING: list[dict[str, Any]] = [
    {"is_achieved": True},
    {"is_skipped": True},
    {"is_milestone_cancelled": True},
    {"surgery_status": SurgeryStatus.cancelled},
    {"episode_status": EpisodeStatus.closed},
    {"episode_status": EpisodeStatus.transferred},
    {"is_paused": True},
    {"is_category_opted_out": True},
    {"snoozed_until": USEFUL_UNTIL},
    {"fuse_until": USEFUL_UNTIL},
    {"episode_status": EpisodeStatus.paused},
    {"quiet_hours": QuietHours(start=time(0), end=time(23, 59))},
]


@pytest.mark.parametrize("change", NEVER_STOPPING)
def test_an_urgent_correction_goes_out_whatever_became_of_the_surgery_and_at_any_hour(change: dict[str, Any]) -> None:
    assert decide(replace(URGENT, **change)) == Send(Channel.email, Provider.smtp, "alex@example.org")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_withdrawn": True}, Reason.withdrawn),
        ({"is_stale": True}, Reason.moved),
        ({"has_died": True}, Reason.died),
        ({"episode_status": EpisodeStatus.died}, Reason.died),
        ({"episode_status": EpisodeStatus.withdrawn}, Reason.episode_withdrawn),
        ({"is_achieved": True, "has_died": True}, Reason.died),
        ({"is_milestone_cancelled": True, "episode_status": EpisodeStatus.withdrawn}, Reason.episode_withdrawn),
    ],
)
def test_death_and_withdrawal_stop_an_urgent_correction_too(change: dict[str, Any], reason: Reason) -> None:
    assert decide(replace(URGENT, **change)) == Cancel(reason)


def test_an_urgent_correction_respects_an_opt_out() -> None:
    offers = (replace(EMAIL, is_opted_out=True),)

    verdict = decide(replace(URGENT, offers=offers))

    assert verdict == Suppress(Reason.no_channel, (PassedOver(Channel.email, Reason.opted_out),))


def test_what_the_patient_put_off_waits_until_then_and_not_past_its_use() -> None:
    in_an_hour = NOW + timedelta(hours=1)
    facts = replace(GOING_OUT, snoozed_until=in_an_hour)

    assert decide(facts) == Hold(in_an_hour, in_an_hour, Reason.snoozed)
    assert decide(replace(facts, now=in_an_hour)) == Send(Channel.email, Provider.smtp, "alex@example.org")
    assert decide(replace(facts, useful_until=IN_15_MINUTES)) == Hold(IN_15_MINUTES, IN_15_MINUTES, Reason.snoozed)
    assert decide(replace(facts, is_achieved=True)) == Cancel(Reason.achieved)


def test_the_days_fuse_holds_to_the_next_day_what_would_go_out() -> None:
    midnight = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)
    facts = replace(GOING_OUT, fuse_until=midnight)

    assert decide(facts) == Hold(midnight, midnight, Reason.fuse)
    assert decide(replace(facts, useful_until=IN_15_MINUTES)) == Hold(IN_15_MINUTES, IN_15_MINUTES, Reason.fuse)
    assert decide(replace(facts, now=USEFUL_UNTIL)) == Expire(Reason.fuse)


def test_the_fuse_holds_nothing_that_would_not_go_out_anyway() -> None:
    facts = replace(GOING_OUT, fuse_until=USEFUL_UNTIL)

    assert decide(replace(facts, is_achieved=True)) == Cancel(Reason.achieved)
    assert decide(replace(facts, is_category_opted_out=True)) == Suppress(Reason.opted_out_category)
    assert decide(replace(facts, offers=())) == Suppress(Reason.no_channel)
    assert decide(replace(facts, is_paused=True)) == Hold(USEFUL_UNTIL, IN_15_MINUTES, Reason.paused)


def test_a_repeat_is_not_sent_once_the_message_was_seen_urgent_or_not() -> None:
    assert decide(replace(GOING_OUT, is_acknowledged=True)) == Cancel(Reason.acknowledged)
    assert decide(replace(URGENT, is_acknowledged=True)) == Cancel(Reason.acknowledged)


def test_what_the_patient_opted_out_of_is_not_sent_on_any_channel() -> None:
    facts = replace(GOING_OUT, is_category_opted_out=True)

    assert decide(facts) == Suppress(Reason.opted_out_category)
    assert decide(replace(facts, now=USEFUL_UNTIL)) == Expire(Reason.too_late)
    assert decide(replace(facts, is_achieved=True)) == Cancel(Reason.achieved)


def test_what_waits_is_asked_about_the_opt_out_when_its_hold_ends() -> None:
    facts = replace(GOING_OUT, is_category_opted_out=True, is_paused=True)

    assert decide(facts) == Hold(USEFUL_UNTIL, IN_15_MINUTES, Reason.paused)


def test_an_urgent_correction_expires_and_waits_for_its_time_like_any_message() -> None:
    assert decide(replace(URGENT, now=USEFUL_UNTIL)) == Expire(Reason.too_late)
    assert decide(replace(URGENT, due_at=IN_15_MINUTES)) == Hold(IN_15_MINUTES, IN_15_MINUTES, Reason.not_due)
