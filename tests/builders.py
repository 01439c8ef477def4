"""Builders of stored rows with literal defaults, for tests that need a database with something in it.

Each adds one row to the session, flushes it and returns it; `changes` override columns (and the sealed `email` and
`phone`). Ids count up within a process, so that two rows of a test never clash; give `id` where a test reads it back.
"""

from datetime import UTC, date, datetime, time
from itertools import count
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from models import journal, private
from models.base import Base
from models.care import Episode, Milestone, MilestoneProgress, Reporter, Surgery
from models.identity import Device
from models.merging import LostBy, RefusedRow, SyncConflict
from models.people import Patient, Staff, StaffRole
from models.practice import Practice
from models.proxy import ConsentMeans, ProxyConsent, ProxyScope, Relationship
from models.push import PushAddress, PushProvider
from models.reminder import Delivery, DeliveryState, Reminder
from models.sync import SyncClock
from schedules.plan.library import load_library
from schedules.plan.vocabulary import (
    Approach,
    ApproachClass,
    Binding,
    EpisodeStatus,
    Grade,
    Language,
    Owner,
    Phase,
    Procedure,
    ReminderCategory,
    ReminderState,
    Setting,
    SurgeryStatus,
    Units,
    WorkClass,
)
from tests.database import AUDIT_KEY, SEAL_KEY

# Rows with private columns can be built before any app or worker has set the process's keys.
private.set_key(SEAL_KEY)
journal.set_key(AUDIT_KEY)

ENROLLED_AT = datetime(2026, 2, 20, 14, 0, tzinfo=UTC)
DAY_0 = date(2026, 2, 23)  # a Monday, one week before tests.clock.MONDAY_AFTERNOON
DUE_AT = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)  # 09:00 in New York, one hour before that afternoon
USEFUL_UNTIL = datetime(2026, 3, 5, 14, 0, tzinfo=UTC)

_numbers = count(1)
Row = TypeVar("Row", bound=Base)


def practice(session: Session, **changes: Any) -> Practice:
    """Add a clinic in New York with its revision clock and its key."""
    number, secret = next(_numbers), changes.pop("webhook_secret", None)
    row = Practice(
        **{
            "id": f"practice-{number}",
            "slug": f"clinic-{number}",
            "name": "Hudson Spine Clinic",
            "country": "US",
            "time_zone": "America/New_York",
            "phone": "+12125550100",
            "closed_on": [],
        }
        | changes
    )
    _add(session, row)
    session.add(SyncClock(practice_id=row.id))
    session.flush()
    private.make_data_key(session, row.id)
    row.webhook_secret = secret
    session.flush()
    return row


def staff(session: Session, practice: Practice, **changes: Any) -> Staff:
    """Add a coordinator."""
    number = next(_numbers)
    row = Staff(practice_id=practice.id, id=changes.pop("id", f"staff-{number}"))
    session.add(row)
    row.display_name, row.role = "Casey Rivera", StaffRole.coordinator
    row.email = f"staff-{number}@example.org"
    return _add(session, _changed(row, changes))


def patient(session: Session, practice: Practice, **changes: Any) -> Patient:
    """Add a patient in New York who reads English and wants e-mail, without quiet hours."""
    number = next(_numbers)
    row = Patient(practice_id=practice.id, id=changes.pop("id", f"patient-{number}"))
    session.add(row)
    private.make_data_key(session, practice.id, row.id)
    row.mrn, row.given_name, row.family_name = f"SP{number:06}", "Alex", "Sample"
    row.date_of_birth = date(1980, 5, 17)
    row.language, row.country, row.time_zone = Language.en, "US", "America/New_York"
    row.units, row.work_class = Units.imperial, WorkClass.light
    row.channels, row.opted_out, row.opted_out_categories = ["email"], [], []
    row.email, row.phone = f"patient-{number}@example.org", f"+1212555{number % 10_000:04}"
    return _add(session, _changed(row, changes))


