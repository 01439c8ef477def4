"""A change wakes its patient's apps in the background: once in a pause, empty, and for nothing they have."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import DeviceChange, DeviceWake, Patient, Practice, PushAddress, SafetyCard, Task
from models.base import table_of
from models.on_devices import ON_DEVICES
from models.push import PushProvider
from models.report import TaskKind, TaskState
from models.sync import attribute_to
from models.triggers import synced_tables
from schedules.delivery import wake_look
from schedules.delivery.channels import WakeSender
from schedules.delivery.channels.apns import ApnsSender
from schedules.delivery.channels.expo import ExpoSender
from schedules.delivery.channels.fcm import FcmSender
from schedules.delivery.channels.http import HttpLine
from schedules.plan.vocabulary import Provider
from service.sync.collections import COLLECTIONS
from tests import builders
from tests.builders import DAY_0
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.worker.apns_peer import ApnsPeer, apns_service
from tests.worker.push_peers import ExpoPeer, FcmPeer, running
from tests.worker.push_samples import APNS_ADDRESS, EXPO_ADDRESS, FCM_ADDRESS
from tests.worker.wake_bench import (
    PAUSE,
    Round,
    change,
    counted,
    device_of,
    has_pulled,
    looked_through,
    phone,
    wake_desk,
    wake_row,
)

SECOND = timedelta(seconds=1)
OTHER_ADDRESS = "ExponentPushToken[yyyyyyyyyyyyyyyyyyyyyy]"
WAKE_UP = {"_contentAvailable": True, "ttl": 86400, "priority": "normal"}


@pytest.fixture
def apple() -> Iterator[ApnsPeer]:
    with apns_service() as peer:
        yield peer


@pytest.fixture
def firebase() -> Iterator[FcmPeer]:
    peer = FcmPeer()
    with running(peer):
        yield peer


def woken(expo: ExpoPeer) -> list[str]:
    """Return the addresses that were woken, in their order."""
    return [each["to"] for seen in expo.seen for each in seen.json]


def test_a_change_wakes_each_of_the_patients_phones_once_and_nobody_elses(
    engine: Engine,
    session: Session,
    clock: FixedClock,
    expo: ExpoPeer,
    firebase: FcmPeer,
    apple: ApnsPeer,
    practice: Practice,
    patient: Patient,
    address: PushAddress,
) -> None:
    phone(session, patient, PushProvider.fcm, FCM_ADDRESS)
    phone(session, patient, PushProvider.apns, APNS_ADDRESS)
    phone(session, builders.patient(session, practice), PushProvider.expo, OTHER_ADDRESS)
    lines = HttpLine(), HttpLine(apple.context, http2=True)
    senders: dict[Provider, WakeSender] = {
        Provider.expo: ExpoSender(expo.service, lines[0]),
        Provider.fcm: FcmSender(firebase.project, lines[0]),
        Provider.apns: ApnsSender(apple.app, lines[1]),
    }
    rounds = Round(wake_desk(engine, clock, senders), clock)
    rounds()

    change(session, patient)
    for _ in range(3):
        rounds.whole()
    for line in lines:
        line.close()

    assert [seen.json for seen in expo.seen] == [[{"to": EXPO_ADDRESS} | WAKE_UP]]
    assert [seen.json["message"]["token"] for seen in firebase.seen] == [FCM_ADDRESS]
    assert [(each.token, each.content) for each in apple.pushed] == [(APNS_ADDRESS, {"aps": {"content-available": 1}})]
    assert counted(engine) == {("apns", "accepted"): 1, ("expo", "accepted"): 1, ("fcm", "accepted"): 1}


def test_an_app_in_use_has_time_to_fetch_the_change_by_itself(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    change(session, patient)
    rounds()
    rounds.after(wake_look.FOREGROUND_FIRST - SECOND)
    early = woken(expo)
    has_pulled(session, device_of(session, address))

    rounds.after(timedelta(hours=1))

    assert (early, woken(expo)) == ([], [])


def test_what_changes_within_the_pause_is_told_once_at_its_end(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    change(session, patient)
    rounds.whole()
    for _ in range(3):
        change(session, patient)
        rounds.after(timedelta(minutes=2))

    rounds.after(PAUSE - timedelta(minutes=6) - SECOND)
    before = len(woken(expo))
    rounds.after(SECOND)
    rounds.after(2 * PAUSE)

    assert (before, len(woken(expo))) == (1, 2)


def test_nobody_is_woken_at_the_end_of_the_pause_for_what_was_pulled_meanwhile(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    change(session, patient)
    rounds.whole()
    change(session, patient)
    rounds()
    has_pulled(session, device_of(session, address))

    rounds.after(2 * PAUSE)

    assert len(woken(expo)) == 1


def test_a_change_long_after_a_wake_up_waits_for_no_pause(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    change(session, patient)
    rounds.whole()
    rounds.after(2 * PAUSE)
    change(session, patient)

    rounds.whole()

    assert len(woken(expo)) == 2


def test_a_phone_that_pulled_another_table_only_still_lacks_the_change(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    change(session, patient)
    has_pulled(session, device_of(session, address), "milestone")
    rounds.whole()
    before = woken(expo)
    change(session, patient)
    has_pulled(session, device_of(session, address), "patient")

    rounds.after(2 * PAUSE)

    assert (before, woken(expo)) == ([EXPO_ADDRESS], [EXPO_ADDRESS])


def test_a_phones_own_change_wakes_the_patients_other_phone_alone(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    phone(session, patient, PushProvider.expo, OTHER_ADDRESS)
    rounds()
    attribute_to(session, address.device_id)
    change(session, patient)
    change(session, patient)

    rounds.whole()
    rounds.after(2 * PAUSE)

    assert woken(expo) == [OTHER_ADDRESS]
    assert session.scalars(select(DeviceChange)).all() == []


def test_a_phones_own_change_does_not_hide_another(
    session: Session, expo: ExpoPeer, rounds: Round, practice: Practice, patient: Patient, address: PushAddress
) -> None:
    builders.episode(session, patient)
    session.commit()
    attribute_to(session, address.device_id)
    change(session, patient)

    rounds.whole()

    assert woken(expo) == [EXPO_ADDRESS]


def test_what_a_phone_pulled_before_its_own_change_is_no_reason_to_wake_it(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    builders.episode(session, patient)
    session.commit()
    rounds()
    has_pulled(session, device_of(session, address))
    attribute_to(session, address.device_id)
    change(session, patient)

    rounds.whole()

    assert woken(expo) == []


def test_what_everybody_sees_wakes_every_phone_of_the_practice(
    session: Session, expo: ExpoPeer, rounds: Round, practice: Practice, address: PushAddress
) -> None:
    phone(session, builders.patient(session, practice), PushProvider.expo, OTHER_ADDRESS)
    elsewhere = builders.patient(session, builders.practice(session))
    phone(session, elsewhere, PushProvider.expo, "ExponentPushToken[zzzzzzzzzzzzzzzzzzzzzz]")
    rounds()
    card = SafetyCard(practice_id=practice.id, id=practice.id, name=practice.name, phone="+12125550100", country="US")
    card.time_zone, card.emergency_numbers, card.not_monitored = "America/New_York", {"US": "911"}, {"en": "Call 911."}
    card.red_flags = []
    session.add(card)
    session.commit()

    rounds.whole()

    assert sorted(woken(expo)) == [EXPO_ADDRESS, OTHER_ADDRESS]


def test_what_no_phone_holds_wakes_nobody(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    episode = builders.episode(session, patient)
    session.commit()
    has_pulled(session, device_of(session, address))
    task = Task(practice_id=patient.practice_id, id="task-1", patient_id=patient.id, kind=TaskKind.call_patient)
    task.episode_id, task.state, task.created_at, task.due_on = episode.id, TaskState.open, MONDAY_AFTERNOON, DAY_0
    session.add(task)
    session.commit()

    rounds.whole()

    assert woken(expo) == []


@pytest.mark.parametrize("why", ["died", "left", "revoked", "disabled", "browser"])
def test_whoever_cannot_or_should_not_be_woken_is_not(
    engine: Engine, session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress, why: str
) -> None:
    change(session, patient)
    rounds()
    if why == "died":
        patient.died_on = MONDAY_AFTERNOON.date()
    elif why == "left":
        patient.deleted = True
    elif why == "revoked":
        device_of(session, address).revoked_at = MONDAY_AFTERNOON
    elif why == "disabled":
        address.disabled_at = MONDAY_AFTERNOON
    else:
        address.provider = PushProvider.web_push
    session.commit()

    rounds.whole()

    assert woken(expo) == []
    assert wake_row(engine, address).due_at is None


def test_a_lost_phone_is_woken_once_with_nothing_new_for_it_and_not_when_it_knows(
    engine: Engine, session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    known = phone(session, patient, PushProvider.expo, OTHER_ADDRESS)
    device_of(session, known).wipe_told_at = MONDAY_AFTERNOON
    for each in (address, known):
        device = device_of(session, each)
        device.revoked_at = device.lost_at = MONDAY_AFTERNOON
        wake = DeviceWake(practice_id=device.practice_id, device_id=device.id, wanted_rev=0, due_at=MONDAY_AFTERNOON)
        session.add(wake)
    session.commit()

    for _ in range(3):
        rounds.whole()

    assert [seen.json for seen in expo.seen] == [[{"to": EXPO_ADDRESS} | WAKE_UP]]
    assert [wake_row(engine, each).due_at for each in (address, known)] == [None, None]


def test_many_changes_are_looked_through_a_bounded_number_at_a_turn(
    engine: Engine,
    session: Session,
    expo: ExpoPeer,
    rounds: Round,
    practice: Practice,
    patient: Patient,
    address: PushAddress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wake_look, "LOOKED_AT_ONCE", 2)
    rounds.whole()
    for _ in range(5):
        change(session, patient)

    left = []
    for _ in range(3):
        rounds()
        seen, top = looked_through(engine, practice)
        left.append(top - seen)

    assert left == [3, 1, 0]


def test_where_no_phone_can_be_woken_the_past_is_passed_over(
    engine: Engine,
    session: Session,
    rounds: Round,
    practice: Practice,
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wake_look, "LOOKED_AT_ONCE", 1)
    for _ in range(5):
        change(session, patient)

    rounds()

    seen, top = looked_through(engine, practice)
    assert seen == top > 5


def test_what_phones_hold_is_what_goes_over_the_wire() -> None:
    assert {table_of(model) for model in ON_DEVICES} == {each.table for each in COLLECTIONS.values()}
    assert {table_of(model).name for model in ON_DEVICES} <= set(synced_tables())
