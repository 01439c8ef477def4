"""Which passwords staff may choose: long, not about the person or the clinic, not among those that are guessed first.

No rule asks for kinds of characters. A password never leaves this machine: the lists are zxcvbn's (MIT), which come
with the library, and, where a clinic has it, the file of breached passwords that `BREACHED_PASSWORDS` names.
"""

import hashlib
import os
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from zxcvbn import zxcvbn

from service.errors import Fault, describe_private

SHORTEST: Final = 12
LONGEST: Final = 200
_GUESSABLE_BELOW: Final = 3  # of zxcvbn's 0 to 4: fewer than a hundred million guesses
_LONGEST_ESTIMATED: Final = 72  # what it takes: a password whose beginning is hard to guess is hard to guess
_SHORTEST_WORD: Final = 4
_DIGEST: Final = 40
_estimating = threading.Lock()  # the library keeps the words of one call in a place that all share


@dataclass(frozen=True, slots=True)
class Chooser:
    """Who chooses a password: words that it must not hold, from their name, e-mail address and clinic."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, *texts: str | None) -> "Chooser":
        """Return whoever these texts are about."""
        words = {word for text in texts if text for word in re.findall(r"\w+", text.casefold())}
        return cls(tuple(sorted(word for word in words if len(word) >= _SHORTEST_WORD)))


def find_fault(password: str, chooser: Chooser, breached: str | None, pointer: str) -> Fault | None:
    """Return why somebody may not have a password; None if they may. Nothing of it is repeated."""
    expected = _find_reason(password, chooser, breached)
    return None if expected is None else Fault(pointer, expected, describe_private(password))


def _find_reason(password: str, chooser: Chooser, breached: str | None) -> str | None:
    if not SHORTEST <= len(password) <= LONGEST:
        return f"{SHORTEST} to {LONGEST} characters; some words in a row are best"
    if any(word in password.casefold() for word in chooser.words):
        return "a password without your name, e-mail address or clinic"
    if _is_guessable(password, chooser.words):
        return "a password that is not guessed among the first: no common one, no pattern, no single word or date"
    if breached is not None and _is_listed(password, breached):
        return "a password that is on no list of breached ones"
    return None


def _is_guessable(password: str, words: Iterable[str]) -> bool:
    with _estimating:
        estimate = zxcvbn(password[:_LONGEST_ESTIMATED], user_inputs=list(words))
    return int(estimate["score"]) < _GUESSABLE_BELOW


def _is_listed(password: str, path: str) -> bool:
    """Return whether a file of ordered SHA-1 digests holds the password's: by halving, for it may have 40 GB."""
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with Path(path).open("rb") as file:
        low, high = 0, file.seek(0, os.SEEK_END)
        while low < high:
            middle = (low + high) // 2
            start, digest = _line_from(file, middle)
            if digest == wanted:
                return True
            if digest and digest < wanted:
                low = start
            else:
                high = middle
    return False


def _line_from(file: BinaryIO, offset: int) -> tuple[int, bytes]:
    """Return the first line that begins at or after an offset: where the next one begins, and its digest."""
    file.seek(max(0, offset - 1))
    if offset > 0:
        file.readline()
    line = file.readline()
    return file.tell(), line[:_DIGEST]
