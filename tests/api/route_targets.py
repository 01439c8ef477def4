"""A target of each kind for every route: what tests of walls, of the audit trail and of repeats aim at."""

from base64 import b64encode
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from zlib import crc32

from sqlalchemy.orm import Session

from models import (
    Alert,
    CareAssignment,
    CheckIn,
    ClearanceRule,
    ClinicalEvent,
    Delivery,
    Device,
    EmergencyAccess,
    Letter,
    LetterRelease,
    Milestone,
    ObservedFact,
    OnCallShift,
    OpioidTaper,
    Passkey,
    QuestionnaireAnswer,
    RecordHold,
    Reminder,
    SavedView,
    ServiceAccount,
    Staff,
    StaffIdentity,
    Task,
    Token,
    Visit,
    WoundPhoto,
)
from models.care import Reporter
from models.caseload import EmergencyReason
from models.hold import HoldReason
from models.identity import TokenKind
from models.letter import Recipient
from models.reminder import DeliveryState
from models.report import ClinicalEventKind, TaskKind, VisitKind, VisitState
from schedules.plan.vocabulary import (
    AlertKind,
    AlertState,
    AlertUrgency,
    Instrument,
    Language,
    Observation,
    WorkStatus,
)
from service.care.own_protocols import copy_protocol
from service.identity.principal import Principal
from tests import builders
from tests.api.conftest import Clinic
from tests.api.every_route import RELEASE_BODY
from tests.clock import MONDAY_AFTERNOON
from tests.pictures import picture


def add_targets(session: Session, clinic: Clinic, *, other: bool) -> dict[str, str]:
    """Store one of everything that a route may be about, and return the ids by the names that routes give them."""
    episode = clinic.other_episode if other else clinic.episode
    surgery = clinic.other_surgery if other else clinic.surgery
    whose = {"practice_id": clinic.id, "patient_id": episode.patient_id, "episode_id": episode.id}
    at = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
    name = f"{'b' if other else 'a'}-{clinic.id}"
    session.add(CheckIn(id=name, reported_at=at, received_at=at, reported_by=Reporter.patient, pain=3, **whose))
    told = {"received_at": at, "reported_by": Reporter.patient}
    session.add(QuestionnaireAnswer(id=name, instrument=Instrument.nrs, answered_at=at, answers={}, **told, **whose))
    fact = ObservedFact(id=name, what=Observation.opioid_taken, observed_at=at, recorded_at=at, **whose)
    fact.reported_by = Reporter.patient
    session.add(fact)
    taper = OpioidTaper(id=name, mme_tenths_per_dose=75, entered_by=clinic.clinician.id, entered_at=at, **whose)
    taper.steps = [{"from_on": "2026-03-01", "most_mme_tenths": 300}]
    session.add(taper)
    photo = WoundPhoto(id=name, taken_at=at, sent_digest=sha256(picture()).hexdigest(), **told, **whose)
    photo.width, photo.height, photo.size_bytes = 8, 6, len(picture())
    session.add(photo)
    photo.picture = b64encode(picture()).decode()
    session.add(Visit(id=name, kind=VisitKind.follow_up, state=VisitState.booked, booked_for=at, **whose))
    went_wrong = ClinicalEvent(id=name, kind=ClinicalEventKind.readmission, occurred_on=at.date(), **whose)
    went_wrong.recorded_at = at
    session.add(went_wrong)
    session.add(Task(id=name, kind=TaskKind.fill_slot, created_at=at, about={}, **whose))
    builders.conflict(session, clinic.other_patient if other else clinic.patient, id=name)
    builders.refused_row(session, clinic.other_patient if other else clinic.patient, id=name)
    told_of = {"kind": AlertKind.red_flag, "urgency": AlertUrgency.same_day, "state": AlertState.acknowledged}
    alert = Alert(id=name, raised_at=at, about={"red_flag": "calf", "check_in_id": name}, **told_of, **whose)
    alert.acknowledged_at, alert.acknowledged_by, alert.owner_id = at, clinic.coordinator.id, clinic.coordinator.id
    session.add(alert)
    days = {"from_on": at.date(), "from_at": time(8), "until_on": at.date(), "until_at": time(20)}
    shift = OnCallShift(practice_id=clinic.id, id=name, staff_id=clinic.coordinator.id, place="first", **days)
    session.add(shift)
    hold = {"practice_id": clinic.id, "patient_id": episode.patient_id, "placed_at": at}
    session.add(RecordHold(id=name, reason=HoldReason.other, **hold))
    rule = ClearanceRule(id=name, practice_id=clinic.id, milestone_kind="blt_end", signed_by=clinic.clinician.id)
    rule.signed_at = at
    session.add(rule)
    account = ServiceAccount(practice_id=clinic.id, id=name, name="Records", scopes=["import"], made_at=at)
    account.key_hash, account.expires_at = f"key-{name}".encode(), datetime(2027, 3, 1, tzinfo=UTC)
    session.add(account)
    session.add(Device(practice_id=clinic.id, id=name, patient_id=episode.patient_id, enrolled_at=at))
    whom = clinic.other_patient if other else clinic.patient
    consent = builders.proxy_consent(session, whom, clinic.coordinator, id=name)
    colleague = builders.staff(session, clinic.practice) if other else clinic.coordinator
    add_session_row(session, colleague, name)
    add_passkey_row(session, colleague, name)
    add_view_row(session, colleague, name)
    add_letter(session, clinic, whose, name)
    member = builders.staff(session, clinic.practice)
    link = {"issuer": "https://login.hudson.example.org", "subject": name, "linked_at": at}
    session.add(StaffIdentity(practice_id=clinic.id, id=name, staff_id=member.id, **link))
    given = CareAssignment(practice_id=clinic.id, id=name, patient_id=episode.patient_id, staff_id=member.id)
    given.assigned_at, given.assigned_by = at, clinic.coordinator.id
    session.add(given)
    opened = EmergencyAccess(practice_id=clinic.id, id=name, patient_id=episode.patient_id, staff_id=member.id)
    opened.reason, opened.opened_at, opened.expires_at = EmergencyReason.other, at, at + timedelta(hours=1)
    session.add(opened)
    items = session.query(Milestone).filter_by(practice_id=clinic.id, episode_id=episode.id)
    walking, fasting = (items.filter_by(key=key).one() for key in ("walk30", "fasting"))
    goal = session.query(Reminder).filter_by(practice_id=clinic.id, milestone_id=walking.id, key="goal").one()
    open_ones = session.query(Delivery).filter_by(practice_id=clinic.id, patient_id=episode.patient_id)
    held = open_ones.filter(Delivery.reminder_id != goal.id).order_by(Delivery.due_at.desc()).first()
    assert held is not None
    held.state = DeliveryState.held
    return {
        "patient_id": episode.patient_id,
        "episode_id": episode.id,
        "surgery_id": surgery.id,
        "milestone_id": walking.id,
        "slot_id": fasting.id,
        "check_in_id": name,
        "answer_id": name,
        "taper_id": name,
        "visit_id": name,
        "photo_id": name,
        "task_id": name,
        "observation_id": name,
        "event_id": name,
        "reminder_id": goal.id,
        "rule_id": name,
        "conflict_id": name,
        "refused_id": name,
        "session_id": name,
        "account_id": name,
        "passkey_id": name,
        "delivery_id": held.id,
        "alert_id": name,
        "shift_id": name,
        "hold_id": name,
        "staff_id": clinic.coordinator.id,
        "member_id": member.id,
        "access_id": name,
        "own_protocol_id": add_own_protocol(session, clinic, name),
        "release_id": name,
        "letter_id": name,
        "device_id": name,
        "proxy_id": consent.id,
        "view_id": name,
    }


