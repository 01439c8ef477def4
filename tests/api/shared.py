"""One clinic for a whole module of tests that change nothing: what they send is refused."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from models.engine import make_engine, make_session_factory
from service.app import create_app
from service.db import db
from tests.api.conftest import Caller, Clinic, as_patient, as_staff, make_clinic
from tests.clock import FixedClock
from tests.database import Databases, settings_for


@dataclass(frozen=True)
class Shared:
    """A clinic on SQLite and callers of each kind."""

    clinic: Clinic
    coordinator: Caller
    patient: Caller
    anonymous: Caller


@contextlib.contextmanager
def shared_clinic(databases: Databases) -> Iterator[Shared]:
    """Yield a clinic and its callers."""
    with databases.migrated("sqlite") as url:
        engine = make_engine(url)
        app = create_app(settings_for(url), FixedClock())
        with make_session_factory(engine)() as session:
            clinic = make_clinic(session)
            coordinator = as_staff(app, session, clinic.coordinator)
            patient = as_patient(app, session, clinic.patient)
        yield Shared(clinic, coordinator, patient, Caller(app.test_client(), None))
        engine.dispose()
        with app.app_context():
            db.engine.dispose()
