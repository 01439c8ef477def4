"""Three-way merging of one row, column by column. Pure: no database, no protocol, no clock.

An edit says what it started from (base) and what it wants (new). A column that the device did not change keeps what is
stored; one that nobody else changed takes what the device wants; where both changed, the column's rule decides, and the
value that does not stand is told, never dropped. Equal values are no conflict, so that an edit may come twice.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

Values = Mapping[str, Any]
# Whether what the device wants stands against what is stored; both are the values of one unit.
Rule = Callable[[Values, Values], bool]


@dataclass(frozen=True, slots=True)
class Unit:
    """Columns that only make sense together, and what decides between two versions of them."""

    columns: tuple[str, ...]
    takes_new: Rule


@dataclass(frozen=True, slots=True)
class Loss:
    """Values that did not stand against others. `is_of_device`: they are the device's, else those that were stored."""

    kept: Values
    lost: Values
    is_of_device: bool


@dataclass(frozen=True, slots=True)
class Merged:
    """The row's written columns after an edit, those among them that changed, and what did not stand."""

    values: dict[str, Any]
    changed: frozenset[str]
    losses: tuple[Loss, ...] = field(default=())


def later_arrival(_stored: Values, _new: Values) -> bool:
    """Return True: who comes later is right. For what one role alone writes."""
    return True


def merge(units: Collection[Unit], *, base: Values | None, stored: Values, new: Values) -> Merged:
    """Return a row's columns after an edit.

    `new` holds the columns that the device sent; what it lacks it did not change. Without `base` the edit started from
    what is stored. A column that `base` lacks is taken as unchanged by others.
    """
    values, losses = dict(stored), []
    for unit in units:
        wanted = {name: new.get(name, (base or stored).get(name, stored.get(name))) for name in unit.columns}
        present = {name: stored.get(name) for name in unit.columns}
        started = present if base is None else {name: base.get(name, present[name]) for name in unit.columns}
        if wanted in (started, present):
            continue
        takes_new = present == started or unit.takes_new(present, wanted)
        if present != started:
            kept, lost = (wanted, present) if takes_new else (present, wanted)
            losses.append(Loss(kept, lost, is_of_device=not takes_new))
        if takes_new:
            values.update(wanted)
    changed = frozenset(name for name, value in values.items() if value != stored.get(name))
    return Merged(values, changed, tuple(losses))


def units_of(columns: Collection[str], *units: Unit) -> tuple[Unit, ...]:
    """Return `units`, and each of `columns` that is in none of them as one of its own, where the later one is right."""
    grouped = {name for unit in units for name in unit.columns}
    return (*units, *(Unit((name,), later_arrival) for name in sorted(columns) if name not in grouped))
