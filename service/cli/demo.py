"""`flask demo`: a clinic to try the service with, which has patients at every stage today, and sign-ins for it."""

import csv
import io
from datetime import date, datetime, timedelta
from pathlib import Path

from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from models import Patient, Practice, Staff, StaffCredential, Surgery, journal
from models.audit import ActorKind, AuditAction
from models.isolation import see
from models.people import StaffRole
from models.practice import BY_SLUG
from models.sign_in import CodePurpose
from schedules.plan.check_ins import DEFAULT_RHYTHM, RhythmHistory, RhythmVersion, write_history
from schedules.plan.vocabulary import SurgeryStatus
from service.care.cohort import import_cohort
from service.care.cohort_report import RowOutcome
from service.care.cohort_store import Importer
from service.care.enrol import clinic_today
from service.care.practice import add_practice
from service.cli.context import choose_practice, clock, fail, sessions, settings
from service.cli.demo_clinic import open_clinic, raise_alerts
from service.cli.demo_life import Desk, call_back, live_through
from service.cli.import_cohort import fault_line
from service.identity.codes import IssuedCode
from service.identity.invitations import issue_sign_in_code
from service.identity.tokens import DeviceTokens, Issued, enrol_device, issue_staff_token

FILE = Path(__file__).parent.parent / "demo" / "cohort.csv"
REFERENCE_DAY = date(2026, 11, 22)  # see service/demo/README.md
SLUG = "demo"
_RHYTHM_SINCE = date(2024, 1, 1)  # before the first of its surgeries
COORDINATOR, SURGEON = "demo-coordinator", "demo-surgeon"
_ON_THE_DAY = ("SP101048", "SP101053", "SP101059")
_CALLS = 2  # patients whom somebody has to call
_STAFF = (
    (COORDINATOR, "Casey Rivera", StaffRole.coordinator, "coordinator@example.org"),
    (SURGEON, "Dr. Robin Hale", StaffRole.clinician, "surgeon@example.org"),
    ("demo-admin", "Jordan Blake", StaffRole.practice_admin, "admin@example.org"),
)

demo = AppGroup("demo", help="A clinic with made-up patients, to try the service with.")


@demo.command("load")
def load() -> None:
    """Make the demo clinic, once: a later call changes nothing."""
    now = clock().now()
    with sessions() as make_session:
        with make_session() as session:
            practice = _add_clinic(session)
            session.commit()
        content = shifted_caseload(clinic_today(practice, now) - REFERENCE_DAY)
        importer = Importer(route="flask demo load")
        report = import_cohort(make_session, practice.id, content, now, dry_run=False, importer=importer, clock=clock())
        refused, loaded = report.count(RowOutcome.refused), report.count(RowOutcome.loaded)
        if refused:
            fail(f"{refused} rows of the demo clinic were refused, the first at {fault_line(report.faults[0])}")
        if loaded:
            _live(make_session, practice, now)
    print(f"Demo clinic: {loaded} surgeries loaded." if loaded else "Demo clinic: loaded already, nothing changed.")


@demo.command("tokens")
def tokens() -> None:
    """Print new sign-ins for the demo: a token of staff and of a patient's device, and a code for a first sign-in."""
    now = clock().now()
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, SLUG)
        staff = session.get_one(Staff, (practice.id, COORDINATOR))
        patient = _recent_patient(session, practice, now)
        issued, device = issue_staff_token(session, staff, now), enrol_device(session, practice.id, patient.id, now)
        invited, email = _invite(session, staff, now), staff.email
        act = journal.Act(ActorKind.command, None, AuditAction.token, "flask demo tokens", patient_ids=(patient.id,))
        journal.append(session, practice.id, act, now)
        session.commit()
    _print_tokens(issued, patient.id, device)
    if invited is not None:
        print(f"First sign-in of {email} (until {invited.expires_at:%Y-%m-%d %H:%M} UTC): {invited.code}")
        print(f"  at {settings().public_url}/clinic/sign-in/invitation, or by the API: docs/sign-in.md")


