"""Push through a real HTTP service that signs in and answers as Firebase does."""

import asyncio
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import trustme

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.channels.fcm import FcmSender
from schedules.delivery.channels.http import MAX_ANSWER_BYTES, Answer, HttpLine
from schedules.delivery.channels.push import NOT_KNOWN
from tests.clock import MONDAY_AFTERNOON
from tests.worker.http2 import answer, read_body, serving
from tests.worker.push_peers import FcmPeer, Reply, Seen, reply, running
from tests.worker.push_samples import DEADLINE, FCM_ADDRESS, KEY, NOTICE, SUBJECT, message_to, wake_of

ACCEPTED, REFUSED, UNKNOWN = AttemptOutcome.accepted, AttemptOutcome.refused, AttemptOutcome.unknown
MESSAGE = message_to(FCM_ADDRESS)


@pytest.fixture(scope="module")
def line() -> Iterator[HttpLine]:
    opened = HttpLine()
    yield opened
    opened.close()


@pytest.fixture
def peer() -> Iterator[FcmPeer]:
    peer = FcmPeer()
    with running(peer):
        yield peer


@pytest.fixture
def sender(peer: FcmPeer, line: HttpLine) -> FcmSender:
    return FcmSender(peer.project, line)


def error(status: int, code: str | None = None, **headers: str) -> Reply:
    """Return a refusal as Firebase words it."""
    kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    details = [] if code is None else [{"@type": kind, "errorCode": code}]
    return reply(status, {"error": {"code": status, "message": "a free text", "details": details}}, **headers)


def test_a_push_says_only_that_something_waits_and_ends_with_its_use(peer: FcmPeer, sender: FcmSender) -> None:
    assert sender.send(MESSAGE, DEADLINE) == Result(ACCEPTED, "200", message_id="0:1%abc")

    assert peer.seen[0].json == {
        "message": {
            "token": FCM_ADDRESS,
            "notification": {"title": SUBJECT, "body": NOTICE},
            "data": {"message_key": KEY},
            "android": {"ttl": "5400s", "priority": "HIGH", "collapse_key": KEY, "notification": {"tag": KEY}},
            "apns": {
                "headers": {"apns-expiration": "1772469000", "apns-priority": "10", "apns-collapse-id": KEY},
            },
            "webpush": {
                "headers": {"TTL": "5400", "Urgency": "high", "Topic": KEY},
                "notification": {"tag": KEY},
            },
        }
    }


def test_a_wake_up_holds_no_data_and_shows_nothing(peer: FcmPeer, sender: FcmSender) -> None:
    assert sender.wake([wake_of(FCM_ADDRESS)], DEADLINE) == [Result(ACCEPTED, "200", message_id="0:1%abc")]

    assert peer.seen[0].json == {
        "message": {
            "token": FCM_ADDRESS,
            "android": {"ttl": "86400s", "priority": "NORMAL", "collapse_key": "wake"},
            "apns": {
                "headers": {
                    "apns-expiration": "1772550000",
                    "apns-push-type": "background",
                    "apns-priority": "5",
                    "apns-collapse-id": "wake",
                },
                "payload": {"aps": {"content-available": 1}},
            },
        }
    }


@pytest.mark.parametrize(
    ("left", "ttl"),
    [
        (timedelta(seconds=1.9), "1s"),
        (timedelta(days=2), "172800s"),
        (timedelta(days=90), "2419200s"),
    ],
)
def test_it_waits_for_a_phone_that_is_off_as_long_as_it_is_of_use(
    peer: FcmPeer, sender: FcmSender, left: timedelta, ttl: str
) -> None:
    sender.send(message_to(FCM_ADDRESS, left), DEADLINE)

    assert peer.seen[0].json["message"]["android"]["ttl"] == ttl


def test_what_is_of_use_for_less_than_a_second_is_not_sent(peer: FcmPeer, sender: FcmSender) -> None:
    assert sender.send(message_to(FCM_ADDRESS, timedelta(seconds=0.9)), DEADLINE) == Result(REFUSED, "too_late")
    assert (peer.seen, peer.assertions) == ([], [])


def test_a_repeat_bears_the_tags_of_the_first(peer: FcmPeer, sender: FcmSender) -> None:
    for tries in (0, 1):
        sender.send(replace(MESSAGE, open_tries=tries), DEADLINE)

    first, second = (each.json for each in peer.seen)
    assert first == second


def test_one_sign_in_serves_until_shortly_before_its_end(peer: FcmPeer, sender: FcmSender) -> None:
    for minutes in (0, 54, 55):
        at = MONDAY_AFTERNOON + timedelta(minutes=minutes)
        sender.send(replace(MESSAGE, written_at=at), DEADLINE)

    began = [int((MONDAY_AFTERNOON + timedelta(minutes=minutes)).timestamp()) for minutes in (0, 55)]
    assert [each["iat"] for each in peer.assertions] == began
    assert [each["exp"] for each in peer.assertions] == [each + 3600 for each in began]
    assert {each["scope"] for each in peer.assertions} == {"https://www.googleapis.com/auth/firebase.messaging"}


def test_a_token_that_was_called_back_is_renewed_once_and_the_message_goes_out(
    peer: FcmPeer, sender: FcmSender
) -> None:
    sender.send(MESSAGE, DEADLINE)
    peer.tokens.clear()

    result = sender.send(MESSAGE, DEADLINE)

    assert (result.outcome, len(peer.assertions), len(peer.seen)) == (ACCEPTED, 2, 2)


