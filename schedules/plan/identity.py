"""Ids of plan rows: a hash of what a row is, never of a date or a text, so that building twice gives the same rows."""

import base64
import hashlib
import json

from schedules.plan.errors import PlanError

_HASH_BYTES = 20


def plan_row_id(
    practice_id: str, episode_id: str, kind_of_row: str, key: str, occurrence: int, *parts: str | int
) -> str:
    """Return the id of a plan row: 32 characters, a-z and 2-7.

    `kind_of_row` is the table ("milestone", "restriction", "reminder"), `key` the milestone's key or the restriction's
    kind, `occurrence` the stage's ordinal. `parts` go on where one occurrence has several rows: the restriction's
    sequence, or the reminder's key and repeat. The id is the first 160 bits of the SHA-256 of these as a JSON array,
    in base32; it must never change, as phones hold it. Raises PlanError if `occurrence` is below 1.
    """
    if occurrence < 1:
        raise PlanError("occurrence", "1 or more", str(occurrence))
    identity = json.dumps([practice_id, episode_id, kind_of_row, key, occurrence, *parts], separators=(",", ":"))
    digest = hashlib.sha256(identity.encode("ascii")).digest()[:_HASH_BYTES]
    return base64.b32encode(digest).decode("ascii").lower()
