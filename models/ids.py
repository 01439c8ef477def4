"""Ids that this server makes: text, unguessable, and in the order of their making."""

import secrets
from datetime import datetime
from itertools import count

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sorts like the number it writes
_LENGTH = 26
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHIFTS = range(5 * (_LENGTH - 2), -1, -10)
_made = count(secrets.randbelow(1 << 12))


def new_id(now: datetime) -> str:
    """Return a new id of 26 characters: 48 bits of time, 16 of a counter, 66 of chance.

    Ids made by one process sort in the order of their making, as long as it makes fewer than 65,536 in a millisecond.
    """
    return _text(_milliseconds(now) << 82 | (next(_made) & 0xFFFF) << 66 | secrets.randbits(66))


def first_id_at(instant: datetime) -> str:
    """Return the smallest id that bears `instant`: what was made in an earlier millisecond sorts before it."""
    return _text(_milliseconds(instant) << 82)


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _text(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