def device(session: Session, patient: Patient, **changes: Any) -> Device:
    """Add an enrolled phone."""
    row = Device(practice_id=patient.practice_id, id=changes.pop("id", f"device-{next(_numbers)}"))
    row.patient_id, row.enrolled_at = patient.id, ENROLLED_AT
    return _add(session, _changed(row, changes))


def proxy_consent(session: Session, patient: Patient, recorded_by: Staff, **changes: Any) -> ProxyConsent:
    """Add a patient's consent to a proxy, for everything that a proxy may do, until the end of 2026."""
    row = ProxyConsent(practice_id=patient.practice_id, id=changes.pop("id", f"consent-{next(_numbers)}"))
    row.patient_id = patient.id
    session.add(row)
    row.name, row.relationship, row.given_how = "Sam Whitfield", Relationship.partner, ConsentMeans.in_person
    row.scopes, row.given_on = [scope.value for scope in ProxyScope], DAY_0
    row.recorded_by, row.recorded_at = recorded_by.id, ENROLLED_AT
    row.ends_at = datetime(2026, 12, 31, 23, tzinfo=UTC)
    return _add(session, _changed(row, changes))


def push_address(session: Session, device: Device, **changes: Any) -> PushAddress:
    """Add where a phone takes push messages: a token of Firebase, registered on the day of enrolment."""
    number = next(_numbers)
    row = PushAddress(practice_id=device.practice_id, id=changes.pop("id", f"push-{number}"))
    session.add(row)
    row.device_id, row.patient_id, row.provider = device.id, device.patient_id, PushProvider.fcm
    row.address, row.registered_at = f"token-of-a-phone:{number:032}", ENROLLED_AT
    return _add(session, _changed(row, changes))


def episode(session: Session, patient: Patient, **changes: Any) -> Episode:
    """Add an active episode of care."""
    number = next(_numbers)
    row = Episode(practice_id=patient.practice_id, id=changes.pop("id", f"episode-{number}"), patient_id=patient.id)
    row.label, row.status, row.enrolled_at = f"E{number}", EpisodeStatus.active, ENROLLED_AT
    return _add(session, _changed(row, changes))


def surgery(session: Session, episode: Episode, **changes: Any) -> Surgery:
    """Add a tubular lumbar microdiscectomy, performed a week ago as an outpatient."""
    number = next(_numbers)
    protocol = load_library().protocol("MD-MISS", 1)
    row = Surgery(practice_id=episode.practice_id, id=changes.pop("id", f"surgery-{number}"))
    session.add(row)
    row.patient_id, row.episode_id, row.stage = episode.patient_id, episode.id, 1
    row.procedure, row.approach = Procedure.lumbar_microdiscectomy, Approach.tubular
    row.approach_class, row.levels = ApproachClass.miss, ["L4-L5"]
    row.surgery_on, row.dated_at, row.status = DAY_0, ENROLLED_AT, SurgeryStatus.performed
    row.setting, row.site = Setting.outpatient, "Hudson Surgery Center"
    row.protocol_id, row.protocol_version, row.protocol_digest = protocol.id, protocol.version, protocol.digest
    return _add(session, _changed(row, changes))


def milestone(session: Session, surgery: Surgery, **changes: Any) -> Milestone:
    """Add the walking milestone, day 7 to 21 with its target on day 14."""
    number = next(_numbers)
    row = Milestone(practice_id=surgery.practice_id, id=changes.pop("id", f"milestone-{number}"))
    row.patient_id, row.episode_id, row.surgery_id = surgery.patient_id, surgery.episode_id, surgery.id
    row.key, row.kind, row.occurrence, row.phase = "walk30", "walk30", surgery.stage, Phase.after_surgery
    row.earliest_days, row.target_days, row.latest_days, row.eligible_days = 7, 14, 21, 14
    row.earliest_on, row.target_on, row.latest_on = date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 16)
    row.eligible_on, row.binds, row.binding_procedure = date(2026, 3, 9), Binding.target, surgery.procedure
    row.owner, row.grade, row.sources = Owner.patient, Grade.E, ["S56"]
    return _add(session, _changed(row, changes))


