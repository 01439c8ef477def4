"""Making one record of two: side by side, then everything that would happen, then one button that does it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Response, request
from marshmallow import ValidationError

from models import Patient
from service.api.merge_bodies import MergeBody, read_merge
from service.api.merges import Shown, apply_shown, look_ahead
from service.api.scope import caller, now, show
from service.api.settle import settled
from service.care.enrol import fields_of
from service.care.merging_facts import Difference, Fact, Side, find_differences
from service.care.reach import find_patient
from service.care.records import PatientRecord
from service.dashboard.blueprint import clinic, typed, typed_id
from service.dashboard.render import go_to, page
from service.db import begin, current_session
from service.errors import ConflictError, Fault, InvalidError, NotFoundError, StaleMergeError
from service.identity.sessions import require_fresh

# Of which rows a person is told how many; those of other tables are told as one number.
_TOLD: Final = (
    "episode", "surgery", "check_in", "questionnaire_answer", "wound_photo", "visit", "clinical_event", "clearance",
    "reminder", "letter", "task", "alert", "care_assignment", "proxy_consent", "record_hold",
)  # fmt: skip


@clinic.get("/merge")
@settled
def ask_merge() -> Response:
    """Show two records side by side, or ask which two."""
    ids = {name: request.args.get(name, "").strip()[:64] for name in ("survivor", "absorbed")}
    if not all(ids.values()):
        return page("merge.html", ids=ids, pair=None, faults=())
    return _form(*_find(ids["survivor"], ids["absorbed"]))


@clinic.post("/merge")
@settled
def show_merge() -> Response:
    """Show what would become of both records. Nothing is changed yet."""
    require_fresh(caller(), now())
    pair = _find(typed_id("survivor"), typed_id("absorbed"))
    body = _body(pair)
    try:
        loaded: dict[str, Any] = MergeBody().load(body)
        shown = look_ahead(read_merge(loaded, pair[0].id), body)
    except ValidationError:
        raise InvalidError from None  # of no form of ours
    except (InvalidError, ConflictError) as refused:
        current_session().rollback()
        begin(reads=False)
        return _form(*_find(pair[0].id, pair[1].id), status=refused.status, faults=refused.faults)
    return _shown(*_find(pair[0].id, pair[1].id), shown)


@clinic.post("/merge/apply")
@settled
def apply_merge() -> Response:
    """Make one record of the two, exactly as it was shown."""
    require_fresh(caller(), now())
    try:
        merge = apply_shown(typed("token", longest=100_000), typed_id("survivor"))
    except (StaleMergeError, ConflictError):
        current_session().rollback()
        return page("merge_stale.html", status=409)
    return go_to(f"/clinic/patients/{merge.patient_id}?done=noted")


def _find(survivor_id: str, absorbed_id: str) -> tuple[Patient, Patient]:
    session, who = current_session(), caller()
    if survivor_id == absorbed_id:
        raise NotFoundError
    pair = (find_patient(session, who, survivor_id), find_patient(session, who, absorbed_id))
    show(*(each.id for each in pair))
    return pair


def _body(pair: tuple[Patient, Patient]) -> dict[str, Any]:
    """Return the form as the API's body: the token of what is shown holds it."""
    chosen = {fact: typed(f"fact_{fact}", longest=20) for fact in Fact}
    return {
        "absorbed_id": pair[1].id,
        "choices": [{"fact": fact.value, "stands": side} for fact, side in chosen.items() if side in list(Side)],
        "confirm_birth_dates": typed("confirm_birth_dates") == "yes",
        "dry_run": True,
    }


def _form(survivor: Patient, absorbed: Patient, *, status: int = 200, faults: Sequence[Fault] = ()) -> Response:
    chosen = {fact: Side(side) for fact in Fact if (side := typed(f"fact_{fact}", longest=20)) in list(Side)}
    own, other = (PatientRecord(**fields_of(each, PatientRecord)) for each in (survivor, absorbed))
    return page(
        "merge.html",
        status=status,
        ids={"survivor": survivor.id, "absorbed": absorbed.id},
        pair=(survivor, absorbed),
        differences=[_told(each) for each in find_differences(own, other, chosen)],
        differ_in_birth=survivor.date_of_birth != absorbed.date_of_birth,
        is_confirmed=typed("confirm_birth_dates") == "yes",
        faults=faults,
    )


def _shown(survivor: Patient, absorbed: Patient, shown: Shown) -> Response:
    merged = shown.merged
    fates = list(merged.messages.values())
    return page(
        "merge_shown.html",
        pair=(survivor, absorbed),
        shown=shown,
        differences=[_told(each) for each in merged.differences],
        rows=_rows(merged.carried.moved),
        ended=merged.carried.ended,
        labels=merged.carried.labels,
        messages={fate: fates.count(fate) for fate in sorted(set(fates))},
        kept=merged.kept,
    )


def _rows(moved: Mapping[str, int]) -> dict[str, int]:
    """Return how many rows of each kind go over, in the words of the page."""
    rows = {name: moved[name] for name in _TOLD if name in moved}
    others = sum(count for name, count in moved.items() if name not in _TOLD)
    return rows | ({"other": others} if others else {})


def _told(difference: Difference) -> dict[str, Any]:
    sides = ((Side.survivor, difference.survivor), (Side.absorbed, difference.absorbed))
    return {
        "fact": difference.fact,
        "stands": difference.stands,
        "values": {side: list(values.values()) for side, values in sides},
    }
