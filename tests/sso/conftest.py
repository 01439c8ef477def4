"""The application and its clinics, as the API's tests have them."""

from tests.api.conftest import app, clinic, foreign_clinic, look

__all__ = ["app", "clinic", "foreign_clinic", "look"]
