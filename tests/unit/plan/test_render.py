"""How a plan reads as text, where the golden files have no such case."""

from dataclasses import replace
from datetime import date

from schedules.plan.build import Plan
from schedules.plan.protocol import Text
from schedules.plan.render import render_beside, render_plan
from tests.unit.plan.samples import milestone, plan, stage


def test_what_another_stage_binds_says_which() -> None:
    both = plan(stage("TLIF-MISS"), stage("INTRACEPT", day0=date(2026, 4, 6), ordinal=2))

    bound = [line for line in render_plan(both).splitlines() if "bound by stage 1, tlif" in line]

    assert bound


def test_what_one_of_two_plans_lacks_is_a_dash_and_bears_a_star() -> None:
    miss, open_ = plan(stage()), plan(stage("MD-OPEN"))
    without = replace(open_, milestones=tuple(each for each in open_.milestones if each.key != "walk30"))
    undated = replace(
        miss, milestones=tuple(replace(m, target_days=None) if m.key == "drive" else m for m in miss.milestones)
    )

    rows = {line.split()[0]: line for line in render_beside({"miss": undated, "open": without}).splitlines()}

    assert rows["walk30"].split()[-2:] == ["-", "*"]
    assert rows["drive"].split()[1] == "-"


def test_a_remark_loses_its_full_stop_and_nothing_else() -> None:
    shipped = plan(stage())
    drive, lifting = milestone(shipped, "drive"), shipped.restrictions[0]
    text = Text(en="As in table X.", es="Como en la tabla X.")
    marked = Plan((replace(drive, note="Source IX."),), (replace(lifting, text=text),))

    lines = render_plan(marked).splitlines()

    assert next(line for line in lines if " drive " in line).endswith("Source IX")
    assert next(line for line in lines if " lifting " in line).endswith("As in table X")
