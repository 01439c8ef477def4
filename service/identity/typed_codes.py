"""Codes that people type: capital letters and digits without look-alikes, in groups of four, five bits a character."""

import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_GROUP = 4
_LOOK_ALIKES = str.maketrans("OIL", "011")


def make_characters(length: int) -> str:
    """Return the characters of a new code, without its hyphens."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def grouped(characters: str) -> str:
    """Return a code as it is shown, such as 7K3M-9QAT-X2VD."""
    return "-".join(characters[start : start + _GROUP] for start in range(0, len(characters), _GROUP))


def normal(typed: str) -> str:
    """Return the characters of a code as somebody typed it: case, spaces, hyphens and look-alikes do not matter."""
    return "".join(typed.split()).replace("-", "").upper().translate(_LOOK_ALIKES)
