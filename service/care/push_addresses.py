"""Use cases: a device says where it takes push messages, and takes that back.

A worker that passed its last check before either still sends to the address that it read; its delivery is locked here
first, so that whoever passes it later sees the change.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models import PushAddress
from models.ids import new_id
from models.private import lookup_hash
from models.push import PushProvider
from schedules.planning import answers_now
from service.care.reach import lock_patient
from service.errors import NotFoundError
from service.identity.principal import Principal


@dataclass(frozen=True, slots=True)
class RegisterAddress:
    """Where the calling device takes push messages from now on."""

    provider: PushProvider
    address: str


def find_push_address(session: Session, caller: Principal) -> PushAddress | None:
    """Return the calling device's address, enabled or not; None if it has none."""
    query = select(PushAddress).filter_by(practice_id=caller.practice_id, device_id=caller.actor_id)
    return session.scalars(query).one_or_none()


def register_push_address(
    session: Session, caller: Principal, command: RegisterAddress, now: datetime
) -> tuple[PushAddress, bool]:
    """Store the calling device's address in the place of any earlier one. Return the row, and whether it is new.

    Registering the same again enables it, and says that it lives now. An address that another device has had is this
    one's alone from here on: the phone changed hands, or the app was installed anew.
    """
    _lock(session, caller)
    known = find_push_address(session, caller)
    row = known or _new(session, caller, now)
    hashed = lookup_hash(command.address, caller.practice_id)
    session.execute(
        delete(PushAddress)
        .where(
            PushAddress.practice_id == caller.practice_id,
            PushAddress.address_lookup == hashed,
            PushAddress.device_id != caller.actor_id,
        )
        .execution_options(synchronize_session=False)
    )
    row.provider, row.address = command.provider, command.address
    row.registered_at, row.disabled_at, row.disabled_code = now, None, None
    return row, known is None


def forget_push_address(session: Session, caller: Principal) -> None:
    """Remove the calling device's address, if it has one."""
    _lock(session, caller)
    row = find_push_address(session, caller)
    if row is not None:
        session.delete(row)


def _lock(session: Session, caller: Principal) -> None:
    """Lock patient and open deliveries to the commit, in the order in which everybody does."""
    if caller.patient_id is None:
        raise NotFoundError
    lock_patient(session, caller.practice_id, caller.patient_id)
    answers_now(session, caller.practice_id, caller.patient_id)


def _new(session: Session, caller: Principal, now: datetime) -> PushAddress:
    row = PushAddress(practice_id=caller.practice_id, id=new_id(now))
    session.add(row)
    row.device_id, row.patient_id = caller.actor_id, caller.patient_id or ""
    return row
