"""A practice on whose database pulls are measured: a patient with a plan, of whom 50 rows changed, beside many others.

The others are the patient's copies with all their rows, a revision each: half of these before the phone's last pull,
half since. Rows are copied in SQL that both databases read, so that 100,000 take seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, Table, select, text, update
from sqlalchemy.orm import Session

from models import CheckIn, Episode, Milestone, Patient, Reminder, Restriction, Surgery, SyncClock
from models.base import OfPatient, Synced, Tenant
from models.care import Reporter
from models.engine import make_engine, make_session_factory
from schedules.planning import plan_episode
from service.identity.tokens import enrol_device, issue_staff_token
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import owner_url_of

CHANGED: Final[Mapping[type[OfPatient], int]] = {Reminder: 20, Milestone: 15, CheckIn: 10, Restriction: 5}
CHANGES: Final = sum(CHANGED.values())
CHECK_INS: Final = 12
COPIED: Final[tuple[type[Synced], ...]] = (Patient, Episode, Surgery, Milestone, Restriction, Reminder, CheckIn)
ROWS_A_PATIENT: Final = 100  # of a plan of 40 messages with those check-ins
_NUMBERED: Final = ("id", "mrn", "patient_id", "episode_id", "surgery_id", "milestone_id")


@dataclass(frozen=True, slots=True)
class Stored:
    """Who pulls what, by token. `since` is the cursor after which 50 rows of the patient changed."""

    url: str
    practice_id: str
    patient_id: str
    phone: str
    coordinator: str
    since: int


def store(url: str, *, others: int = 100, old: int = 10, panel: int = 1) -> Stored:
    """Store a practice with so many rows of other patients, and `old` more of the patient's own.

    `panel` counts the coordinator's patients: the one with the changes, and others beside those named.
    """
    engine = make_engine(owner_url_of(url), unhurried=True)
    with make_session_factory(engine)() as session:
        patient, phone, coordinator = _store_patient(session)
        key = {"practice_id": patient.practice_id, "patient_id": patient.id}
        connection = session.connection()
        for model, one in ((CheckIn, "check-in-0"), (Reminder, _a_reminder(session))):
            numbered = {"id": "original.id || '-old' || many.number", "repeat": "1000 + many.number"}
            copy_rows(connection, model, {"practice_id": patient.practice_id, "id": one}, old // 2, numbered)
        session.commit()
        stored = _store_others(session, key, others // ROWS_A_PATIENT, panel - 1)
    settle(engine)
    engine.dispose()
    return Stored(url, phone=phone, coordinator=coordinator, since=stored, **key)


def _store_patient(session: Session) -> tuple[Patient, str, str]:
    """Store the patient with a plan and check-ins; return the phone's token and the coordinator's too."""
    practice = builders.practice(session)
    casey = builders.staff(session, practice)
    patient = builders.patient(session, practice)
    episode = builders.episode(session, patient, coordinator_id=casey.id)
    builders.surgery(session, episode)
    plan_episode(session, practice.id, episode.id, MONDAY_AFTERNOON)
    for number in range(CHECK_INS):
        _add_check_in(session, episode, number)
    now = datetime.now(UTC)
    phone = enrol_device(session, practice.id, patient.id, now).access.secret
    coordinator = issue_staff_token(session, casey, now).secret
    session.commit()
    return patient, phone, coordinator


def _add_check_in(session: Session, episode: Episode, number: int) -> None:
    row = CheckIn(practice_id=episode.practice_id, id=f"check-in-{number}", patient_id=episode.patient_id)
    session.add(row)
    row.episode_id, row.pain, row.reported_by = episode.id, number % 11, Reporter.patient
    row.reported_at = row.received_at = MONDAY_AFTERNOON + timedelta(days=number)
    row.steps, row.note = 1_000 * number, "Slept badly, walked to the corner and back."


def _a_reminder(session: Session) -> str:
    return session.scalars(select(Reminder.id).order_by(Reminder.id)).first() or ""


def _store_others(session: Session, key: Mapping[str, str], others: int, panel: int) -> int:
    """Store the other patients and then the 50 changes. Return the phone's cursor: half of the others came after."""
    connection, practice_id = session.connection(), key["practice_id"]
    clock = update(SyncClock).where(SyncClock.practice_id == practice_id)
    first = session.scalars(select(SyncClock.revision).where(SyncClock.practice_id == practice_id)).one()
    copy_patient(connection, key, panel, {"rev": "original.rev"}, "-panel")
    apart = {"rev": f"{first} + many.number", "coordinator_id": "NULL"}
    copy_patient(connection, key, others, apart, "-other")
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE"))  # else foreign keys are looked up as if the tables had a row each
    top = _change(connection, key, first + others)
    session.execute(clock.values(revision=top))
    session.commit()
    return first + (others + 1) // 2


def copy_patient(
    connection: Connection,
    key: Mapping[str, str],
    times: int,
    changes: Mapping[str, str],
    suffix: str,
    models: Iterable[type[Tenant]] = COPIED,
) -> None:
    """Copy a patient with all rows of `models` but those that are old, so many times."""
    for model in models:
        numbered = {name: f"original.{name} || '{suffix}' || many.number" for name in _NUMBERED}
        of = {"practice_id": key["practice_id"], "id" if model is Patient else "patient_id": key["patient_id"]}
        copy_rows(connection, model, of, times, numbered | dict(changes), skip="%-old%")


def copy_rows(
    connection: Connection,
    model: type[Tenant],
    of: Mapping[str, str],
    times: int,
    changes: Mapping[str, str],
    skip: str = "",
) -> None:
    """Copy the rows that hold what `of` says, so many times; `changes` are expressions over `original` and `many`."""
    table = _table(model)
    columns = table.c.keys()
    # Sealed text opens in its own row only.
    values = {name: "NULL" if name.endswith("_sealed") else f'original."{name}"' for name in columns}
    values |= {name: value for name, value in changes.items() if name in columns}
    names = ", ".join(f'"{name}"' for name in values)
    where = " AND ".join(f"original.{name} = :{name}" for name in of)
    connection.execute(
        text(
            f"INSERT INTO {table.name} ({names}) "
            "WITH RECURSIVE many (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM many WHERE number < :times) "
            f"SELECT {', '.join(values.values())} FROM {table.name} AS original CROSS JOIN many "
            f"WHERE {where} AND original.id NOT LIKE :skip AND :times > 0"
        ),
        {**of, "times": times, "skip": skip},
    )


def _change(connection: Connection, key: Mapping[str, str], revision: int) -> int:
    """Give 50 rows of the patient a revision each, after `revision`. Return the last one."""
    for model, many in CHANGED.items():
        table = _table(model)
        mine = table.c.practice_id == key["practice_id"], table.c.patient_id == key["patient_id"]
        ids = connection.scalars(select(table.c.id).where(*mine, ~table.c.id.like("%-old%")).order_by(table.c.id))
        for row_id in ids.all()[:many]:
            revision += 1
            row = table.c.practice_id == key["practice_id"], table.c.id == row_id
            connection.execute(update(table).where(*row).values(rev=revision))
    return revision


def _table(model: type[Tenant]) -> Table:
    table = model.__table__  # type: ignore[attr-defined]  # every model has one
    assert isinstance(table, Table)
    return table


def settle(engine: Engine) -> None:
    """Let PostgreSQL take stock of what was stored, as it would have in the days before."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE)"))
