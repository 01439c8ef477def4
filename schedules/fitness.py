"""Whether a database and a key are fit for a worker, asked once before it starts."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import private
from models.migrate import is_current
from models.people import Patient

KEY_SAMPLES = 10


def find_obstacle(session: Session) -> str | None:
    """Return why no worker may work on this database, or None. With a wrong key each delivery would fail for good."""
    if not is_current(session.connection()):
        return "the database does not have the newest schema: migrate it first"
    patients = session.scalars(select(Patient).where(Patient.email_sealed.is_not(None)).limit(KEY_SAMPLES)).all()
    # One damaged address is its own delivery's trouble; the key is wrong if it opens none.
    if patients and not any(_opens(patient) for patient in patients):
        return "SEAL_KEY does not open the stored addresses: give the key that sealed them"
    return None


def _opens(patient: Patient) -> bool:
    try:
        return patient.email is not None
    except private.SealError:
        return False
