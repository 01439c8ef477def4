"""Red flags that phones push, by all three protocols: each raises one alert, whatever becomes of its row."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from models import CheckIn, RefusedRow
from schedules.plan.vocabulary import AlertState
from tests.alerts import alerts_of, calls_of, chain, lines_of
from tests.api.conftest import Caller, Clinic, Look
from tests.sync.conftest import Phone, check_in

RED = json.dumps(["new_weakness"])


@contextmanager
def statements() -> Iterator[list[str]]:
    """Yield what every engine is asked for meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def by_watermelon(patient: Caller, row: dict[str, Any], phone: Phone) -> int:
    body = {"check_ins": {"created": [row], "updated": [], "deleted": []}}
    return int(phone.push_body(body).status_code)


def by_rxdb(patient: Caller, row: dict[str, Any], _phone: Phone) -> int:
    answer = patient.post("/sync/rxdb/check_ins/2/push", [{"newDocumentState": row | {"_deleted": False}}])
    return int(answer.status_code)


def by_powersync(patient: Caller, row: dict[str, Any], _phone: Phone) -> int:
    data = {name: value for name, value in row.items() if name != "id"}
    operation = {"op": "PUT", "type": "check_ins", "id": row["id"], "data": data}
    return int(patient.post("/sync/powersync/crud", {"crud": [operation]}).status_code)


@pytest.mark.parametrize("push", [by_watermelon, by_rxdb, by_powersync])
def test_a_flag_that_a_phone_pushes_again_and_again_raises_one_alert(
    push: Any, patient: Caller, phone: Phone, clinic: Clinic, session: Session, engine: Engine
) -> None:
    first, *_ = chain(session, clinic.practice)
    session.commit()

    statuses = [push(patient, check_in(clinic, "c-1", red_flags=RED), phone) for _ in range(3)]

    assert all(status < 300 for status in statuses), statuses
    (alert,) = alerts_of(engine, practice_id=clinic.id)
    assert alert.about == {"check_in_id": "c-1", "red_flag": "new_weakness"}
    assert [call.staff_id for call in calls_of(engine, practice_id=clinic.id)] == [first.id]


def test_a_flag_raises_its_alert_whatever_else_comes_with_it(
    phone: Phone, clinic: Clinic, milestone_id: Callable[[str], str], engine: Engine
) -> None:
    reminder_id = min(row["id"] for row in phone.rows["reminders"].values() if row["due_at"] < 1_772_460_000_000)
    ack = {"id": f"{reminder_id}.ack", "reminder_id": reminder_id, "acknowledged_at": 1_772_460_000_000}
    beside = {
        "milestone_progress": [{"id": milestone_id("walk30"), "achieved_on": "2026-03-02"}],
        "reminder_acks": [ack],
        "patients": [phone.rows["patients"][clinic.patient.id] | {"language": "es", "opted_out": '["email"]'}],
    }

    for name, rows in beside.items():
        told = {"check_ins": [check_in(clinic, f"c-{name}", red_flags=RED)], name: rows}
        pushed = phone.push_body({each: {"created": [], "updated": told[each], "deleted": []} for each in told})
        assert pushed.json.get("stored") == 1 + len(rows)
        phone.pull()

    raised = sorted(each.about["check_in_id"] for each in alerts_of(engine, practice_id=clinic.id))
    assert raised == ["c-milestone_progress", "c-patients", "c-reminder_acks"]


def test_two_phones_that_disagree_raise_one_alert_whichever_stands(
    phone: Phone, second_phone: Phone, clinic: Clinic, engine: Engine
) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1")])

    for each, told in ((phone, {"red_flags": "[]"}), (second_phone, {"red_flags": RED, "pain": 7})) * 2:
        each.pull()
        answer = each.push(check_ins=[check_in(clinic, "c-1", **told)])
        assert answer.status_code < 300

    (alert,) = alerts_of(engine, practice_id=clinic.id)
    assert alert.state is AlertState.open
    assert lines_of(engine, practice_id=clinic.id).count("raised") == 1


def test_a_flag_in_a_row_that_cannot_be_stored_raises_its_alert_all_the_same(
    phone: Phone, clinic: Clinic, engine: Engine, look: Look
) -> None:
    for _ in range(2):
        phone.push(check_ins=[check_in(clinic, "c-1", red_flags=json.dumps(["new_weakness", "of_a_newer_app"]))])
        phone.push(check_ins=[check_in(clinic, "c-2", red_flags=RED, pain=42)])

    assert look(CheckIn, practice_id=clinic.id) == []
    assert len(look(RefusedRow, practice_id=clinic.id)) == 2
    assert sorted(each.about["check_in_id"] for each in alerts_of(engine, practice_id=clinic.id)) == ["c-1", "c-2"]


def test_a_fever_in_a_row_that_cannot_be_stored_raises_its_alert_all_the_same(
    phone: Phone, clinic: Clinic, engine: Engine
) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1", temperature_tenths_c=390, pain=42)])
    phone.push(check_ins=[check_in(clinic, "c-2", wound_signs='["clear_fluid"]', sleep=3)])

    raised = sorted((each.about["check_in_id"], each.about["red_flag"]) for each in alerts_of(engine))
    assert raised == [("c-1", "wound_infection"), ("c-2", "fluid_or_meningitis")]


def test_a_flag_of_another_patient_raises_nothing(phone: Phone, clinic: Clinic, engine: Engine) -> None:
    strange = check_in(clinic, "c-1", red_flags=RED) | {"episode_id": clinic.other_episode.id}

    phone.push(check_ins=[strange])

    assert alerts_of(engine) == []


def test_a_flag_that_a_phone_takes_back_closes_nothing(phone: Phone, clinic: Clinic, engine: Engine) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1", red_flags=RED)])
    phone.pull()

    phone.push(check_ins=[check_in(clinic, "c-1", red_flags=json.dumps([]))])
    phone.push(check_ins=[check_in(clinic, "c-1", red_flags=json.dumps([]))])

    (alert,) = alerts_of(engine, practice_id=clinic.id)
    assert (alert.state, alert.withdrawn_at is None) == (AlertState.open, False)
    assert alert.next_escalation_at is not None
    assert lines_of(engine, practice_id=clinic.id).count("withdrawn") == 1


def test_many_check_ins_without_a_flag_cost_no_more_for_their_number(
    phone: Phone, clinic: Clinic, engine: Engine
) -> None:
    counts = []
    for size in (2, 60):
        rows = [check_in(clinic, f"c-{size}-{number}", red_flags="[]") for number in range(size)]
        with statements() as seen:
            phone.push(check_ins=rows)
        counts.append(len([each for each in seen if each.startswith("SELECT") and "check_in" in each]))
        assert not [each for each in seen if "alert" in each]

    assert counts[0] == counts[1]


@pytest.mark.parametrize("told", ["{", "5", '{"a": 1}', '[1, null, ["calf"]]', "[" * 2000])
def test_whatever_stands_in_the_place_of_flags_is_no_fault(
    phone: Phone, clinic: Clinic, engine: Engine, told: str
) -> None:
    answer = phone.push(check_ins=[check_in(clinic, "c-1", red_flags=told)])

    assert answer.status_code < 300
    assert alerts_of(engine) == []
