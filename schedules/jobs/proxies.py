"""Ends consents of proxies that hold no more: their day is over, or their patient died or left.

Nobody waits for it: each request of a proxy's phone asks whether its consent holds. The job has messages to the phone
stop, and wakes it to be told to delete what it stores.
"""

from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.audit import ActorKind, AuditAction
from models.isolation import in_practice, reading_practice
from schedules.jobs.practices import for_each, practice_ids
from schedules.planning.proxy_consents import end_lapsed, find_lapsed

LOOKED_AT_ONCE = 100  # of a practice


def end_lapsed_proxies(make_session: sessionmaker[Session], now: datetime) -> None:
    """End what holds no more in every practice, a bounded number of each. Raises the first error in the end."""
    for_each(practice_ids(make_session), lambda each: _end(make_session, each, now))


def _end(make_session: sessionmaker[Session], practice_id: str, now: datetime) -> None:
    with reading_practice(make_session, practice_id) as session:
        found = find_lapsed(session, practice_id, now, most=LOOKED_AT_ONCE)
    for consent_id in found:
        with in_practice(make_session, practice_id) as session:
            consent = end_lapsed(session, practice_id, consent_id, now)
            if consent is not None and consent.ended_how is not None:
                about = {"proxy_consent_id": consent.id, "ended_how": consent.ended_how.value}
                journal.append(session, practice_id, _act(consent.patient_id, about), now)


def _act(patient_id: str, about: dict[str, str]) -> journal.Act:
    route = "job end_lapsed_proxies"
    return journal.Act(ActorKind.worker, None, AuditAction.write, route, about=about, patient_ids=[patient_id])
