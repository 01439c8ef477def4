"""ETags: a record's revision, in quotes. A change names the revision that it was made from."""

from flask import request

from models.base import Synced
from service.errors import Fault, StaleError, UnconditionalError


def etag_of(row: Synced) -> str:
    """Return the strong ETag of a flushed row."""
    return f'"{row.rev}"'


def require_match(row: Synced) -> None:
    """Raise UnconditionalError if the request has no If-Match, StaleError if it names another revision."""
    require_tag(str(row.rev))


def require_tag(tag: str) -> None:
    """Raise UnconditionalError if the request has no If-Match, StaleError if it names another tag."""
    if "If-Match" not in request.headers:
        raise UnconditionalError
    if not request.if_match.contains(tag):
        raise StaleError(Fault("", f'If-Match: "{tag}"', "another revision"))


def refuse_match_of_nothing() -> None:
    """Raise StaleError if a request that would create a record names a revision of it."""
    if "If-Match" in request.headers:
        raise StaleError(Fault("", "no If-Match, since there is no such record", "If-Match"))
