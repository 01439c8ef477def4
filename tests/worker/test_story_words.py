"""Every reason that a line of a reminder's story can have is put into words."""

from models.reminder import DecisionKind
from schedules.delivery.decide import Reason
from schedules.plan.rearm import MOVED
from schedules.plan.vocabulary import CancelReason, Channel, EpisodeStatus, ReminderOutcome
from schedules.planning.corrections import SUPERSEDED
from schedules.planning.held import RELEASED, RESTORED
from schedules.planning.story_words import REASONS, story_words

OF_USE_CASES = {"achieved", "cleared", "died", "skipped", "surgery_cancelled"}
ENDED = [each for each in EpisodeStatus if each not in (EpisodeStatus.active, EpisodeStatus.paused)]


def test_every_reason_has_words_and_no_words_are_left_over() -> None:
    told = {*Reason, *CancelReason, *ENDED, *ReminderOutcome} - {ReminderOutcome.planned}

    assert set(REASONS) == {str(each) for each in told} | OF_USE_CASES | {MOVED, SUPERSEDED, RESTORED, RELEASED}


def test_every_kind_of_line_has_words() -> None:
    assert all(story_words(kind, None, None) for kind in DecisionKind)
    assert story_words(DecisionKind.sent, None, Channel.email) == "sent by email"


def test_a_reason_without_words_stands_as_its_code() -> None:
    assert story_words(DecisionKind.held, "solar_flare", None) == "waits: solar_flare"
