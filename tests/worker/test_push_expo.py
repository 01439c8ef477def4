"""Push through a real HTTP service that answers with tickets, and later with receipts, as Expo does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.channels.expo import MOST_MESSAGES, ExpoSender
from schedules.delivery.channels.http import MAX_ANSWER_BYTES, HttpLine
from schedules.delivery.channels.push import NOT_KNOWN
from tests.worker.push_peers import EXPO_TOKEN, ExpoPeer, Reply, reply, running
from tests.worker.push_samples import DEADLINE, EXPO_ADDRESS, KEY, NOTICE, SUBJECT, message_to, wake_of

ACCEPTED, REFUSED, UNKNOWN = AttemptOutcome.accepted, AttemptOutcome.refused, AttemptOutcome.unknown
MESSAGE = message_to(EXPO_ADDRESS)
TICKET = "ticket-xxxxxxxxxxxxxxxxxxxxxx"


@pytest.fixture
def peer() -> Iterator[ExpoPeer]:
    peer = ExpoPeer()
    with running(peer):
        yield peer


@pytest.fixture(scope="module")
def line() -> Iterator[HttpLine]:
    opened = HttpLine()
    yield opened
    opened.close()


@pytest.fixture
def sender(peer: ExpoPeer, line: HttpLine) -> ExpoSender:
    return ExpoSender(peer.service, line)


def tickets(*told: Any) -> Reply:
    return reply(200, {"data": list(told)})


def failure(code: str | None) -> dict[str, Any]:
    return {"status": "error", "message": "a free text", "details": {} if code is None else {"error": code}}


def test_a_push_says_only_that_something_waits_and_ends_with_its_use(peer: ExpoPeer, sender: ExpoSender) -> None:
    assert sender.send(MESSAGE, DEADLINE) == Result(ACCEPTED, "ok", message_id=TICKET)

    assert peer.seen[0].json == [
        {
            "to": EXPO_ADDRESS,
            "title": SUBJECT,
            "body": NOTICE,
            "data": {"message_key": KEY},
            "ttl": 5400,
            "priority": "high",
            "sound": "default",
        }
    ]


def test_wake_ups_go_out_in_one_request_hold_no_data_and_show_nothing(peer: ExpoPeer, sender: ExpoSender) -> None:
    other = "ExponentPushToken[yyyyyyyyyyyyyyyyyyyyyy]"
    peer.answer = lambda _seen: tickets({"status": "ok", "id": TICKET}, failure("DeviceNotRegistered"))

    results = sender.wake([wake_of(EXPO_ADDRESS), wake_of(other)], DEADLINE)

    assert results[0] == Result(ACCEPTED, "ok", message_id=TICKET)
    assert results[1] == Result(REFUSED, "DeviceNotRegistered", Refusal.address)
    assert [seen.json for seen in peer.seen] == [
        [
            {"to": EXPO_ADDRESS, "_contentAvailable": True, "ttl": 86400, "priority": "normal"},
            {"to": other, "_contentAvailable": True, "ttl": 86400, "priority": "normal"},
        ]
    ]


def test_a_repeat_is_the_same_to_the_letter(peer: ExpoPeer, sender: ExpoSender) -> None:
    for tries in (0, 1):
        sender.send(replace(MESSAGE, open_tries=tries), DEADLINE)

    assert peer.seen[0].body == peer.seen[1].body


def test_a_hundred_messages_go_out_in_one_request_and_each_has_its_own_answer(
    peer: ExpoPeer, sender: ExpoSender
) -> None:
    addresses = [f"ExponentPushToken[{number:022}]" for number in range(MOST_MESSAGES)]
    messages = [message_to(address) for address in addresses]
    messages[50] = message_to(addresses[50], timedelta(0))
    peer.answer = lambda seen: tickets(*(failure("DeviceNotRegistered"), *peer_tickets(seen.json[1:])))

    results = sender.send_many(messages, DEADLINE)

    assert (len(peer.seen), len(results)) == (1, MOST_MESSAGES)
    assert results[0] == Result(REFUSED, "DeviceNotRegistered", Refusal.address)
    assert results[50] == Result(REFUSED, "too_late")
    assert [each.message_id for each in results[1:50]] == [f"ticket-{number:022}" for number in range(1, 50)]
    assert [each.message_id for each in results[51:]] == [f"ticket-{number:022}" for number in range(51, 100)]


def peer_tickets(messages: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{"status": "ok", "id": f"ticket-{each['to'][18:-1]}"} for each in messages]


def test_more_than_the_service_takes_is_refused_before_it_leaves(peer: ExpoPeer, sender: ExpoSender) -> None:
    with pytest.raises(ValueError, match="expected at most 100 messages, got 101"):
        sender.send_many([MESSAGE] * 101, DEADLINE)

    assert peer.seen == []


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (tickets(failure("DeviceNotRegistered")), Result(REFUSED, "DeviceNotRegistered", Refusal.address)),
        (tickets(failure("MessageTooBig")), Result(REFUSED, "MessageTooBig", Refusal.message)),
        (tickets(failure("MessageRateExceeded")), Result(REFUSED, "MessageRateExceeded")),
        (tickets(failure("InvalidCredentials")), NOT_KNOWN),
        (tickets(failure("MismatchSenderId")), NOT_KNOWN),
        (tickets(failure(None)), Result(REFUSED, "error", Refusal.message)),
        (tickets(failure("a name, and more")), Result(REFUSED, "error", Refusal.message)),
        (tickets({"status": "ok"}), Result(UNKNOWN, "200")),
        (tickets({"status": "ok", "id": "a b"}), Result(UNKNOWN, "200")),
        (tickets("ok"), Result(UNKNOWN, "200")),
        (tickets(), Result(UNKNOWN, "200")),
        (tickets({"status": "ok", "id": "1"}, {"status": "ok", "id": "2"}), Result(UNKNOWN, "200")),
        (reply(200, {"errors": [{"code": "VALIDATION_ERROR"}]}), Result(UNKNOWN, "200")),
        (reply(400, {"errors": [{"code": "VALIDATION_ERROR"}]}), Result(REFUSED, "400", Refusal.message)),
        (reply(401), NOT_KNOWN),
        (reply(403), NOT_KNOWN),
        (reply(429, Retry_After="30"), Result(REFUSED, "429", retry_after=timedelta(seconds=30))),
        (reply(429), Result(REFUSED, "429")),
        (reply(503, Retry_After="30"), Result(REFUSED, "503", retry_after=timedelta(seconds=30))),
        (reply(504), Result(UNKNOWN, "504")),
        (reply(308, Location="http://127.0.0.1:1/"), Result(REFUSED, "308")),
        ((200, {}, b"<html>"), Result(UNKNOWN, "200")),
        ((200, {}, b" " * (MAX_ANSWER_BYTES + 1)), Result(UNKNOWN, "answer_too_long")),
    ],
)
def test_what_each_answer_means(peer: ExpoPeer, sender: ExpoSender, answer: Reply, result: Result) -> None:
    peer.answer = lambda _seen: answer

    assert sender.send(MESSAGE, DEADLINE) == result


def test_receipts_tell_later_what_became_of_a_ticket(peer: ExpoPeer, sender: ExpoSender) -> None:
    peer.receipts = {"t-1": {"status": "ok"}, "t-2": failure("DeviceNotRegistered"), "t-3": "odd"}

    receipts = sender.fetch_receipts(["t-1", "t-2", "t-3", "t-4"], DEADLINE)

    assert peer.seen[0].json == {"ids": ["t-1", "t-2", "t-3", "t-4"]}
    assert receipts == {
        "t-1": Result(ACCEPTED, "ok", message_id="t-1"),
        "t-2": Result(REFUSED, "DeviceNotRegistered", Refusal.address),
    }


@pytest.mark.parametrize("answer", [reply(500), reply(200, []), (200, {}, b"<html>"), reply(200, {"data": []})])
def test_without_receipts_nothing_is_known(peer: ExpoPeer, sender: ExpoSender, answer: Reply) -> None:
    peer.answer = lambda _seen: answer

    assert sender.fetch_receipts(["t-1"], DEADLINE) == {}


def test_a_project_without_an_access_token_asks_without_one(peer: ExpoPeer, line: HttpLine) -> None:
    peer.token = None

    assert ExpoSender(peer.service, line).send(MESSAGE, DEADLINE).outcome is ACCEPTED


def test_no_token_stands_in_a_repr(peer: ExpoPeer) -> None:
    assert EXPO_TOKEN not in repr(peer.service)
