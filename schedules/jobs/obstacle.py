"""Whether a worker may work on a database: its schema, the role it works as, the key of what it is to send."""

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models import private
from models.engine import begin_reads
from models.isolation import reading_practice
from models.migrate import is_fit
from models.people import Patient
from models.row_security import find_unbound_role
from schedules.jobs.practices import practice_ids

KEY_SAMPLES = 10
logger = logging.getLogger(__name__)


def find_obstacle(make_session: sessionmaker[Session], settings: Settings) -> str | None:
    """Return why no worker may work on this database, or None. With a wrong key each delivery would fail for good."""
    with make_session() as session:
        begin_reads(session)
        if not is_fit(session.connection()):
            return (
                "the database has neither the newest schema nor a later one that serves this release: migrate it first"
            )
        unbound = find_unbound_role(session.connection())
    if unbound is not None and settings.reaches_patients:
        return unbound
    if unbound is not None:
        logger.warning(unbound)
    if _opens_nothing(make_session):
        return "SEAL_KEY does not open the stored addresses: give the key that sealed them"
    return None


def _opens_nothing(make_session: sessionmaker[Session]) -> bool:
    """Return whether there are addresses and none of some opens. One that is damaged is its own delivery's trouble."""
    looked_at = 0
    for practice_id in practice_ids(make_session):
        with reading_practice(make_session, practice_id) as session:
            query = select(Patient).where(Patient.practice_id == practice_id, Patient.email_sealed.is_not(None))
            patients = session.scalars(query.limit(KEY_SAMPLES - looked_at)).all()
            if any(_opens(patient) for patient in patients):
                return False
            looked_at += len(patients)
        if looked_at == KEY_SAMPLES:
            break
    return looked_at > 0


def _opens(patient: Patient) -> bool:
    try:
        return patient.email is not None
    except private.SealError:
        return False