def conflict(session: Session, patient: Patient, **changes: Any) -> SyncConflict:
    """Add an open conflict: a phone's pain of 4 did not stand against 3."""
    row = SyncConflict(practice_id=patient.practice_id, id=changes.pop("id", f"conflict-{next(_numbers)}"))
    session.add(row)
    row.patient_id, row.collection, row.row_id = patient.id, "check_ins", "check-in-1"
    row.happened_at, row.lost_by, row.collision = DUE_AT, LostBy.patient, row.id
    row.kept, row.lost = '{"pain":3}', '{"pain":4}'
    return _add(session, _changed(row, changes))


def refused_row(session: Session, patient: Patient, **changes: Any) -> RefusedRow:
    """Add a check-in with a pain of 42, which a phone made and could not be stored."""
    row = RefusedRow(practice_id=patient.practice_id, id=changes.pop("id", f"refused-{next(_numbers)}"))
    session.add(row)
    row.patient_id, row.actor_id, row.collection, row.row_id = patient.id, "device-1", "check_ins", "check-in-1"
    row.refused_at, row.refused_rev, row.reason = DUE_AT, 1, "invalid"
    row.content = '{"pain":42}'
    return _add(session, _changed(row, changes))


def progress(session: Session, milestone: Milestone, **changes: Any) -> MilestoneProgress:
    """Add the patient's report that the milestone was reached on 2026-03-02."""
    row = MilestoneProgress(practice_id=milestone.practice_id, id=milestone.id, patient_id=milestone.patient_id)
    session.add(row)
    row.achieved_on, row.reported_by = date(2026, 3, 2), Reporter.patient
    row.reported_at = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    return _add(session, _changed(row, changes))


def reminder(session: Session, milestone: Milestone, **changes: Any) -> Reminder:
    """Add the encouragement to walk, due on 2026-03-02 at 09:00 in New York and useful for three days."""
    number = next(_numbers)
    row = Reminder(practice_id=milestone.practice_id, id=changes.pop("id", f"reminder-{number}"))
    row.patient_id, row.episode_id, row.milestone_id = milestone.patient_id, milestone.episode_id, milestone.id
    row.key, row.repeat, row.generation = "encourage", 0, 1
    row.category, row.phase = ReminderCategory.activity, milestone.phase
    row.scheduled_on, row.due_at, row.useful_until = date(2026, 3, 2), DUE_AT, USEFUL_UNTIL
    row.state = ReminderState.planned
    return _add(session, _changed(row, changes))


def delivery(session: Session, reminder: Reminder, **changes: Any) -> Delivery:
    """Add the first step of the reminder's delivery, pending."""
    row = Delivery(practice_id=reminder.practice_id, patient_id=reminder.patient_id, reminder_id=reminder.id)
    row.id = changes.pop("id", f"{reminder.id}.{reminder.generation}.0")
    row.generation, row.step, row.state = reminder.generation, 0, DeliveryState.pending
    row.due_at, row.useful_until, row.next_attempt_at = reminder.due_at, reminder.useful_until, reminder.due_at
    return _add(session, _changed(row, changes))


def due_delivery(session: Session, practice_row: Practice, **patient_changes: Any) -> Delivery:
    """Add a patient with a performed surgery and one reminder that is due. `patient_changes` override the patient."""
    person = patient(session, practice_row, **patient_changes)
    operation = surgery(session, episode(session, person))
    return delivery(session, reminder(session, milestone(session, operation)))


QUIET_NIGHT = {"quiet_from": time(21, 0), "quiet_until": time(8, 0)}


def _changed(row: Row, changes: dict[str, Any]) -> Row:
    for name, value in changes.items():
        if not hasattr(type(row), name):
            raise AttributeError(f"expected a column of {type(row).__name__}, got {name}")
        setattr(row, name, value)
    return row


def _add(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row
