"""A clinic's own copy of a protocol that ships, with changes to its text."""

from schedules.plan.library import load_library, parse_own
from schedules.plan.protocol import Protocol


def own(protocol_id: str = "MD-MISS", *changes: tuple[str, str], more: str = "") -> Protocol:
    """Return a copy as `hudson-disc` version 1, each `(good, bad)` replaced once and `more` at its end."""
    toml = load_library().files[protocol_id, 1].replace(f'id = "{protocol_id}"', 'id = "hudson-disc"', 1)
    for good, bad in changes:
        assert good in toml, good
        toml = toml.replace(good, bad, 1)
    return parse_own(toml + more, protocol_id="hudson-disc", version=1)
