"""What is known now of an alert's call: whether the alert still calls, and how the person can be reached.

The counterpart of `facts` and `ways` for messages to staff. Read after the deliveries' lock: whoever acknowledges an
alert changes it before he asks for that lock.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.alert import Alert, StaffAddress
from models.people import Staff
from models.practice import Practice
from models.private import lookup_hash
from models.reminder import Delivery
from schedules.delivery.book import Held
from schedules.delivery.decide import Offer, is_usable
from schedules.delivery.decide_call import CallFacts
from schedules.delivery.ways import Ways
from schedules.plan.vocabulary import AlertState, Channel, Language, Provider

_TAKEN_BY = {Channel.email: Provider.smtp, Channel.sms: Provider.sms, Channel.push: Provider.web_push}


@dataclass(frozen=True, slots=True)
class Call:
    """What a call hangs on. `addresses` are the person's, in their own order; of the clinic's phone that alone.

    A disabled one has no address.
    """

    practice_id: str
    alert_id: str
    is_settled: bool
    is_disabled: bool
    addresses: tuple[tuple[Channel, str | None], ...]
    language: Language = Language.en

    @property
    def goes_alone(self) -> bool:
        """Return that it is no part of a digest."""
        return True


def load_calls(session: Session, practice_id: str, deliveries: Collection[Held | Delivery]) -> dict[str, Call]:
    """Return, by delivery, what each call hangs on. All are of the practice. Four queries, whatever their number."""
    alerts = select(Alert.id, Alert.state).where(
        Alert.practice_id == practice_id, Alert.id.in_({each.alert_id for each in deliveries})
    )
    states = {row.id: row.state for row in session.connection().execute(alerts)}
    people = _load_people(session, practice_id, {each.staff_id for each in deliveries if each.staff_id is not None})
    phone = session.connection().scalar(select(Practice.phone).where(Practice.id == practice_id))
    found = {}
    for each in deliveries:
        is_disabled, addresses = (False, ((Channel.sms, phone),)) if each.staff_id is None else people[each.staff_id]
        is_settled = states.get(each.alert_id or "") is not AlertState.open
        found[each.id] = Call(practice_id, each.alert_id or "", is_settled, is_disabled, addresses)
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
    )


def call_offers(call: Call, ways: Ways, *, tried: Collection[bytes]) -> tuple[Offer, ...]:
    """Return the ways to reach the person."""
    return tuple(_offer(call, channel, address, ways, tried) for channel, address in call.addresses)


def can_go_on(session: Session, before: Delivery, built: Collection[Provider], *, tried: Collection[bytes]) -> bool:
    """Return whether the alert still calls and the person can be reached on another way than the `tried` ones."""
    call = load_calls(session, before.practice_id, [before])[before.id]
    offers = call_offers(call, Ways(built), tried=tried)
    return not (call.is_settled or call.is_disabled) and any(is_usable(offer) for offer in offers)


def disable_staff_address(
    session: Session, sent: Delivery | Held, target: bytes | None, *, code: str | None, now: datetime
) -> None:
    """Disable the address of a call that a provider refused for good, unless the person has set another since."""
    session.execute(
        update(StaffAddress)
        .where(
            StaffAddress.practice_id == sent.practice_id,
            StaffAddress.staff_id == sent.staff_id,
            StaffAddress.address_lookup == target,
            StaffAddress.disabled_at.is_(None),
        )
        .values(disabled_at=now, disabled_code=code)
        .execution_options(synchronize_session=False)
    )


def _load_people(
    session: Session, practice_id: str, staff_ids: Collection[str]
) -> Mapping[str, tuple[bool, tuple[tuple[Channel, str | None], ...]]]:
    """Return of each whether they are disabled, and their addresses; who has set none has that of the sign-in."""
    whose = (StaffAddress.practice_id == practice_id, StaffAddress.staff_id.in_(staff_ids))
    query = select(StaffAddress).where(*whose).order_by(StaffAddress.wanted_rank, StaffAddress.id)
    addresses: dict[str, list[tuple[Channel, str | None]]] = {}
    for row in session.scalars(query.execution_options(populate_existing=True)):
        address = row.address if row.disabled_at is None else None
        addresses.setdefault(row.staff_id, []).append((row.channel, address))
    people = select(Staff).where(Staff.practice_id == practice_id, Staff.id.in_(staff_ids))
    return {
        person.id: (person.disabled_at is not None, tuple(addresses.get(person.id) or _of_sign_in(person)))
        for person in session.scalars(people.execution_options(populate_existing=True))
    }


def _of_sign_in(person: Staff) -> Iterable[tuple[Channel, str | None]]:
    return ((Channel.email, person.email),)


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
