"""Exercises on real clients: an app that grows to version 5 gets them, and what two phones tick offline is counted."""

import json
from typing import Any

import pytest

from tests.clients.conftest import Phones
from tests.clients.driver import Client
from tests.clients.service import Ward, schema_of

USED = ("episodes", "check_ins")
ASKED = ["spine_straight", "walk", "sit_breaks"]

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("name", ["watermelon", "rxdb", "rxdb_server", "powersync"])]


def asked(phone: Client) -> list[str]:
    """Return the exercises that a phone holds."""
    (episode,) = phone.rows("episodes")
    return [each["key"] for each in json.loads(str(episode["exercises"]))]


def ticked(phone: Client) -> dict[str, Any]:
    return {str(row["id"]): row["exercises"] for row in phone.rows("check_ins")}


def test_an_app_that_grows_from_version_4_gets_the_exercises_and_what_was_ticked(
    phones: Phones, ward: Ward, name: str
) -> None:
    phone = phones(ward, name, schema=schema_of(*USED, version=4))
    body = {"episode_id": ward.episode_id, "reported_at": "2026-03-02T12:00:00Z", "pain": 3, "exercises": ["walk"]}
    ward.call("PUT", "/check-ins/c-1", body)
    phone.sync()
    phone.create("check_ins", ward.check_in("c-2", version=4, pain=5))

    phone.upgrade(schema_of(*USED, version=5))
    phone.sync()
    phone.sync()

    assert asked(phone) == ASKED
    assert ticked(phone) == {"c-1": '["walk"]', "c-2": None}
    assert {row["id"]: row["pain"] for row in ward.stored("check_ins").values()} == {"c-1": 3, "c-2": 5}
    assert ward.stored("check_ins")["c-1"]["exercises"] == '["walk"]'


def test_what_two_phones_tick_offline_is_on_both_and_counts_once_a_day(phones: Phones, ward: Ward, name: str) -> None:
    one, other = (phones(ward, name, number, schema=schema_of(*USED)) for number in range(2))
    for phone in (one, other):
        phone.sync()
    first = asked(one)

    one.create("check_ins", ward.check_in("c-1", exercises='["walk"]'))
    other.create("check_ins", ward.check_in("c-2", exercises='["spine_straight","walk"]'))
    for phone in (one, other, one, other):
        phone.sync()

    rows = {"c-1": '["walk"]', "c-2": '["spine_straight","walk"]'}
    assert first == asked(other) == ASKED
    assert (ticked(one), ticked(other)) == (rows, rows)
    stored = {row_id: row["exercises"] for row_id, row in ward.stored("check_ins").items()}
    assert stored == rows
