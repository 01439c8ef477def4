"""The worker's parent where Celery delivers: hands claims to a broker, and asks the database what became of them.

It never waits for an answer of a sender: a claim is out of hand once its delivery is no longer held under it, or once
its lease is over, whatever became of the broker, the queue or the sender.
"""

import logging
import time
from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta

from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models.engine import begin_reads
from models.isolation import see
from models.people import Patient
from models.reminder import Delivery, DeliveryState
from models.sets import among
from schedules.delivery.book import Claim, by_practice
from schedules.delivery.broker import ALONE, paces_of, queue_of, task_of
from schedules.delivery.leases import Lease
from schedules.plan.vocabulary import Channel

# A claim that waits for longer than its lease passes no gate. It is dropped late, as clocks of machines may differ.
_KEPT_FOR_LEASES = 10
_HELD = (DeliveryState.leased, DeliveryState.sending)
Wire = list[tuple[str, str, str, int, bool]]
logger = logging.getLogger(__name__)


class RemoteCrew:
    """The senders of other machines, as one that hands out claims sees them."""

    def __init__(self, settings: Settings, lease: Lease, make_session: sessionmaker[Session], broker: Celery) -> None:
        self._settings = settings
        self._lease = lease
        self._make_session = make_session
        self._broker = broker
        self._in_hand: dict[Claim, int] = {}  # when each was handed over, in ms

    def tend(self) -> None:
        """Let go of what is no longer held under its claim, and of what was held for as long as a lease."""
        now_ms, length_ms = self._lease.clock.monotonic_ms(), self._lease.length // timedelta(milliseconds=1)
        young = {claim: handed_ms for claim, handed_ms in self._in_hand.items() if now_ms - handed_ms < length_ms}
        with self._make_session() as session:
            begin_reads(session)
            held = {claim for claims in by_practice(young).values() for claim in _still_held(session, claims)}
        self._in_hand = {claim: handed_ms for claim, handed_ms in young.items() if claim in held}

    def free_count(self) -> int:
        """Return how many more claims may be handed out; 0 until half of the places are free."""
        places = self._settings.broker_claims
        free = places - len(self._in_hand)
        return free if 2 * free >= places else 0

    def hand_out(self, claims: Collection[Claim]) -> list[Claim]:
        """Put the claims into the queues of their channels, and return those that the broker did not take."""
        batches = list(self._batches(claims))
        for number, (part, batch) in enumerate(batches):
            try:
                self._publish(part, batch)
            except (OperationalError, OSError) as error:
                left = [claim for _, rest in batches[number:] for claim in rest]
                logger.error("broker raised %s: %d claims are kept", type(error).__name__, len(left))
                return left
            self._in_hand |= dict.fromkeys(batch, self._lease.clock.monotonic_ms())
        return []

    def wait(self, longest: timedelta) -> None:
        """Wait for senders to get on."""
        time.sleep(longest.total_seconds())

    def stop(self) -> None:
        """Let go of the broker. What is in the queues is delivered by whoever takes it."""
        self._broker.close()

    def _publish(self, part: str, batch: Iterable[Claim]) -> None:
        wire: Wire = [(each.practice_id, each.patient_id, each.delivery_id, each.fence, each.solo) for each in batch]
        self._broker.send_task(
            task_of(part),
            (wire,),
            queue=queue_of(self._settings, part),
            expires=_KEPT_FOR_LEASES * self._lease.length.total_seconds(),
            retry=False,
        )

    def _batches(self, claims: Collection[Claim]) -> Iterator[tuple[str, list[Claim]]]:
        """Yield what goes into which queue together. A patient's claims stay together: they may be one message."""
        for claim in claims:
            if claim.solo:
                yield ALONE, [claim]
        paced = paces_of(self._settings)
        for part, patients in self._patients_by_part(claim for claim in claims if not claim.solo).items():
            most = 1 if part in paced else self._settings.sends_in_flight
            batch: list[Claim] = []
            for of_patient in patients:
                batch += of_patient
                if len(batch) >= most:
                    yield part, batch
                    batch = []
            if batch:
                yield part, batch

    def _patients_by_part(self, claims: Iterable[Claim]) -> dict[str, list[list[Claim]]]:
        found: dict[tuple[str, str], list[Claim]] = {}
        with self._make_session() as session:
            begin_reads(session)
            for practice_id, of_practice in by_practice(claims).items():
                see(session, practice_id)
                channels = _likely_channels(session, of_practice)
                for claim in of_practice:
                    part = channels.get(claim.delivery_id, Channel.email).value
                    found.setdefault((part, claim.patient_id), []).append(claim)
        by_part: dict[str, list[list[Claim]]] = {}
        for (part, _), of_patient in found.items():
            by_part.setdefault(part, []).append(of_patient)
        return by_part


def _still_held(session: Session, claims: Collection[Claim]) -> Iterator[Claim]:
    practice_id = next(iter(claims)).practice_id
    see(session, practice_id)
    query = select(Delivery.id, Delivery.fence).where(
        Delivery.practice_id == practice_id,
        among(session.connection(), Delivery.id, [each.delivery_id for each in claims]),
        Delivery.state.in_(_HELD),
    )
    fences = {delivery_id: fence for delivery_id, fence in session.execute(query)}  # noqa: C416 - rows are no pairs
    return (claim for claim in claims if fences.get(claim.delivery_id) == claim.fence)


def _likely_channels(session: Session, claims: Collection[Claim]) -> dict[str, Channel]:
    """Return the channel by which each delivery will most likely go. The gate decides: this only chooses the queue."""
    query = (
        select(Delivery.id, Delivery.step, Patient.channels, Patient.opted_out)
        .join(Patient, (Patient.practice_id == Delivery.practice_id) & (Patient.id == Delivery.patient_id))
        .where(Delivery.practice_id == next(iter(claims)).practice_id)
        .where(among(session.connection(), Delivery.id, [each.delivery_id for each in claims]))
    )
    found = {}
    for delivery_id, step, channels, opted_out in session.execute(query):
        wanted = [Channel(name) for name in channels if name not in opted_out]
        if wanted:
            found[delivery_id] = wanted[min(step, len(wanted) - 1)]
    return found
