"""Anchors of the audit chains: what is kept outside of the database tells what was cut off or written anew in it."""

import hmac
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models import journal
from models.audit import ActorKind, AuditAction
from models.engine import make_session_factory
from schedules import jobs
from schedules.pages.pulse import Pulse
from schedules.pages.server import Pages
from schedules.watch.anchors import compare, read_anchor
from schedules.watch.judgement import Rhythm
from schedules.watch.trail import Point, prove
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import AUDIT_KEY, service_engine_of
from tests.owner import Owner

PRACTICE = "practice-anchored"


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


@pytest.fixture
def anchored(settings: Settings, tmp_path: Path) -> Settings:
    return replace(settings, audit_anchor_file=str(tmp_path / "anchors"))


def write(session: Session, number: int) -> None:
    act = journal.Act(ActorKind.staff, "staff-1", AuditAction.read, "GET /api/v1/patients", 200, {"number": number})
    journal.append(session, PRACTICE, act, MONDAY_AFTERNOON + timedelta(seconds=number))


def seal(session: Session, make_session: sessionmaker[Session], numbers: range) -> None:
    for number in numbers:
        write(session, number)
    session.commit()
    jobs.seal_audit(make_session, MONDAY_AFTERNOON + timedelta(seconds=numbers.stop))


@contextmanager
def owning(engine: Engine) -> Iterator[Owner]:
    with engine.connect() as connection:
        owner = Owner(connection)
        owner.practice_id = PRACTICE
        yield owner
        connection.commit()
        connection.invalidate()


def cut_off(engine: Engine, *, after: int) -> None:
    """Take away the chain's end, the entries that it seals too."""
    beyond = "(SELECT entry_id FROM audit_seal WHERE practice_id = :practice AND sequence > :after)"
    with owning(engine) as owner:
        owner.does(f"DELETE FROM audit_entry WHERE practice_id = :practice AND id IN {beyond}", after=after)
        owner.does("DELETE FROM audit_seal WHERE practice_id = :practice AND sequence > :after", after=after)


def first_fault(make_session: sessionmaker[Session], path: str) -> str:
    with Path(path).open() as lines:
        by_practice, unread = compare(make_session, lines)
    assert unread == []
    return str(by_practice[PRACTICE].first)


def test_what_was_cut_off_or_grew_anew_is_found_by_the_anchors_alone_and_by_the_nightly_audit(
    session: Session, engine: Engine, make_session: sessionmaker[Session], anchored: Settings
) -> None:
    path = str(anchored.audit_anchor_file)
    builders.practice(session, id=PRACTICE)
    builders.practice(session)  # has no chain yet
    for part in (range(3), range(3, 6)):
        seal(session, make_session, part)
        jobs.anchor_chains(make_session, anchored, MONDAY_AFTERNOON)
    night = prove(make_session, PRACTICE).head
    whole = first_fault(make_session, path)

    cut_off(engine, after=4)
    cut, cut_at_night = first_fault(make_session, path), prove(make_session, PRACTICE, after=night)
    unseen = prove(make_session, PRACTICE)
    seal(session, make_session, range(10, 15))
    anew, anew_at_night = first_fault(make_session, path), prove(make_session, PRACTICE, after=night)

    assert whole == "None"
    assert (unseen.links, unseen.faults) == (4, [])
    assert cut == str(cut_at_night.faults[0]) == "link 6: was there before, and the chain ends earlier"
    assert anew == str(anew_at_night.faults[0]) == "link 6: is not the one that was found there before"


def test_anchors_are_appended_for_their_owner_alone_and_a_changed_line_tells_nothing(
    session: Session, make_session: sessionmaker[Session], anchored: Settings
) -> None:
    path = Path(str(anchored.audit_anchor_file))
    builders.practice(session, id=PRACTICE)
    seal(session, make_session, range(2))
    jobs.anchor_chains(make_session, anchored, MONDAY_AFTERNOON)
    path.write_text(path.read_text() + '{"torn')  # the power went
    jobs.anchor_chains(make_session, anchored, MONDAY_AFTERNOON + timedelta(hours=1))

    lines = path.read_text().splitlines()
    forged = [line.replace('"sequence": 2', '"sequence": 1') for line in lines]
    _, unread = compare(make_session, lines)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [read_anchor(line) is not None for line in lines] == [True, False, True]
    assert [read_anchor(line) for line in forged] == [None, None, None]
    assert unread == [2]


