"""The picture of plans side by side: well-formed, in words too, apart without colour, and within its width."""

import re
from datetime import UTC, date, datetime
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from schedules.plan.items import PatientFacts
from schedules.plan.vocabulary import ApproachClass, Procedure, WorkClass
from service.care.simulations import NamedSimulation, WantedSimulation, WantedStage, run_simulations, shipped_premises
from service.care.timeline import WIDTH, Axis, draw_simulations, draw_timeline
from service.care.timeline_rows import Lane, TimelineRow, compare_simulations, lanes_of, timeline_rows

SVG = "{http://www.w3.org/2000/svg}"
DAY0 = date(2026, 3, 2)
BESIDE = WantedStage(procedure=Procedure.tlif, surgery_on=DAY0)


def simulations(
    *stages: WantedStage, beside: bool = False, from_on: date = DAY0, days: int = 190
) -> tuple[NamedSimulation, ...]:
    wanted = WantedSimulation(
        stages=stages,
        patient=PatientFacts(work_class=WorkClass.heavy),
        enrolled_at=datetime(2026, 1, 5, 17, 0, tzinfo=UTC),
        from_on=from_on,
        days=days,
        beside=beside,
    )
    return run_simulations(wanted, shipped_premises(ZoneInfo("America/New_York"), None))


def picture(found: tuple[NamedSimulation, ...]) -> ET.Element:
    return ET.fromstring(draw_simulations(found))


def words(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def row(rows: tuple[TimelineRow, ...], name: str) -> TimelineRow:
    return next(each for each in rows if each.name == name)


def test_a_picture_names_itself_and_says_in_words_what_it_shows() -> None:
    root = picture(simulations(BESIDE, beside=True))

    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert desc is not None
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "timeline-title timeline-desc")
    assert title.text == "TLIF, miss beside open"
    assert "driving: miss 21 (14 to 28), grade B; open 35 (28 to 42), grade C." in (desc.text or "")


def test_classes_differ_by_more_than_colour() -> None:
    root = picture(simulations(BESIDE, beside=True))

    fills = {each.get("fill") for each in root.iter(f"{SVG}rect") if each.get("rx")}
    assert fills == {"#0072b2", "url(#stripes)"}
    assert words(root).count("miss") == words(root).count("open") > 20
    marks = {each.get("d", "")[:1] + re.sub("[0-9.,-]", "", each.get("d", "")) for each in root.iter(f"{SVG}path")}
    assert len(marks) >= 4  # a circle, a diamond, a tick, an arrow


def test_everything_lies_within_the_width() -> None:
    root = picture(simulations(BESIDE, beside=True))

    for each in root.iter():
        for name in ("x", "x1", "x2"):
            assert 0 <= float(each.get(name, "0")) <= WIDTH
        if each.get("rx"):
            assert float(each.get("x", "0")) + float(each.get("width", "0")) <= 900 + 3


def test_bars_begin_and_end_on_their_days() -> None:
    axis = Axis(0, 189, DAY0)
    root = picture(simulations(BESIDE, beside=True))

    group = next(
        each for each in root.iter(f"{SVG}g") if (each.findtext(f"{SVG}title") or "").startswith("driving, miss:")
    )
    bar = group.find(f"{SVG}rect")
    assert bar is not None
    assert float(bar.get("x", "0")) == axis.x(14)
    assert float(bar.get("width", "0")) == pytest.approx(axis.x(29) - axis.x(14), abs=0.11)


def test_an_axis_keeps_days_within_its_span() -> None:
    axis = Axis(-14, 105, DAY0)

    assert (axis.x(-14), axis.x(106)) == (262, 900)
    assert (axis.x(-60), axis.x(365)) == (262, 900)
    assert axis.x(46) == 581


def test_grades_drafts_and_dates_stand_in_the_picture() -> None:
    told = words(picture(simulations(BESIDE, beside=True)))

    assert "miss: TLIF-MISS version 1 (draft)" in told
    assert {"A", "B", "C", "D", "E"} <= set(told)
    assert {"0", "14", "Mar 2", "Mar 16", "Day 0 is 2026-03-02"} <= set(told)
    assert any("no clinician of the clinic has signed it" in each for each in told)


def test_what_differs_bears_a_star_and_what_is_the_same_does_not() -> None:
    told = words(picture(simulations(BESIDE, beside=True)))

    assert {"driving *", "lifting limit 2 *", "physical therapy begins", "imaging d90"} <= set(told)


def test_what_lies_outside_of_the_days_is_named() -> None:
    told = words(picture(simulations(BESIDE, beside=True, days=30)))

    assert "heavy work *" not in told
    assert any("Outside of these days:" in each for each in told)
    assert any("heavy work" in each for each in told)


def test_stages_have_a_lane_each_and_no_stars() -> None:
    found = simulations(
        WantedStage(procedure=Procedure.intracept, surgery_on=DAY0),
        WantedStage(procedure=Procedure.tlif, approach_class=ApproachClass.open, surgery_on=date(2026, 4, 20)),
    )

    rows = timeline_rows(lanes_of(found), DAY0)

    first, second = row(rows, "driving").spans
    assert first is not None
    assert second is not None
    assert (first.begins, first.through, first.words) == (1, 7, "2 (1 to 7), then stage 2")
    assert (second.begins, second.target, second.words) == (77, 84, "35 (28 to 42)")
    told = words(picture(found))
    assert "stage 2: TLIF-OPEN version 1 (draft)" in told
    assert not any(each.endswith(" *") for each in told)


def test_a_bar_ends_where_a_later_stage_takes_its_place() -> None:
    found = simulations(
        WantedStage(procedure=Procedure.intracept, surgery_on=DAY0),
        WantedStage(procedure=Procedure.tlif, approach_class=ApproachClass.open, surgery_on=date(2026, 4, 20)),
    )

    visit = row(timeline_rows(lanes_of(found), DAY0), "visit 6wk").spans[0]

    assert visit is not None
    assert visit.through == 48  # the second surgery is on day 49


def test_without_a_date_days_alone_are_drawn() -> None:
    told = words(picture(simulations(WantedStage(procedure=Procedure.intracept))))

    assert "Day 0 is 2026-03-02" not in told
    assert {"0", "14", "2 (1 to 7)"} <= set(told)


def test_limits_say_how_long_they_hold() -> None:
    compared = {each.name: each for each in compare_simulations(simulations(BESIDE, beside=True))}

    assert compared["lifting limit 1"].words == ("10 lb, 0 to 42", "10 lb, 0 to 42")
    assert compared["driving limit"].words == ("0 until cleared, from 21", "0 until cleared, from 35")
    assert compared["sitting limit"].words == ("20 min, 0 to 14", "20 min, 0 to 14")
    assert compared["clearing of lifting limit 2"].words == ("85 (85+)", None)
    assert compared["driving limit"].is_limit
    assert not compared["driving"].is_limit


def test_a_name_that_no_xml_may_hold_is_drawn_without_what_breaks_it() -> None:
    plan = simulations(BESIDE, beside=True)[0].simulation.plan
    lane = Lane("own \x00 <b> & \ud800 protocol", "own", plan)

    drawn = draw_timeline("A \x0b title", [lane], timeline_rows([lane], DAY0), Axis(0, 100, DAY0))

    assert ET.fromstring(drawn).findtext(f"{SVG}title") == "A  title"
