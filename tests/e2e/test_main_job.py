"""The main job with real processes: an empty database, the import, workers, a real mail server.

What must arrive is worked out from the caseload and the pure plan functions, and compared mail by mail.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import ColumnElement, Engine, func, or_, select

from models.engine import make_engine
from models.reminder import OPEN_STATES, AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules.plan.vocabulary import ReminderState
from tests.database import Databases, owner_url_of, settings_for
from tests.e2e.clinic_at import ROOT, run_flask
from tests.e2e.due_mails import DueMail, Letter, due_mails, letters_by_round
from tests.failpoints import FailPoint, running_worker
from tests.processes import wait_for
from tests.worker.peers import MailPeer, kill_whoever_waits, mail_server

pytestmark = pytest.mark.slow

CASELOAD = ROOT / "service" / "demo" / "cohort.csv"
CLINIC_ZONE = ZoneInfo("America/New_York")
IMPORTED_AT = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)  # a Sunday morning in New York
ROUNDS = [
    datetime(2026, 11, 22, 23, 30, tzinfo=UTC),
    datetime(2026, 11, 23, 15, 30, tzinfo=UTC),
    datetime(2026, 11, 25, 15, 30, tzinfo=UTC),  # nobody worked for two days: what is useful no longer stays unsent
]
FAR_ZONES = {"Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Honolulu"}
QUICK = {"poll_seconds": 0.1, "sender_processes": 2}
SHORT_LEASE = {
    "poll_seconds": 0.1,
    "lease_seconds": 1.2,
    "sends_in_flight": 8,  # what is in hand must get its turn before so short a lease ends
    "gate_to_send_seconds": 0.3,
    "send_deadline_seconds": 0.5,
    "lease_margin_seconds": 0.4,
    "sender_processes": 1,
}
POINTS = (
    "claim_uncommitted",
    "claimed",
    "gate_uncommitted",
    "gated",
    "before_send",
    "provider_accepted",
    "replied",
    "result_uncommitted",
    "recorded",
)
SEEN_TWICE = 3  # provider_accepted, replied, result_uncommitted: the server had said yes and nobody had written it down


@pytest.fixture
def imported_url(databases: Databases, database_kind: str) -> Iterator[str]:
    """Yield the URL of a clinic that the commands have just made and filled. Copy it, never use it."""
    with databases.prepared(database_kind) as url:
        _import_caseload(url, databases.owner_of(url))
        yield url


@pytest.fixture(scope="module")
def expected() -> list[DueMail]:
    """Return every e-mail of the caseload, by the file and the plan functions alone."""
    return due_mails(CASELOAD, enrolled_at=IMPORTED_AT, clinic_zone=CLINIC_ZONE)


def _import_caseload(url: str, owner_url: str) -> None:
    settings = settings_for(url, database_owner_url=owner_url)
    place = ("--country", "US", "--time-zone", CLINIC_ZONE.key, "--phone", "+12125550142")
    commands = (
        ("migrate",),
        ("practice", "create", "--slug", "hudson", "--name", "Hudson Spine Clinic", *place),
        ("import", str(CASELOAD), "--practice", "hudson"),
    )
    done = [run_flask(settings, IMPORTED_AT, *command) for command in commands]
    assert [each.returncode for each in done] == [0, 0, 0], [each.stderr for each in done]
    assert "331 rows: 331 loaded" in done[-1].stdout


@pytest.mark.timeout(300)  # under a minute on an idle machine of two cores
def test_the_mails_that_are_due_arrive_once_each_whoever_works_and_whoever_dies(
    databases: Databases, imported_url: str, expected: list[DueMail], tmp_path: Path
) -> None:
    for workers in (1, 2):
        with databases.copy_of(imported_url) as url, _engine_on(url) as engine:
            _expect_exactly_what_is_due(engine, expected, workers=workers)
    with databases.copy_of(imported_url) as url, _engine_on(url) as engine:
        _expect_no_loss_by_kills(engine, expected, tmp_path)


@contextmanager
def _engine_on(url: str) -> Iterator[Engine]:
    engine = make_engine(owner_url_of(url))
    try:
        yield engine
    finally:
        engine.dispose()


def _expect_exactly_what_is_due(engine: Engine, expected: list[DueMail], *, workers: int) -> None:
    """Let so many workers at once do three days' work, and compare every round of mails with what was due."""
    wanted = letters_by_round(expected, ROUNDS)
    known = {mail.text for mail in expected}
    arrived = []

    with mail_server() as peer:
        for now in ROUNDS:
            _work(engine, peer, now, workers)
            arrived.append(_letters(peer.mails, known))
            _expect_one_mail_a_patient(peer.mails, workers)
            peer.mails.clear()

    assert arrived == [_said_once(letters) for letters in wanted]
    assert _unfinished(engine) == 0
    assert _shown_as_sent(engine) == sum(letters.total() for letters in wanted)


def _expect_no_loss_by_kills(engine: Engine, expected: list[DueMail], folder: Path) -> None:
    """Kill a worker at each of the nine points in turn, then let one finish, and compare what arrived."""
    now = ROUNDS[0]
    (wanted,) = letters_by_round(expected, [now])
    known = {mail.text for mail in expected}

    with mail_server() as peer:
        for point in POINTS:
            _work_until_killed(engine, peer, now, FailPoint(point, folder / point))
        _work(engine, peer, now, 1, **SHORT_LEASE)

    once = {str(mail["Message-ID"]): mail for mail in peer.mails}
    assert _letters(list(once.values()), known) == _said_once(wanted)
    # Of what was on its way when its worker died, nobody knows whether it arrived: that alone may come twice.
    assert SEEN_TWICE <= len(peer.mails) - len(once) <= _abandoned(engine)
    assert _unfinished(engine) == 0


