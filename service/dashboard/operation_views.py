"""What is operated: a conversion to open, another procedure, approach or levels; and that a surgery took place.

A change is one form with what is stored; what differs in it becomes the API's changes, and is shown before it happens.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import Response
from marshmallow import ValidationError

from models import Surgery
from schedules.plan.errors import PlanError
from schedules.plan.library import approach_class_of
from schedules.plan.vocabulary import Approach, ApproachClass, MoveReason, Procedure, SurgeryStatus
from service.api.scope import caller, now, show
from service.api.settle import settled
from service.care.enrol import fields_of
from service.care.move_changes import ChangeKind
from service.care.reach import find_patient, find_row, lock_row
from service.care.records import SurgeryRecord
from service.care.surgeries import change_surgery
from service.dashboard.blueprint import clinic, typed
from service.dashboard.move_views import dry_run, faults_of_fields, show_diff
from service.dashboard.render import go_to, page
from service.db import current_session
from service.errors import ConflictError, Fault, InvalidError

_FIELDS = ("procedure", "approach", "approach_class", "levels")
_MOST_LEVELS = 400  # characters


@clinic.get("/surgeries/<id:surgery_id>/operation")
@settled
def ask_operation(surgery_id: str) -> Response:
    """Show what is stored of an operation, to be changed."""
    surgery = find_row(current_session(), caller(), Surgery, surgery_id)
    show(surgery.patient_id)
    return _form(surgery, _stored(surgery))


@clinic.post("/surgeries/<id:surgery_id>/operation")
@settled
def show_operation(surgery_id: str) -> Response:
    """Show what the change would do to the whole plan. Nothing is changed yet."""
    surgery = find_row(current_session(), caller(), Surgery, surgery_id)
    show(surgery.patient_id)
    said = {name: typed(name, longest=_MOST_LEVELS) for name in _FIELDS}
    changes = _changes(_stored(surgery), said)
    if not changes:
        nothing = Fault("", "a change of what is stored", "what is stored")
        return _form(surgery, said, status=422, faults=(nothing,))
    try:
        shown = dry_run(surgery, changes)
    except ValidationError:
        return _form(surgery, said, status=422, faults=(Fault("/levels", "levels such as L4-L5, L5-S1", ""),))
    except (InvalidError, ConflictError) as refused:
        return _form(surgery, said, status=refused.status, faults=refused.faults)
    return show_diff(surgery, shown)


@clinic.post("/surgeries/<id:surgery_id>/performed")
@settled
def confirm_surgery(surgery_id: str) -> Response:
    """Note that a planned surgery took place on its day."""
    surgery = lock_row(current_session(), caller(), Surgery, surgery_id)
    show(surgery.patient_id)
    record = replace(SurgeryRecord(**fields_of(surgery, SurgeryRecord)), status=SurgeryStatus.performed)
    change_surgery(current_session(), caller(), surgery, record, now=now(), require_match=lambda _row: None)
    return go_to(f"/clinic/patients/{surgery.patient_id}?episode={surgery.episode_id}&done=noted")


def _stored(surgery: Surgery) -> dict[str, str]:
    """Return the form's fields as stored. The class is empty where the approach decides it."""
    overridden = surgery.approach_class is not None and surgery.approach_class != _decided(surgery)
    return {
        "procedure": surgery.procedure.value,
        "approach": surgery.approach.value,
        "approach_class": str(surgery.approach_class) if overridden else "",
        "levels": ", ".join(surgery.levels),
    }


def _decided(surgery: Surgery) -> ApproachClass | None:
    try:
        return approach_class_of(surgery.procedure, surgery.approach)
    except PlanError:
        return None


def _changes(stored: dict[str, str], said: dict[str, str]) -> list[dict[str, Any]]:
    """Return what differs as the API's changes. With another procedure all of it is said anew."""
    levels = re.findall(r"[^\s,;]+", said["levels"])
    same_levels = levels == stored["levels"].split(", ")
    how = {"approach": said["approach"]}
    how |= {"approach_class": said["approach_class"]} if said["approach_class"] else {}
    if said["procedure"] != stored["procedure"]:
        return [{"change": ChangeKind.procedure_changed, "procedure": said["procedure"], "levels": levels} | how]
    changes: list[dict[str, Any]] = []
    if any(said[name] != stored[name] for name in ("approach", "approach_class")):
        changes.append({"change": ChangeKind.approach_changed} | how)
    return changes if same_levels else [*changes, {"change": ChangeKind.levels_changed, "levels": levels}]


def _form(surgery: Surgery, said: dict[str, str], *, status: int = 200, faults: Sequence[Fault] = ()) -> Response:
    likely = MoveReason.converted_in_theatre if surgery.status is SurgeryStatus.performed else ""
    return page(
        "operation.html",
        status=status,
        faults=faults_of_fields(faults),
        said=said | {"reason": typed("reason", longest=40) or likely, "reason_text": typed("reason_text")},
        patient=find_patient(current_session(), caller(), surgery.patient_id),
        surgery=surgery,
        procedures=list(Procedure),
        approaches=list(Approach),
        classes=list(ApproachClass),
        reasons=list(MoveReason),
    )
