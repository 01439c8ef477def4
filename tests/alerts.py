"""What tests of alerts share: staff who are on call, and what was raised, called and decided."""

from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import Alert, AlertEntry, Delivery, OnCallShift, Practice, Staff, StaffAddress
from models.engine import begin_reads
from models.ids import new_id
from models.people import StaffRole
from models.watch import WorkerHeartbeat
from schedules.database_time import read_now
from schedules.plan.vocabulary import Channel, OnCallPlace
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock


def on_call(session: Session, practice: Practice, place: OnCallPlace, **changes: Any) -> Staff:
    """Add a member of staff who is on call for a month around the tests' Monday, told by e-mail."""
    person = builders.staff(session, practice, **changes)
    shift = OnCallShift(practice_id=practice.id, id=f"shift-{person.id}", staff_id=person.id, place=place)
    shift.from_on, shift.from_at = date(2026, 2, 20), time(8)
    shift.until_on, shift.until_at = date(2026, 3, 20), time(8)
    session.add(shift)
    session.flush()
    return person


def chain(session: Session, practice: Practice) -> list[Staff]:
    """Add somebody for each place of the chain, and an admin who is not on call."""
    people = [on_call(session, practice, place, email=f"{place.value}@clinic.example.org") for place in OnCallPlace]
    admin = builders.staff(session, practice, role=StaffRole.practice_admin, email="admin@clinic.example.org")
    return [*people, admin]


def address(session: Session, person: Staff, channel: Channel, text: str, rank: int = 0) -> StaffAddress:
    """Add where a member of staff is told of alerts."""
    row = StaffAddress(practice_id=person.practice_id, id=f"{person.id}-{channel}", staff_id=person.id)
    row.channel, row.wanted_rank, row.set_at = channel, rank, MONDAY_AFTERNOON
    session.add(row)
    row.address = text
    session.flush()
    return row


def alerts_of(engine: Engine, **equal: Any) -> list[Alert]:
    """Return the alerts, by id."""
    return stored(engine, Alert, **equal)


def calls_of(engine: Engine, **equal: Any) -> list[Delivery]:
    """Return the deliveries about alerts, in the order of their calls."""
    rows = [each for each in stored(engine, Delivery, **equal) if each.alert_id is not None]
    return sorted(rows, key=lambda each: (each.alert_id or "", each.generation, each.step))


def lines_of(engine: Engine, **equal: Any) -> list[str]:
    """Return the lines of the alerts' logs, in their order."""
    return [each.line.value for each in stored(engine, AlertEntry, **equal)]


def stored(engine: Engine, model: Any, *, order: Any = None, **equal: Any) -> list[Any]:
    """Return the rows of a model as they are stored, by id or in another order."""
    with Session(engine) as session:
        begin_reads(session)
        return list(session.scalars(select(model).filter_by(**equal).order_by(model.id if order is None else order)))


def working(session: Session, *, age: timedelta = timedelta(hours=-1), **changes: Any) -> WorkerHeartbeat:
    """Add a worker that reported `age` before now by the clock that judges it; from its future, it stays alive."""
    now = read_now(session, FixedClock())
    row = WorkerHeartbeat(worker_id=f"worker-{new_id(now)}", started_at=now - timedelta(days=1), ticked_at=now - age)
    for name, value in changes.items():
        setattr(row, name, value)
    session.add(row)
    session.commit()
    return row
