"""Fills a PostgreSQL database with messages that fall due, in SQL, so that a million take minutes.

One of each kind is built as tests build rows, the rest are its copies: each with a patient, episode, surgery, milestone
and reminder of its own, and addresses sealed under the patient's own key, as in a clinic. Surgery and milestone lie
around the day on which the message is due: nobody is behind, which would raise an alert for each. A column that the
copies do not name is as the builders made it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql
from sqlalchemy import Table, make_url, text
from sqlalchemy.orm import Session

from models.base import Base
from models.care import Episode, Milestone, Surgery
from models.data_keys import new_data_key, present_master
from models.engine import make_engine
from models.people import Patient
from models.practice import Practice
from models.private import lookup_hash, seal_under
from models.reminder import Delivery, DeliveryState, Reminder
from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.vocabulary import MilestoneKind, ReminderCategory
from tests import builders
from tests.database import owner_url_of

Connection = psycopg.Connection[tuple[Any, ...]]
NEW_YORK, NINE = ZoneInfo("America/New_York"), time(9)  # where the clinics and patients are
USEFUL_FOR = timedelta(hours=48)
NEVER = datetime(2100, 1, 1, tzinfo=UTC)  # as the next attempt: not due until it is released
_originals = count(1)
COPIED: tuple[type[Base], ...] = (Patient, Episode, Surgery, Milestone, Reminder, Delivery)


@dataclass(frozen=True, slots=True)
class Kind:
    """What messages are about, when they are due, and when they will be tried first."""

    milestone: MilestoneKind
    key: str
    category: ReminderCategory
    due_at: datetime
    useful_until: datetime
    next_attempt_at: datetime = NEVER

    @property
    def urgency(self) -> int:
        """Return 0 for what must be heard at once, 1 for safety, 2 for the rest."""
        if self.key in URGENT_KEYS:
            return 0
        return 1 if self.category is ReminderCategory.safety else 2


def walking(now: datetime) -> Kind:
    """Return the encouragement to walk, due at its hour on the day before `now`, to be released.

    The hour, and how long it is of use, are those of its rule: else the worker would plan each of them anew.
    """
    due_at = datetime.combine(now.astimezone(NEW_YORK).date() - timedelta(days=1), NINE, NEW_YORK).astimezone(UTC)
    useful_until = due_at + USEFUL_FOR
    return Kind(MilestoneKind.walk30, "encourage", ReminderCategory.activity, due_at, useful_until)


def connect(url: str) -> Connection:
    """Return a connection of its own, each statement a transaction."""
    address = make_url(owner_url_of(url)).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(address, autocommit=True)


def add_practices(url: str, many: int) -> list[str]:
    """Store so many clinics and return their ids."""
    engine = make_engine(owner_url_of(url))
    with Session(engine) as session:
        ids = [builders.practice(session).id for _ in range(many)]
        session.commit()
    engine.dispose()
    return ids


def add_deliveries(url: str, practice_id: str, kind: Kind, many: int, **patient_changes: object) -> None:
    """Store so many deliveries of a kind, each to a patient of its own. `patient_changes` override all of these."""
    original = _store_original(url, practice_id, kind, patient_changes)
    with connect(url) as connection, connection.transaction():
        # The copies hold what the original holds, so no key of theirs needs to be looked up.
        connection.execute("SET LOCAL session_replication_role = replica")
        _copy_in_contacts(connection, practice_id, original[Patient], many)
        for model in COPIED:
            changes = _changes(model, kind)
            connection.execute(_copies(_table(model), changes), {"practice": practice_id, "id": original[model]})
        connection.execute("DELETE FROM delivery WHERE practice_id = %s AND id = %s", [practice_id, original[Delivery]])


def settle(url: str) -> None:
    """Let the database take stock of what was stored, as it would have in the days before."""
    with connect(url) as connection:
        connection.execute("VACUUM (ANALYZE)")


def release(connection: Connection) -> None:
    """Let all fall due that waits to be released."""
    connection.execute("UPDATE delivery SET next_attempt_at = due_at WHERE next_attempt_at = %s", [NEVER])


def is_any_open(connection: Connection) -> bool:
    """Return whether a delivery that is due has not ended yet."""
    query = """SELECT EXISTS (SELECT FROM delivery WHERE state IN ('pending', 'leased', 'sending')
               AND next_attempt_at < %s)"""
    return bool(_one(connection, query, [NEVER]))


def count_in(connection: Connection, state: DeliveryState) -> int:
    """Return how many deliveries stand in `state`."""
    return int(_one(connection, "SELECT count(*) FROM delivery WHERE state = %s", [state.value]))


def _one(connection: Connection, query: str, parameters: Iterable[Any]) -> Any:
    row = connection.execute(query.encode(), list(parameters)).fetchone()
    assert row is not None
    return row[0]


def _table(model: type[Base]) -> Table:
    assert isinstance(model.__table__, Table)
    return model.__table__


def _store_original(
    url: str, practice_id: str, kind: Kind, patient_changes: Mapping[str, object]
) -> Mapping[type[Base], str]:
    """Store one delivery of the kind, ended so that nobody sends it meanwhile, and return the ids of its rows."""
    engine = make_engine(owner_url_of(url))
    with Session(engine) as session:
        # On a busy machine this may pause for longer than the service would wait for.
        session.execute(text("SET idle_in_transaction_session_timeout = 0"))
        practice = session.get_one(Practice, practice_id)
        # Counted over all, so that the copies, whose ids come from it, never clash.
        name = f"{practice_id}-{next(_originals)}"
        episode = builders.episode(session, builders.patient(session, practice, id=name, mrn=name, **patient_changes))
        due_on = kind.due_at.astimezone(NEW_YORK).date()
        surgery = builders.surgery(session, episode, surgery_on=due_on - timedelta(days=7))
        milestone = builders.milestone(session, surgery, key=kind.milestone, kind=kind.milestone, **_window(due_on))
        reminder = builders.reminder(session, milestone, key=kind.key, category=kind.category)
        over = {"state": DeliveryState.cancelled, "published": True, "finished_at": builders.DUE_AT}
        delivery = builders.delivery(session, reminder, **over)
        session.commit()
        rows: tuple[Any, ...] = (
            session.get_one(Patient, (practice_id, name)),
            episode,
            surgery,
            milestone,
            reminder,
            delivery,
        )
        ids = {type(row): str(row.id) for row in rows}
    engine.dispose()
    return ids


def _window(earliest_on: date) -> dict[str, date]:
    """Return the days of a milestone that opens on the seventh day after surgery, as the builders' does."""
    target_on, latest_on = earliest_on + timedelta(days=7), earliest_on + timedelta(days=14)
    return {"earliest_on": earliest_on, "target_on": target_on, "eligible_on": target_on, "latest_on": latest_on}


