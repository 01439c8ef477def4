"""Idempotency-Key: a request that is sent again under its key changes nothing more, and gets the very same answer.

The place of the answer is taken before the view and filled after it, in the transaction of what the request changes.
Only successes are kept: a refusal has changed nothing, and is decided anew. What has transactions of its own (an
import, a migration) keeps its answer after the last of them; cut short, a repeat does what is left.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Response, request
from sqlalchemy.exc import OperationalError

from models.replies import claim_reply, fill_reply, find_reply
from service.api.reads import changes_something, never_changes
from service.api.scope import now, route_of, scope, show
from service.api.strict_json import parse_object
from service.db import current_session
from service.errors import BadRequestError, Fault, KeyInUseError, KeyReusedError, ServiceError
from service.identity.principal import Principal
from service.identity.roles import is_public

KEY = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
PATTERN = "[!-~]{1,255}"  # visible ASCII
# Who looks; devices, whose pushes bear their own ids; browsers, which send none; and people at their own account, whose
# codes work once anyway and whose secrets are not to be kept for a repeat, nor are a colleague's or a program's.
_UNHEEDED = (
    *("GET ", "POST /api/v1/sync/", "POST /api/v1/me/", "POST /api/v1/service-accounts", "POST /api/v1/staff"),
    "POST /clinic/",
)
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's lock_timeout


def takes_key(route: str) -> bool:
    """Return whether a route keeps its answers: a POST by somebody who signed in that may change something."""
    is_heeded = route.startswith("POST ") and not route.startswith(_UNHEEDED)
    return is_heeded and not is_public(route) and not never_changes(route)


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """The present request under its key. `reply_id` is made of caller and key, `fingerprint` of what is asked for.

    `keeps`: its answer is kept. Any other one only learns whether its key stands for something else.
    """

    practice_id: str
    reply_id: str
    fingerprint: str
    keeps: bool

    def find_answer(self) -> Response | None:
        """Return the answer that is kept; None if the request is to be done.

        Raises KeyReusedError if the key stands for another request, KeyInUseError if one under it is still running.
        """
        claims = self.keeps and not scope().reads
        if claims and self._claim():
            return None
        text = find_reply(current_session(), self.practice_id, self.reply_id, now())
        if text is None and claims:
            raise KeyInUseError  # whose place it is has not filled it
        if text is None:
            return None
        kept = orjson.loads(text)
        if kept["request"] != self.fingerprint:
            raise KeyReusedError
        return _replay(kept)

    def keep(self, answer: Response) -> None:
        """Keep the answer in the session's transaction, if it is one to keep.

        Of two that ran at once in transactions of their own, the first answer is kept.
        """
        if not self.keeps or not scope().is_whole or (scope().reads and not self._claim()):
            return
        kept = {
            "request": self.fingerprint,
            "status": answer.status_code,
            "headers": list(answer.headers),
            "body": answer.get_data(as_text=True),
            "patient_ids": sorted(scope().patient_ids),
        }
        fill_reply(current_session(), self.practice_id, self.reply_id, orjson.dumps(kept).decode())

    def _claim(self) -> bool:
        try:
            return claim_reply(current_session(), self.practice_id, self.reply_id, now())
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                raise KeyInUseError from None
            raise


def keyed_request() -> KeyedRequest | None:
    """Return the present request under its key; None without a key, where none is heeded, or if nobody signed in.

    Raises BadRequestError for what is no key.
    """
    key, principal, route = request.headers.get(KEY), scope().principal, route_of()
    if key is None or principal is None or route.startswith(_UNHEEDED):
        return None
    if not re.fullmatch(PATTERN, key):
        raise BadRequestError(
            Fault("", f"{KEY}: 1 to 255 visible ASCII characters", f"{len(key)} characters, or others")
        )
    keeps = takes_key(route) and changes_something(route)
    return KeyedRequest(principal.practice_id, _reply_id(principal, key), _fingerprint(), keeps)


def _reply_id(caller: Principal, key: str) -> str:
    return hashlib.sha256(f"{caller.actor_kind}/{caller.actor_id}/{key}".encode()).hexdigest()


def _fingerprint() -> str:
    """Return what tells two requests apart: method, path, query and body, however the body's JSON is laid out."""
    body = request.get_data(cache=True)
    if request.mimetype == "application/json":
        body = _canonical(body)
    told = (request.method, request.path, request.query_string.decode("latin-1"), hashlib.sha256(body).hexdigest())
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _canonical(body: bytes) -> bytes:
    try:
        return json.dumps(parse_object(body), sort_keys=True).encode()
    except ServiceError:
        return body  # refused by the view


def _replay(kept: dict[str, Any]) -> Response:
    """Return the answer again. It shows what it showed then, which the audit trail is told."""
    scope().is_replay = True
    scope().about["replayed"] = True
    show(*kept["patient_ids"])
    answer = Response(kept["body"], kept["status"], [(name, value) for name, value in kept["headers"]])
    answer.headers[REPLAYED] = "true"
    return answer
