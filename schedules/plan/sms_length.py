"""How many parts a mobile network makes of an SMS (GSM 03.38): one letter outside its alphabet makes all wide."""

from typing import Final

_ALPHABET: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWICE_AS_LONG: Final = frozenset("^{}\\[~]|€\f")


def count_segments(text: str) -> int:
    """Return the number of parts of an SMS: one holds 160 letters of the alphabet, or 70 if there is another letter.

    >>> count_segments("a" * 160), count_segments("a" * 161), count_segments("á" * 71)
    (1, 2, 2)
    """
    if all(letter in _ALPHABET or letter in _TWICE_AS_LONG for letter in text):
        length, alone, together = len(text) + sum(letter in _TWICE_AS_LONG for letter in text), 160, 153
    else:
        length, alone, together = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= alone else -(-length // together)
