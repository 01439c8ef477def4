"""Which requests only read: their transaction takes no write lock, and their audit entry commits in one of its own.

GET and HEAD do. Of a POST its route says so, or its body where one route both shows a change and applies it. Some POSTs
of which the request's own transaction only reads change something all the same, in transactions of their own.
"""

from collections.abc import Callable
from typing import Final

from flask import request

from service.api.strict_json import parse_object
from service.errors import ServiceError

READING_METHODS: Final = ("GET", "HEAD")
_IMPORT: Final = "POST /api/v1/import"
_MIGRATIONS: Final = "POST /api/v1/protocols/{protocol_id}/versions/{version}/migrations"
_STREAM: Final = "POST /api/v1/sync/powersync/sync/stream"
_SIMULATIONS: Final = "POST /api/v1/simulations"


def always(_body: bytes) -> bool:
    """Return True: the route reads, whatever is sent."""
    return True


def without_token(body: bytes) -> bool:
    """Return whether a body asks for a dry run: only a `token` applies one. What cannot be read is refused later."""
    return not _has_member(body, "token")


def without_rows(body: bytes) -> bool:
    """Return whether a device compares whole collections: only the digests of `rows` heal it."""
    try:
        told = parse_object(body).get("collections")
    except ServiceError:
        return True
    return not isinstance(told, dict) or not any(isinstance(each, dict) and "rows" in each for each in told.values())


def is_dry_run(body: bytes) -> bool:
    """Return whether a body asks to be shown what would be done. What cannot be read is refused later."""
    try:
        return parse_object(body).get("dry_run") is True
    except ServiceError:
        return False


# The first three open a transaction of their own for each patient, so that the request's own has nothing to write.
READING_POSTS: Final[dict[str, Callable[[bytes], bool]]] = {
    _IMPORT: always,
    _SIMULATIONS: always,
    _MIGRATIONS: always,
    "POST /api/v1/episodes/{episode_id}/moves": without_token,
    _STREAM: always,
    "POST /clinic/patients": always,
    "POST /clinic/sign-in/provider": always,
    "POST /clinic/surgeries/{surgery_id}/move": always,
    "POST /api/v1/sync/digest": without_rows,
    "POST /api/v1/patients/{patient_id}/erase": is_dry_run,
}


def only_reads(route: str) -> bool:
    """Return whether the present request, on `route`, only reads. Its body has been read by now."""
    if request.method in READING_METHODS:
        return True
    says = READING_POSTS.get(route)
    return says is not None and says(request.get_data(cache=True))


def changes_something(route: str) -> bool:
    """Return whether the present request, on `route`, may change something: it is neither a look nor a dry run."""
    if route == _IMPORT:
        return request.args.get("dry_run") != "true"
    if route == _MIGRATIONS:
        return _has_member(request.get_data(cache=True), "apply")
    return not only_reads(route)


def never_changes(route: str) -> bool:
    """Return whether no request on `route` changes anything."""
    return route.startswith(READING_METHODS) or route in (_SIMULATIONS, _STREAM)


def _has_member(body: bytes, name: str) -> bool:
    try:
        return name in parse_object(body)
    except ServiceError:
        return False
