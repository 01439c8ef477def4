"""What becomes of a stored message when its plan is made again, for every way it can stand."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from schedules.plan.diff import Answer, MessageChange
from schedules.plan.message_facts import MessageFacts, Standing
from schedules.plan.rearm import (
    DecidedReminder,
    Occasion,
    Step,
    StoredReminder,
    WantedReminder,
    decide_reminders,
    is_late,
)
from schedules.plan.reminders import PlannedReminder
from schedules.plan.vocabulary import PastPolicy, Phase, ReminderCategory, ReminderOutcome, ReminderState

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TODAY = date(2026, 3, 2)
WAS = PlannedReminder(
    key="ask",
    milestone_key="drive",
    occurrence=1,
    repeat=0,
    category=ReminderCategory.clearance,
    phase=Phase.after_surgery,
    scheduled_on=TODAY + DAY,
    due_at=NOW + DAY,
    useful_until=NOW + 3 * DAY,
    past_policy=None,
    outcome=ReminderOutcome.planned,
)
NEXT_WEEK = replace(WAS, scheduled_on=TODAY + 8 * DAY, due_at=NOW + 8 * DAY, useful_until=NOW + 10 * DAY)
AN_HOUR_LATER = replace(WAS, due_at=NOW + DAY + HOUR)
BEGUN = replace(WAS, scheduled_on=TODAY, due_at=NOW - HOUR, useful_until=NOW + DAY)
BEGINS_NOW = replace(BEGUN, due_at=NOW)
OVER = replace(WAS, scheduled_on=TODAY - DAY, due_at=NOW - DAY, useful_until=NOW)
SKIPPED = replace(WAS, outcome=ReminderOutcome.past_skip, past_policy=PastPolicy.skip)
QUIET = replace(WAS, outcome=ReminderOutcome.quiet_past_useful)

MOVED = Occasion(NOW, moved=frozenset({"m"}))
SAME = Occasion(NOW)
DONE = Occasion(NOW, complete={"m": "achieved"})

PLANNED, SENT, CANCELLED = ReminderState.planned, ReminderState.sent, ReminderState.cancelled
SUPPRESSED, EXPIRED = ReminderState.suppressed, ReminderState.expired
WAITING = MessageFacts(Standing.waiting)
ON_ITS_WAY = MessageFacts(Standing.on_its_way, may_have_gone_out=True)
PERHAPS = MessageFacts(Standing.perhaps_sent, may_have_gone_out=True)
WENT_OUT = MessageFacts(Standing.sent, frozenset({WAS.due_at}), may_have_gone_out=True)
NO_ANSWER = replace(WENT_OUT, awaits_answer=True)
ENDED = MessageFacts(Standing.over)
PUT_OFF = replace(WENT_OUT, standing=Standing.waiting)  # its next generation waits until the patient wants it
SENT_BEFORE = MessageFacts(Standing.waiting, frozenset({NEXT_WEEK.due_at}), may_have_gone_out=True)
U, A, M, C = MessageChange.unchanged, MessageChange.added, MessageChange.moved, MessageChange.cancelled
S, F, P = MessageChange.already_sent, MessageChange.in_flight, MessageChange.past


def stored(state: ReminderState, planned: PlannedReminder = WAS, reason: str | None = None) -> StoredReminder:
    return StoredReminder("r", "m", planned, state, reason)


def decide(
    before: StoredReminder | None, planned: PlannedReminder | None, facts: MessageFacts | None, occasion: Occasion
) -> list[DecidedReminder]:
    wanted = {} if planned is None else {"r": WantedReminder("r", "m", planned)}
    return decide_reminders(
        {} if before is None else {"r": before}, wanted, {} if facts is None else {"r": facts}, occasion
    )


CASES = {
    # What waits.
    "it waits for the same time": (stored(PLANNED), WAS, WAITING, SAME, Step.leave, U, None, None, False),
    "it moves": (stored(PLANNED), NEXT_WEEK, WAITING, MOVED, Step.arm, M, None, Answer.effective, False),
    "its hour alone moves": (stored(PLANNED), AN_HOUR_LATER, WAITING, SAME, Step.arm, M, None, Answer.effective, False),
    "it moves on its way": (stored(PLANNED), NEXT_WEEK, ON_ITS_WAY, MOVED, Step.arm, F, None, Answer.in_flight, True),
    "it moves after a lost try": (stored(PLANNED), NEXT_WEEK, PERHAPS, MOVED, Step.arm, M, None, Answer.unknown, True),
    "its hour alone moves on its way": (
        stored(PLANNED), AN_HOUR_LATER, ON_ITS_WAY, SAME, Step.leave, U, None, Answer.in_flight, False,
    ),
    "its hour alone moves after a lost try": (
        stored(PLANNED), AN_HOUR_LATER, PERHAPS, SAME, Step.leave, U, None, Answer.unknown, False,
    ),
    "it is on its way for the same time": (stored(PLANNED), WAS, ON_ITS_WAY, SAME, Step.leave, U, None, None, False),
    "it was put off and its hour moves": (
        stored(PLANNED), AN_HOUR_LATER, PUT_OFF, SAME, Step.leave, U, None, Answer.already_sent, False,
    ),
    "it was put off and its hour moves to one that has begun": (
        stored(PLANNED, BEGINS_NOW), BEGUN, replace(PUT_OFF, sent_due_ats=frozenset({NOW})), SAME,
        Step.leave, U, None, Answer.already_sent, False,
    ),
    "it was put off and moves": (
        stored(PLANNED), NEXT_WEEK, PUT_OFF, MOVED, Step.arm, M, None, Answer.effective, True,
    ),
    "its new time is over": (stored(PLANNED), OVER, WAITING, MOVED, Step.leave, U, None, None, False),
    "it moves to a day for which it was sent": (
        stored(PLANNED), NEXT_WEEK, SENT_BEFORE, MOVED, Step.settle, S, "moved", Answer.effective, False,
    ),
    "it waits for a day for which it was sent": (
        stored(PLANNED, NEXT_WEEK), NEXT_WEEK, SENT_BEFORE, SAME, Step.leave, U, None, None, False,
    ),
    "it ended and its state is behind": (stored(PLANNED), WAS, ENDED, SAME, Step.leave, U, None, None, False),
    "it moves to a time that has begun": (
        stored(PLANNED), BEGUN, WAITING, MOVED, Step.arm, M, None, Answer.effective, False,
    ),
    "it was sent for another day and its hour moves": (
        stored(PLANNED), AN_HOUR_LATER, SENT_BEFORE, SAME, Step.arm, M, None, Answer.effective, True,
    ),
    "it ended and its hour moves": (stored(PLANNED), AN_HOUR_LATER, ENDED, SAME, Step.leave, U, None, None, False),
    "it ended and moves": (stored(PLANNED), NEXT_WEEK, ENDED, MOVED, Step.arm, M, None, None, False),
    # What was sent.
    "it was sent for this day": (stored(SENT), WAS, WENT_OUT, SAME, Step.leave, U, None, None, False),
    "it was sent and its hour moves": (
        stored(SENT), AN_HOUR_LATER, WENT_OUT, SAME, Step.leave, U, None, Answer.already_sent, False,
    ),
    "it was sent and its day moves ahead": (
        stored(SENT), NEXT_WEEK, WENT_OUT, MOVED, Step.arm, M, None, Answer.already_sent, True,
    ),
    "it was sent and its milestone stays": (
        stored(SENT), NEXT_WEEK, WENT_OUT, SAME, Step.leave, U, None, Answer.already_sent, False,
    ),
    "it was sent and its new time has begun": (
        stored(SENT), BEGUN, WENT_OUT, MOVED, Step.leave, S, None, Answer.already_sent, False,
    ),
    # What was sent and goes on to another channel unless it is acknowledged.
    "nobody answered, the day stays": (stored(SENT), WAS, NO_ANSWER, SAME, Step.leave, U, None, None, False),
    "nobody answered, its hour moves": (
        stored(SENT), AN_HOUR_LATER, NO_ANSWER, SAME, Step.leave, U, None, Answer.already_sent, False,
    ),
    "nobody answered, its day moves ahead": (
        stored(SENT), NEXT_WEEK, NO_ANSWER, MOVED, Step.arm, M, None, Answer.already_sent, True,
    ),
    "nobody answered, its new time has begun": (
        stored(SENT), BEGUN, NO_ANSWER, MOVED, Step.take_back, S, "moved", Answer.already_sent, False,
    ),
    "nobody answered, its new time is over": (
        stored(SENT), OVER, NO_ANSWER, MOVED, Step.take_back, U, "moved", None, False,
    ),
    "nobody answered, it is of no use any more": (
        stored(SENT), QUIET, NO_ANSWER, SAME, Step.take_back, U, "quiet_past_useful", None, False,
    ),
    "nobody answered, the plan lacks it": (
        stored(SENT), None, NO_ANSWER, SAME, Step.take_back, S, "not_in_plan", Answer.already_sent, False,
    ),
    "nobody answered, its milestone ended": (
        stored(SENT), None, NO_ANSWER, Occasion(NOW, ended={"m": "merged"}),
        Step.take_back, S, "merged", Answer.already_sent, False,
    ),
    "nobody answered, it is done": (stored(SENT), WAS, NO_ANSWER, DONE, Step.leave, U, None, None, False),
    # What has ended without going out.
    "it expired, the day stays": (
        stored(EXPIRED, reason="too_late"), AN_HOUR_LATER, ENDED, SAME, Step.leave, U, "too_late", None, False,
    ),
    "it expired, a new day": (
        stored(EXPIRED, reason="too_late"), NEXT_WEEK, ENDED, MOVED, Step.arm, M, None, None, False,
    ),
    "it expired, a new day that has begun": (stored(EXPIRED), BEGUN, ENDED, MOVED, Step.leave, U, None, None, False),
    "it expired, a new day that begins now": (
        stored(EXPIRED), BEGINS_NOW, ENDED, MOVED, Step.leave, U, None, None, False,
    ),
    "it was taken back": (stored(CANCELLED), WAS, ENDED, SAME, Step.arm, A, None, None, False),
    "it was taken back on its way": (stored(CANCELLED), WAS, ON_ITS_WAY, SAME, Step.stand, F, None, None, False),
    "it was taken back on its way and moves": (
        stored(CANCELLED), NEXT_WEEK, ON_ITS_WAY, MOVED, Step.arm, F, None, Answer.in_flight, True,
    ),
    "it was past and is called for": (
        stored(SUPPRESSED, reason="past_skip"), WAS, ENDED, SAME, Step.arm, A, None, None, False,
    ),
    "it found no channel": (
        stored(SUPPRESSED, reason="no_channel"), WAS, ENDED, SAME, Step.leave, U, "no_channel", None, False,
    ),
    # What is not to go out after all.
    "it waits and is past now": (
        stored(PLANNED), SKIPPED, WAITING, MOVED, Step.take_back, P, "past_skip", Answer.effective, False,
    ),
    "it waits and is not useful": (
        stored(PLANNED), QUIET, WAITING, SAME, Step.take_back, C, "quiet_past_useful", Answer.effective, False,
    ),
    "it is on its way and past": (
        stored(PLANNED), SKIPPED, ON_ITS_WAY, MOVED, Step.take_back, F, "past_skip", Answer.in_flight, False,
    ),
    "it ended and is past now": (stored(PLANNED), SKIPPED, ENDED, MOVED, Step.leave, U, None, None, False),
    "it was taken back on its way and is past": (
        stored(CANCELLED, reason="achieved"), SKIPPED, ON_ITS_WAY, SAME, Step.leave, U, "achieved", None, False,
    ),
    "it was sent and is past": (stored(SENT), SKIPPED, WENT_OUT, SAME, Step.leave, U, None, None, False),
    "it was sent for another day and is past": (
        stored(SENT, NEXT_WEEK), SKIPPED, WENT_OUT, MOVED, Step.leave, S, None, Answer.already_sent, False,
    ),
    "it was never armed for this reason": (
        stored(SUPPRESSED, reason="past_skip"), SKIPPED, ENDED, SAME, Step.leave, U, "past_skip", None, False,
    ),
    "it was never armed for another reason": (
        stored(SUPPRESSED, reason="not_signed"), SKIPPED, ENDED, SAME, Step.note, P, "past_skip", None, False,
    ),
    "it was never armed at another time": (
        stored(SUPPRESSED, NEXT_WEEK, "past_skip"), SKIPPED, ENDED, SAME, Step.note, P, "past_skip", None, False,
    ),
    "it found no channel and is past": (
        stored(SUPPRESSED, reason="no_channel"), SKIPPED, ENDED, SAME, Step.leave, U, "no_channel", None, False,
    ),
    # What is complete, and what the plan lacks.
    "it is complete and waits": (
        stored(PLANNED), WAS, WAITING, DONE, Step.take_back, C, "achieved", Answer.effective, False,
    ),
    "it is complete and was sent": (stored(SENT), NEXT_WEEK, WENT_OUT, DONE, Step.leave, U, None, None, False),
    "it is complete and was never armed": (
        stored(SUPPRESSED, reason="not_signed"), SKIPPED, ENDED, DONE, Step.leave, U, "not_signed", None, False,
    ),
    "it is gone": (stored(PLANNED), None, WAITING, SAME, Step.take_back, C, "not_in_plan", Answer.effective, False),
    "it is gone and was complete": (
        stored(PLANNED), None, WAITING, DONE, Step.take_back, C, "achieved", Answer.effective, False,
    ),
    "its milestone ended": (
        stored(PLANNED), None, WAITING, Occasion(NOW, ended={"m": "merged"}),
        Step.take_back, C, "merged", Answer.effective, False,
    ),
    "it is gone and was sent": (stored(SENT), None, WENT_OUT, SAME, Step.leave, S, None, Answer.already_sent, False),
    "it is gone, complete and was sent": (stored(SENT), None, WENT_OUT, DONE, Step.leave, U, None, None, False),
    "it is gone and ended": (
        stored(EXPIRED, reason="too_late"), None, ENDED, SAME, Step.leave, U, "too_late", None, False,
    ),
    # Without facts they are guessed from the state.
    "nothing is known of what waits": (
        stored(PLANNED), NEXT_WEEK, None, MOVED, Step.arm, M, None, Answer.effective, False,
    ),
    "nothing is known of what was sent": (
        stored(SENT), NEXT_WEEK, None, MOVED, Step.arm, M, None, Answer.already_sent, True,
    ),
    "nothing is known of what was sent for then": (  # it may have a repeat that must not go out
        stored(SENT, NEXT_WEEK), replace(NEXT_WEEK, scheduled_on=TODAY), None, MOVED, Step.take_back, S, "moved", None,
        False,
    ),
    "nothing is known of what was taken back": (stored(CANCELLED), WAS, None, SAME, Step.arm, A, None, None, False),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_stored_message_when_its_plan_is_made_again(case: str) -> None:
    before, planned, facts, occasion, step, change, reason, answer, is_correction = CASES[case]

    decided = decide(before, planned, facts, occasion)

    assert decided == [DecidedReminder("r", "m", step, change, planned, before, reason, answer, is_correction)]


@pytest.mark.parametrize(
    ("planned", "change", "reason"),
    [(WAS, A, None), (SKIPPED, P, "past_skip"), (QUIET, C, "quiet_past_useful")],
)
def test_a_new_message_is_added_with_what_becomes_of_it(
    planned: PlannedReminder, change: MessageChange, reason: str | None
) -> None:
    assert decide(None, planned, None, SAME) == [DecidedReminder("r", "m", Step.add, change, planned, reason=reason)]


def test_of_what_is_complete_nothing_new_is_said() -> None:
    assert decide(None, WAS, None, DONE) == []


def test_a_digest_that_changes_hands_is_noted() -> None:
    gathered = replace(SKIPPED, outcome=ReminderOutcome.past_digest, digest_in=("drive", 1, "other", 0))
    before = stored(SUPPRESSED, replace(gathered, digest_in=None), "past_digest")
    carried = stored(SUPPRESSED, gathered, "past_digest")

    assert decide(before, gathered, ENDED, SAME)[0].step is Step.note
    assert decide(carried, gathered, ENDED, SAME)[0].step is Step.leave
    assert decide(carried, replace(gathered, digest_in=None), ENDED, SAME)[0].step is Step.leave


def test_what_the_plan_calls_for_comes_first_in_its_order() -> None:
    rows = {name: replace(stored(PLANNED), id=name) for name in ("gone", "b", "a")}
    wanted = {name: WantedReminder(name, "m", WAS) for name in ("a", "b")}

    assert [each.id for each in decide_reminders(rows, wanted, {}, SAME)] == ["a", "b", "gone"]


@pytest.mark.parametrize(
    ("planned", "before", "late"),
    [
        (OVER, None, True),
        (replace(OVER, useful_until=NOW + HOUR), None, False),
        (replace(OVER, outcome=ReminderOutcome.past_skip), None, False),
        (OVER, stored(PLANNED), True),
        (OVER, stored(PLANNED, OVER), False),
        (OVER, stored(SENT), False),
    ],
)
def test_what_is_over_and_was_never_judged_is_late(
    *, planned: PlannedReminder, before: StoredReminder | None, late: bool
) -> None:
    assert is_late(WantedReminder("r", "m", planned), before, NOW) is late
