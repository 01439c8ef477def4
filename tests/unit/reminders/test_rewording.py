"""Which stored messages get other words when their plan is made again, for every way they can stand."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from schedules.plan.diff import MessageChange
from schedules.plan.protocol import Text
from schedules.plan.rearm import DecidedReminder, Step, StoredReminder
from schedules.plan.reminders import PlannedReminder
from schedules.plan.rewording import only_lacks_words, with_words
from schedules.plan.vocabulary import Phase, ReminderCategory, ReminderOutcome, ReminderState

ASK = Text(en="Ask us.", es="Pregunte.")
WALK = Text(en="Walk a little.", es="Camine un poco.")
PLANNED = PlannedReminder(
    key="ask",
    milestone_key="drive",
    occurrence=1,
    repeat=0,
    category=ReminderCategory.clearance,
    phase=Phase.after_surgery,
    scheduled_on=date(2026, 3, 3),
    due_at=datetime(2026, 3, 3, 15, 0, tzinfo=UTC),
    useful_until=datetime(2026, 3, 5, 15, 0, tzinfo=UTC),
    past_policy=None,
    outcome=ReminderOutcome.planned,
    text=ASK,
)
WAITS, WENT, EXPIRED = ReminderState.planned, ReminderState.sent, ReminderState.expired
SUPPRESSED = ReminderState.suppressed


def decided(
    kept: Text | None, state: ReminderState, reason: str | None = None, *, step: Step = Step.leave
) -> DecidedReminder:
    stored = StoredReminder("r", "m", replace(PLANNED, text=kept), state, reason)
    return DecidedReminder("r", "m", step, MessageChange.unchanged, PLANNED, stored, reason)


@pytest.mark.parametrize(
    ("before", "step"),
    [
        (decided(ASK, WAITS), Step.leave),
        (decided(WALK, WAITS), Step.reword),
        (decided(None, WAITS), Step.reword),
        (decided(WALK, WENT), Step.leave),
        (decided(None, WENT), Step.reword),
        (decided(WALK, EXPIRED), Step.leave),
        (decided(WALK, SUPPRESSED, "past_digest"), Step.reword),
        (decided(WALK, SUPPRESSED, "no_channel"), Step.leave),
        (decided(WALK, WAITS, step=Step.arm), Step.arm),
        (replace(decided(WALK, WAITS), planned=None), Step.leave),
        (replace(decided(WALK, WAITS), planned=replace(PLANNED, text=None)), Step.leave),
        (replace(decided(WALK, WAITS), stored=None), Step.leave),
    ],
)
def test_what_is_still_to_be_said_follows_its_plan_and_what_went_out_stays(before: DecidedReminder, step: Step) -> None:
    (after,) = with_words([before])

    assert after == replace(before, step=step)


@pytest.mark.parametrize(
    ("each", "lacks"),
    [
        (decided(None, WAITS, step=Step.reword), True),
        (decided(WALK, WAITS, step=Step.reword), False),
        (decided(None, WAITS, step=Step.leave), False),
        (replace(decided(None, WAITS, step=Step.reword), stored=None), False),
    ],
)
def test_words_that_were_not_kept_are_all_that_a_message_may_lack(each: DecidedReminder, lacks: bool) -> None:
    assert only_lacks_words(each) is lacks
