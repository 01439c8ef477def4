"""What became of a reminder's messages, in the words that planning again decides on. Pure: who asked the rows knows."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schedules.plan.diff import Answer
from schedules.plan.vocabulary import ReminderState


class Standing(StrEnum):
    """How the message of a reminder's present generation stands with the worker."""

    waiting = "waiting"
    on_its_way = "on_its_way"
    perhaps_sent = "perhaps_sent"  # an earlier try ended without an answer
    sent = "sent"
    over = "over"  # it ended, and nothing went out


ANSWERS = {
    Standing.waiting: Answer.effective,
    Standing.on_its_way: Answer.in_flight,
    Standing.perhaps_sent: Answer.unknown,
    Standing.sent: Answer.already_sent,
    Standing.over: None,
}


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What became of a reminder's messages so far, those of earlier generations included."""

    standing: Standing
    sent_due_ats: frozenset[datetime] = frozenset()  # due times of what went out
    may_have_gone_out: bool = False  # some message of it did, or is on its way, or ended without an answer
    awaits_answer: bool = False  # it went out, and goes on to another channel unless somebody says that it was seen


def guess_facts(state: ReminderState, due_at: datetime) -> MessageFacts:
    """Return what a reminder's state alone lets one expect: good enough to see whether its messages matter."""
    match state:
        case ReminderState.planned:
            return MessageFacts(Standing.waiting)
        case ReminderState.sent:
            return MessageFacts(Standing.sent, frozenset({due_at}), may_have_gone_out=True, awaits_answer=True)
        case _:
            return MessageFacts(Standing.over)
