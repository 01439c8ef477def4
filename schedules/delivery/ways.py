"""The ways to reach a patient, in the patient's own order, as they stand now."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.people import Patient
from models.practice import Practice
from models.private import Keys, Sealed, keys_of, lookup_hash
from models.push import PushProvider
from schedules.delivery.decide import Offer
from schedules.delivery.push_addresses import PushTarget, load_push_targets
from schedules.plan.vocabulary import Channel, Provider


@dataclass(frozen=True, slots=True)
class Ways:
    """Whom this worker can hand messages to, who of them is left alone until when, and which addresses are dead.

    Addresses are hashed.
    """

    built: Collection[Provider]
    paused_until: Mapping[Provider, datetime] = field(default_factory=dict)
    dead: Collection[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Contact:
    """How a patient is reached. Addresses are opened only for a channel that is in the patient's order."""

    practice_id: str
    id: str
    channels: list[str]
    opted_out: list[str]
    email_sealed: bytes | None
    phone_sealed: bytes | None
    email_lookup: bytes | None
    phone_lookup: bytes | None
    webhook_url: str | None  # of the clinic's own system
    push: Sequence[PushTarget] = ()
    keys: Keys = field(default_factory=dict, repr=False)

    @property
    def targets(self) -> list[bytes]:
        """Return the hashed addresses by which the patient can be reached, wanted or not, devices apart."""
        url = self.webhook_url
        known = (self.email_lookup, self.phone_lookup, None if url is None else lookup_hash(url, self.practice_id))
        return [bytes(target) for target in known if target is not None]


CONTACT_COLUMNS: tuple[Any, ...] = (
    Patient.practice_id,
    Patient.id,
    Patient.channels,
    Patient.opted_out,
    Patient.email_sealed,
    Patient.phone_sealed,
    Patient.email_lookup,
    Patient.phone_lookup,
    Practice.webhook_url,
)


def load_contact(session: Session, practice_id: str, patient_id: str) -> Contact:
    """Return how one patient is reached now."""
    query = select(*CONTACT_COLUMNS).join_from(Patient, Practice, Practice.id == Patient.practice_id)
    query = query.where(Patient.practice_id == practice_id, Patient.id == patient_id)
    (contact,) = with_devices(session, practice_id, [Contact(*session.execute(query).one())])
    return contact


def with_devices(session: Session, practice_id: str, contacts: Sequence[Contact]) -> list[Contact]:
    """Return the contacts with their devices, and with the keys that open their addresses.

    One query if there is a patient whose order has push, and one for keys that this process does not keep.
    """
    wanted = {contact.id for contact in contacts if Channel.push in contact.channels}
    targets = load_push_targets(session, practice_id, wanted)
    sealed = (address for each in contacts for address in (each.email_sealed, each.phone_sealed))
    keys = keys_of(session, practice_id, sealed)
    return [replace(each, push=targets.get(each.id, ()), keys=keys) for each in contacts]


def offers_of(contact: Contact, ways: Ways, *, tried: Collection[bytes]) -> tuple[Offer, ...]:
    """Return the ways to reach a patient. `tried` are the hashed addresses on which an earlier step failed."""
    offers: list[Offer] = []
    for channel in map(Channel, contact.channels):
        if channel is Channel.push:
            offers += _push_offers(contact, ways, tried)
        else:
            offers.append(_offer(contact, channel, ways, tried))
    return tuple(offers)


def _push_offers(contact: Contact, ways: Ways, tried: Collection[bytes]) -> list[Offer]:
    """Return an offer for each device, or the one that says why there is none."""
    is_opted_out = Channel.push in contact.opted_out
    found = [
        Offer(
            channel=Channel.push,
            provider=target.provider,
            is_opted_out=is_opted_out,
            address=target.address,
            is_tried=target.address_lookup in tried,
            free_at=ways.paused_until.get(target.provider),
        )
        for target in contact.push
        if target.provider in ways.built
    ]
    any_built = next((provider for provider in map(Provider, PushProvider) if provider in ways.built), None)
    provider = None if contact.push else any_built
    return found or [Offer(Channel.push, provider, is_opted_out=is_opted_out, address=None)]


def _offer(contact: Contact, channel: Channel, ways: Ways, tried: Collection[bytes]) -> Offer:
    provider, address = _route(contact, channel, ways.built)
    # A hash costs: none where there is nothing to compare it with.
    is_compared = address is not None and (tried or ways.dead)
    target = lookup_hash(address or "", contact.practice_id) if is_compared else None
    return Offer(
        channel=channel,
        provider=provider,
        is_opted_out=channel in contact.opted_out,
        address=address,
        is_tried=target in tried,
        is_dead=target in ways.dead,
        free_at=None if provider is None else ways.paused_until.get(provider),
    )


def _route(contact: Contact, channel: Channel, built: Collection[Provider]) -> tuple[Provider | None, str | None]:
    """Return who takes a message on the channel, and the address there. None, None: this worker knows nobody."""
    if channel is Channel.email and Provider.smtp in built:
        return Provider.smtp, _opened(Patient.email, contact, contact.email_sealed)
    if channel is Channel.sms and Provider.sms in built:
        return Provider.sms, _opened(Patient.phone, contact, contact.phone_sealed)
    if channel is Channel.webhook and Provider.webhook in built:
        return Provider.webhook, contact.webhook_url
    return None, None


def _opened(column: Sealed, contact: Contact, sealed: bytes | None) -> str | None:
    return column.opened(sealed, contact.keys, practice_id=contact.practice_id, row_id=contact.id)
