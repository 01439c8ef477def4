"""Whatever is pushed, by whomever: no answer is a fault of ours, and nothing of anybody else's changes."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models import CheckIn, MilestoneProgress, Patient, RefusedRow, SyncConflict
from service.sync.collections import COLLECTIONS
from service.sync.columns import Kind
from tests.api.conftest import Caller, Clinic, Look
from tests.sync.conftest import Phone, check_in

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)
)
COLUMNS = sorted({column for each in COLLECTIONS.values() for column in each.by_name})
ROWS = st.fixed_dictionaries(
    {"id": st.text(max_size=70) | st.sampled_from(["c-1", "m-1"])},
    optional=dict.fromkeys(COLUMNS[:40], ANYTHING),
)
CHANGED = st.lists(ROWS, max_size=3)
BODIES = st.dictionaries(
    st.sampled_from([*COLLECTIONS, "unknown"]),
    st.fixed_dictionaries(
        {"created": CHANGED, "updated": CHANGED, "deleted": st.lists(st.text(max_size=10), max_size=2)}
    ),
    max_size=3,
)
FEW = settings(max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
REFUSALS = (200, 400, 409, 413)


@pytest.mark.sqlite_only
@FEW
@given(body=BODIES | ANYTHING)
def test_no_push_of_watermelondb_is_a_fault(phone: Phone, body: Any) -> None:
    assert phone.push_body(body).status_code in REFUSALS


@pytest.mark.sqlite_only
@FEW
@given(collection=st.sampled_from([*COLLECTIONS]), rows=CHANGED, base=ROWS | st.none() | ANYTHING)
def test_no_push_of_rxdb_is_a_fault(phone: Phone, collection: str, rows: list[Any], base: Any) -> None:
    changes = [{"newDocumentState": row, "assumedMasterState": base} for row in rows]

    assert phone.caller.post(f"/sync/rxdb/{collection}/1/push", changes).status_code in REFUSALS


@pytest.mark.sqlite_only
@FEW
@given(kind=st.sampled_from(["PUT", "PATCH", "DELETE"]), of=st.sampled_from([*COLLECTIONS]), row=ROWS, old=ANYTHING)
def test_no_upload_of_powersync_is_a_fault(phone: Phone, kind: str, of: str, row: dict[str, Any], old: Any) -> None:
    operation = {"op": kind, "type": of, "id": row["id"], "data": row, "old": old}

    assert phone.caller.post("/sync/powersync/crud", {"crud": [operation]}).status_code in REFUSALS


def test_any_value_in_any_column_is_stored_right_or_kept_aside(phone: Phone, clinic: Clinic, look: Look) -> None:
    odd: list[Any] = [None, True, -1, 2**70, 1.5, "", "\x00", "\ud800", [], {"a": [1]}, "x" * 5000]
    columns = sorted(COLLECTIONS["check_ins"].written)
    rows = [
        check_in(clinic, f"c-{column}-{place}", **{column: value})
        for column in columns
        for place, value in enumerate(odd)
    ]

    pushed = phone.push(check_ins=rows)

    assert pushed.status_code == 200
    assert pushed.json["stored"] + pushed.json["refused"] + pushed.json["reasserted"] == len(rows)
    assert len(look(CheckIn)) + len(look(RefusedRow)) == len(rows)


@pytest.mark.parametrize("depth", [32, 300, 5_000])
def test_a_document_nested_too_deep_is_kept_aside_and_blocks_nothing(
    phone: Phone, clinic: Clinic, look: Look, depth: int
) -> None:
    deep = "[" * depth + "]" * depth
    columns = [each for each in COLLECTIONS["check_ins"].columns if each.kind is Kind.document]
    odd = [check_in(clinic, f"c-{column.name}", **{column.name: deep}) for column in columns]
    answers = {"id": "q-1", "episode_id": clinic.episode.id, "instrument": "nrs", "answered_at": 1_772_460_000_000}
    me = dict(phone.rows["patients"][clinic.patient.id], channels=deep)

    pushed = phone.push(
        check_ins=[check_in(clinic, "c-1"), *odd], questionnaire_answers=[answers | {"answers": deep}], patients=[me]
    )

    assert pushed.status_code == 200
    assert [row.id for row in look(CheckIn)] == ["c-1"]
    assert len(look(RefusedRow)) == len(odd) + 1
    assert [row.collection for row in look(SyncConflict)] == ["patients"]


def test_forged_columns_of_a_row_of_ones_own_change_nobody_elses(
    phone: Phone, clinic: Clinic, look: Look, other_patient: Caller
) -> None:
    me = dict(phone.rows["patients"][clinic.patient.id], patient_id=clinic.other_patient.id, practice_id="x", mrn="1")

    phone.push(patients=[me, dict(me, id=clinic.other_patient.id, language="es")])

    assert look(Patient, id=clinic.other_patient.id)[0].language == "en"
    assert look(Patient, id=clinic.patient.id)[0].mrn == clinic.patient.mrn
    assert look(MilestoneProgress) == []
