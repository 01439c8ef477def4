"""What a clinician types of an opioid taper: the MME of one dose, and a step a line."""

import re
from datetime import date
from typing import Final

from flask import Response

from models import Episode
from models.ids import new_id
from schedules.plan.taper import TaperStep
from service.api.scope import caller, now, show
from service.api.settle import settled
from service.care.reach import find_row
from service.care.tapers import MOST_MME_TENTHS_A_DAY, MOST_MME_TENTHS_PER_DOSE, MOST_STEPS, TaperRecord, put_taper
from service.dashboard.blueprint import clinic, typed
from service.dashboard.patient_views import Faults, show_course
from service.dashboard.render import go_to
from service.db import begin, current_session
from service.errors import Fault, InvalidError

_MME: Final = re.compile(r"([0-9]{1,5})(?:[.,]([0-9]))?")
_STEP: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\s+([0-9.,]+)")


@clinic.post("/episodes/<id:episode_id>/opioid-taper")
@settled
def enter_steps(episode_id: str) -> Response:
    """Store the steps that a clinician typed; show the patient again with what stands against them."""
    session = current_session()
    episode = find_row(session, caller(), Episode, episode_id)
    patient_id = episode.patient_id
    show(patient_id)
    try:
        record = TaperRecord(
            episode_id=episode_id,
            mme_tenths_per_dose=_tenths(typed("mme_per_dose"), "/mme_per_dose", MOST_MME_TENTHS_PER_DOSE),
            steps=_steps(typed("steps")),
        )
        put_taper(session, caller(), new_id(now()), record, now=now())
    except InvalidError as refused:
        session.rollback()
        begin(reads=False)
        return show_course(
            patient_id, episode_id=episode_id, status=refused.status, faults=Faults(taper=refused.faults)
        )
    return go_to(f"/clinic/patients/{patient_id}?episode={episode_id}&done=taper")


def _steps(told: str) -> tuple[TaperStep, ...]:
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    if not 1 <= len(lines) <= MOST_STEPS:
        raise InvalidError(Fault("/steps", f"1 to {MOST_STEPS} lines", f"{len(lines)} lines"))
    return tuple(_step(line, place) for place, line in enumerate(lines))


def _step(line: str, place: int) -> TaperStep:
    pointer, found = f"/steps/{place}", _STEP.fullmatch(line)
    if found is None:
        raise InvalidError(Fault(pointer, "a day and MME such as 2026-03-12 30", f"text of {len(line)} characters"))
    try:
        from_on = date.fromisoformat(found[1])
    except ValueError:
        raise InvalidError(Fault(pointer, "a day such as 2026-03-12", found[1])) from None
    return TaperStep(from_on, _tenths(found[2], pointer, MOST_MME_TENTHS_A_DAY))


def _tenths(told: str, pointer: str, most: int) -> int:
    found = _MME.fullmatch(told)
    tenths = int(found[1]) * 10 + int(found[2] or 0) if found else -1
    if not 0 <= tenths <= most:
        expected = f"MME from 0 to {most // 10}, with at most one decimal"
        raise InvalidError(Fault(pointer, expected, f"text of {len(told)} characters"))
    return tenths
