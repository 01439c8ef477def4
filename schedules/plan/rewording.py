"""Which stored messages keep other words than their plan now has: those alone are written, no message is touched.

What went out keeps the words of its time; one of which no words were kept gets those of its plan.
"""

from collections.abc import Iterable
from dataclasses import replace

from schedules.plan.rearm import NEVER_ARMED, DecidedReminder, Step
from schedules.plan.vocabulary import ReminderState


def with_words(decided: Iterable[DecidedReminder]) -> list[DecidedReminder]:
    """Return what was decided, with `reword` for what was to be left and says something else than its plan."""
    return [
        replace(each, step=Step.reword) if each.step is Step.leave and _says_otherwise(each) else each
        for each in decided
    ]


def only_lacks_words(decided: DecidedReminder) -> bool:
    """Return whether a message stands as planned, but for words that were not kept when it was planned."""
    return decided.step is Step.reword and decided.stored is not None and decided.stored.planned.text is None


def _says_otherwise(decided: DecidedReminder) -> bool:
    stored, planned = decided.stored, decided.planned
    if stored is None or planned is None or planned.text is None or planned.text == stored.planned.text:
        return False
    was_never_armed = stored.state is ReminderState.suppressed and stored.reason in NEVER_ARMED
    return stored.state is ReminderState.planned or was_never_armed or stored.planned.text is None
