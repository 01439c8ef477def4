"""Which schema version a client is served."""

from service.errors import OutdatedClientError
from service.sync.collections import OLDEST_VERSION, SCHEMA_VERSION


def served_version(asked: int) -> int:
    """Return the schema version for a client of version `asked`: its own, or ours if it is ahead of us.

    Raises OutdatedClientError for one that is served no more.
    """
    if asked < OLDEST_VERSION:
        raise OutdatedClientError
    return min(asked, SCHEMA_VERSION)
