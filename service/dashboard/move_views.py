"""Moving a surgery, or calling it off: a form, then everything that would change, then a button that says what it does.

The page of what changes, and what applies it, serve every other change of an operation too.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Response
from marshmallow import ValidationError

from models import Patient, Surgery
from schedules.plan.diff import EpisodeDiff, ItemChange, MessageChange
from schedules.plan.vocabulary import MoveReason
from service.api.move_bodies import MoveBody, read_move
from service.api.moves import Shown, apply_shown, look_ahead
from service.api.scope import caller, now, show
from service.api.settle import settled
from service.care.enrol import clinic_today
from service.care.move_changes import ChangeKind
from service.care.reach import find_patient, find_row, practice_of
from service.dashboard.blueprint import clinic, typed
from service.dashboard.render import go_to, page
from service.db import current_session
from service.errors import ConflictError, Fault, InvalidError, StaleMoveError

_NO_DAY: Final = (ChangeKind.date_cleared, ChangeKind.surgery_cancelled)
_DAY: Final = (ChangeKind.date_set, ChangeKind.date_moved)
_STILL = (ItemChange.unchanged, ItemChange.kept)
_SILENT = (MessageChange.unchanged,)


@dataclass(frozen=True, slots=True)
class Sums:
    """How much a move changes: items that get other days, limits, and messages that go out to correct what was said."""

    items: int
    limits: int
    corrections: int


@clinic.get("/surgeries/<id:surgery_id>/move")
@settled
def ask_move(surgery_id: str) -> Response:
    """Ask for the new day of a surgery, or whether it is called off, and why."""
    surgery = find_row(current_session(), caller(), Surgery, surgery_id)
    show(surgery.patient_id)
    return _form(surgery)


@clinic.post("/surgeries/<id:surgery_id>/move")
@settled
def show_move(surgery_id: str) -> Response:
    """Show what the move would do to the whole plan. Nothing is changed yet."""
    surgery = find_row(current_session(), caller(), Surgery, surgery_id)
    show(surgery.patient_id)
    try:
        shown = dry_run(surgery, [_change(surgery)])
    except ValidationError:
        return _form(surgery, status=422, faults=(Fault("/surgery_on", "2026-03-12", ""),))
    except (InvalidError, ConflictError) as refused:
        return _form(surgery, status=refused.status, faults=refused.faults)
    return show_diff(surgery, shown)


@clinic.post("/episodes/<id:episode_id>/moves")
@settled
def apply_move(episode_id: str) -> Response:
    """Make the changes exactly as they were shown."""
    try:
        change = apply_shown(typed("token", longest=100_000), episode_id)
    except StaleMoveError:
        current_session().rollback()
        return page("move_stale.html", status=409)
    kinds = {kind for each in change.changes["surgeries"] for kind in each["changes"]}
    done = "moved" if kinds & {*_DAY} else "changed"
    return go_to(f"/clinic/patients/{change.patient_id}?episode={episode_id}&done={done}")


def dry_run(surgery: Surgery, changes: Sequence[dict[str, Any]]) -> Shown:
    """Return what changes of a surgery would do, for the reason that was typed.

    The form becomes the API's body, which the token of what is shown holds. Raises ValidationError for what is no such
    body, and as `look_ahead` does.
    """
    about = [{"surgery_id": surgery.id} | each for each in changes]
    body: dict[str, Any] = {"changes": about, "reason": typed("reason", longest=40), "dry_run": True}
    text = typed("reason_text")
    body |= {"reason_text": text} if text else {}
    loaded: dict[str, Any] = MoveBody().load(body)
    return look_ahead(read_move(loaded), body, surgery.episode_id)


def show_diff(surgery: Surgery, shown: Shown) -> Response:
    """Return the page of all that would change, with the button that does exactly that."""
    practice = practice_of(current_session(), caller())
    diff, (changed,) = shown.preview.diff, shown.preview.surgeries
    told = changed["becomes"].get("surgery_on")
    becomes_on = None if told is None else date.fromisoformat(told)
    return page(
        "move_diff.html",
        patient=_patient(surgery),
        surgery=surgery,
        changed=changed,
        becomes_on=becomes_on,
        shown=shown,
        sums=_sums(diff),
        milestones=[each for each in diff.milestones if each.change is not ItemChange.unchanged],
        restrictions=[each for each in diff.restrictions if each.change is not ItemChange.unchanged],
        reminders=[each for each in diff.reminders if each.change not in _SILENT],
        kinds={each.key: each.kind for each in diff.milestones},
        unchanged=Counter(each.change for each in diff.milestones)[ItemChange.unchanged],
        is_past=becomes_on is not None and becomes_on < clinic_today(practice, now()),
        zone=ZoneInfo(practice.time_zone),
    )


def faults_of_fields(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """Return faults that point into the API's body as faults of the form's fields."""
    return tuple(Fault("/" + each.pointer.rpartition("/")[2], each.expected, each.got) for each in faults)


def _change(surgery: Surgery) -> dict[str, Any]:
    wanted = typed("change", longest=40)
    if wanted in _NO_DAY:
        return {"change": wanted}
    kind = ChangeKind.date_set if surgery.surgery_on is None else ChangeKind.date_moved
    change = {"change": kind.value, "surgery_on": typed("surgery_on", longest=10)}
    arrival_at = typed("arrival_at", longest=5)
    return change | ({"arrival_at": arrival_at} if arrival_at else {})


def _form(surgery: Surgery, *, status: int = 200, faults: Sequence[Fault] = ()) -> Response:
    told = {"patient": _patient(surgery), "surgery": surgery, "reasons": list(MoveReason), "no_day": _NO_DAY}
    names = ("change", "surgery_on", "arrival_at", "reason", "reason_text")
    said = {name: typed(name) for name in names}
    return page("move.html", status=status, faults=faults_of_fields(faults), said=said, **told)


def _sums(diff: EpisodeDiff) -> Sums:
    def moving(rows: Sequence[Any]) -> int:
        return sum(1 for each in rows if each.change not in _STILL)

    corrections = sum(1 for each in diff.reminders if each.is_correction and each.change is not MessageChange.unchanged)
    return Sums(moving(diff.milestones), moving(diff.restrictions), corrections)


def _patient(surgery: Surgery) -> Patient:
    return find_patient(current_session(), caller(), surgery.patient_id)
