"""The web entry point: `gunicorn wsgi:app`, `flask --app wsgi`."""

import gc

# What is imported stays, and to look through it for garbage again and again takes a tenth of the start.
gc.disable()

from config import Settings  # noqa: E402
from service.app import create_app  # noqa: E402

app = create_app(Settings.from_env())
gc.enable()
# What is there now stays: to look through it for garbage again and again would hold up one request in some.
gc.collect()
gc.freeze()
