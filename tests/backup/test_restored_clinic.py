"""O03: yesterday's backup is restored. Nothing is sent again, nothing signs in again, and every phone begins anew."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, Delivery, DeliveryAttempt, KeptReply, Patient, SyncClock
from models.audit import ActorKind
from models.engine import begin_reads, make_session_factory
from models.reminder import AttemptOutcome, DeliveryState
from models.sign_in import CodePurpose
from models.watch import WorkerHeartbeat
from schedules import jobs
from schedules.plan.vocabulary import Channel, ReminderState
from schedules.planning.held import RELEASED, RESTORED
from schedules.watch.self_audit import audit_practice
from service.backup.after_care import REVISIONS_LEFT_OUT
from service.care.erasure_ledger import add_to_ledger, entry_of
from service.db import db
from service.identity.invitations import issue_sign_in_code
from service.identity.totp import make_secret
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_patient, as_service, as_staff
from tests.api.keyed import keyed
from tests.api.message_reader import BORN, Reader, path_in, send_due
from tests.api.signing_in import Person, give_credential
from tests.backup.conftest import Run
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import service_engine_of, settings_for
from tests.failpoints import running_worker
from tests.sync.conftest import Phone
from tests.worker.peers import MailPeer, mail_server
from tests.worker.rows import outcomes, shown_count, story, wait_until

AHEAD = MONDAY_AFTERNOON + timedelta(days=36_500)  # whatever clock the database has


@pytest.fixture
def peer() -> Iterator[MailPeer]:
    """Yield the mail server of the whole story."""
    with mail_server() as peer:
        yield peer


@dataclass(frozen=True)
class Due:
    """What was under way when the backup was made, and what was not due yet."""

    pending: Delivery
    leased: Delivery
    sending: Delivery
    ahead: Delivery

    @property
    def now(self) -> list[Delivery]:
        """Return what was due."""
        return [self.pending, self.leased, self.sending]


@pytest.fixture
def due(session: Session, clinic: Clinic) -> Due:
    """Return deliveries in every state that a backup may catch them in."""
    for each in session.scalars(select(Delivery).filter_by(practice_id=clinic.id)):
        each.next_attempt_at = each.useful_until = AHEAD
    names = ("pending", "leased", "sending", "ahead")
    made = {
        name: builders.due_delivery(session, clinic.practice, id=f"p-{name}", email=f"{name}@example.org")
        for name in names
    }
    for delivery in (made["leased"], made["sending"]):
        delivery.state = DeliveryState(("leased", "sending")[delivery is made["sending"]])
        delivery.fence, delivery.attempts, delivery.lease_owner = 1, 1, "worker-of-then"
        delivery.lease_boot, delivery.lease_until_ms, delivery.lease_until = "boot", 1, MONDAY_AFTERNOON
    made["ahead"].next_attempt_at = made["ahead"].useful_until = AHEAD
    session.flush()
    attempt = {"practice_id": clinic.id, "delivery_id": made["sending"].id, "fence": 1, "channel": Channel.email}
    session.execute(insert(DeliveryAttempt).values(**attempt, started_at=MONDAY_AFTERNOON))
    session.commit()
    return Due(**made)


@pytest.fixture
def restore(run: Run, file: Path, app: Flask, engine: Engine, session: Session) -> Callable[[], str]:
    """Return what restores the backup over the clinic, everything being stopped, and says what it printed."""

    def restore() -> str:
        session.rollback()
        engine.dispose()
        service_engine_of(engine).dispose()
        with app.app_context():
            db.engine.dispose()
        result = run("restore", "--replace", file)
        assert result.exit_code == 0, result.output
        return result.stdout

    return restore


@pytest.fixture
def back_up(run: Run, file: Path) -> Callable[[], None]:
    """Return what makes the backup."""

    def make() -> None:
        result = run("backup", file)
        assert result.exit_code == 0, result.output

    return make


@contextmanager
def worker_at_work(settings: Settings, peer: MailPeer) -> Iterator[None]:
    """Run a real worker on the database, with the mail server."""
    changes = {"smtp_port": peer.port, "poll_seconds": 0.1, "sender_processes": 1}
    with running_worker(settings_for(settings.database_url, **changes), now=MONDAY_AFTERNOON) as worker:
        yield
        assert worker.terminate() == 0


@pytest.mark.slow
def test_nothing_goes_out_again_until_somebody_says_so(
    due: Due,
    back_up: Callable[[], None],
    restore: Callable[[], str],
    run: Run,
    app: Flask,
    settings: Settings,
    engine: Engine,
    session: Session,
    clinic: Clinic,
    peer: MailPeer,
) -> None:
    back_up()
    with worker_at_work(settings, peer):
        wait_until(lambda: len(peer.mails) == 3)
    sent_before = sorted(peer.recipients)

    printed = restore()

    assert sent_before == ["leased@example.org", "pending@example.org", "sending@example.org"]
    assert ", 3 messages held" in printed
    builders.due_delivery(session, clinic.practice, email="canary@example.org")
    session.commit()
    with worker_at_work(settings, peer):
        wait_until(lambda: "canary@example.org" in peer.recipients)
    assert sorted(peer.recipients) == sorted([*sent_before, "canary@example.org"])
    for delivery in due.now:
        session.refresh(delivery)
        assert (delivery.state, delivery.reason, delivery.lease_owner) == (DeliveryState.held, RESTORED, None)
        assert story(session, delivery) == [("held", RESTORED)]
    session.refresh(due.ahead)
    assert due.ahead.state is DeliveryState.pending
    assert outcomes(session, due.sending) == [AttemptOutcome.abandoned]

    desk, pending_id, leased_id = as_staff(app, session, clinic.coordinator), due.pending.id, due.leased.id
    session.commit()
    released = desk.post(f"/held-deliveries/{pending_id}/release")
    dropped = run("held", "drop", leased_id)
    assert (released.status_code, dropped.stdout) == (200, "1 dropped.\n")
    with worker_at_work(settings, peer):
        wait_until(lambda: peer.recipients.count("pending@example.org") == 2)
        wait_until(lambda: shown_count(engine, ReminderState.cancelled) == 1)

    assert len(peer.recipients) == 5
    assert {("held", RESTORED), ("retrying", RELEASED), ("sent", None)} <= set(story(session, due.pending))
    assert set(story(session, due.leased)) == {("held", RESTORED), ("cancelled", RESTORED)}


def test_a_worker_that_took_it_before_the_restore_moves_nothing_with_its_claim(
    due: Due, back_up: Callable[[], None], restore: Callable[[], str], session: Session
) -> None:
    back_up()
    restore()

    fences = [session.get_one(Delivery, (each.practice_id, each.id), populate_existing=True).fence for each in due.now]

    assert min(fences) >= 1_000_000


def test_the_nightly_audit_finds_no_fault_in_what_is_held(
    due: Due, back_up: Callable[[], None], restore: Callable[[], str], engine: Engine, clinic: Clinic, clock: FixedClock
) -> None:
    back_up()
    restore()

    audit = audit_practice(
        make_session_factory(engine),
        clinic.id,
        clock=clock,
        now=MONDAY_AFTERNOON + timedelta(hours=2),
        overdue_after=timedelta(minutes=1),
    )

    found = {each.invariant.value: each.violations for each in audit.findings}
    assert {name: found[name] for name in ("nothing_due_left_unsent", "every_open_delivery_has_its_reminder")} == {
        "nothing_due_left_unsent": 0,
        "every_open_delivery_has_its_reminder": 0,
    }


def test_whoever_was_erased_since_the_backup_is_erased_again_and_nobody_else(
    back_up: Callable[[], None], restore: Callable[[], str], settings: Settings, session: Session, clinic: Clinic
) -> None:
    back_up()
    entry = entry_of(clinic.id, clinic.patient.id, MONDAY_AFTERNOON)
    add_to_ledger(Path(settings.erasure_ledger), entry)

    printed = restore()

    assert "1 patients erased again" in printed
    session.expire_all()
    gone, other = (session.get_one(Patient, (clinic.id, each.id)) for each in (clinic.patient, clinic.other_patient))
    assert (gone.deleted, other.deleted) == (True, False)
    assert "Rossi" not in (gone.family_name or "")
    open_ones = select(Delivery).filter_by(practice_id=clinic.id, patient_id=gone.id, state=DeliveryState.held)
    assert session.scalars(open_ones).all() == []


def test_whatever_signed_in_before_signs_in_no_more(
    back_up: Callable[[], None],
    restore: Callable[[], str],
    app: Flask,
    session: Session,
    engine: Engine,
    clinic: Clinic,
    clock: FixedClock,
) -> None:
    secret = make_secret()
    give_credential(session, clinic.coordinator, secret=secret)
    casey = Person(app, clinic.practice, clinic.coordinator, clock, secret)
    program, phone = as_staff(app, session, clinic.clinician), as_patient(app, session, clinic.patient)
    refresh = _refresh_token(app, program, clinic)
    signed_in, challenge = casey.sign_in(), casey.challenge()
    code = program.post("/enrolments", {"patient_id": clinic.patient.id}).json["code"]
    invitation = issue_sign_in_code(session, clinic.clinician, CodePurpose.invitation, MONDAY_AFTERNOON)
    session.commit()
    keyed_program = as_service(app, session, clinic, "patients:read")
    callers = (program, phone, signed_in)
    assert [each.get("/protocols").status_code for each in callers] == [200, 200, 200]
    assert keyed_program.get("/patients").status_code == 200
    back_up()

    printed = restore()

    nobody = Caller(app.test_client(), None)
    assert "sign-ins ended" in printed
    assert [each.get("/protocols").status_code for each in callers] == [401, 401, 401]
    assert keyed_program.get("/patients").status_code == 401
    clock.advance(timedelta(minutes=1))
    assert nobody.post("/tokens/refresh", {"refresh_token": refresh}).status_code == 401
    assert casey.give_code(challenge).status_code == 401
    assert nobody.post("/devices", {"code": code}).status_code == 401
    password = {"code": invitation.code, "password": "seven quiet canoes at dawn"}
    assert nobody.post("/sign-in/password", password).status_code == 401
    begin_reads(session)  # the person's address is read again, with its key
    assert casey.sign_in().get("/protocols").status_code == 200


def _refresh_token(app: Flask, staff: Caller, clinic: Clinic) -> str:
    code = staff.post("/enrolments", {"patient_id": clinic.patient.id}).json["code"]
    enrolled = Caller(app.test_client(), None).post("/devices", {"code": code})
    assert enrolled.status_code == 201, enrolled.json
    return str(enrolled.json["refresh_token"])


def test_links_in_messages_lead_nowhere_any_more(
    back_up: Callable[[], None],
    restore: Callable[[], str],
    app: Flask,
    session: Session,
    engine: Engine,
    clock: FixedClock,
) -> None:
    builders.due_delivery(session, builders.practice(session))
    session.commit()
    (message,) = send_due(engine, session, clock)
    reader = Reader(app.test_client(), path_in(message))
    assert reader.open(BORN).status_code == 303
    back_up()

    restore()

    assert "pain" not in reader.look().get_data(as_text=True)
    assert reader.open(BORN).status_code == 403


def test_a_kept_answer_is_not_given_again(
    back_up: Callable[[], None],
    restore: Callable[[], str],
    app: Flask,
    session: Session,
    clinic: Clinic,
    look: Look,
) -> None:
    before = keyed(as_staff(app, session, clinic.coordinator))
    assert before.post("/enrolments", {"patient_id": clinic.patient.id}).status_code == 201
    back_up()

    restore()

    assert look(KeptReply) == []


def test_a_phone_replaces_what_it_holds_and_no_revision_comes_twice(
    back_up: Callable[[], None],
    restore: Callable[[], str],
    app: Flask,
    session: Session,
    clinic: Clinic,
    look: Look,
    engine: Engine,
) -> None:
    phone = Phone(as_patient(app, session, clinic.patient))
    phone.pull()
    back_up()
    desk = as_staff(app, session, clinic.coordinator)
    told = {"episode_id": clinic.episode.id, "what": "wound_closed", "observed_at": "2026-03-02T12:00:00Z"}
    lost = desk.put("/observations/lost", told)
    phone.pull()
    with make_session_factory(engine)() as reading:
        former = reading.get_one(SyncClock, clinic.id)

    restore()

    anew = Phone(as_patient(app, session, clinic.patient), cursor=phone.cursor, rows=phone.rows)
    assert "lost" in anew.rows["observations"]
    answer = anew.pull()
    with make_session_factory(engine)() as reading:
        now = reading.get_one(SyncClock, clinic.id)
    again = as_staff(app, session, clinic.coordinator).put("/observations/again", told)
    assert answer["experimentalStrategy"] == "replacement"
    assert "lost" not in anew.rows.get("observations", {})
    assert now.epoch > former.epoch
    assert now.revision >= REVISIONS_LEFT_OUT
    assert int(again.headers["ETag"].strip('"')) > int(lost.headers["ETag"].strip('"')) + REVISIONS_LEFT_OUT / 2


def test_a_backup_that_is_restored_twice_begins_another_epoch_each_time(
    back_up: Callable[[], None], restore: Callable[[], str], clinic: Clinic, engine: Engine
) -> None:
    epochs = []
    back_up()

    for _ in range(2):
        restore()
        with make_session_factory(engine)() as reading:
            epochs.append(reading.get_one(SyncClock, clinic.id).epoch)

    assert epochs[0] < epochs[1]


def test_the_restore_stands_in_the_trail_and_the_trail_is_whole(
    due: Due,
    back_up: Callable[[], None],
    restore: Callable[[], str],
    run: Run,
    look: Look,
    clinic: Clinic,
    session: Session,
    engine: Engine,
) -> None:
    session.add(WorkerHeartbeat(worker_id="w", started_at=MONDAY_AFTERNOON, ticked_at=MONDAY_AFTERNOON))
    session.commit()
    back_up()
    session.get_one(WorkerHeartbeat, "w").stopped_at = MONDAY_AFTERNOON
    session.commit()

    restore()

    jobs.seal_audit(make_session_factory(engine), MONDAY_AFTERNOON)
    (entry,) = look(AuditEntry, practice_id=clinic.id, route="flask restore")
    (made,) = look(AuditEntry, practice_id=clinic.id, route="flask backup")
    with make_session_factory(engine)() as reading:
        beat = reading.get_one(WorkerHeartbeat, "w")
    assert (entry.actor_kind, entry.about["held"], entry.about["made_at"]) == (
        ActorKind.command, 3, MONDAY_AFTERNOON.isoformat(),
    )  # fmt: skip
    assert made.actor_kind is ActorKind.command
    assert beat.stopped_at is not None
    assert run("audit", "verify").exit_code == 0


def test_after_a_restore_by_other_means_one_command_does_the_same(
    due: Due, run: Run, app: Flask, session: Session, clinic: Clinic, look: Look, clock: FixedClock
) -> None:
    program = as_staff(app, session, clinic.coordinator)

    done = run("restored")

    assert done.exit_code == 0, done.output
    assert program.get("/protocols").status_code == 401
    held = [each.id for each in look(Delivery, practice_id=clinic.id) if each.state is DeliveryState.held]
    assert held == sorted(each.id for each in due.now)
    assert len(look(AuditEntry, practice_id=clinic.id, route="flask restored")) == 1
