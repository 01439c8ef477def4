"""Ids that this server makes: text, unguessable, and in the order of their making."""

import secrets
from datetime import datetime
from itertools import count

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sorts like the number it writes
_LENGTH = 26
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHIFTS = range(5 * (_LENGTH - 2), -1, -10)
_COUNTED, _CHANCE = 32, 50  # bits
_made = count(secrets.randbelow(1 << 12))  # goes round after four thousand million, so not within a process's life


def new_id(now: datetime) -> str:
    """Return a new id of 26 characters: 48 bits of time, 32 of a counter, 50 of chance.

    Ids that one process makes at one instant sort in the order of their making.
    """
    number = next(_made) & (1 << _COUNTED) - 1
    return _text(_milliseconds(now) << _COUNTED + _CHANCE | number << _CHANCE | secrets.randbits(_CHANCE))


def first_id_at(instant: datetime) -> str:
    """Return the smallest id that bears `instant`: what was made in an earlier millisecond sorts before it."""
    return _text(_milliseconds(instant) << _COUNTED + _CHANCE)


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _text(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