def test_what_is_compared_agrees_with_mails_worked_out_by_hand(expected: list[DueMail]) -> None:
    due = {(mail.address, mail.due_at, mail.useful_until) for mail in expected}

    # Laminectomy on 24 August: day 90 is Sunday 22 November, so Monday at 10:00 in Kathmandu, for 120 hours.
    assert ("paulo.hansen.6@example.org", _utc("2026-11-23T04:15"), _utc("2026-11-28T04:15")) in due
    # ALIF on 23 September: therapy starts on day 84, 16 December; a week before at 10:00 in summer on Lord Howe.
    assert ("ines.morales.4@example.org", _utc("2026-12-08T23:00"), _utc("2026-12-13T23:00")) in due
    # ALIF on 2 September: bending limits end on day 84, 25 November, 10:00 in St John's, for 96 hours.
    assert ("bilal.fischer.68@example.org", _utc("2026-11-25T13:30"), _utc("2026-11-29T13:30")) in due
    # Open laminectomy on 27 July: sport without contact on day 120, 24 November, 10:00 in Honolulu, for 120 hours.
    assert ("anders.young.2@example.org", _utc("2026-11-24T20:00"), _utc("2026-11-29T20:00")) in due
    # Each surgery alone gives 2,291: counted from the clinical tables and the caseload by a calculation that shares no
    # code with this. Seven patients have two surgeries, whose stages share 41 of them or count from the later one.
    assert len(expected) == 2291 - 41


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_what_is_compared_covers_far_zones_their_wall_time_and_lateness(expected: list[DueMail]) -> None:
    sent = letters_by_round(expected, ROUNDS)
    due = [mail for mail in expected if mail.due_at <= ROUNDS[-1]]
    zones = {mail.zone for mail in due for letters in sent if (mail.address, mail.text) in letters}
    edges = {edge for mail in expected for edge in (mail.due_at, mail.useful_until)}

    assert zones >= FAR_ZONES
    assert {mail.wall_time for mail in due} > {"09:00", "10:00"}
    assert [mail for mail in due if mail.wall_time != mail.ruled_time] == []
    assert 0 < sum(letters.total() for letters in sent) < len(due)
    assert not any(now < edge < now + timedelta(minutes=10) for now in ROUNDS for edge in edges)


def _work(engine: Engine, peer: MailPeer, now: datetime, workers: int, **changes: float) -> None:
    """Run workers at `now` until nothing more is due and all that was done shows; then stop them cleanly."""
    settings = settings_for(_url_of(engine), smtp_port=peer.port, **(QUICK | changes))
    with ExitStack() as stack:
        running = [stack.enter_context(running_worker(settings, now=now)) for _ in range(workers)]
        wait_for(lambda: _due(engine, now) == 0, "all that is due is done", seconds=60)
        assert [worker.terminate() for worker in running] == [0] * workers


def _work_until_killed(engine: Engine, peer: MailPeer, now: datetime, fail: FailPoint) -> None:
    settings = settings_for(_url_of(engine), smtp_port=peer.port, **SHORT_LEASE)
    usual = peer.answer_data
    with running_worker(settings, now=now, fail=fail) as doomed:
        if fail.name == "provider_accepted":
            peer.answer_data = kill_whoever_waits(fail.marker, lambda: doomed.pid)
        doomed.wait_for_death()
        peer.answer_data = usual


def _url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def _letters(mails: list[EmailMessage], known: Collection[str]) -> Counter[Letter]:
    """Return what was said to whom. A mail says all that was due for its patient, a paragraph each."""
    lines = ((str(mail["To"]), line) for mail in mails for line in mail.get_content().splitlines())
    return Counter((address, line) for address, line in lines if line in known)


def _said_once(letters: Counter[Letter]) -> Counter[Letter]:
    """Return the letters without what a patient would be told twice in one mail."""
    return Counter(dict.fromkeys(letters, 1))


def _expect_one_mail_a_patient(mails: list[EmailMessage], workers: int) -> None:
    # Two workers may each have taken a part of what is due for a patient.
    if workers == 1:
        assert max(Counter(str(mail["To"]) for mail in mails).values()) == 1


def _due(engine: Engine, now: datetime) -> int:
    """Return how many deliveries are still to be worked on at `now`, or are over and not shown yet."""
    is_open = Delivery.state.in_(OPEN_STATES)
    return _count(engine, or_(is_open & (Delivery.next_attempt_at <= now), ~is_open & ~Delivery.published))


def _abandoned(engine: Engine) -> int:
    return _count(engine, DeliveryAttempt.outcome == AttemptOutcome.abandoned)


def _unfinished(engine: Engine) -> int:
    return _count(engine, Delivery.state.in_((DeliveryState.leased, DeliveryState.sending)))


def _shown_as_sent(engine: Engine) -> int:
    return _count(engine, Reminder.state == ReminderState.sent)


def _count(engine: Engine, condition: ColumnElement[bool]) -> int:
    """Return how many deliveries or reminders meet the condition."""
    with engine.connect().execution_options(reads=True) as connection:
        return connection.scalar(select(func.count()).where(condition)) or 0
