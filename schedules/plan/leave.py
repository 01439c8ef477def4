"""Where a text gives leave. About what a plan limits it may only tell the patient to ask whether (rules, 4.11). Pure.

A search for words, not understanding: a signer still reads the text.
"""

import re
from typing import Final

_PERMISSION: Final = re.compile(
    r"(?i)\b((?<!before )you (?:may|can)|you are (?:allowed|cleared)|puede|est[aá] autorizad[oa])\b"
)
_ASKING: Final = re.compile(r"(?i)\b(ask|pregunte|consulte)\b[^.!?]*$")


def gives_leave(words: str) -> bool:
    """Return whether a text, of either language, says that the patient may.

    >>> gives_leave("You may drive."), gives_leave("Ask whether you may drive.")
    (True, False)
    """
    return any(not _ASKING.search(words[: given.start()]) for given in _PERMISSION.finditer(words))
