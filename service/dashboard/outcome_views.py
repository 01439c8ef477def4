"""How the clinic's patients do: curves to a milestone, minimally invasive beside open, and the same as a file."""

from typing import Final

from flask import Response, request

from models.report import ClinicalEventKind
from schedules.plan.vocabulary import Procedure
from service.api.outcomes import smallest
from service.api.scope import caller, now, scope
from service.api.settle import settled
from service.care.enrol import clinic_today
from service.care.outcome_file import milestone_csv
from service.care.outcomes import TABLE_DAYS, Measured, MilestoneOutcome, view_milestone_outcome
from service.care.reach import practice_of
from service.care.safe_csv import MEDIA_TYPE
from service.care.safety_outcomes import WINDOWS, Rate, SafetyOutcome, view_safety_outcome
from service.dashboard.blueprint import clinic
from service.dashboard.curves import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, draw_outcome
from service.dashboard.render import page
from service.db import current_session

_SIZE: Final = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "bottom": BOTTOM}
_LEAST_P: Final = 0.001


@clinic.get("/outcomes")
@settled
def show_outcomes() -> Response:
    """Show how long patients took to a milestone after a procedure."""
    outcome = _outcome()
    practice = practice_of(current_session(), caller())
    safety = view_safety_outcome(
        current_session(),
        practice,
        procedure=outcome.procedure,
        today=outcome.as_of,
        smallest=outcome.smallest,
    )
    return page(
        "outcomes.html",
        outcome=outcome,
        safety=safety,
        rates=_rows(safety),
        drawn=draw_outcome(outcome),
        size=_SIZE,
        procedures=list(Procedure),
        kinds=list(Measured),
        days=TABLE_DAYS,
        p_words=None if outcome.test is None else _p_words(outcome.test.p_value),
    )


@clinic.get("/outcomes.csv")
@settled
def download_outcomes() -> Response:
    """Hand out the same as a file. The audit trail says that it left the service."""
    outcome = _outcome()
    scope().about |= {"file": "csv", "procedure": outcome.procedure.value, "kind": outcome.kind.value}
    response = Response(milestone_csv(outcome), content_type=MEDIA_TYPE)
    name = f"outcomes-{outcome.procedure.value}-{outcome.kind.value}-{outcome.as_of}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _rows(safety: SafetyOutcome) -> list[tuple[ClinicalEventKind, int, list[Rate | None]]]:
    """Return a row for each event and window: what each group that is shown has of it."""
    groups = [
        {(rate.kind, rate.days): rate for rate in group.rates} for group in safety.groups if group.count is not None
    ]
    return [
        (kind, days, [group.get((kind, days)) for group in groups])
        for days in WINDOWS
        for kind in ClinicalEventKind
        if groups
    ]


def _p_words(p_value: float) -> str:
    """Return a p value as papers print it: three places, and no claim beyond them."""
    return "p < 0.001" if p_value < _LEAST_P else f"p = {p_value:.3f}"


def _outcome() -> MilestoneOutcome:
    """Return what the address asks for. What it cannot ask for counts as the first."""
    asked = request.args.get("procedure"), request.args.get("kind")
    practice = practice_of(current_session(), caller())
    return view_milestone_outcome(
        current_session(),
        practice,
        procedure=Procedure(asked[0]) if asked[0] in list(Procedure) else Procedure.lumbar_microdiscectomy,
        kind=Measured(asked[1]) if asked[1] in list(Measured) else Measured.opioid_stop,
        today=clinic_today(practice, now()),
        smallest=smallest(),
    )