def _live(make_session: sessionmaker[Session], practice: Practice, now: datetime) -> None:
    """Let what happened to the patients before today have happened."""
    desk = Desk(COORDINATOR, SURGEON, clinic_today(practice, now), now)
    with make_session() as session:
        see(session, practice.id)
        open_clinic(session, session.get_one(Practice, practice.id), desk)
        session.commit()
        patients = session.scalars(select(Patient).filter_by(practice_id=practice.id).order_by(Patient.mrn)).all()
        called = 0
        for patient in patients:
            live_through(session, patient, desk)
            session.commit()
            if called < _CALLS and call_back(session, patient, desk):
                called += 1
                session.commit()
        raise_alerts(session, session.get_one(Practice, practice.id), desk)
        session.commit()
        act = journal.Act(
            ActorKind.command, None, AuditAction.write, "flask demo load", patient_ids=[each.id for each in patients]
        )
        journal.append(session, practice.id, act, now)
        session.commit()


def shifted_caseload(shift: timedelta) -> bytes:
    """Return the demo's caseload with every surgery `shift` later, and a few of those around then on the very day."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["mrn"] in _ON_THE_DAY:
            row["surgery_date"] = (REFERENCE_DAY + shift).isoformat()
        elif row["surgery_date"]:
            row["surgery_date"] = (date.fromisoformat(row["surgery_date"]) + shift).isoformat()
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _add_clinic(session: Session) -> Practice:
    """Return the demo's practice, made with its staff if there is none yet."""
    BY_SLUG.enter(session, SLUG)
    stored = session.scalar(select(Practice).where(Practice.slug == SLUG))
    if stored is not None:
        return stored
    practice = Practice(
        id=SLUG,
        slug=SLUG,
        name="Demo Spine Clinic",
        country="US",
        time_zone="America/New_York",
        phone="+12125550142",
        closed_on=[],
        check_in_rhythms=write_history(RhythmHistory((RhythmVersion(1, _RHYTHM_SINCE, DEFAULT_RHYTHM),))),
    )
    add_practice(session, practice)
    for staff_id, name, role, email in _STAFF:
        staff = Staff(practice_id=practice.id, id=staff_id, display_name=name, role=role)
        session.add(staff)
        staff.email = email
    return practice


def _recent_patient(session: Session, practice: Practice, now: datetime) -> Patient:
    """Return the patient of the latest surgery that was performed: somebody with a plan in full swing."""
    query = (
        select(Surgery.patient_id)
        .where(Surgery.practice_id == practice.id, Surgery.status == SurgeryStatus.performed)
        .where(Surgery.surgery_on <= clinic_today(practice, now))
        .order_by(Surgery.surgery_on.desc(), Surgery.id)
    )
    patient_id = session.scalar(query.limit(1))
    if patient_id is None:
        fail("The demo clinic is not loaded. Run: flask --app wsgi demo load")
    return session.get_one(Patient, (practice.id, patient_id))


def _invite(session: Session, staff: Staff, now: datetime) -> IssuedCode | None:
    """Return a code with which somebody sets their first password; None if they have one."""
    credential = session.get(StaffCredential, (staff.practice_id, staff.id))
    if credential is not None and credential.password_hash is not None:
        return None
    return issue_sign_in_code(session, staff, CodePurpose.invitation, now)


def _print_tokens(staff: Issued, patient_id: str, device: DeviceTokens) -> None:
    print(f"Coordinator (until {staff.expires_at:%Y-%m-%d}): {staff.secret}")
    print(f"Patient {patient_id} (until {device.access.expires_at:%H:%M} UTC): {device.access.secret}")
    print(f"  renewed at /api/v1/tokens/refresh with {device.refresh.secret}")


COMMANDS = (demo,)
