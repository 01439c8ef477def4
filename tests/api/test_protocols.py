"""Clinical content as the API shows it: every version, its sources, minimally invasive beside open."""

import pytest

from tests.api.conftest import Caller

pytestmark = pytest.mark.sqlite_only


def test_all_fourteen_protocols_are_listed_as_drafts(patient: Caller) -> None:
    items = patient.get("/protocols").json["items"]

    assert len(items) == 14
    assert {item["status"] for item in items} == {"draft"}


def test_a_version_comes_with_every_source_that_it_cites(patient: Caller) -> None:
    shown = patient.get("/protocols/ACDF-2+/versions/1").json

    cited = {source["id"] for source in shown["cited"]}
    used = {source for milestone in shown["milestones"] for source in milestone["sources"]}
    assert used
    assert used <= cited
    assert all(source["citation"] for source in shown["cited"])


def test_miss_stands_beside_open_and_differences_are_marked(patient: Caller) -> None:
    shown = patient.get("/protocols/compare?procedure=tlif").json

    rows = {row["key"]: row for row in shown["milestones"]}
    assert [each["id"] for each in shown["protocols"]] == ["TLIF-MISS", "TLIF-OPEN"]
    assert rows["drive"]["by_protocol"].keys() == {"TLIF-MISS", "TLIF-OPEN"}
    for row in rows.values():
        windows = [
            each and (each["earliest_days"], each["target_days"], each["latest_days"])
            for each in row["by_protocol"].values()
        ]
        assert row["differs"] == (windows[0] != windows[1])
    assert any(row["differs"] for row in rows.values())
    assert not rows["prom_6wk"]["differs"]
    assert shown["lifting"].keys() == {"TLIF-MISS", "TLIF-OPEN"}


def test_a_procedure_without_classes_shows_its_protocols_by_levels(patient: Caller) -> None:
    shown = patient.get("/protocols/compare?procedure=acdf").json

    classes = {each["id"]: each["approach_class"] for each in shown["protocols"]}
    assert classes == {"ACDF-1": None, "ACDF-2+": None}
