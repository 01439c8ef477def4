"""An app that synchronised with an older schema is updated: nothing that waits is lost, and what is new arrives."""

from typing import Any

import pytest

from service.sync.collections import SCHEMA_VERSION
from tests.clients.conftest import Phones
from tests.clients.driver import Client, Row, Schema
from tests.clients.service import Ward, schema_of

BEFORE = ("patients", "milestones", "milestone_progress", "reminders", "check_ins")
OFFLINE = {"c-1": (6, 900), "c-2": (7, None)}

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("name", ["watermelon", "rxdb", "rxdb_server", "powersync"])]


def of_version_1() -> Schema:
    """Return the schema of the app as it was first shipped."""
    return schema_of(*BEFORE, version=1)


def of_the_update() -> Schema:
    """Return that of its update: a new collection, and new columns of messages and check-ins."""
    return schema_of(*BEFORE, "questionnaire_answers", version=SCHEMA_VERSION)


def answered(ward: Ward) -> Row:
    """Return a questionnaire that was answered elsewhere: the older app knows nothing of it."""
    body = {"episode_id": ward.episode_id, "instrument": "nrs", "answered_at": "2026-03-02T12:00:00Z"}
    answer = ward.call("PUT", "/questionnaire-answers/q-1", body | {"answers": {"back": 3}})
    assert answer.status_code == 201, answer.text
    return {"id": "q-1", "answers": '{"back":3}'}


def edit_offline(phone: Client, ward: Ward) -> None:
    phone.update("check_ins", "c-1", pain=6, steps=900)
    phone.create("check_ins", ward.check_in("c-2", version=1, pain=7))
    phone.create("milestone_progress", {"id": ward.milestone_ids["walk30"], "achieved_on": "2026-03-02"})


def told(rows: list[Row], *columns: str) -> dict[str, Any]:
    return {row["id"]: tuple(row[column] for column in columns) for row in rows}


def test_an_updated_app_has_all_rows_with_their_new_columns_and_lost_no_edit(
    phones: Phones, ward: Ward, name: str
) -> None:
    phone = phones(ward, name, schema=of_version_1())
    phone.create("check_ins", ward.check_in("c-1", version=1, pain=4))
    phone.sync()
    answered(ward)
    words = told(list(ward.stored("reminders").values()), "text", "correction")
    phone.sync()

    edit_offline(phone, ward)
    phone.upgrade(of_the_update())
    kept = told(phone.rows("check_ins"), "pain", "steps")
    phone.sync()
    phone.sync()

    assert kept == OFFLINE
    assert told(phone.rows("reminders"), "text", "correction") == words
    assert all(text for text, _ in words.values())
    assert told(phone.rows("questionnaire_answers"), "answers") == {"q-1": ('{"back":3}',)}
    assert {row["id"] for row in phone.rows("milestones")} == set(ward.milestone_ids.values())
    for rows in (phone.rows("check_ins"), list(ward.stored("check_ins").values())):
        assert told(rows, "pain", "steps") == OFFLINE
    assert [row["achieved_on"] for row in ward.stored("milestone_progress").values()] == ["2026-03-02"]
    assert told(list(ward.stored("reminders").values()), "text", "correction") == words
