"""A resource of the API: views with their end of request, their documented refusals and their operation id.

Adds to each view what follows from its route and method, so that a view says only what is its own.
"""

import re
from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from typing import Any

from flask import request
from flask_smorest import Blueprint
from marshmallow import Schema, fields, missing
from werkzeug.routing import BaseConverter

from service.api.fields import ID_PATTERN
from service.api.idempotency import KEY, PATTERN, REPLAYED, takes_key
from service.api.parsing import StrictParser, load_query
from service.api.scope import template
from service.api.settle import settled
from service.identity.roles import is_public

PREFIX = "/api/v1"
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
_WRITES = ("PUT", "PATCH", "POST")
_HEADERS = "headers_taken"


class IdConverter(BaseConverter):
    """An id in a path. What is no id finds no route, and answers as a missing row does."""

    regex = ID_PATTERN


class VersionConverter(BaseConverter):
    """A version number in a path."""

    regex = "[1-9][0-9]{0,5}"

    def to_python(self, value: str) -> int:
        """Return the number."""
        return int(value)


class CountConverter(BaseConverter):
    """A whole number from 0 in a path."""

    regex = "0|[1-9][0-9]{0,5}"

    def to_python(self, value: str) -> int:
        """Return the number."""
        return int(value)


class Resource(Blueprint):
    """A blueprint whose views commit with their audit entry, and whose document names every refusal."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, name: str, description: str) -> None:
        super().__init__(name, __name__, url_prefix=PREFIX, description=description)
        self._prepare_doc_cbks.append(_add_headers)

    def route(self, rule: str, **options: Any) -> Decorator:
        """Register a view under `rule` with what follows from route and method."""
        (method,) = options.get("methods", ["GET"])
        register = super().route(rule, **options)
        document = _document(rule, method)

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            described = self.doc(operationId=view.__name__, **document)(view)
            if takes_key(f"{method} {PREFIX}{template(rule)}"):
                described = self._repeatable(described)
            register(settled(described))
            return view

        return decorate

    @staticmethod
    def doc(**document: Any) -> Decorator:
        """Document what is said of a view."""
        return _noting(Blueprint.doc(**document))

    def alt_response(self, *of: Any, **options: Any) -> Decorator:
        """Document an answer of a view that makes it by itself."""
        return _noting(super().alt_response(*of, **options))

    def arguments(self, schema: type[Schema], *, location: str = "json", **options: Any) -> Decorator:
        """Give a view what the request says in a place, as `schema` has it, and document it."""
        described: Decorator = super().arguments(schema, location=location, **options)
        if location != "query":
            return described
        known = schema()

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(view)
            def read(*args: Any, **kwargs: Any) -> Any:
                return view(*args, load_query(request, known), **kwargs)

            return _noting(described)(read)

        return decorate

    def tagged(self, *statuses: int, needs_match: bool = False) -> Decorator:
        """Document that an answer carries an ETag, and which header the request may or must carry."""
        responses: dict[int, Any] = {status: {"headers": {"ETag": "ETAG"}} for status in statuses}
        if needs_match:
            responses |= {412: "PRECONDITION_FAILED", 428: "PRECONDITION_REQUIRED", 409: "CONFLICT"}
        else:
            responses[304] = "NOT_MODIFIED"
        document = self.doc(responses=responses)
        return lambda view: _taking(_IF_MATCH if needs_match else _IF_NONE_MATCH, document(view))

    def _repeatable(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Document that a view takes a key, and what its answers say of it."""
        successes = _documented(view)["success_status_codes"]
        document = self.doc(responses={status: {"headers": {REPLAYED: _REPLAYED}} for status in successes})
        return _taking(_IDEMPOTENCY_KEY, document(view))


def _noting(described: Decorator) -> Decorator:
    """Return a decorator that keeps what flask-smorest notes of a view, without its wrapper, which does nothing."""

    def note(view: Callable[..., Any]) -> Callable[..., Any]:
        view._apidoc = _documented(described(view))  # type: ignore[attr-defined]  # as flask-smorest's wrapper has it
        return view

    return note


def _taking(header: dict[str, Any], view: Callable[..., Any]) -> Callable[..., Any]:
    """Note that a view takes a header, beside whatever else it takes."""
    _documented(view).setdefault(_HEADERS, []).append(header)
    return view


def _documented(view: Callable[..., Any]) -> dict[str, Any]:
    """Return what flask-smorest knows of a view that it has decorated."""
    known: dict[str, Any] = view._apidoc  # type: ignore[attr-defined]  # set by its decorators
    return known


def _add_headers(document: dict[str, Any], known: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Document the headers after the query's parameters, in whose place `doc` would put them."""
    if headers := known.get(_HEADERS):
        document.setdefault("parameters", []).extend(headers)
    return document


_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "An ETag: the answer is 304 while the record has it.",
    "schema": {"type": "string"},
}
_IDEMPOTENCY_KEY = {
    "name": KEY,
    "in": "header",
    "description": (
        "A new random text, such as a UUID, for each request. Sent again with the same route, query and body within 24 "
        "hours, the request changes nothing more and is answered as it was. 409 `key_in_use` while it is still "
        "running, 422 `key_reused` if the key stands for another request. A refusal is not kept."
    ),
    "schema": {"type": "string", "pattern": f"^{PATTERN}$"},
}
_REPLAYED = {
    "description": f"Present on an answer that was given before under its {KEY}.",
    "schema": {"type": "string", "enum": ["true"]},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "ETag that the change was made from. Not needed to create, or to repeat what is stored.",
    "schema": {"type": "string"},
}


def patch_of(body: type[Schema], name: str) -> type[Schema]:
    """Return a schema of `body`'s fields of which any may be left out: what is left out stays."""
    optional: dict[str, fields.Field[Any]] = {}
    for key, field in body().declared_fields.items():
        optional[key] = deepcopy(field)
        optional[key].required = False
        optional[key].load_default = missing
    return Schema.from_dict(optional, name=name)


def listing(item: type[Schema], name: str) -> type[Schema]:
    """Return the schema of a page of `item`s."""
    told = {"description": "Cursor of the next page; null on the last."}
    return Schema.from_dict(
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next": fields.String(allow_none=True, required=True, metadata=told),
        },
        name=name,
    )


def _document(rule: str, method: str) -> dict[str, Any]:
    public = is_public(f"{method} {PREFIX}{template(rule)}")
    responses: dict[int, str] = {422: "UNPROCESSABLE_ENTITY", 503: "SERVICE_UNAVAILABLE", 400: "BAD_REQUEST"}
    responses[401] = "UNAUTHORIZED"
    if not public:
        responses[403] = "FORBIDDEN"
    if re.search("<", rule) or method == "POST":
        responses[404] = "NOT_FOUND"
    if method in _WRITES:
        responses |= {409: "CONFLICT", 413: "REQUEST_ENTITY_TOO_LARGE", 415: "UNSUPPORTED_MEDIA_TYPE"}
    return {"responses": responses, "security": [] if public else [{"bearer": []}]}
