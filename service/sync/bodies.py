"""Reads what clients send and writes what they get, as all adapters do: bounded, strict about form, gzip if asked for.

A list or an object in a column is taken as its JSON text, which is how such a column goes over the wire.
"""

import gzip
import json
from collections.abc import Mapping
from typing import Any, Final

import orjson
from flask import Response, request

from service.api.strict_json import parse_json
from service.care.checks import storable
from service.errors import BadRequestError, Fault, TooLargeError, describe
from service.sync.edits import MOST_EDITS

_WORTH_ZIPPING: Final = 1_024  # bytes
_LEVEL: Final = 3  # of the phone's time on the network 5 would save a tenth, for twice to three times the work
_MOST: Final = 2**63 - 1


def read_body() -> Any:
    """Return the request's JSON. Raises BadRequestError for anything else."""
    return parse_json(request.get_data(cache=True))


def columns_in(given: Any, pointer: str) -> dict[str, Any]:
    """Return the columns of a row that a client sent. Raises BadRequestError if it is no object."""
    if not isinstance(given, Mapping):
        raise BadRequestError(Fault(pointer, "an object", describe(given)))
    return {storable(name): _scalar(value) for name, value in given.items()}


def id_in(given: Mapping[str, Any], pointer: str) -> str:
    """Return the id of a row that a client sent. Raises BadRequestError if it has none."""
    if not isinstance(given.get("id"), str):
        raise BadRequestError(Fault(f"{pointer}/id", "the row's id", describe(given.get("id"))))
    return str(given["id"])


def refuse_many(count: int) -> None:
    """Raise TooLargeError for more rows than one push may have."""
    if count > MOST_EDITS:
        raise TooLargeError(Fault("", f"up to {MOST_EDITS} rows in one push", str(count)))


def answer(document: Any) -> Response:
    """Return a document as JSON, zipped if the client takes it so."""
    return zipped(orjson.dumps(document), "application/json")


def zipped(body: bytes, content_type: str) -> Response:
    """Return a body, zipped if the client takes it so. Only here: nothing secret is mixed with it."""
    response = Response(body, content_type=content_type, headers={"Vary": "Accept-Encoding"})
    if len(body) >= _WORTH_ZIPPING and request.accept_encodings["gzip"] > 0:
        response.set_data(gzip.compress(body, _LEVEL, mtime=0))
        response.content_encoding = "gzip"
    return response


def _scalar(value: Any) -> Any:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, int) and abs(value) > _MOST:
        value = str(value)  # no number of ours; kept as it came, which JSON of 64 bits could not
    return storable(value) if isinstance(value, str) else value
