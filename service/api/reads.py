"""Which requests only read: their transaction takes no write lock, and their audit entry commits in one of its own.

GET and HEAD do. Of a POST its route says so, or its body where one route both shows a change and applies it.
"""

from collections.abc import Callable
from typing import Final

from flask import request

from service.api.strict_json import parse_object
from service.errors import ServiceError

READING_METHODS: Final = ("GET", "HEAD")


def always(_body: bytes) -> bool:
    """Return True: the route reads, whatever is sent."""
    return True


def without_token(body: bytes) -> bool:
    """Return whether a body asks for a dry run: only a `token` applies one. What cannot be read is refused later."""
    try:
        return "token" not in parse_object(body)
    except ServiceError:
        return True


# These open a transaction of their own for each patient, so that the request's own has nothing to write.
READING_POSTS: Final[dict[str, Callable[[bytes], bool]]] = {
    "POST /api/v1/import": always,
    "POST /api/v1/simulations": always,
    "POST /api/v1/protocols/{protocol_id}/versions/{version}/migrations": always,
    "POST /api/v1/episodes/{episode_id}/moves": without_token,
    "POST /api/v1/sync/powersync/sync/stream": always,
}


def only_reads(route: str) -> bool:
    """Return whether the present request, on `route`, only reads. Its body has been read by now."""
    if request.method in READING_METHODS:
        return True
    says = READING_POSTS.get(route)
    return says is not None and says(request.get_data(cache=True))
