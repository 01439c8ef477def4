"""Push through a real HTTP/2 service that checks signatures as Apple does."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.channels.apns import ApnsSender
from schedules.delivery.channels.http import MAX_ANSWER_BYTES, HttpLine
from schedules.delivery.channels.push import NOT_KNOWN
from tests.worker.apns_peer import OWN_ID, TOPIC, ApnsPeer, apns_service
from tests.worker.push_peers import Reply, pem_of, reply
from tests.worker.push_samples import APNS_ADDRESS, DEADLINE, KEY, NOTICE, SUBJECT, message_to, wake_of

ACCEPTED, REFUSED, UNKNOWN = AttemptOutcome.accepted, AttemptOutcome.refused, AttemptOutcome.unknown
MESSAGE = message_to(APNS_ADDRESS)
ID = str(UUID(KEY))


@pytest.fixture(scope="module")
def service() -> Iterator[ApnsPeer]:
    with apns_service() as running:
        yield running


@pytest.fixture
def peer(service: ApnsPeer) -> ApnsPeer:
    """Return the service with no memory of other tests."""
    service.pushed.clear()
    service.signed.clear()
    service.answer, service.is_silent = lambda _pushed: None, False
    return service


@pytest.fixture(scope="module")
def line(service: ApnsPeer) -> Iterator[HttpLine]:
    opened = HttpLine(service.context, http2=True)
    yield opened
    opened.close()


@pytest.fixture
def sender(peer: ApnsPeer, line: HttpLine) -> ApnsSender:
    return ApnsSender(peer.app, line)


def test_a_push_says_only_that_something_waits_and_ends_with_its_use(peer: ApnsPeer, sender: ApnsSender) -> None:
    assert sender.send(MESSAGE, DEADLINE) == Result(ACCEPTED, "200", message_id=ID)

    (pushed,) = peer.pushed
    told = {name: value for name, value in pushed.headers.items() if name.startswith("apns")}
    assert peer.versions == {"2"}
    assert pushed.token == APNS_ADDRESS
    assert told == {
        "apns-id": ID,
        "apns-topic": TOPIC,
        "apns-collapse-id": KEY,
        "apns-expiration": str(int(datetime(2026, 3, 2, 16, 30, tzinfo=UTC).timestamp())),
        "apns-push-type": "alert",
        "apns-priority": "10",
    }
    assert pushed.content == {
        "aps": {"alert": {"title": SUBJECT, "body": NOTICE}, "sound": "default"},
        "message_key": KEY,
    }


def test_a_wake_up_holds_no_data_and_shows_nothing(peer: ApnsPeer, sender: ApnsSender) -> None:
    assert sender.wake([wake_of(APNS_ADDRESS)], DEADLINE) == [Result(ACCEPTED, "200", message_id=OWN_ID)]

    (pushed,) = peer.pushed
    told = {name: value for name, value in pushed.headers.items() if name.startswith("apns")}
    assert pushed.token == APNS_ADDRESS
    assert pushed.content == {"aps": {"content-available": 1}}
    assert told == {
        "apns-topic": TOPIC,
        "apns-collapse-id": "wake",
        "apns-expiration": str(int(datetime(2026, 3, 3, 15, 0, tzinfo=UTC).timestamp())),
        "apns-push-type": "background",
        "apns-priority": "5",
    }


def test_a_repeat_bears_the_ids_of_the_first(peer: ApnsPeer, sender: ApnsSender) -> None:
    for tries in (0, 1):
        sender.send(replace(MESSAGE, open_tries=tries), DEADLINE)

    first, second = ({name: each.headers[name] for name in ("apns-id", "apns-collapse-id")} for each in peer.pushed)
    assert first == second


def test_what_is_of_use_for_less_than_a_second_is_not_sent(peer: ApnsPeer, sender: ApnsSender) -> None:
    result = sender.send(message_to(APNS_ADDRESS, timedelta(seconds=0.9)), DEADLINE)

    assert (result, peer.pushed) == (Result(REFUSED, "too_late"), [])


def test_one_signature_serves_for_most_of_an_hour(peer: ApnsPeer, sender: ApnsSender) -> None:
    for minutes in (0, 49, 50, 99):
        at = MESSAGE.written_at + timedelta(minutes=minutes)
        sender.send(replace(MESSAGE, written_at=at, useful_until=at + timedelta(hours=1)), DEADLINE)

    first, second, third, fourth = peer.signed
    assert (first, third) == (second, fourth)
    assert first != third


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (reply(400, {"reason": "BadDeviceToken"}), Result(REFUSED, "BadDeviceToken", Refusal.message)),
        (reply(413, {"reason": "PayloadTooLarge"}), Result(REFUSED, "PayloadTooLarge", Refusal.message)),
        (reply(404, b"".decode()), Result(REFUSED, "404", Refusal.message)),
        (reply(403, {"reason": "InvalidProviderToken"}), NOT_KNOWN),
        (reply(401), NOT_KNOWN),
        (reply(410, {"reason": "Unregistered"}), Result(REFUSED, "Unregistered", Refusal.address)),
        (reply(410, {"timestamp": "soon"}), Result(REFUSED, "410", Refusal.address)),
        (reply(410, {"timestamp": 10**18}), Result(REFUSED, "410", Refusal.address)),
        (reply(429, {"reason": "TooManyRequests"}), Result(REFUSED, "TooManyRequests")),
        (reply(429, Retry_After="120"), Result(REFUSED, "429", retry_after=timedelta(seconds=120))),
        (reply(503, Retry_After="99999999"), Result(REFUSED, "503", retry_after=timedelta(hours=1))),
        (reply(503, {"reason": "Shutdown"}), Result(UNKNOWN, "Shutdown")),
        (reply(500, {"reason": "a free text with a name"}), Result(UNKNOWN, "500")),
        (reply(307, Location="https://127.0.0.1:1/"), Result(REFUSED, "307")),
        (reply(200, "ok"), Result(UNKNOWN, "200")),
        ((200, {"apns-id": "no uuid"}, b""), Result(UNKNOWN, "200")),
        ((200, {"apns-id": ID}, b" " * (MAX_ANSWER_BYTES + 1)), Result(UNKNOWN, "answer_too_long")),
    ],
)
def test_what_each_answer_means(peer: ApnsPeer, sender: ApnsSender, answer: Reply, result: Result) -> None:
    peer.answer = lambda _pushed: answer

    assert sender.send(MESSAGE, DEADLINE) == result


def test_a_dead_address_comes_with_the_time_of_its_death(peer: ApnsPeer, sender: ApnsSender) -> None:
    died_at = datetime(2026, 2, 27, 8, 30, tzinfo=UTC)
    told = {"reason": "Unregistered", "timestamp": int(died_at.timestamp() * 1000)}
    peer.answer = lambda _pushed: reply(410, told)

    result = sender.send(MESSAGE, DEADLINE)

    assert result == Result(REFUSED, "Unregistered", Refusal.address, address_dead_since=died_at)


def test_a_signature_that_is_too_old_for_apple_is_made_anew(peer: ApnsPeer, sender: ApnsSender) -> None:
    answers = [reply(403, {"reason": "ExpiredProviderToken"}), None]
    peer.answer = lambda _pushed: answers.pop(0)

    results = [sender.send(MESSAGE, DEADLINE) for _ in range(2)]

    assert [each.code for each in results] == ["credentials", "200"]
    assert len(set(peer.signed)) == 2


def test_many_pushes_at_once_share_one_signature(peer: ApnsPeer, sender: ApnsSender) -> None:
    keys = [f"{number:032x}" for number in range(40)]

    with ThreadPoolExecutor(20) as threads:
        results = list(threads.map(lambda key: sender.send(replace(MESSAGE, key=key), DEADLINE), keys))

    assert [each.message_id for each in results] == [str(UUID(key)) for key in keys]
    assert (len(peer.pushed), len(set(peer.signed))) == (40, 1)


def test_a_service_that_never_answers_is_cut_and_others_go_on(peer: ApnsPeer, sender: ApnsSender) -> None:
    peer.is_silent = True
    cut = sender.send(MESSAGE, timedelta(seconds=0.4))
    peer.is_silent = False

    assert cut == Result(UNKNOWN, "deadline")
    assert sender.send(MESSAGE, DEADLINE).outcome is ACCEPTED


def test_another_teams_key_is_told_as_what_it_is(peer: ApnsPeer, line: HttpLine) -> None:
    app = replace(peer.app, key=pem_of(ec.generate_private_key(ec.SECP256R1())))

    assert ApnsSender(app, line).send(MESSAGE, DEADLINE) == NOT_KNOWN


@pytest.mark.parametrize("key", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_cannot_sign_is_refused_at_once(peer: ApnsPeer, key: str) -> None:
    with pytest.raises(ValueError, match="APNS_KEY: expected a key"):
        ApnsSender(replace(peer.app, key=key))


def test_no_key_stands_in_a_repr(peer: ApnsPeer) -> None:
    assert "PRIVATE" not in repr(peer.app)
