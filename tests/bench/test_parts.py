"""What the benchmarks stand on: that they store what real workers send, and measure against the very same rows."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from sqlalchemy import Engine, func, select

from models import AuditEntry, CheckIn, DataKey, Patient, Practice
from models.engine import make_engine, make_session_factory
from models.isolation import reading_practice
from models.reminder import DeliveryState
from schedules.plan.corrections import UrgentCorrection
from schedules.plan.vocabulary import MilestoneKind, ReminderCategory
from schedules.planning.time_alerts import look_at_time
from schedules.planning.zone_rules import look_at_times
from service.app import create_app
from service.db import db
from tests.bench import bench_audit, bench_pull, bench_sign_in, bench_tick, due
from tests.bench.children import START_SECONDS, module, seconds_of_all, started_all, wait_until
from tests.bench.memory import megabytes_of
from tests.bench.morning import NINE, kinds
from tests.bench.morning_report import inversions, report
from tests.bench.null_worker import running_workers, with_provider
from tests.bench.stored import store
from tests.bench.wsgi import calling
from tests.database import settings_for

OF_SENDS = "route = 'worker.send'"
WRITTEN = (
    "SELECT DISTINCT state, attempts, fence, channel, target IS NULL FROM delivery",
    "SELECT DISTINCT channel, provider, fence, outcome, provider_code, ended_at IS NULL FROM delivery_attempt",
    "SELECT kind, reason, channel, step, generation, count(*) FROM decision {} GROUP BY 1, 2, 3, 4, 5 ORDER BY 1",
    "SELECT actor_kind, action, route, status, about::jsonb - 'reminder_id' - 'delivery_id' FROM audit_entry {} AND {}",
    "SELECT count(DISTINCT patient_id) FROM audit_subject {} AND entry_id IN (SELECT id FROM audit_entry WHERE {})",
)


def written(connection: due.Connection, practice_id: str) -> list[object]:
    """Return what a practice's rows say of how its deliveries were made."""
    mine = f"WHERE practice_id = '{practice_id}'"
    queries = [query.format(mine, OF_SENDS) if "{}" in query else f"{query} {mine}" for query in WRITTEN]
    return [connection.execute(query.encode()).fetchall() for query in queries]


@pytest.mark.postgresql_only
@pytest.mark.slow
def test_the_bare_loop_writes_the_rows_that_our_worker_writes(database_url: str) -> None:
    ours, bare = due.add_practices(database_url, 2)
    kind = due.walking(datetime.now(UTC))

    with due.connect(database_url) as connection:
        due.add_deliveries(database_url, ours, kind, 3)
        due.release(connection)
        with running_workers(database_url, 1) as workers:
            wait_until(lambda: due.count_in(connection, DeliveryState.sent) == 3, "three sent", within=START_SECONDS)
            held = megabytes_of(workers)
        due.add_deliveries(database_url, bare, kind, 3)
        due.release(connection)
        with started_all([module("rival_bare", database_url)]) as children:
            seconds_of_all(children)

        assert written(connection, bare) == written(connection, ours)
    assert held > 50


@pytest.mark.postgresql_only
@pytest.mark.slow
def test_a_morning_is_told_from_its_rows(database_url: str) -> None:
    [practice_id] = due.add_practices(database_url, 1)
    some = [kind for _, kind in kinds(seconds_to_drain=0)]
    for kind in (some[0], *some[-3:]):
        due.add_deliveries(database_url, practice_id, kind, 2)

    with due.connect(database_url) as connection:
        ahead = NINE.timestamp() - datetime.now(UTC).timestamp() + 60
        with running_workers(database_url, 1, with_provider(clock_ahead=ahead)):
            wait_until(lambda: not due.is_any_open(connection), "the morning's end", within=START_SECONDS)
        lines = list(report(connection, [practice_id], NINE, 10.0, [100.0, 101.0]))

    assert lines[0] == "drained in 10 s: 4 expired, 4 sent; 0 sent a second"
    assert [line for line in lines if line.endswith(": 0")] == lines[-6:-1]
    assert lines[-1] == "memory of all workers: 100 MB after the first 5 %, 101 MB at most, 1.01 times"


