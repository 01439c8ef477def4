"""The service itself, started by gunicorn in place of `wsgi:app`; it looks for changes ten times as often.

A client that waits for what it uploaded is woken sooner, so that the tests wait less. Nothing else differs.
"""

from config import Settings
from service.app import create_app
from service.sync import wake

wake.POLL_SECONDS = 0.1  # type: ignore[misc]  # a constant of the product
app = create_app(Settings.from_env())
