"""The API's clinic and callers, and staff at a browser."""

from tests.api.conftest import (  # noqa: F401
    app,
    clinic,
    clinician,
    coordinator,
    foreign_clinic,
    foreign_staff,
    look,
    patient,
)
from tests.dashboard.conftest import desk  # noqa: F401
