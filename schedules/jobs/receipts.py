"""Draws the conclusions from receipts, and asks the coordinator once about each address that no message reaches."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from models.isolation import in_practice, reading_doors
from models.people import Patient
from models.receipts import DeadAddress, Receipt
from models.reminder import Delivery, DeliveryAttempt
from models.report import TaskKind
from schedules.delivery.receipts import read_receipts
from schedules.jobs.practices import attempt_each
from schedules.plan.vocabulary import Provider
from schedules.planning.message_tasks import ask_of_patient
from schedules.planning.rows import find

AT_ONCE = 200


def follow_receipts(make_session: sessionmaker[Session], built: Collection[Provider], now: datetime) -> None:
    """Read what providers told, and ask about dead addresses, a bounded number at a turn, each in its own transaction.

    `built` are those whom this worker can hand messages to. Raises the first error, once the others had their turn.
    """
    with reading_doors(make_session) as session:
        told = select(Receipt.practice_id, Receipt.delivery_id).where(~Receipt.is_read).distinct().limit(AT_ONCE)
        deliveries = [(each.practice_id, each.delivery_id) for each in session.execute(told)]

    def read(key: tuple[str, str]) -> None:
        with in_practice(make_session, key[0]) as session:
            read_receipts(session, *key, built=built, now=now)

    errors = attempt_each(deliveries, read)
    with reading_doors(make_session) as session:
        unasked = select(DeadAddress.practice_id, DeadAddress.target).where(DeadAddress.task_id.is_(None))
        unasked = unasked.where(DeadAddress.revived_at.is_(None)).limit(AT_ONCE)
        addresses = [(each.practice_id, bytes(each.target)) for each in session.execute(unasked)]

    def ask(key: tuple[str, bytes]) -> None:
        with in_practice(make_session, key[0]) as session:
            _ask(session, *key, now=now)

    errors += attempt_each(addresses, ask)
    if errors:
        raise errors[0]


def _ask(session: Session, practice_id: str, target: bytes, *, now: datetime) -> None:
    dead = session.get_one(DeadAddress, (practice_id, target))
    delivery = session.get_one(Delivery, (practice_id, dead.delivery_id))
    find(session, Patient, practice_id, delivery.patient_id, lock=True)
    session.refresh(dead, with_for_update=True)
    if dead.task_id is not None or dead.revived_at is not None:
        return
    channel = session.scalars(
        select(DeliveryAttempt.channel).filter_by(
            practice_id=practice_id, delivery_id=delivery.id, provider=dead.provider
        )
    ).first()
    about = {"channel": channel, "code": dead.code}
    subject = bytes(target).hex()
    task = ask_of_patient(
        session, TaskKind.address_failed, practice_id, delivery.patient_id, subject=subject, about=about, now=now
    )
    dead.task_id = None if task is None else task.id
