"""What is known now of a message to staff: whether the alert still calls, and how the person can be reached.

The counterpart of `facts` and `ways` for messages to staff. Read after the deliveries' lock: whoever acknowledges an
alert changes it before he asks for that lock.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.alert import Alert, StaffAddress
from models.people import Staff, StaffRole
from models.practice import Practice
from models.private import lookup_hash
from models.reminder import Delivery
from schedules.delivery.book import Held
from schedules.delivery.decide import Offer, is_usable
from schedules.delivery.decide_call import CallFacts
from schedules.delivery.notices import Opened, load_opened
from schedules.delivery.ways import Ways
from schedules.plan.vocabulary import AlertState, Channel, Language, Provider

Addresses = tuple[tuple[Channel, str | None], ...]
_TAKEN_BY = {Channel.email: Provider.smtp, Channel.sms: Provider.sms, Channel.push: Provider.web_push}


@dataclass(frozen=True, slots=True)
class _Person:
    """Who is told. Who has no address of their own that still counts has that of the sign-in."""

    row: Staff
    own: Addresses

    @property
    def of_sign_in(self) -> Addresses:
        return ((Channel.email, self.row.email if self.row.email_dead_at is None else None),)

    @property
    def of_calls(self) -> Addresses:
        """Return the addresses of a call. Those that do not count any more stand in it too: they are why."""
        counts = any(address is not None for _, address in self.own)
        return self.own if counts else (*self.own, *self.of_sign_in)

    @property
    def of_mail(self) -> Addresses:
        """Return the one address of a notice: the person's own e-mail address where it still counts."""
        return tuple(each for each in self.own if each[0] is Channel.email and each[1] is not None) or self.of_sign_in


@dataclass(frozen=True, slots=True)
class Call:
    """What a call, or a notice, hangs on. `addresses` are the person's, in their own order.

    Of the clinic's phone it is that alone, of a notice the one e-mail address. A disabled one has no address.
    """

    practice_id: str
    subject_id: str
    is_settled: bool
    is_disabled: bool
    addresses: Addresses
    language: Language = Language.en
    opened: Opened | None = None  # what a notice tells of
    is_admin: bool = False

    @property
    def goes_alone(self) -> bool:
        """Return that it is no part of a digest."""
        return True

    @property
    def is_outside(self) -> bool:
        """Return whether it is a notice to somebody who is no admin any more."""
        return self.opened is not None and not self.is_admin


def load_calls(session: Session, practice_id: str, deliveries: Collection[Held | Delivery]) -> dict[str, Call]:
    """Return, by delivery, what each hangs on. All are of the practice. Five queries at most, whatever their number."""
    alerts = select(Alert.id, Alert.state).where(
        Alert.practice_id == practice_id,
        Alert.id.in_({each.alert_id for each in deliveries if each.alert_id is not None}),
    )
    states = {row.id: row.state for row in session.connection().execute(alerts)}
    accesses = load_opened(session, practice_id, {each.access_id for each in deliveries if each.access_id is not None})
    people = _load_people(session, practice_id, {each.staff_id for each in deliveries if each.staff_id is not None})
    phone = session.connection().scalar(select(Practice.phone).where(Practice.id == practice_id))
    found = {}
    for each in deliveries:
        person, opened = people.get(each.staff_id or ""), accesses.get(each.access_id or "")
        subject_id = each.alert_id or each.access_id or ""
        # That an access was looked into settles no notice: it is for each of the admins to know.
        is_settled = opened is None and states.get(subject_id) is not AlertState.open
        if person is None:
            found[each.id] = Call(
                practice_id, subject_id, is_settled, is_disabled=False, addresses=((Channel.sms, phone),)
            )
            continue
        found[each.id] = Call(
            practice_id,
            subject_id,
            is_settled,
            is_disabled=person.row.disabled_at is not None,
            addresses=person.of_mail if opened is not None else person.of_calls,
            language=person.row.language or Language.en,
            opened=opened,
            is_admin=person.row.role is StaffRole.practice_admin,
        )
    return found


def call_facts(delivery: Held, call: Call, *, ways: Ways, tried: Collection[bytes], now: datetime) -> CallFacts:
    """Return the facts to decide on. `tried` are the hashed addresses on which an earlier step failed."""
    return CallFacts(
        now=now,
        due_at=delivery.due_at,
        useful_until=delivery.useful_until,
        is_settled=call.is_settled,
        is_disabled=call.is_disabled,
        offers=call_offers(call, ways, tried=tried),
        is_outside=call.is_outside,
    )


def call_offers(call: Call, ways: Ways, *, tried: Collection[bytes]) -> tuple[Offer, ...]:
    """Return the ways to reach the person."""
    return tuple(_offer(call, channel, address, ways, tried) for channel, address in call.addresses)


def can_go_on(session: Session, before: Delivery, built: Collection[Provider], *, tried: Collection[bytes]) -> bool:
    """Return whether it still stands and the person can be reached on another way than the `tried` ones."""
    call = load_calls(session, before.practice_id, [before])[before.id]
    offers = call_offers(call, Ways(built), tried=tried)
    return not (call.is_settled or call.is_disabled or call.is_outside) and any(is_usable(offer) for offer in offers)


def disable_staff_address(
    session: Session, sent: Delivery | Held, target: bytes | None, *, code: str | None, now: datetime
) -> None:
    """Disable the address that a provider refused for good, unless the person has set another since.

    Of the sign-in it is noted to be dead: no message goes there, until the person sets it as their own.
    """
    of_own = update(StaffAddress).where(
        StaffAddress.practice_id == sent.practice_id,
        StaffAddress.staff_id == sent.staff_id,
        StaffAddress.address_lookup == target,
        StaffAddress.disabled_at.is_(None),
    )
    of_sign_in = update(Staff).where(
        Staff.practice_id == sent.practice_id,
        Staff.id == sent.staff_id,
        Staff.email_lookup == target,
        Staff.email_dead_at.is_(None),
    )
    unseen = {"synchronize_session": False}
    session.execute(of_own.values(disabled_at=now, disabled_code=code), execution_options=unseen)
    session.execute(of_sign_in.values(email_dead_at=now, email_dead_code=code), execution_options=unseen)


def _load_people(session: Session, practice_id: str, staff_ids: Collection[str]) -> Mapping[str, _Person]:
    """Return each with the addresses that they have set."""
    whose = (StaffAddress.practice_id == practice_id, StaffAddress.staff_id.in_(staff_ids))
    query = select(StaffAddress).where(*whose).order_by(StaffAddress.wanted_rank, StaffAddress.id)
    addresses: dict[str, list[tuple[Channel, str | None]]] = {}
    for row in session.scalars(query.execution_options(populate_existing=True)):
        address = row.address if row.disabled_at is None else None
        addresses.setdefault(row.staff_id, []).append((row.channel, address))
    people = select(Staff).where(Staff.practice_id == practice_id, Staff.id.in_(staff_ids))
    return {
        person.id: _Person(person, tuple(addresses.get(person.id, ())))
        for person in session.scalars(people.execution_options(populate_existing=True))
    }


def _offer(call: Call, channel: Channel, address: str | None, ways: Ways, tried: Collection[bytes]) -> Offer:
    provider = _TAKEN_BY[channel]
    is_built = provider in ways.built
    return Offer(
        channel=channel,
        provider=provider if is_built else None,
        is_opted_out=False,
        address=address,
        is_tried=bool(tried) and address is not None and lookup_hash(address, call.practice_id) in tried,
        free_at=ways.paused_until.get(provider) if is_built else None,
    )
