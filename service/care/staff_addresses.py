"""Use cases: where a member of staff is told of alerts. Addresses are private: none is shown again.

Who can be told decides on whether somebody watches: see `tell_phones` of `service.care.on_call`, to be called after.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Staff, StaffAddress
from models.ids import new_id
from schedules.plan.vocabulary import Channel
from service.care.checks import is_email_address, is_phone_number
from service.errors import Fault, InvalidError, describe_private

_FORMS = {
    Channel.email: (is_email_address, "an e-mail address"),
    Channel.sms: (is_phone_number, "a phone number in E.164 such as +16175550123"),
}


def list_addresses(session: Session, practice_id: str, staff_id: str) -> Sequence[StaffAddress]:
    """Return the person's addresses in the order in which they are tried."""
    query = select(StaffAddress).filter_by(practice_id=practice_id, staff_id=staff_id)
    return session.scalars(query.order_by(StaffAddress.wanted_rank, StaffAddress.id)).all()


def set_address(
    session: Session, person: Staff, channel: Channel, address: str, *, rank: int, now: datetime
) -> tuple[StaffAddress, bool]:
    """Store a person's address on a channel in the place of any earlier one. Return the row, and whether it is new.

    Setting the same again enables it, and that of the sign-in too. Raises InvalidError for what is no address there.
    """
    form = _FORMS.get(channel)
    if form is not None and not form[0](address):
        raise InvalidError(Fault("/address", form[1], describe_private(address)))
    row = _find(session, person, channel)
    is_new = row is None
    if row is None:
        row = StaffAddress(practice_id=person.practice_id, id=new_id(now), staff_id=person.id, channel=channel)
        session.add(row)
    row.address, row.wanted_rank, row.set_at = address, rank, now
    row.disabled_at = row.disabled_code = None
    if row.address_lookup == person.email_lookup:
        person.email_dead_at = person.email_dead_code = None
    return row, is_new


def remove_address(session: Session, person: Staff, channel: Channel) -> None:
    """Forget a person's address on a channel, if there is one."""
    row = _find(session, person, channel)
    if row is not None:
        session.delete(row)


def _find(session: Session, person: Staff, channel: Channel) -> StaffAddress | None:
    whose = {"practice_id": person.practice_id, "staff_id": person.id, "channel": channel}
    return session.scalars(select(StaffAddress).filter_by(**whose)).one_or_none()