def add_letter(session: Session, clinic: Clinic, whose: dict[str, str], name: str) -> None:
    """Store a release and a letter that left under it."""
    days = {"signed_on": date(2026, 2, 20), "valid_through_on": date(2026, 8, 20)}
    made = {"recorded_at": MONDAY_AFTERNOON, "recorded_by": clinic.coordinator.id}
    release = LetterRelease(id=name, recipient=Recipient.employer, tells_diagnosis=False, **days, **made, **whose)
    session.add(release)
    release.name = str(RELEASE_BODY["name"])
    letter = Letter(id=name, release_id=name, number=1, language=Language.en, status=WorkStatus.prevented, **whose)
    session.add(letter)
    letter.status_on, letter.made_at, letter.made_by = date(2026, 3, 2), MONDAY_AFTERNOON, clinic.coordinator.id
    letter.facts_digest = letter.pdf_digest = "0" * 64
    letter.pdf = "JVBERi0="


def add_own_protocol(session: Session, clinic: Clinic, name: str) -> str:
    """Store a draft of a protocol that is the clinic's own, and return its id."""
    author = Principal(clinic.id, clinic.clinician.id, role=clinic.clinician.role)
    own_id = f"own-{crc32(name.encode())}"
    copy_protocol(session, author, "MD-MISS", version=1, own_id=own_id, now=MONDAY_AFTERNOON)
    return own_id


def add_session_row(session: Session, staff: Staff, name: str) -> None:
    """Store a session of a member of staff that somebody may end."""
    ends_at = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
    used = {"made_at": MONDAY_AFTERNOON, "last_seen_at": MONDAY_AFTERNOON, "reauthenticated_at": MONDAY_AFTERNOON}
    row = Token(practice_id=staff.practice_id, id=name, token_hash=name.encode(), expires_at=ends_at, **used)
    row.kind, row.staff_id, row.label = TokenKind.staff_session, staff.id, "Firefox"
    session.add(row)


def add_passkey_row(session: Session, staff: Staff, name: str) -> None:
    """Store a passkey of a member of staff that somebody may remove."""
    row = Passkey(practice_id=staff.practice_id, id=name, staff_id=staff.id, name="Phone", made_at=MONDAY_AFTERNOON)
    row.credential_id, row.public_key, row.sign_count = f"key-{name}".encode(), b"", 0
    session.add(row)


def add_view_row(session: Session, staff: Staff, name: str) -> None:
    """Store a view of the worklist that a member of staff keeps."""
    row = SavedView(practice_id=staff.practice_id, id=name, staff_id=staff.id, made_at=MONDAY_AFTERNOON)
    session.add(row)
    row.filters, row.is_default, row.name = {"why": "behind"}, False, "Behind"
