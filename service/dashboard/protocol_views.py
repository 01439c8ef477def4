"""What the clinic promises, on what grounds: the protocols of one procedure side by side, with grades and sources."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flask import Response, request

from schedules.plan.library import load_library
from schedules.plan.protocol import MilestoneTemplate, Protocol, Source
from schedules.plan.vocabulary import Grade, Phase, Procedure
from service.api.scope import caller
from service.api.settle import settled
from service.care.protocol_view import ComparedMilestone, Comparison, compare_protocols
from service.dashboard.blueprint import clinic
from service.dashboard.render import page
from service.db import current_session

LEFT: Final = 8
WIDTH: Final = 320
_LAST: Final = 365  # days that the bars show
_NO_DAY: Final = 10_000


@dataclass(frozen=True, slots=True)
class Bar:
    """Where a window stands in its cell. Places are None where the protocol leaves the day to a clinician."""

    x: float
    width: float
    target: float | None


@clinic.get("/protocols")
@settled
def show_protocols() -> Response:
    """Show the newest protocols of a procedure side by side: minimally invasive beside open."""
    asked = request.args.get("procedure")
    procedure = Procedure(asked) if asked in list(Procedure) else Procedure.lumbar_microdiscectomy
    compared = compare_protocols(current_session(), caller(), procedure)
    rows = sorted((each for each in compared.milestones if _is_after(each.by_protocol.values())), key=_day_of)
    return page(
        "protocols.html",
        procedure=procedure,
        procedures=list(Procedure),
        compared=compared,
        rows=rows,
        bar=place_window,
        width=WIDTH,
        unsure=(Grade.D, Grade.E),
        sources=_sources(compared),
    )


def place_window(template: MilestoneTemplate) -> Bar | None:
    """Return where a milestone's window stands; None without days."""
    if template.earliest_days is None:
        return None
    begins, ends = _x(template.earliest_days), _x(_LAST if template.latest_days is None else template.latest_days)
    target = None if template.target_days is None else _x(template.target_days)
    return Bar(begins, max(3, round(ends - begins, 1)), target)


def _x(day: int) -> float:
    """Return the place of a day: by its root, so that the first weeks have room."""
    share = math.sqrt(min(max(day, 0), _LAST) / _LAST)
    return round(LEFT + share * (WIDTH - 2 * LEFT), 1)


def _day_of(row: ComparedMilestone) -> int:
    """Return the earliest target of an item; those that a clinician dates stand last."""
    days = [each.target_days for each in row.by_protocol.values() if each is not None and each.target_days is not None]
    return min(days, default=_NO_DAY)


def _is_after(templates: Iterable[MilestoneTemplate | None]) -> bool:
    return any(each is not None and each.phase is Phase.after_surgery for each in templates)


def _sources(compared: Comparison) -> list[Source]:
    known = load_library().sources
    cited = {key for view in compared.protocols for key in _cited(view.protocol)}
    return [known[key] for key in sorted(cited, key=lambda key: (len(key), key)) if key in known]


def _cited(protocol: Protocol) -> set[str]:
    of_items = {key for each in protocol.milestones for key in each.sources}
    return of_items | {key for phase in protocol.lifting.phases for key in phase.sources}