def test_credentials_that_are_refused_are_tried_once_anew_and_told(peer: FcmPeer, sender: FcmSender) -> None:
    sender.send(MESSAGE, DEADLINE)
    peer.answer = lambda _seen: error(401)

    results = [sender.send(MESSAGE, DEADLINE) for _ in range(2)]

    assert results == [NOT_KNOWN] * 2
    assert len(peer.assertions) == 3


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (error(404, "UNREGISTERED"), Result(REFUSED, "UNREGISTERED", Refusal.address)),
        (error(404), Result(REFUSED, "404", Refusal.message)),
        (error(400, "INVALID_ARGUMENT"), Result(REFUSED, "INVALID_ARGUMENT", Refusal.message)),
        (error(400, "a free text, with a name"), Result(REFUSED, "400", Refusal.message)),
        (error(403, "SENDER_ID_MISMATCH"), NOT_KNOWN),
        (error(401), NOT_KNOWN),
        (
            error(429, "QUOTA_EXCEEDED", Retry_After="120"),
            Result(REFUSED, "QUOTA_EXCEEDED", retry_after=timedelta(minutes=2)),
        ),
        (error(429, Retry_After="-1"), Result(REFUSED, "429")),
        (error(503, "UNAVAILABLE", Retry_After="7200"), Result(REFUSED, "UNAVAILABLE", retry_after=timedelta(hours=1))),
        (error(503, "UNAVAILABLE"), Result(UNKNOWN, "UNAVAILABLE")),
        (error(500, "INTERNAL"), Result(UNKNOWN, "INTERNAL")),
        (reply(302, Location="http://127.0.0.1:1/"), Result(REFUSED, "302")),
        (reply(200, {"name": "projects/p/messages/a name"}), Result(UNKNOWN, "200")),
        (reply(200, {"name": 5}), Result(UNKNOWN, "200")),
        (reply(200, []), Result(UNKNOWN, "200")),
        ((200, {}, b"<html>"), Result(UNKNOWN, "200")),
        ((200, {}, b" " * (MAX_ANSWER_BYTES + 1)), Result(UNKNOWN, "answer_too_long")),
    ],
)
def test_what_each_answer_means(peer: FcmPeer, sender: FcmSender, answer: Reply, result: Result) -> None:
    peer.answer = lambda _seen: answer

    assert sender.send(MESSAGE, DEADLINE) == result


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (reply(400, {"error": "invalid_grant"}), NOT_KNOWN),
        (reply(401), NOT_KNOWN),
        (reply(500), Result(REFUSED, "token_500")),
        (reply(429, Retry_After="60"), Result(REFUSED, "token_429", retry_after=timedelta(minutes=1))),
        (reply(200, {"access_token": "a\r\nb", "expires_in": 3599}), Result(REFUSED, "token_200")),
        (reply(200, {"access_token": "a", "expires_in": "soon"}), Result(REFUSED, "token_200")),
        (reply(302, Location="http://127.0.0.1:1/"), Result(REFUSED, "token_302")),
        ((200, {}, b" " * (MAX_ANSWER_BYTES + 1)), Result(REFUSED, "answer_too_long")),
    ],
)
def test_without_a_sign_in_no_message_has_left(peer: FcmPeer, sender: FcmSender, answer: Reply, result: Result) -> None:
    peer.answer_token = lambda: answer

    assert sender.send(MESSAGE, DEADLINE) == result
    assert peer.seen == []


def test_a_service_that_drips_is_cut_within_the_deadline(peer: FcmPeer, sender: FcmSender) -> None:
    sender.send(MESSAGE, DEADLINE)
    peer.answer = lambda _seen: (200, {"X-Drip": "yes"}, b'{"name": "projects/p/messages/1"}')

    assert sender.send(MESSAGE, timedelta(seconds=0.6)) == Result(UNKNOWN, "deadline")


def test_many_messages_at_once_share_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    peer, versions, connections = FcmPeer(), set(), set()
    together = asyncio.Barrier(20)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        versions.add(scope["http_version"])
        connections.add(scope["client"])
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        seen = Seen(scope["path"], headers, await read_body(receive))
        if len(peer.seen) > 0:
            await together.wait()
        await answer(send, peer.take(seen))

    with serving(app, trustme.CA()) as (peer.url, context):
        monkeypatch.setattr(ssl, "create_default_context", lambda: context)
        sender = FcmSender(peer.project)
        sender.send(MESSAGE, DEADLINE)
        with ThreadPoolExecutor(20) as threads:
            results = list(threads.map(lambda _number: sender.send(MESSAGE, DEADLINE), range(20)))
        sender._line.close()  # its own, which only ends with the process

    assert [each.outcome for each in results] == [ACCEPTED] * 20
    assert (versions, len(connections)) == ({"2"}, 1)


class _NotedLine(HttpLine):
    """A line that notes how long each exchange was allowed to take."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[timedelta] = []

    def exchange(self, request: httpx.Request, deadline: timedelta) -> Answer | Result:
        self.given.append(deadline)
        return super().exchange(request, deadline)


def test_whatever_the_service_does_the_whole_conversation_ends_at_the_deadline(peer: FcmPeer) -> None:
    line = _NotedLine()
    sender = FcmSender(peer.project, line)
    sender.send(MESSAGE, DEADLINE)
    first = line.given.copy()
    peer.answer = lambda _seen: error(401)
    sender.send(MESSAGE, DEADLINE)
    line.close()

    second = line.given[len(first) :]
    assert [(len(each), sum(each, timedelta(0))) for each in (first, second)] == [(2, DEADLINE), (3, DEADLINE)]


@pytest.mark.parametrize("key", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_cannot_sign_is_refused_at_once(peer: FcmPeer, key: str) -> None:
    with pytest.raises(ValueError, match="FCM_CREDENTIALS: expected a key"):
        FcmSender(replace(peer.project, private_key=key))


def test_no_secret_stands_in_a_repr(peer: FcmPeer) -> None:
    assert "PRIVATE" not in repr(peer.project)
