"""The web entry point: `gunicorn wsgi:app`, `flask --app wsgi`."""

import gc

from config import Settings
from service.app import create_app

app = create_app(Settings.from_env())
# What is there now stays: to look through it for garbage again and again would hold up one request in some.
gc.collect()
gc.freeze()
