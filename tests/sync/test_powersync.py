"""A phone with PowerSync's SDK: one bucket, operations numbered by revision, uploads of changed columns."""

import gzip
import json
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from models import CheckIn, ObservedFact, QuestionnaireAnswer, RefusedRow, SyncClock, SyncConflict
from service.sync.collections import COLLECTIONS, wire_values
from tests.api.conftest import Caller, Clinic, Look
from tests.sync.conftest import Phone, check_in

PATH = "/sync/powersync"


def stream(caller: Caller, after: Any = None, bucket: str | None = None) -> list[dict[str, Any]]:
    """Return the lines up to the checkpoint's completion; a stream without news stays open after it."""
    held = [] if after is None else [{"name": bucket, "after": after}]
    answer = caller.post(f"{PATH}/sync/stream", {"buckets": held, "client_id": "c"}, buffered=False)
    assert answer.status_code == 200
    lines: list[dict[str, Any]] = []
    for told in answer.response:
        lines += map(json.loads, told.splitlines())
        if "checkpoint_complete" in lines[-1] or "token_expires_in" in lines[-1]:
            break
    answer.close()
    return [line for line in lines if "token_expires_in" not in line]


def operations(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [operation for line in lines if "data" in line for operation in line["data"]["data"]]


def upload(caller: Caller, *crud: dict[str, Any]) -> Any:
    return caller.post(f"{PATH}/crud", {"crud": list(crud)})


def test_a_first_stream_brings_everything_in_growing_numbers(patient: Caller, clinic: Clinic, phone: Phone) -> None:
    lines = stream(patient)

    numbers = [int(operation["op_id"]) for operation in operations(lines)]
    checkpoint = lines[0]["checkpoint"]
    whole = {(name, row_id) for name, rows in phone.rows.items() for row_id in rows}
    assert numbers == sorted(set(numbers))
    assert {(each["object_type"], each["object_id"]) for each in operations(lines)} == whole
    assert checkpoint["buckets"][0]["bucket"] == f"patient:{clinic.patient.id}:0"
    assert lines[-1] == {"checkpoint_complete": {"last_op_id": checkpoint["last_op_id"]}}
    assert numbers[-1] <= int(checkpoint["last_op_id"])


@pytest.mark.sqlite_only
def test_a_first_sync_is_zipped_for_a_client_that_takes_it_so(app: Any, patient: Caller) -> None:
    token, client = {"Authorization": f"Bearer {patient.token}"}, app.test_client()

    def fetch(method: str, path: str, **more: str) -> Any:
        body: dict[str, Any] | None = {} if method == "POST" else None
        return client.open(f"/api/v1/sync/{path}", method=method, json=body, headers=token | more)

    for method, path in (("GET", "watermelon"), ("GET", "rxdb/milestones/4/pull"), ("POST", "powersync/sync/stream")):
        plain = fetch(method, path)
        zipped = fetch(method, path, **{"Accept-Encoding": "gzip"})
        assert (plain.content_encoding, zipped.content_encoding) == (None, "gzip")
        assert gzip.decompress(zipped.data) == plain.data
        assert len(zipped.data) < len(plain.data) / 3


def test_a_later_stream_brings_what_changed(patient: Caller, clinic: Clinic) -> None:
    (checkpoint, *_) = stream(patient)
    bucket = checkpoint["checkpoint"]["buckets"][0]["bucket"]
    upload(patient, {"op": "PUT", "type": "check_ins", **_split(check_in(clinic, "c-1", took_opioid=1))})

    lines = stream(patient, checkpoint["checkpoint"]["last_op_id"], bucket)

    (operation,) = operations(lines)
    data = json.loads(operation["data"])
    assert (operation["op"], operation["object_type"], operation["object_id"]) == ("PUT", "check_ins", "c-1")
    assert (data["pain"], data["took_opioid"], data["note"]) == (4, 1, None)


def test_an_upload_is_in_the_stream_once_its_write_checkpoint_is_reached(patient: Caller, clinic: Clinic) -> None:
    upload(patient, {"op": "PUT", "type": "check_ins", **_split(check_in(clinic, "c-1"))})
    wanted = patient.get(f"{PATH}/write-checkpoint2.json?client_id=c").json["data"]["write_checkpoint"]

    lines = stream(patient)

    assert int(lines[0]["checkpoint"]["write_checkpoint"]) >= int(wanted)
    assert "c-1" in {operation["object_id"] for operation in operations(lines)}


def test_an_upload_that_changes_nothing_is_answered_by_the_row_again(patient: Caller, clinic: Clinic) -> None:
    put = {"op": "PUT", "type": "check_ins", **_split(check_in(clinic, "c-1"))}
    upload(patient, put)
    (checkpoint, *_) = stream(patient)
    bucket = checkpoint["checkpoint"]["buckets"][0]["bucket"]

    again = upload(patient, put)

    assert again.json["unchanged"] == 1
    lines = stream(patient, checkpoint["checkpoint"]["last_op_id"], bucket)
    assert [operation["object_id"] for operation in operations(lines)] == ["c-1"]


def test_a_patch_with_its_old_values_merges_with_what_another_phone_wrote(
    patient: Caller, clinic: Clinic, look: Look
) -> None:
    upload(patient, {"op": "PUT", "type": "check_ins", **_split(check_in(clinic, "c-1", pain=4, steps=10))})

    upload(patient, _patch("c-1", {"pain": 6}, old={"pain": 4}))
    upload(patient, _patch("c-1", {"steps": 20}, old={"steps": 10}))

    assert [(row.pain, row.steps) for row in look(CheckIn)] == [(6, 20)]


@pytest.mark.parametrize(
    ("model", "told", "amended"),
    [
        (CheckIn, {"reported_at": 1_772_460_000_000, "pain": 4}, {"pain": 6}),
        (ObservedFact, {"observed_at": 1_772_460_000_000, "what": "opioid_taken"}, {"observed_at": 1_772_470_000_000}),
        (
            QuestionnaireAnswer,
            {"answered_at": 1_772_460_000_000, "instrument": "nrs", "answers": '{"back":3}'},
            {"answers": '{"back":5}'},
        ),
    ],
)
def test_a_report_that_was_made_and_amended_before_its_upload_arrives_as_it_was_amended(
    patient: Caller, clinic: Clinic, look: Look, model: Any, told: dict[str, Any], amended: dict[str, Any]
) -> None:
    name = {each.model: each.name for each in COLLECTIONS.values()}[model]
    put = {"op": "PUT", "type": name, "id": "r-1", "data": told | {"episode_id": clinic.episode.id}}
    patch = {"op": "PATCH", "type": name, "id": "r-1", "data": amended, "old": put["data"]}

    first, again = upload(patient, put, patch), upload(patient, put, patch)

    (row,) = look(model)
    assert wire_values(COLLECTIONS[name], row, amended) == amended
    assert (first.json["stored"], again.json["stored"], look(RefusedRow), look(SyncConflict)) == (2, 0, [], [])


def test_after_an_epoch_the_bucket_is_another_and_comes_whole(
    patient: Caller, session: Session, clinic: Clinic, phone: Phone
) -> None:
    (checkpoint, *_) = stream(patient)
    before = checkpoint["checkpoint"]["buckets"][0]["bucket"]
    session.execute(update(SyncClock).values(epoch=SyncClock.epoch + 1))
    session.commit()

    lines = stream(patient, checkpoint["checkpoint"]["last_op_id"], before)

    assert lines[0]["checkpoint"]["buckets"][0]["bucket"] == f"patient:{clinic.patient.id}:1"
    assert len(operations(lines)) == sum(map(len, phone.rows.values()))


@pytest.mark.sqlite_only
@pytest.mark.parametrize("after", ["9" * 5_000, "٣", "-1", "", None, [], 1.5])
def test_a_place_that_is_none_of_ours_is_taken_for_the_beginning(
    patient: Caller, clinic: Clinic, phone: Phone, after: Any
) -> None:
    lines = stream(patient, after, f"patient:{clinic.patient.id}:0")

    assert len(operations(lines)) == sum(map(len, phone.rows.values()))


def test_a_patient_who_leaves_the_panel_is_removed(desk: Phone, panel: Clinic, session: Session) -> None:
    (checkpoint, *_) = stream(desk.caller)
    bucket = checkpoint["checkpoint"]["buckets"][0]["bucket"]
    panel.episode.coordinator_id = None
    session.commit()

    removed = operations(stream(desk.caller, checkpoint["checkpoint"]["last_op_id"], bucket))

    assert {operation["op"] for operation in removed} == {"REMOVE"}
    assert ("patients", panel.patient.id) in {(each["object_type"], each["object_id"]) for each in removed}


def test_a_token_may_be_called_a_token(app: Any, patient: Caller) -> None:
    answer = app.test_client().get(
        f"/api/v1{PATH}/write-checkpoint2.json", headers={"Authorization": f"Token {patient.token}"}
    )

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "body", [[], {}, {"crud": [1]}, {"crud": [{"op": "DROP", "type": "check_ins", "id": "c"}]}, {"crud": [{}]}]
)
@pytest.mark.sqlite_only
def test_an_upload_of_another_form_is_a_400(patient: Caller, body: Any) -> None:
    answer = patient.post(f"{PATH}/crud", body)

    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")


def _split(row: dict[str, Any]) -> dict[str, Any]:
    return {"id": row["id"], "data": {name: value for name, value in row.items() if name != "id"}}


def _patch(row_id: str, data: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    return {"op": "PATCH", "type": "check_ins", "id": row_id, "data": data, "old": old}