def _copy_in_contacts(connection: Connection, practice_id: str, original_id: str, many: int) -> None:
    connection.execute(
        """CREATE TEMP TABLE contact (id text, email_sealed bytea, email_lookup bytea, phone_sealed bytea,
           phone_lookup bytea, key_id text, wrapped bytea) ON COMMIT DROP"""
    )
    with connection.cursor().copy("COPY contact FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["text", "bytea", "bytea", "bytea", "bytea", "text", "bytea"])
        for number in range(many):
            # As those of real rows: in no order, so that each touches another page of an index.
            patient_id = hashlib.md5(f"{original_id}/{number}".encode()).hexdigest()
            copy.write_row((patient_id, *_contact_of(practice_id, patient_id, f"+1212{number:07}")))
    connection.execute(
        """INSERT INTO data_key (practice_id, id, patient_id, wrapped, wrapped_by)
           SELECT %s, key_id, id, wrapped, %s FROM contact""",
        [practice_id, present_master()],
    )


def _contact_of(practice_id: str, patient_id: str, phone: str) -> tuple[bytes, bytes, bytes, bytes, str, bytes]:
    """Return a patient's sealed addresses, each with its hash, and the key that they are sealed under."""
    row, key = new_data_key(practice_id, patient_id)
    email, key_id = f"{patient_id}@example.org", bytes.fromhex(row["id"])
    sealed = (
        seal_under(key_id, key, plain, column.place(practice_id, patient_id))
        for plain, column in ((email, Patient.email), (phone, Patient.phone))
    )
    hashed = lookup_hash(email, practice_id), lookup_hash(phone, practice_id)
    email_sealed, phone_sealed = sealed
    return email_sealed, hashed[0], phone_sealed, hashed[1], row["id"], row["wrapped"]


def _changes(model: type[Base], kind: Kind) -> dict[str, sql.Composable]:
    """Return what tells a copy from its original, by column. All rows of one patient share the patient's id."""
    own = sql.SQL("contact.id")
    if model is Patient:
        names = ("email_sealed", "email_lookup", "phone_sealed", "phone_lookup")
        return {"id": own, "mrn": own} | {name: sql.Identifier("contact", name) for name in names}
    columns = set(_table(model).columns.keys())
    references = {"patient_id", "episode_id", "surgery_id", "milestone_id", "reminder_id"} & columns
    changes: dict[str, sql.Composable] = {"id": own, **dict.fromkeys(references, own)}
    if model is Reminder or model is Delivery:
        changes |= {"due_at": sql.Literal(kind.due_at), "useful_until": sql.Literal(kind.useful_until)}
    if model is Reminder:
        changes["scheduled_on"] = sql.Literal(kind.due_at.date())
    if model is Delivery:
        changes["id"] = sql.SQL("contact.id || '.1.0'")
        changes |= {"state": sql.Literal("pending"), "published": sql.Literal(False), "finished_at": sql.NULL}
        changes["next_attempt_at"] = sql.Literal(kind.next_attempt_at)
        if "urgency" in columns:
            changes["urgency"] = sql.Literal(kind.urgency)
    return changes


def _copies(table: Table, changes: Mapping[str, sql.Composable]) -> sql.Composed:
    names = table.columns.keys()
    return sql.SQL(
        "INSERT INTO {table} ({names}) SELECT {values} FROM {table} AS original CROSS JOIN contact "
        "WHERE original.practice_id = %(practice)s AND original.id = %(id)s"
    ).format(
        table=sql.Identifier(table.name),
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(changes.get(name, sql.Identifier("original", name)) for name in names),
    )
