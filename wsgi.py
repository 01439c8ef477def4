"""The web entry point: `gunicorn wsgi:app`, `flask --app wsgi`."""

from config import Settings
from service.app import create_app

app = create_app(Settings.from_env())
