"""Pages of lists. A cursor says after which row to go on; it is signed for one route, practice and kind of caller.

It holds an id only: names in a cursor would stand in addresses.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from itsdangerous import BadSignature, URLSafeSerializer
from marshmallow import Schema

from config import Settings
from service.api.fields import QueryWhole, Text
from service.api.scope import caller, route_of, settings
from service.errors import BadRequestError, Fault

DEFAULT_LIMIT = 50
MOST_ITEMS = 200
Row = TypeVar("Row")


class PageQuery(Schema):
    """Which page of a list."""

    after = Text(400, "`next` of the page before")
    limit = QueryWhole(1, MOST_ITEMS, load_default=DEFAULT_LIMIT)


def page(
    rows: Sequence[Row], limit: int, id_of: Callable[[Row], str], *, go_on_after: str | None = None
) -> dict[str, Any]:
    """Return a page of `rows`, of which one more than `limit` was asked for to see whether the list goes on.

    `go_on_after`: the id after which it goes on although the rows are no full page.
    """
    items = list(rows[:limit])
    last = id_of(items[-1]) if len(rows) > limit else go_on_after
    return {"items": items, "next": None if last is None else _signer(settings()).dumps(last)}


def row_after(cursor: str | None) -> str | None:
    """Return the id that a cursor goes on after, None for the first page. Raises BadRequestError for a foreign one."""
    if cursor is None:
        return None
    try:
        return str(_signer(settings()).loads(cursor))
    except BadSignature:
        raise BadRequestError(Fault("/after", "`next` of the page before", "something else")) from None


def _signer(configuration: Settings) -> URLSafeSerializer:
    key = hmac.new(configuration.seal_key, b"cursor", hashlib.sha256).digest()
    principal = caller()
    return URLSafeSerializer(key, salt=f"{route_of()}\0{principal.practice_id}\0{principal.patient_id or ''}")
