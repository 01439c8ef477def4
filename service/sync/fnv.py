"""Digests by which a device and the server find that they differ. Pure; `docs/vectors` has the same in JavaScript.

FNV-1a of 32 bits: a few lines in any language. It finds accidents, not forgeries.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

_OFFSET: Final = 0x811C9DC5
_PRIME: Final = 0x01000193
_MASK: Final = 0xFFFFFFFF


def fnv1a(content: bytes) -> int:
    """Return the FNV-1a hash of 32 bits (Fowler, Noll and Vo; draft-eastlake-fnv).

    >>> hex(fnv1a(b"foobar"))
    '0xbf9cf968'
    """
    digest = _OFFSET
    for byte in content:
        digest = ((digest ^ byte) * _PRIME) & _MASK
    return digest


def row_digest(row_id: str, values: Sequence[Any]) -> int:
    """Return the digest of a row: FNV-1a over the UTF-8 of the JSON array of its id and its columns, in their order.

    Truth values count as 0 and 1, since SQLite on a device has none.

    >>> row_digest("c-1", ["k7Qm2pXcV9sLwRtA", 4, None, True])
    2086240821
    """
    told = [row_id, *(int(value) if isinstance(value, bool) else value for value in values)]
    return fnv1a(orjson.dumps(told))


def sum_digests(digests: Iterable[int]) -> int:
    """Return the digest of a collection: that of no rows is 0, and their order is no matter.

    >>> sum_digests([4294967295, 2])
    1
    """
    return sum(digests) & _MASK
