"""Use case: records of one practice that may be of one person are found, for people to look at.

What counts as alike follows from no source: whoever was born on one day and has nearly the same name, or whoever shares
an address or a number. Families share these too: nothing is done by itself. Pairs are told by ids alone.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import combinations
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import Patient

MOST_PAIRS: Final = 200
MOST_ALIKE: Final = 20  # of one birthday or address: a clinic's own number given to all is no sign of one person
_NEARLY_THE_SAME: Final = 0.85  # of the letters, in their order: one or two are typed wrongly


class Ground(StrEnum):
    """Why two records may be of one person."""

    born_and_named_alike = "born_and_named_alike"
    same_email = "same_email"
    same_phone = "same_phone"


@dataclass(frozen=True, slots=True)
class Double:
    """Two records, by id, the lesser one first, and why."""

    patient_ids: tuple[str, str]
    grounds: tuple[Ground, ...]


@dataclass(frozen=True, slots=True)
class Doubles:
    """The pairs that were found, the likeliest first, and whether there are more than are told."""

    pairs: tuple[Double, ...]
    has_more: bool


def find_doubles(session: Session, practice_id: str) -> Doubles:
    """Return the pairs of a practice's records that may be of one person. Three SELECTs, whatever their number."""
    grounds: defaultdict[tuple[str, str], list[Ground]] = defaultdict(list)
    names = (Patient.given_name, Patient.family_name)
    for one, other in _pairs(session, practice_id, Patient.date_of_birth, *names):
        if are_named_alike((one[1], one[2]), (other[1], other[2])):
            grounds[one[0], other[0]].append(Ground.born_and_named_alike)
    for column, ground in ((Patient.email_lookup, Ground.same_email), (Patient.phone_lookup, Ground.same_phone)):
        for one, other in _pairs(session, practice_id, column):
            grounds[one[0], other[0]].append(ground)
    found = sorted((-len(why), ids, tuple(why)) for ids, why in grounds.items())
    return Doubles(tuple(Double(ids, why) for _, ids, why in found[:MOST_PAIRS]), len(found) > MOST_PAIRS)


def are_named_alike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether two names, given and family, are nearly the same, in either order; case and accents aside.

    >>> are_named_alike(("José", "Garcia Lopez"), ("Jose", "García-López"))
    True
    >>> are_named_alike(("Ana", "Rossi"), ("Rossi", "Ana")), are_named_alike(("Ana", "Rossi"), ("Eva", "Bianchi"))
    (True, False)
    """
    first, second, turned = (_letters(each) for each in (one, other, other[::-1]))
    return any(SequenceMatcher(None, first, each).ratio() >= _NEARLY_THE_SAME for each in (second, turned))


def _letters(names: Sequence[str]) -> str:
    plain = unicodedata.normalize("NFKD", " ".join(names)).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _pairs(
    session: Session,
    practice_id: str,
    alike: InstrumentedAttribute[date] | InstrumentedAttribute[bytes | None],
    *more: InstrumentedAttribute[Any],
) -> Iterator[tuple[Any, Any]]:
    """Yield the rows, id first, of every two patients who are alike in a column."""
    is_theirs: tuple[ColumnElement[bool], ...] = (
        Patient.practice_id == practice_id,
        Patient.deleted.is_(False),
        alike.is_not(None),
    )
    several = select(alike).where(*is_theirs).group_by(alike).having(func.count().between(2, MOST_ALIKE))
    groups: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in session.execute(
        select(Patient.id, *more, alike).where(*is_theirs, alike.in_(several)).order_by(Patient.id)
    ):
        groups[row[-1]].append(row)
    for rows in groups.values():
        yield from combinations(rows, 2)
