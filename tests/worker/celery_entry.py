"""The application that tests start Celery's own command with: the product's, on the clock of the tests."""

from config import Settings
from schedules.celery_app import make_app
from schedules.delivery.deliver import Steps
from tests.clock import MONDAY_AFTERNOON
from tests.failpoints import StartedClock

_CLOCK = StartedClock(MONDAY_AFTERNOON)

app = make_app(Settings.from_env(), Steps(now=lambda _session, _clock: _CLOCK.now()))