@pytest.mark.slow
def test_the_half_without_audit_stores_the_same_and_leaves_no_entry(engine: Engine, database_url: str) -> None:
    phone = bench_audit.enrolled(database_url)
    app = create_app(settings_for(database_url))

    bench_audit.seconds_of(bench_audit.writing(app, phone), "201", count=2, at_once=1)
    bench_audit.seconds_of(bench_audit.reading(app, phone), "200", count=1, at_once=1)

    with app.app_context():
        db.engine.dispose()
    with engine.connect().execution_options(reads=True) as connection:
        routes = connection.execute(select(AuditEntry.route, func.count()).group_by(AuditEntry.route)).all()
        reports = connection.execute(select(func.count()).select_from(CheckIn)).scalar_one()
    assert reports == 4
    assert sorted(routes) == [("GET /api/v1/patients/{patient_id}", 1), ("PUT /api/v1/check-ins/{check_in_id}", 2)]


def test_the_open_door_asks_for_no_token(database_url: str) -> None:
    phone = bench_audit.enrolled(database_url)
    app = create_app(settings_for(database_url))
    stranger = bench_audit.reading(app, replace(phone, token="unknown"))

    with bench_sign_in.with_an_open_door(bench_sign_in.caller_of(database_url, phone.token)):
        open_door = stranger(0)
    closed = stranger(0)

    with app.app_context():
        db.engine.dispose()
    assert (open_door, closed) == ("200", "401")


def test_the_bare_pull_answers_what_our_pull_answers(database_url: str) -> None:
    stored = store(database_url)

    with ExitStack() as stack:
        pull, bare = bench_pull.pulling(stack, stored, stored.phone)
        stack.callback(bare.close)
        ours, theirs = pull(), calling(bare, bench_pull.pull_path(stored), stored.phone)()

    assert orjson.loads(theirs) == orjson.loads(ours)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("hour", range(24))
def test_what_a_tick_has_to_claim_is_due_at_each_hour_and_was_not_on_the_day_that_finds_nothing(hour: int) -> None:
    now = datetime(2026, 11, 27, hour, 30, tzinfo=UTC)

    due_at = due.walking(now).due_at

    assert now - bench_tick.BEFORE_ALL_OF_IT < due_at < now


@pytest.mark.parametrize(
    ("key", "category", "urgency"),
    [
        (UrgentCorrection.surgery_moved.value, ReminderCategory.safety, 0),
        ("evening", ReminderCategory.safety, 1),
        ("evening", ReminderCategory.visit, 2),
    ],
)
def test_what_takes_advice_back_comes_before_safety_and_the_rest(
    key: str, category: ReminderCategory, urgency: int
) -> None:
    kind = due.Kind(MilestoneKind.fasting, key, category, NINE, NINE + timedelta(hours=1))

    assert kind.urgency == urgency


@pytest.mark.parametrize(
    ("classes", "share"),
    [([[0], [1, 2]], 0.0), ([[2], [0]], 1.0), ([[0], [2], [1], [2]], 0.2), ([[2, 0]], 0.0), ([], 0.0)],
)
def test_an_inversion_is_a_pair_in_the_wrong_order_of_urgency(classes: list[list[int]], share: float) -> None:
    assert inversions(classes) == pytest.approx(share)


@pytest.mark.postgresql_only
@pytest.mark.slow
def test_what_falls_due_is_as_the_product_plans_it_so_that_no_other_job_is_busy_with_it(database_url: str) -> None:
    now = datetime.now(UTC)
    [practice_id] = due.add_practices(database_url, 1)
    due.add_deliveries(database_url, practice_id, due.walking(now), 3)

    engine = make_engine(database_url)
    with reading_practice(make_session_factory(engine), practice_id) as session:
        times = look_at_times(session, practice_id, after=None, most=10)
        look = look_at_time(session, session.get_one(Practice, practice_id), now, after="", most=10)
        patients = session.scalars(select(Patient).where(Patient.id.not_like(f"{practice_id}-%"))).all()
        emails = {patient.email for patient in patients}
        keys = session.scalar(select(func.count()).select_from(DataKey).where(DataKey.patient_id.is_not(None)))
    engine.dispose()

    assert times.misplaced == ()
    assert look.facts == ()
    assert emails == {f"{patient.id}@example.org" for patient in patients}
    assert keys == 3 + 1
