"""Use cases: a clinic's rhythm of check-ins is read and set.

It changes no plan by itself: the worker plans the open episodes again, and what it asks for begins the day after.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import orjson
from sqlalchemy.orm import Session

from models import Practice
from schedules.plan.check_ins import (
    DEFAULT_GRADE,
    DEFAULT_RHYTHM,
    CheckInRhythm,
    RhythmVersion,
    read_history,
    write_history,
)
from schedules.plan.vocabulary import Grade
from service.care.enrol import clinic_today
from service.care.reach import practice_of
from service.identity.principal import Principal

_NONE_SET = "default"
_TAG_LENGTH = 32


@dataclass(frozen=True, slots=True)
class RhythmView:
    """What a clinic asks after surgery: what it set last, or the default, which nobody is asked by until it is set.

    `from_on`: the first day of the clinic's calendar on which it holds, None for the default. `grade` is that of
    figures without a source, whoever set them. `is_planned`: all open plans follow it. `tag`: the ETag.
    """

    rhythm: CheckInRhythm
    version: RhythmVersion | None
    is_planned: bool
    tag: str
    grade: Grade = DEFAULT_GRADE
    is_changed: bool = False

    @property
    def is_set(self) -> bool:
        """Return whether the clinic has set it."""
        return self.version is not None

    @property
    def from_on(self) -> date | None:
        """Return the first day on which it holds."""
        return None if self.version is None else self.version.from_on

    @property
    def default(self) -> CheckInRhythm:
        """Return the rhythm to start from."""
        return DEFAULT_RHYTHM


def view_rhythm(session: Session, caller: Principal) -> RhythmView:
    """Return the rhythm of the caller's clinic."""
    return _view(practice_of(session, caller))


def set_rhythm(
    session: Session, caller: Principal, rhythm: CheckInRhythm, *, now: datetime, require_tag: Callable[[str], None]
) -> RhythmView:
    """Set the rhythm of the caller's clinic from tomorrow on, and have the worker plan all open episodes by it.

    The row is locked to the commit. Setting what is set changes nothing. Raises what `require_tag` raises for the
    rhythm as it stands.
    """
    practice = session.get_one(
        Practice, caller.practice_id, with_for_update={"key_share": True}, populate_existing=True
    )
    history = read_history(practice.check_in_rhythms)
    if history.latest is not None and history.latest.rhythm == rhythm:
        return _view(practice)
    require_tag(_view(practice).tag)
    practice.check_in_rhythms = write_history(history.changed(rhythm, clinic_today(practice, now)))
    practice.rhythm_planned_through = ""
    return _view(practice, is_changed=True)


def _view(practice: Practice, *, is_changed: bool = False) -> RhythmView:
    version = read_history(practice.check_in_rhythms).latest
    return RhythmView(
        rhythm=DEFAULT_RHYTHM if version is None else version.rhythm,
        version=version,
        is_planned=version is not None and practice.rhythm_planned_through is None,
        tag=_tag(version),
        is_changed=is_changed,
    )


def _tag(version: RhythmVersion | None) -> str:
    if version is None:
        return _NONE_SET
    return hashlib.sha256(orjson.dumps(version)).hexdigest()[:_TAG_LENGTH]