def test_a_syslog_server_gets_the_anchors_by_a_socket_and_by_udp(
    session: Session, make_session: sessionmaker[Session], settings: Settings, tmp_path: Path
) -> None:
    builders.practice(session, id=PRACTICE)
    seal(session, make_session, range(2))
    came = []
    with ExitStack() as stack:
        local = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        local.bind(str(tmp_path / "log"))
        network = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        network.bind(("127.0.0.1", 0))
        for peer, address in ((local, str(tmp_path / "log")), (network, network.getsockname())):
            peer.settimeout(5)

            jobs.anchor_chains(make_session, replace(settings, audit_anchor_syslog=address), MONDAY_AFTERNOON)

            came.append(peer.recv(65_536).decode())

    assert {line.partition("{")[0] for line in came} == {"<38>recovery-audit: "}
    assert [(anchor.practice_id, anchor.sequence) for line in came if (anchor := read_anchor(line))] == [
        (PRACTICE, 2)
    ] * 2
    assert compare(make_session, came)[0][PRACTICE].broken == 0


def test_anchors_that_cannot_be_written_turn_the_worker_red_until_they_are(
    session: Session, make_session: sessionmaker[Session], anchored: Settings, clock: FixedClock, tmp_path: Path
) -> None:
    gone = replace(anchored, audit_anchor_file=str(tmp_path / "away" / "anchors"))
    sign = jobs.AnchorSign(clock)
    rhythm = Rhythm.of_seconds(poll=5, lease=30)
    pages = Pages(make_session, lambda _session, clock: clock.now(), clock, rhythm, Pulse(clock), sign)
    builders.practice(session, id=PRACTICE)
    seal(session, make_session, range(1))
    jobs.beat(make_session, "worker-1", clock.now())

    seen = []
    for each in (gone, anchored):
        assert sign.is_due
        jobs.anchor_apart(each, clock, lambda _session, clock: clock.now(), sign)
        metrics = pages.find("/metrics").body.decode()
        failing = "recovery_audit_anchor_failing 1.0" in metrics
        seen.append((pages.find("/readyz").status, failing, b"audit_not_anchored" in pages.find("/readyz").body))

    assert seen == [(503, True, True), (200, False, False)]


def test_anchors_are_due_at_the_start_and_every_hour_and_what_hangs_has_failed(clock: FixedClock) -> None:
    sign = jobs.AnchorSign(clock)
    seen = [sign.is_due]
    sign.done()
    seen.append(sign.is_due)
    clock.advance(timedelta(minutes=1))
    seen.append(sign.is_due)  # what there was at the start may have been sealed since
    sign.done()
    seen.append(sign.is_due)
    clock.advance(timedelta(hours=1))
    seen.append(sign.is_due)
    sign.begin()
    seen.append(sign.is_failing)
    clock.advance(timedelta(minutes=2))
    seen.append(sign.is_failing)

    assert seen == [True, False, True, False, True, False, True]


def test_a_key_that_was_replaced_proves_what_it_wrote_and_nothing_new(
    session: Session, engine: Engine, make_session: sessionmaker[Session], anchored: Settings
) -> None:
    new_key = bytes(range(64, 96))
    builders.practice(session, id=PRACTICE)
    seal(session, make_session, range(3))
    jobs.anchor_chains(make_session, anchored, MONDAY_AFTERNOON)
    write(session, 4)  # waits to be sealed while the key is replaced
    try:
        journal.set_key(new_key, former=[AUDIT_KEY])
        seal(session, make_session, range(5, 7))
        replaced = prove(make_session, PRACTICE)
        anchors = first_fault(make_session, str(anchored.audit_anchor_file))
        journal.set_key(AUDIT_KEY)
        write(session, 8_000)  # whoever has the old key forges an entry
        session.commit()
        journal.set_key(new_key, former=[AUDIT_KEY])
        jobs.seal_audit(make_session, MONDAY_AFTERNOON + timedelta(seconds=8_001))
        forged = prove(make_session, PRACTICE)
        journal.set_key(new_key)
        forgotten = prove(make_session, PRACTICE)
    finally:
        journal.set_key(AUDIT_KEY)

    assert (replaced.links, replaced.faults, anchors) == (6, [], "None")
    assert str(forged.faults[0]).endswith("was made with a key that had been replaced before")
    assert forgotten.faults[0].sequence == 1


def test_links_from_before_they_bound_their_time_still_hold(
    session: Session, engine: Engine, make_session: sessionmaker[Session]
) -> None:
    builders.practice(session, id=PRACTICE)
    seal(session, make_session, range(2))
    macs = session.scalars(text("SELECT mac FROM audit_entry ORDER BY id")).all()
    session.rollback()
    digest = b""
    with owning(engine) as owner:
        for sequence, mac in enumerate(macs, start=1):
            digest = hmac.digest(AUDIT_KEY, digest + sequence.to_bytes(8, "big") + mac, "sha256")
            where = "WHERE practice_id = :practice AND sequence = :sequence"
            owner.does(f"UPDATE audit_seal SET digest = :digest {where}", digest=digest, sequence=sequence)

    seal(session, make_session, range(2, 4))

    assert prove(make_session, PRACTICE).faults == []
    assert prove(make_session, PRACTICE, after=Point(2, digest)).links == 2
