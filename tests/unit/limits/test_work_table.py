from copy import deepcopy
from typing import Any

import pytest

from schedules.plan.errors import ProtocolError
from schedules.plan.library import load_library
from schedules.plan.protocol import EligibleBy, PoundsRange
from schedules.plan.vocabulary import MilestoneKind, WorkClass
from schedules.plan.work_table import read_work_table, write_work_table

SHIPPED = load_library().protocols[0].work


def table(**changes: Any) -> dict[str, Any]:
    """The shipped table with values put in at paths such as heavy__occasional__to_lb; ... takes one out."""
    values = deepcopy(write_work_table(SHIPPED))
    for path, value in changes.items():
        *parents, key = path.split("__")
        place = values
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[key]
        else:
            place[key] = value
    return values


def test_the_shipped_table_written_and_read_is_itself() -> None:
    assert read_work_table(table()) == SHIPPED


def test_a_jurisdictions_own_figures_are_read() -> None:
    demands = read_work_table(
        table(light__occasional={"over_lb": 11, "to_lb": 25}, heavy__occasional__to_lb=75, sources=["S108", "S110"])
    )

    light = demands.of_milestone(MilestoneKind.rtw_light)
    assert (light.work_class, light.eligible_by) == (WorkClass.light, EligibleBy.occasional_limit)
    assert light.occasional == PoundsRange(over_lb=11, to_lb=25)
    assert demands.of_milestone(MilestoneKind.rtw_heavy).occasional == PoundsRange(over_lb=50, to_lb=75)
    assert demands.sources == ("S108", "S110")


def test_a_table_without_sources_names_none() -> None:
    assert read_work_table(table(sources=...)).sources == ()


def test_pounds_from_0_to_1000_are_taken() -> None:
    demands = read_work_table(table(heavy__constant={"over_lb": 0, "to_lb": 1000}))

    assert demands.of_milestone(MilestoneKind.rtw_heavy).constant == PoundsRange(over_lb=0, to_lb=1000)


@pytest.mark.parametrize(
    ("changes", "key", "expected", "got"),
    [
        ({"light": ...}, "light", "a table", "nothing"),
        ({"light": "20 lb"}, "light", "a table", "text of 5 characters"),
        ({"not_working": {}}, "not_working", "only keys that are known", "this one"),
        ({"sources": ["S999"]}, "sources", "ids of the bibliography", "'S999'"),
        ({"light__milestone": "rtw_med"}, "light.milestone", "the return to light work", "rtw_med"),
        ({"light__occasional__to_lb": 20.5}, "light.occasional.to_lb", "a whole number", "20.5"),
        ({"light__occasional__to_lb": True}, "light.occasional.to_lb", "a whole number", "True"),
        ({"light__frequent": None}, "light.frequent", "a table", "nothing"),
        (
            {"light__occasional": {"over_lb": 11}},
            "light.occasional.to_lb",
            "the pounds that the lifting limit must reach",
            "nothing",
        ),
        ({"light__frequent__to_lb": -1}, "light.frequent.to_lb", "pounds from 0 to 1000", "-1"),
        ({"heavy__constant__to_lb": 1001}, "heavy.constant.to_lb", "pounds from 0 to 1000", "1001"),
        ({"heavy__constant": {}}, "heavy.constant", "over_lb, to_lb or both", "neither"),
        ({"medium__constant__over_lb": 10}, "medium.constant.to_lb", "more than over_lb, 10", "10"),
        ({"medium__occasional": {"to_lb": 20}}, "medium.occasional.to_lb", "more than the class before it, 20", "20"),
        ({"heavy__occasional": {"over_lb": 50}, "very_heavy__occasional__to_lb": 200},
         "very_heavy.occasional.to_lb", "no bound, as the class before it", "200"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_demand_levels_is_refused(
    changes: dict[str, Any], key: str, expected: str, got: str
) -> None:
    with pytest.raises(ProtocolError) as refusal:
        read_work_table(table(**changes))

    assert (refusal.value.file, refusal.value.key) == ("work_table", key)
    assert (refusal.value.expected, refusal.value.got) == (expected, got)
