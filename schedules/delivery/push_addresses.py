"""A patient's push addresses: which of them may be used, and what becomes of one that its provider calls dead."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Select, and_, select, update
from sqlalchemy.orm import Session

from models.identity import Device
from models.private import Keys, keys_of
from models.push import PushAddress, PushProvider
from models.reminder import Delivery, DeliveryAttempt
from schedules.delivery.book import Claim, Held
from schedules.delivery.channels import Refusal, Result
from schedules.plan.vocabulary import Channel, Provider


@dataclass(frozen=True, slots=True)
class PushTarget:
    """The address of one of a patient's devices."""

    patient_id: str
    practice_id: str
    id: str
    provider: Provider
    address_sealed: bytes
    address_lookup: bytes
    keys: Keys = field(default_factory=dict, repr=False)

    @property
    def address(self) -> str | None:
        """Return the address, opened."""
        return PushAddress.address.opened(self.address_sealed, self.keys, practice_id=self.practice_id, row_id=self.id)


def load_push_targets(
    session: Session, practice_id: str, patient_ids: Collection[str]
) -> dict[str, tuple[PushTarget, ...]]:
    """Return, by patient, the enabled addresses of devices that are not revoked, the latest registered first.

    One query for all, and one for the keys that this process does not keep; none for nobody.
    """
    if not patient_ids:
        return {}
    found: dict[str, tuple[PushTarget, ...]] = {}
    rows = session.execute(_usable(practice_id, patient_ids)).all()
    keys = keys_of(session, practice_id, (row.address_sealed for row in rows))
    for row in rows:
        target = PushTarget(
            patient_id=row.patient_id,
            practice_id=practice_id,
            id=row.id,
            provider=Provider(row.provider),
            address_sealed=bytes(row.address_sealed),
            address_lookup=bytes(row.address_lookup),
            keys=keys,
        )
        found[target.patient_id] = (*found.get(target.patient_id, ()), target)
    return found


def _usable(practice_id: str, patient_ids: Collection[str]) -> Select[str, str, PushProvider, bytes, bytes]:
    of_device = and_(Device.practice_id == PushAddress.practice_id, Device.id == PushAddress.device_id)
    columns = (PushAddress.patient_id, PushAddress.id, PushAddress.provider)
    return (
        select(*columns, PushAddress.address_sealed, PushAddress.address_lookup)
        .join(Device, of_device)
        .where(PushAddress.practice_id == practice_id, PushAddress.patient_id.in_(patient_ids))
        .where(PushAddress.disabled_at.is_(None), Device.revoked_at.is_(None))
        .order_by(PushAddress.registered_at.desc(), PushAddress.id.desc())
    )


def disable_if_dead(session: Session, claim: Claim, delivery: Held, result: Result, *, now: datetime) -> None:
    """Disable the push address of a delivery whose provider refused it for good.

    It stays enabled if its device registered it after it died, by the provider's word, or else after the attempt began:
    what an old answer says of it no longer holds.
    """
    if delivery.channel is not Channel.push or result.for_good is not Refusal.address:
        return
    began_at, target = session.execute(
        select(DeliveryAttempt.started_at, Delivery.target)
        .join(
            Delivery,
            and_(Delivery.practice_id == DeliveryAttempt.practice_id, Delivery.id == DeliveryAttempt.delivery_id),
        )
        .where(
            DeliveryAttempt.practice_id == claim.practice_id,
            DeliveryAttempt.delivery_id == claim.delivery_id,
            DeliveryAttempt.fence == claim.fence,
        )
    ).one()
    dead_since = min(began_at, result.address_dead_since or began_at)
    disable(session, delivery, target, dead_since=dead_since, code=result.code, now=now)


def disable(
    session: Session,
    sent: Held | Delivery | PushTarget,
    target: bytes | None,
    *,
    dead_since: datetime,
    code: str | None,
    now: datetime,
) -> None:
    """Disable the push address that something went to, unless a device registered it after `dead_since`."""
    session.execute(
        update(PushAddress)
        .where(
            PushAddress.practice_id == sent.practice_id,
            PushAddress.patient_id == sent.patient_id,
            PushAddress.address_lookup == target,
            PushAddress.registered_at <= dead_since,
            PushAddress.disabled_at.is_(None),
        )
        .values(disabled_at=now, disabled_code=code)
        .execution_options(synchronize_session=False)
    )
