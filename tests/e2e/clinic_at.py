"""The product's application with a clock that stands still, to run its commands as processes at a given instant."""

import subprocess
import sys
from base64 import b64encode
from datetime import datetime
from pathlib import Path

from flask import Flask

from config import Settings, environment_with
from service.app import create_app
from tests.clock import FixedClock

ROOT = Path(__file__).parent.parent.parent


def at(instant: str) -> Flask:
    """Return the application as of an instant in ISO 8601."""
    return create_app(Settings.from_env(), FixedClock(datetime.fromisoformat(instant)))


def run_flask(settings: Settings, now: datetime, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a flask command as a process of its own at `now`, on the database and with the keys of `settings`."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", f"tests.e2e.clinic_at:at('{now.isoformat()}')", *arguments],
        cwd=ROOT,
        env=environment_with(environment_of(settings)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the settings that a command needs as environment variables."""
    keys = {"SEAL_KEY": settings.seal_key, "AUDIT_KEY": settings.audit_key}
    owner = {"DATABASE_OWNER_URL": settings.database_owner_url} if settings.database_owner_url else {}
    limits = ("requests_a_minute", "requests_a_minute_of_an_address")
    return (
        {"DATABASE_URL": settings.database_url}
        | owner
        | {name: b64encode(key).decode() for name, key in keys.items()}
        | {name.upper(): str(getattr(settings, name)) for name in limits}
    )
