"""How the clinic's patients do: curves to a milestone, minimally invasive beside open, and the same as a file."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from flask import Response, request

from models import Practice
from models.report import ClinicalEventKind
from schedules.plan.vocabulary import ApproachClass, Procedure
from service.api.outcomes import smallest
from service.api.scope import caller, now, scope
from service.api.settle import settled
from service.care.enrol import clinic_today
from service.care.outcome_file import bands_csv, milestone_csv, safety_csv, scores_csv
from service.care.outcomes import TABLE_DAYS, Measured, MilestoneOutcome, view_milestone_outcome
from service.care.reach import practice_of
from service.care.recovery_band import RecoveryBand, view_recovery_band
from service.care.safe_csv import MEDIA_TYPE
from service.care.safety_outcomes import WINDOWS, Rate, SafetyOutcome, view_safety_outcome
from service.care.score_outcomes import ScoreOutcome, view_score_outcome
from service.dashboard.blueprint import clinic
from service.dashboard.curves import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, draw_outcome
from service.dashboard.render import page
from service.dashboard.score_curves import WIDTH as SCORES_WIDTH
from service.dashboard.score_curves import draw_scores
from service.db import current_session

_SIZE: Final = {
    "width": WIDTH,
    "height": HEIGHT,
    "left": LEFT,
    "right": RIGHT,
    "bottom": BOTTOM,
    "scores": SCORES_WIDTH,
}
_LEAST_P: Final = 0.001


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address asks for: which milestone after which procedure."""

    practice: Practice
    procedure: Procedure
    kind: Measured
    today: date


@clinic.get("/outcomes")
@settled
def show_outcomes() -> Response:
    """Show how long patients took to a milestone after a procedure."""
    asked = _asked()
    outcome, safety = _outcome(asked), _safety(asked)
    scores = _scores(asked)
    return page(
        "outcomes.html",
        outcome=outcome,
        safety=safety,
        rates=_rows(safety),
        drawn=draw_outcome(outcome),
        scores=scores,
        pictures=draw_scores(scores),
        bands=[each for each in _bands(asked) if each.pain or each.walking],
        size=_SIZE,
        procedures=list(Procedure),
        kinds=list(Measured),
        days=TABLE_DAYS,
        p_words=None if outcome.test is None else _p_words(outcome.test.p_value),
    )


@clinic.get("/outcomes.csv")
@settled
def download_outcomes() -> Response:
    """Hand out a part of the same as a file. The audit trail says that it left the service."""
    asked = _asked()
    part = _FILES.get(request.args.get("part", ""), _curves_file)
    name, text = part(asked)
    scope().about |= {"file": "csv", "procedure": asked.procedure.value, "kind": name}
    response = Response(text, content_type=MEDIA_TYPE)
    filename = f"outcomes-{asked.procedure.value}-{name}-{asked.today}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def _curves_file(asked: _Asked) -> tuple[str, str]:
    return asked.kind.value, milestone_csv(_outcome(asked))


def _safety_file(asked: _Asked) -> tuple[str, str]:
    return "safety", safety_csv(_safety(asked))


def _bands_file(asked: _Asked) -> tuple[str, str]:
    return "bands", bands_csv(_bands(asked))


def _scores_file(asked: _Asked) -> tuple[str, str]:
    return "scores", scores_csv(_scores(asked))


_FILES: Final = {"safety": _safety_file, "bands": _bands_file, "scores": _scores_file}


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


def _asked() -> _Asked:
    """Return what the address asks for. What it cannot ask for counts as the first."""
    procedure, kind = request.args.get("procedure"), request.args.get("kind")
    practice = practice_of(current_session(), caller())
    return _Asked(
        practice=practice,
        procedure=Procedure(procedure) if procedure in list(Procedure) else Procedure.lumbar_microdiscectomy,
        kind=Measured(kind) if kind in list(Measured) else Measured.opioid_stop,
        today=clinic_today(practice, now()),
    )


def _outcome(asked: _Asked) -> MilestoneOutcome:
    return view_milestone_outcome(
        current_session(),
        asked.practice,
        procedure=asked.procedure,
        kind=asked.kind,
        today=asked.today,
        smallest=smallest(),
    )


def _safety(asked: _Asked) -> SafetyOutcome:
    return view_safety_outcome(
        current_session(), asked.practice, procedure=asked.procedure, today=asked.today, smallest=smallest()
    )


def _scores(asked: _Asked) -> ScoreOutcome:
    return view_score_outcome(
        current_session(), asked.practice, procedure=asked.procedure, today=asked.today, smallest=smallest()
    )


def _bands(asked: _Asked) -> list[RecoveryBand]:
    return [
        view_recovery_band(
            current_session(),
            asked.practice,
            procedure=asked.procedure,
            approach_class=approach_class,
            today=asked.today,
            smallest=smallest(),
        )
        for approach_class in (*ApproachClass, None)
    ]
