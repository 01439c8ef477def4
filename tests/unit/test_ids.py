"""Ids sort in the order of their making, however many a process made before."""

from models.ids import first_id_at, new_id
from tests.clock import MONDAY_AFTERNOON


def test_ids_of_one_instant_sort_in_the_order_of_their_making() -> None:
    made = [new_id(MONDAY_AFTERNOON) for _ in range(70_000)]

    assert made == sorted(made)
    assert {len(each) for each in made} == {26}
    assert first_id_at(MONDAY_AFTERNOON) < made[0]
