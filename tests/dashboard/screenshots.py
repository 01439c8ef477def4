"""`make screenshots`: pictures of the dashboard's main pages with the demo clinic in it, for the README."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Patient, Practice, Staff, Surgery, WorkerHeartbeat, journal, private
from models.engine import make_engine, make_session_factory
from schedules.plan.vocabulary import SurgeryStatus
from service.app import create_app
from service.db import db
from service.identity.sessions import start_session
from tests.clock import FixedClock
from tests.dashboard.browser import chromium
from tests.dashboard.conftest import COOKIE
from tests.dashboard.servers import serving
from tests.database import AUDIT_KEY, SEAL_KEY, Databases, settings_for
from tests.e2e.clinic_at import ROOT

FOLDER = ROOT / "docs/screens"
AT = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
MOST_BYTES = 300_000


@dataclass(frozen=True)
class Subject:
    """Who is shown: a session's secret, somebody some weeks after surgery, and a surgery that is ahead."""

    secret: str
    patient_id: str
    surgery_id: str


def main() -> None:
    """Write the pictures."""
    private.set_key(SEAL_KEY)
    journal.set_key(AUDIT_KEY)
    FOLDER.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(Databases(folder, stack).migrated("sqlite"))
        app = create_app(settings_for(url), FixedClock(AT))
        loaded = app.test_cli_runner().invoke(args=["demo", "load"])
        if loaded.exit_code:
            raise SystemExit(loaded.output)
        with app.app_context():
            db.engine.dispose()
        subject = _subject(url)
        address = stack.enter_context(serving(url, AT))
        _shoot(stack.enter_context(chromium()), address, subject)


def _subject(url: str) -> Subject:
    engine = make_engine(url)
    with make_session_factory(engine)() as session:
        practice = session.scalars(select(Practice)).one()
        surgeon = session.get_one(Staff, (practice.id, "demo-surgeon"))
        issued = start_session(session, practice.id, surgeon.id, life=timedelta(hours=12), label="Chrome", now=AT)
        session.add(WorkerHeartbeat(worker_id="worker", started_at=AT - timedelta(days=1), ticked_at=AT))
        session.commit()
        begun = AT.date() - timedelta(days=30)
        patients = [row.patient_id for row in _surgeries(session, SurgeryStatus.performed) if row.surgery_on == begun]
        recent = [
            row for row in _surgeries(session, SurgeryStatus.performed) if row.surgery_on and row.surgery_on < begun
        ]
        ahead = next(
            row for row in _surgeries(session, SurgeryStatus.planned) if row.surgery_on and row.surgery_on > AT.date()
        )
        chosen = patients[0] if patients else max(recent, key=lambda row: str(row.surgery_on)).patient_id
        subject = Subject(issued.secret, session.get_one(Patient, (practice.id, chosen)).id, ahead.id)
    engine.dispose()
    return subject


def _surgeries(session: Session, status: SurgeryStatus) -> Iterator[Surgery]:
    yield from session.scalars(select(Surgery).filter_by(status=status).order_by(Surgery.surgery_on, Surgery.id))


def _shoot(browser: Browser, address: str, subject: Subject) -> None:
    person = f"/clinic/patients/{subject.patient_id}"
    for name, path, size, scheme in (
        ("worklist", "/clinic/", (1280, 860), "light"),
        ("outcomes", "/clinic/outcomes?procedure=lumbar_microdiscectomy&kind=opioid_stop", (1280, 1500), "light"),
        ("patient", person, (1280, 1300), "light"),
        ("phone", person, (390, 844), "dark"),
    ):
        context = browser.new_context(
            base_url=address,
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if scheme == "dark" else "light",
            locale="en-US",
        )
        context.add_cookies([{"name": COOKIE, "value": subject.secret, "url": address, "httpOnly": True}])
        page = context.new_page()
        page.goto(path)
        _save(page.screenshot(), name)
        if name == "worklist":
            page.goto(f"/clinic/surgeries/{subject.surgery_id}/move")
            page.get_by_label("New day of surgery").fill((AT + timedelta(days=20)).date().isoformat())
            page.get_by_role("button", name="Show what changes").click()
            page.get_by_role("heading", name="What changes").wait_for()
            _save(page.screenshot(), "move")
        context.close()


def _save(picture: bytes, name: str) -> None:
    if len(picture) > MOST_BYTES:
        raise SystemExit(f"{name}: expected at most {MOST_BYTES} bytes, got {len(picture)}")
    (FOLDER / f"{name}.png").write_bytes(picture)
    print(f"{FOLDER.relative_to(ROOT)}/{name}.png: {len(picture):,} bytes")


if __name__ == "__main__":
    main()
