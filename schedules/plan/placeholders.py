"""What the text of a message may leave open: a short list of names in braces, filled in when it is sent.

Values are text and stay text: braces in one are never looked at. The figures of limits are another list, see
`Text.filled`.
"""

import re
from collections.abc import Mapping
from typing import Final

from schedules.plan.errors import PlanError, describe
from schedules.plan.protocol import Text
from schedules.plan.toml_table import Table
from schedules.plan.vocabulary import MilestoneKind

# The clinic's phone, the emergency number where the patient is, and the hospital's arrival time.
_EVERYWHERE: Final = ("phone", "emergency")
_NAMED = re.compile(r"\{([a-z_]{1,40})\}")


def placeholders_of(kind: MilestoneKind) -> tuple[str, ...]:
    """Return the names that a message about `kind` may leave open. Only fasting waits for a known arrival time."""
    return (*_EVERYWHERE, "arrival") if kind is MilestoneKind.fasting else _EVERYWHERE


def read_message_text(entry: Table, allowed: tuple[str, ...]) -> Text:
    """Take `en` and `es` of a table. Raises ProtocolError for a placeholder that is not allowed, or a lone brace."""
    text = Text(en=entry.text("en"), es=entry.text("es"))
    for language, words in (("en", text.en), ("es", text.es)):
        _refuse_strange_braces(entry, language, words, allowed)
    return text


def fill(words: str, values: Mapping[str, str]) -> str:
    """Return `words` with each `{name}` replaced by its value, in one pass. Raises PlanError for an unknown name.

    >>> fill("Call {phone}.", {"phone": "{emergency}"})
    'Call {emergency}.'
    """

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in values:
            raise PlanError("text", f"one of {', '.join(values) or 'no placeholder'}", describe(name))
        return values[name]

    return _NAMED.sub(value, words)


def _refuse_strange_braces(entry: Table, language: str, words: str, allowed: tuple[str, ...]) -> None:
    known = "only the placeholders " + ", ".join(f"{{{name}}}" for name in allowed) if allowed else "no placeholder"
    for name in _NAMED.findall(words):
        if name not in allowed:
            entry.fail(language, known, describe(name))
    if re.search("[{}]", _NAMED.sub("", words)):
        entry.fail(language, known, "another brace")
