"""Lets the clinics' signed rules clear what they cover, a bounded number of milestones at a turn."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.audit import ActorKind, AuditAction
from models.clearance import Clearance
from models.isolation import in_practice, reading_practice
from schedules.jobs.practices import attempt_each, practice_ids
from schedules.planning.signed_rules import Candidate, Look, clear_by_rule, look_at

LOOKED_AT_ONCE = 200  # milestones that wait for a rule: half a second's reading


@dataclass(slots=True)
class Round:
    """How far a round through practices and patients has come: after whom the next turn goes on."""

    practice_id: str = ""
    patient_id: str = ""


def clear_by_signed_rules(make_session: sessionmaker[Session], now: datetime, so_far: Round) -> None:
    """Clear what the practices' signed rules cover and whose conditions all hold. One that fails stops no other.

    One turn looks at a bounded number of milestones, so that nothing else waits for it, and leaves in `so_far` where
    the next turn goes on.
    """
    left, errors = LOOKED_AT_ONCE, list[Exception]()
    for practice_id in practice_ids(make_session):
        if practice_id < so_far.practice_id:
            continue
        after = so_far.patient_id if practice_id == so_far.practice_id else ""
        if left <= 0:
            so_far.practice_id, so_far.patient_id = practice_id, after
            break
        try:
            look = _look(make_session, practice_id, now, after=after, most=left)
        except Exception as error:  # noqa: BLE001 - raised below, once the others had their turn
            errors.append(error)
            continue
        errors += _clear(make_session, practice_id, look.worth_trying, now)
        left -= look.count
        if look.through is not None:
            so_far.practice_id, so_far.patient_id = practice_id, look.through
            break
    else:
        so_far.practice_id = so_far.patient_id = ""
    if errors:
        raise errors[0]


def _look(make_session: sessionmaker[Session], practice_id: str, now: datetime, *, after: str, most: int) -> Look:
    with reading_practice(make_session, practice_id) as session:
        return look_at(session, practice_id, now, after=after, most=most)


def _clear(
    make_session: sessionmaker[Session], practice_id: str, worth_trying: Iterable[Candidate], now: datetime
) -> list[Exception]:
    """Clear what can be, each in a transaction of its own. Return what was raised."""
    found = {each.milestone_id: each for each in worth_trying}

    def clear(milestone_id: str) -> None:
        with in_practice(make_session, practice_id) as session:
            cleared = clear_by_rule(session, practice_id, found[milestone_id], now)
            if cleared is not None:
                journal.append(session, practice_id, _act_of(cleared), now)

    return attempt_each(found, clear)


def _act_of(cleared: Clearance) -> journal.Act:
    about = {"clearance_id": cleared.id, "milestone_id": cleared.milestone_id, "rule_id": cleared.rule_id}
    return journal.Act(
        actor_kind=ActorKind.worker,
        actor_id=None,
        action=AuditAction.write,
        route="job clear_by_signed_rules",
        about=about,
        patient_ids=[cleared.patient_id],
    )
