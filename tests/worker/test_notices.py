"""Notices of break-glass: each admin is told once by e-mail, through the worker's book, and of nobody's record."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import (
    AuditEntry,
    DeadAddress,
    Decision,
    Delivery,
    EmergencyAccess,
    Patient,
    Practice,
    Staff,
)
from models.caseload import EmergencyReason
from models.people import StaffRole
from models.receipts import Receipt, ReceiptKind
from models.reminder import AttemptOutcome, DeliveryState
from schedules.delivery.channels import Fault, Refusal, Result
from schedules.delivery.deliver import Desk
from schedules.delivery.notice_message import ROLES
from schedules.delivery.receipts import read_receipts
from schedules.plan.vocabulary import Channel, Language, Provider
from schedules.planning.held import hold_what_may_have_gone_out
from schedules.planning.notices import NOTICE_IS_USEFUL_FOR, give_notice
from service.care.staff_addresses import set_address
from tests import builders
from tests.alerts import address, stored
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.failpoints import FailPoint, running_worker
from tests.worker.desks import SMTP_ONLY, Outbox, claim_all, deliver, desk_of, lapse
from tests.worker.peers import MailPeer, mail_server
from tests.worker.rounds import work_off
from tests.worker.rows import open_count, wait_until
from tests.worker.test_processes import short

NOTE = "her wound, says the ward"
HIDDEN = ("Zebedee", "Quillfeather", "SP-777-X", "1980", NOTE, "covering", "Morgan")


@pytest.fixture
def practice(session: Session) -> Practice:
    return builders.practice(session)


@pytest.fixture
def run(engine: Engine, clock: FixedClock, desk: Desk) -> Callable[..., None]:
    def go_on(by: timedelta = timedelta(0)) -> None:
        clock.advance(by)
        work_off(engine, clock, desk)

    return go_on


def admin(session: Session, practice: Practice, name: str, **changes: Any) -> Staff:
    told = {"id": name, "role": StaffRole.practice_admin, "email": f"{name}@clinic.example.org"}
    return builders.staff(session, practice, **(told | changes))


def opened(session: Session, practice: Practice, now: datetime, *, which: str = "glass-1") -> EmergencyAccess:
    """Have a coordinator open a patient for an hour, with the notices that follow, and commit."""
    person = builders.patient(
        session, practice, given_name="Zebedee", family_name="Quillfeather", mrn=f"SP-777-X-{which}"
    )
    who = builders.staff(session, practice, display_name="Morgan Nosey")
    row = EmergencyAccess(practice_id=practice.id, id=which, patient_id=person.id, staff_id=who.id)
    row.reason, row.opened_at, row.expires_at = EmergencyReason.covering, now, now + timedelta(hours=1)
    session.add(row)
    row.note = NOTE
    give_notice(session, row, now)
    session.commit()
    return row


def notices(engine: Engine) -> list[Delivery]:
    return [each for each in stored(engine, Delivery, order=Delivery.id) if each.access_id is not None]


def states(engine: Engine) -> list[tuple[str | None, DeliveryState, str | None]]:
    return [(each.staff_id, each.state, each.reason) for each in notices(engine)]


def test_each_admin_who_works_here_is_told_once(
    session: Session, practice: Practice, mail: Outbox, run: Callable[..., None], engine: Engine
) -> None:
    for name in ("ann", "ben"):
        admin(session, practice, name)
    admin(session, practice, "gone", disabled_at=MONDAY_AFTERNOON)
    for role in (StaffRole.auditor, StaffRole.clinician, StaffRole.operator):
        builders.staff(session, practice, role=role)
    admin(session, builders.practice(session), "of-another-practice")
    opened(session, practice, MONDAY_AFTERNOON)

    run()
    run(timedelta(days=1))

    assert sorted(each.address for each in mail.messages) == ["ann@clinic.example.org", "ben@clinic.example.org"]
    assert states(engine) == [("ann", DeliveryState.sent, None), ("ben", DeliveryState.sent, None)]


def test_it_says_which_role_when_and_where_to_look_and_nothing_of_the_patient(
    session: Session, practice: Practice, mail: Outbox, run: Callable[..., None], engine: Engine
) -> None:
    admin(session, practice, "ann")
    row = opened(session, practice, MONDAY_AFTERNOON)

    run()

    (message,) = mail.messages
    assert message.subject == "Emergency access was used in your clinic"
    assert message.body.splitlines()[:5] == [
        "Somebody with the role of coordinator used emergency access: they opened a patient outside of their caseload.",
        "",
        "Opened: March 2, 2026, 10:00",
        "Ends: March 2, 2026, 11:00",
        "Times are those of your clinic (America/New_York).",
    ]
    assert "https://recovery.example.org/clinic/emergency-accesses" in message.body
    told = f"{message.subject} {message.body} {message.notice} {message.link}"
    assert [each for each in (*HIDDEN, row.patient_id, row.id) if each in told] == []
    assert (message.patient_id, message.episode_id) == ("", "")


def test_it_is_in_the_admins_language(
    session: Session, practice: Practice, mail: Outbox, run: Callable[..., None]
) -> None:
    admin(session, practice, "ana", language=Language.es)
    opened(session, practice, MONDAY_AFTERNOON)

    run()

    (message,) = mail.messages
    assert message.language is Language.es
    assert message.subject == "Se usó el acceso de emergencia en su clínica"
    assert "Alguien con el rol de coordinación usó el acceso de emergencia" in message.body
    assert "Apertura: 2 de marzo de 2026, 10:00\nFin: 2 de marzo de 2026, 11:00" in message.body


@pytest.mark.sqlite_only
def test_every_role_has_words_in_every_language() -> None:
    assert set(ROLES) == set(StaffRole)
    assert all(text.in_language(spoken) for text in ROLES.values() for spoken in Language)


def test_who_was_deactivated_or_is_no_admin_any_more_is_not_told_and_it_is_said_why(
    session: Session, practice: Practice, mail: Outbox, run: Callable[..., None], engine: Engine
) -> None:
    left, demoted = admin(session, practice, "left"), admin(session, practice, "now-clinician")
    opened(session, practice, MONDAY_AFTERNOON)
    left.disabled_at, demoted.role = MONDAY_AFTERNOON, StaffRole.clinician
    session.commit()

    run()

    assert mail.messages == []
    assert states(engine) == [
        ("left", DeliveryState.cancelled, "staff_disabled"),
        ("now-clinician", DeliveryState.cancelled, "not_admin"),
    ]


def test_an_admin_without_an_address_gets_a_decision_that_says_so(
    session: Session, practice: Practice, mail: Outbox, run: Callable[..., None]
) -> None:
    admin(session, practice, "mute", email=None)
    row = opened(session, practice, MONDAY_AFTERNOON)

    run()

    lines = session.scalars(select(Decision).filter_by(access_id=row.id).order_by(Decision.id)).all()
    assert [(each.kind.value, each.reason, each.channel) for each in lines] == [
        ("planned", None, None),
        ("passed_over", "no_address", Channel.email),
        ("suppressed", "no_channel", None),
    ]
    assert mail.messages == []


def test_it_goes_by_e_mail_alone_and_to_the_own_address_before_that_of_the_sign_in(
    session: Session, practice: Practice, engine: Engine, clock: FixedClock
) -> None:
    by_phone, by_mail = admin(session, practice, "by-phone"), admin(session, practice, "by-mail")
    address(session, by_phone, Channel.sms, "+12125550101")
    address(session, by_mail, Channel.sms, "+12125550102")
    address(session, by_mail, Channel.email, "own@clinic.example.org", rank=1)
    opened(session, practice, MONDAY_AFTERNOON)
    mail, phone = Outbox(), Outbox()

    work_off(engine, clock, desk_of(engine, clock, {Provider.smtp: mail, Provider.sms: phone}))

    assert sorted(each.address for each in mail.messages) == ["by-phone@clinic.example.org", "own@clinic.example.org"]
    assert phone.messages == []


def test_an_own_address_that_is_refused_for_good_is_disabled_and_the_sign_ins_is_tried_once(
    session: Session, practice: Practice, mail: Outbox, run: Callable[..., None], engine: Engine
) -> None:
    row = address(session, admin(session, practice, "ann"), Channel.email, "old@clinic.example.org")
    opened(session, practice, MONDAY_AFTERNOON)
    mail.result = Result(AttemptOutcome.refused, "550", Refusal.address)

    run()

    assert [each.address for each in mail.messages] == ["old@clinic.example.org", "ann@clinic.example.org"]
    assert [(each.step, each.state, each.reason) for each in notices(engine)] == [
        (0, DeliveryState.failed, "address_refused"),
        (1, DeliveryState.failed, "address_refused"),
    ]
    session.refresh(row)
    assert row.disabled_code == "550"
    assert stored(engine, DeadAddress, order=DeadAddress.target) == []


def test_a_sign_ins_address_that_is_refused_for_good_is_tried_no_more_until_it_is_set_again(
    session: Session, practice: Practice, mail: Outbox, run: Callable[..., None], engine: Engine
) -> None:
    ann = admin(session, practice, "ann")
    mail.result = Result(AttemptOutcome.refused, "550", Refusal.address)
    opened(session, practice, MONDAY_AFTERNOON)
    run()

    opened(session, practice, MONDAY_AFTERNOON, which="glass-2")
    run()

    assert [each.address for each in mail.messages] == ["ann@clinic.example.org"]
    assert sorted(states(engine)) == [
        ("ann", DeliveryState.failed, "address_refused"),
        ("ann", DeliveryState.suppressed, "no_channel"),
    ]
    session.refresh(ann)
    assert (ann.email_dead_at, ann.email_dead_code) == (MONDAY_AFTERNOON, "550")
    set_address(session, ann, Channel.email, "own@clinic.example.org", rank=0, now=MONDAY_AFTERNOON)
    assert (ann.email_dead_at, ann.email_dead_code) == (MONDAY_AFTERNOON, "550")
    set_address(session, ann, Channel.email, "Ann@clinic.example.org", rank=0, now=MONDAY_AFTERNOON)
    assert (ann.email_dead_at, ann.email_dead_code) == (None, None)


def test_a_bounce_that_is_told_later_fails_it(
    session: Session, practice: Practice, run: Callable[..., None], engine: Engine
) -> None:
    ann = admin(session, practice, "ann")
    opened(session, practice, MONDAY_AFTERNOON)
    run()
    (sent,) = notices(engine)
    told = {"practice_id": practice.id, "delivery_id": sent.id, "fence": sent.fence}
    at = {"happened_at": MONDAY_AFTERNOON, "received_at": MONDAY_AFTERNOON}
    session.add(Receipt(id="bounce", kind=ReceiptKind.bounced, code="5.1.1", is_read=False, **told, **at))
    session.commit()

    read_receipts(session, practice.id, sent.id, built=SMTP_ONLY, now=MONDAY_AFTERNOON)
    session.commit()

    assert states(engine) == [("ann", DeliveryState.failed, "address_dead")]
    session.refresh(ann)
    assert (ann.email_dead_at, ann.email_dead_code) == (MONDAY_AFTERNOON, "5.1.1")


def test_a_mail_server_that_is_away_is_waited_for_and_said_so_until_a_week_is_over(
    session: Session, practice: Practice, mail: Outbox, run: Callable[..., None], engine: Engine
) -> None:
    admin(session, practice, "ann")
    opened(session, practice, MONDAY_AFTERNOON)
    mail.result = Result(AttemptOutcome.refused, "421", retry_after=timedelta(minutes=5), fault=Fault.unreachable)

    run()
    first = states(engine)
    mail.messages.clear()
    run(NOTICE_IS_USEFUL_FOR + timedelta(minutes=1))

    assert first == [("ann", DeliveryState.pending, "refused")]
    assert (states(engine), mail.messages) == ([("ann", DeliveryState.expired, "too_late")], [])


def test_nothing_that_is_the_patients_touches_it_and_it_counts_as_no_message_of_theirs(
    session: Session, practice: Practice, mail: Outbox, run: Callable[..., None], clock: FixedClock, engine: Engine
) -> None:
    admin(session, practice, "ann")
    row = opened(session, practice, MONDAY_AFTERNOON)
    patient = session.get_one(Patient, (practice.id, row.patient_id))
    patient.channels, patient.opted_out = [], ["email"]
    patient.reminders_paused_at, patient.died_on = MONDAY_AFTERNOON, date(2026, 3, 1)
    session.commit()

    run()

    assert [each.address for each in mail.messages] == ["ann@clinic.example.org"]


def test_the_audit_trail_names_the_access_and_the_admin(
    session: Session, practice: Practice, run: Callable[..., None]
) -> None:
    admin(session, practice, "ann")
    row = opened(session, practice, MONDAY_AFTERNOON)

    run()

    (entry,) = session.scalars(select(AuditEntry).filter_by(route="worker.notice")).all()
    assert (entry.about["access_id"], entry.about["staff_id"]) == (row.id, "ann")
    assert "alert_id" not in entry.about


def test_a_restored_backup_holds_no_notice(session: Session, practice: Practice, engine: Engine) -> None:
    admin(session, practice, "ann")
    opened(session, practice, MONDAY_AFTERNOON)

    held = hold_what_may_have_gone_out(session, practice.id, MONDAY_AFTERNOON)
    session.commit()

    assert held == 0
    assert states(engine) == [("ann", DeliveryState.pending, None)]


def test_a_worker_that_lost_its_lease_before_the_gate_leaves_it_to_the_next(
    session: Session, practice: Practice, clock: FixedClock, mail: Outbox, desk: Desk, engine: Engine
) -> None:
    admin(session, practice, "ann")
    opened(session, practice, MONDAY_AFTERNOON)
    late = claim_all(session, clock)
    lapse(session, clock)
    taken_over = claim_all(session, clock, "worker-2")

    deliver(desk, *late)
    deliver(desk_of(engine, clock, {Provider.smtp: mail}), *taken_over)

    assert [each.address for each in mail.messages] == ["ann@clinic.example.org"]


@pytest.fixture
def peer() -> Iterator[MailPeer]:
    with mail_server() as peer:
        yield peer


# Where the worker died after the mail server's answer, a second copy comes under the same name, as of any message.
@pytest.mark.parametrize("point", ["claimed", "gate_uncommitted", "gated", "replied"])
def test_a_killed_worker_loses_no_notice_and_doubles_none(
    point: str, engine: Engine, session: Session, practice: Practice, database_url: str, peer: MailPeer, tmp_path: Path
) -> None:
    admin(session, practice, "ann")
    admin(session, practice, "ben", language=Language.es)
    row = opened(session, practice, MONDAY_AFTERNOON)
    settings, marker = short(database_url, peer.port), tmp_path / "died"

    with running_worker(settings, now=MONDAY_AFTERNOON, fail=FailPoint(point, marker)) as doomed:
        doomed.wait_for_death()
    with running_worker(settings, now=MONDAY_AFTERNOON):
        wait_until(lambda: open_count(engine) == 0)

    assert set(peer.recipients) == {"ann@clinic.example.org", "ben@clinic.example.org"}
    assert {str(mail["Subject"]) for mail in peer.mails} == {
        "Emergency access was used in your clinic",
        "Se usó el acceso de emergencia en su clínica",
    }
    assert len(set(peer.keys)) == 2
    assert len(peer.mails) == 2 or point == "replied"
    sent = "".join(mail.as_string() + mail.get_content() for mail in peer.mails)
    assert [each for each in (*HIDDEN, row.patient_id, row.id) if each in sent] == []
    assert states(engine) == [("ann", DeliveryState.sent, None), ("ben", DeliveryState.sent, None)]
