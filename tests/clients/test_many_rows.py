"""More rows than a page or a batch of any client, while others change them: nothing is lost, nothing comes twice."""

import pytest

from service.sync.collections import SCHEMA_VERSION
from tests.clients.conftest import Phones
from tests.clients.service import Ward, schema_of

SCHEMA = schema_of("patients", "check_ins")
RXDB = f"check_ins/{SCHEMA_VERSION - 1}/pull"
PULL = {"watermelon": "GET http", "rxdb": RXDB, "rxdb_server": RXDB, "powersync": "/stream"}

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("name", PULL)]


def named(letter: str, count: int) -> list[str]:
    return [f"{letter}-{number:03}" for number in range(count)]


def test_a_first_sync_of_a_whole_panel_has_every_row_as_it_stands_at_the_end(
    phones: Phones, ward: Ward, name: str
) -> None:
    other = ward.beside()
    ward.report(*named("a", 160))
    other.report(*named("b", 160))
    desk = phones(ward, name, token=ward.staff_token, schema=SCHEMA)
    # Before the second page: a row of the first page, one of the last, and a new one.
    of_one = ward.push_of(ward.check_in("a-005", pain=9), ward.check_in("a-900", pain=1))
    of_other = other.push_of(other.check_in("b-155", pain=8))

    desk.send("meanwhile", of=PULL[name], skip=1, requests=[of_one, of_other])
    desk.sync()
    desk.sync()
    left = desk.send("meanwhile", of="", skip=0, requests=[])
    desk.sync()

    stored = ward.stored("check_ins", token=ward.staff_token)
    held = desk.rows("check_ins")
    assert left == 0
    assert [row["id"] for row in held] == [*named("a", 160), "a-900", *named("b", 160)]
    assert {row["id"]: row["pain"] for row in held} == {row_id: row["pain"] for row_id, row in stored.items()}
    assert {row["id"]: row["pain"] for row in held if row["pain"] != 4} == {"a-005": 9, "a-900": 1, "b-155": 8}


def test_more_rows_than_a_batch_go_up_once_though_an_answer_is_lost(phones: Phones, ward: Ward, name: str) -> None:
    phone = phones(ward, name, schema=SCHEMA)
    phone.sync()
    ids = named("c", 230)
    for row_id in ids:
        phone.create("check_ins", ward.check_in(row_id))

    phone.lose("response", of="POST http" if name == "watermelon" else "/crud" if name == "powersync" else "/push")
    phone.sync()
    left = phone.lose_no_more()
    phone.sync()

    assert left == 0
    assert sorted(ward.stored("check_ins")) == ids
    assert [row["id"] for row in phone.rows("check_ins")] == ids
