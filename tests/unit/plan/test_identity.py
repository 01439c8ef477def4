"""Ids of plan rows never change, and never meet."""

import pytest

from schedules.plan.errors import PlanError
from schedules.plan.identity import plan_row_id


def test_an_id_is_the_same_for_ever() -> None:
    assert plan_row_id("p1", "e1", "milestone", "drive", 1) == "w7uj6bzh3m64iad4fdyy6dl366jgtvlx"
    assert plan_row_id("p1", "e1", "restriction", "lifting", 2, 3) == "nigft3m4rxv5stcuc4fevzw6x4um5rfv"
    assert plan_row_id("p1", "e1", "reminder", "drive", 1, "ask", 0) == "q37l4s7f3ask37l6tgbsycsev2xvieb4"


def test_whatever_tells_rows_apart_gives_another_id() -> None:
    ids = {
        plan_row_id("p1", "e1", "milestone", "drive", 1),
        plan_row_id("p2", "e1", "milestone", "drive", 1),
        plan_row_id("p1", "e2", "milestone", "drive", 1),
        plan_row_id("p1", "e1", "reminder", "drive", 1),
        plan_row_id("p1", "e1", "milestone", "full", 1),
        plan_row_id("p1", "e1", "milestone", "drive", 2),
        plan_row_id("p1", "e1", "milestone", "drive", 1, "ask"),
        plan_row_id("p1", "e1", "milestone", "drive", 1, "ask", 0),
        plan_row_id("p1e", "1", "milestone", "drive", 1),
        plan_row_id('p1","e1', "", "milestone", "drive", 1),
    }

    assert len(ids) == 10
    assert all(len(item) == 32 and item == item.lower() and item.isalnum() for item in ids)


def test_ids_from_clients_may_hold_any_character() -> None:
    assert len(plan_row_id("klinik-münchen", "e\udc80", "milestone", "drive", 1)) == 32


def test_occurrences_count_from_one() -> None:
    with pytest.raises(PlanError, match="occurrence: expected 1 or more, got 0"):
        plan_row_id("p1", "e1", "milestone", "drive", 0)
