"""Lost requests, lost answers, doubled and reordered pushes, revoked access: what was acknowledged is stored once."""

import io
import json
import random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from models import CheckIn, Device, FormerVersion
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON
from tests.sync.conftest import PATH, Phone, check_in


def test_a_push_that_breaks_off_at_any_byte_applies_nothing_and_comes_again_whole(
    app: Flask, phone: Phone, clinic: Clinic, look: Look
) -> None:
    body = {"check_ins": {"created": [], "updated": [check_in(clinic, "c-1", note="ñ")], "deleted": []}}
    whole = json.dumps(body).encode()

    statuses = {_send_part(app, phone, whole, length) for length in range(len(whole))}
    before = look(CheckIn)
    answer = phone.push_body(body)

    assert statuses == {400}
    assert before == []
    assert answer.json["stored"] == 1
    assert [row.id for row in look(CheckIn)] == ["c-1"]


def _send_part(app: Flask, phone: Phone, whole: bytes, length: int) -> int:
    """Send the first bytes of a body whose header tells of all of them, as a connection that breaks off does."""
    answer = app.test_client().post(
        f"/api/v1{PATH}?last_pulled_at={phone.cursor}",
        headers={"Authorization": f"Bearer {phone.caller.token}", "Content-Length": str(len(whole))},
        input_stream=io.BytesIO(whole[:length]),
        content_type="application/json",
    )
    return answer.status_code


def test_an_answer_that_was_lost_changes_nothing_when_the_push_comes_again(
    phone: Phone, clinic: Clinic, look: Look
) -> None:
    rows = [check_in(clinic, f"c-{place}", pain=place) for place in range(5)]
    lost = phone.push(check_ins=rows)
    revisions = {row.id: row.rev for row in look(CheckIn)}

    again = phone.push(check_ins=rows)

    assert (lost.json["stored"], again.json["unchanged"]) == (5, 5)
    assert {row.id: row.rev for row in look(CheckIn)} == revisions


def test_lists_in_another_order_say_the_same_when_their_push_comes_again(
    phone: Phone, clinic: Clinic, look: Look
) -> None:
    flags, signs, done = '["new_weakness","cauda_equina"]', '["pus","redness"]', '["sit_breaks","walk","walk"]'
    row = check_in(clinic, "c-1", red_flags=flags, wound_signs=signs, exercises=done)
    phone.push(check_ins=[row])
    (before,) = look(CheckIn)

    again = phone.push(check_ins=[row])

    (stored,) = look(CheckIn)
    assert (again.status_code, again.json.get("unchanged")) == (200, 1)
    assert stored.red_flags == ["cauda_equina", "new_weakness"]
    assert (stored.wound_signs, stored.exercises) == (["redness", "pus"], ["walk", "sit_breaks"])
    assert (stored.rev, look(FormerVersion)) == (before.rev, [])


@pytest.mark.sqlite_only
def test_ten_thousand_rows_in_any_order_some_of_them_twice_are_stored_once(
    phone: Phone, clinic: Clinic, look: Look
) -> None:
    batches = [[check_in(clinic, f"c-{batch}-{place}") for place in range(500)] for batch in range(20)]
    order = [*range(20), *range(0, 20, 4)]
    random.Random(2026).shuffle(order)

    statuses = {phone.push(check_ins=batches[batch]).status_code for batch in order}

    assert statuses == {200}
    assert len(look(CheckIn)) == 10_000


def test_one_bad_row_in_a_hundred_is_named_and_the_others_are_stored(phone: Phone, clinic: Clinic, look: Look) -> None:
    rows = [check_in(clinic, f"c-{place}", pain=11 if place == 57 else 3) for place in range(100)]

    pushed = phone.push(check_ins=rows)
    pulled = phone.pull()

    assert (pushed.json["stored"], pushed.json["refused"]) == (99, 1)
    assert pulled["changes"]["check_ins"]["deleted"] == ["c-57"]
    assert "c-57" not in {row.id for row in look(CheckIn)}


def test_a_revoked_device_is_told_to_delete_what_it_stores(
    phone: Phone, session: Session, clinic: Clinic, look: Look
) -> None:
    session.execute(update(Device).values(revoked_at=MONDAY_AFTERNOON))
    session.commit()

    pushed = phone.push(check_ins=[check_in(clinic, "c-1")])
    pulled = phone.caller.get(f"{PATH}?last_pulled_at={phone.cursor}")

    assert [(answer.status_code, answer.json["code"]) for answer in (pushed, pulled)] == [(401, "device_revoked")] * 2
    assert look(CheckIn) == []


def test_a_coordinator_who_lost_a_patient_while_offline_writes_nothing_about_them(
    desk: Phone, panel: Clinic, session: Session, look: Look
) -> None:
    panel.episode.coordinator_id = None
    session.commit()

    pushed = desk.push(check_ins=[check_in(panel, "c-1")])
    pulled = desk.pull()

    assert (pushed.status_code, pushed.json["refused"]) == (200, 1)
    assert look(CheckIn) == []
    assert set(pulled["changes"]["check_ins"]["deleted"]) == {"c-1"}
    assert pulled["changes"]["patients"]["deleted"] == [panel.patient.id]
    assert not any(rows for name, rows in desk.rows.items() if name != "safety_cards")


@pytest.mark.parametrize("cursor", ["-1", "1.5", "abc", "99999999999999999", "0x10", "1 OR 1=1", "%00"])
@pytest.mark.sqlite_only
def test_what_is_no_cursor_is_refused_with_what_was_expected(phone: Phone, cursor: str) -> None:
    answer = phone.caller.get(f"{PATH}?last_pulled_at={cursor}")

    assert answer.status_code in (400, 422)
    assert answer.content_type == "application/problem+json"


def test_a_foreign_cursor_shows_nothing_but_ones_own_rows(phone: Phone, foreign_staff: Caller, clinic: Clinic) -> None:
    answer: Any = foreign_staff.get(f"{PATH}?last_pulled_at=1")

    assert all(not changes["updated"] for changes in answer.json["changes"].values())


def test_one_patients_cursor_shows_another_only_their_own_rows(
    phone: Phone, other_patient: Caller, clinic: Clinic
) -> None:
    theirs = Phone(other_patient, cursor=1)

    theirs.pull()

    assert {row["patient_id"] for row in theirs.rows["milestones"].values()} == {clinic.other_patient.id}
