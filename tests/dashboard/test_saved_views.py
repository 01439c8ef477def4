"""Views of the worklist: kept under one's own names, seen by nobody else, and never hiding that an alert waits."""

from urllib.parse import unquote

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Alert, AuditEntry, SavedView
from models.people import StaffRole
from schedules.plan.vocabulary import AlertKind, AlertState, AlertUrgency
from tests import builders
from tests.api.conftest import Caller, Clinic, Look
from tests.api.route_targets import add_view_row
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.conftest import Desk, desk_of, text_of

PATH, PAGE = "/me/worklist-views", "/clinic/views"
NAME = "Fusions of Harlow"  # a name may hold a patient's


def items(who: Caller) -> list[dict[str, object]]:
    return list(who.get(PATH).json["items"])


def test_a_view_is_stored_changed_by_its_etag_listed_and_removed(coordinator: Caller) -> None:
    made = coordinator.put(f"{PATH}/v1", {"name": NAME, "why": "behind", "procedure": "tlif"})
    again = coordinator.put(f"{PATH}/v1", {"name": NAME, "why": "behind", "procedure": "tlif"})
    blind = coordinator.put(f"{PATH}/v1", {"name": "Other"})
    named = {"If-Match": made.headers["ETag"]}
    changed = coordinator.call("PUT", f"{PATH}/v1", json={"name": "Other", "sort": "pod"}, headers=named)
    stale = coordinator.call("PUT", f"{PATH}/v1", json={"name": "Third"}, headers=named)

    assert [each.status_code for each in (made, again, blind, changed, stale)] == [201, 200, 428, 200, 412]
    assert made.json == {
        "id": "v1",
        "name": NAME,
        "why": "behind",
        "procedure": "tlif",
        "approach_class": None,
        "coordinator_id": None,
        "sort": None,
        "is_default": False,
    }
    assert [(each["name"], each["why"], each["sort"]) for each in items(coordinator)] == [("Other", None, "pod")]
    assert [coordinator.call("DELETE", f"{PATH}/v1").status_code for _ in range(2)] == [204, 404]
    assert items(coordinator) == []


def test_one_view_at_most_is_the_default_also_for_the_database(
    coordinator: Caller, session: Session, clinic: Clinic
) -> None:
    for each in ("v2", "v1", "v3"):
        assert coordinator.put(f"{PATH}/{each}", {"name": each, "why": "behind", "is_default": True}).status_code == 201
    assert [each["id"] for each in items(coordinator) if each["is_default"]] == ["v3"]

    session.execute(text("UPDATE saved_view SET is_default = false"))
    with pytest.raises(IntegrityError):
        session.execute(text("UPDATE saved_view SET is_default = true"))
    session.rollback()


@pytest.mark.sqlite_only
def test_what_cannot_be_kept_is_refused_without_repeating_the_name(coordinator: Caller, clinic: Clinic) -> None:
    coordinator.put(f"{PATH}/v1", {"name": NAME})
    taken = coordinator.put(f"{PATH}/v2", {"name": f" {NAME.upper()}  "})
    blank = coordinator.put(f"{PATH}/v2", {"name": "  "})
    long = coordinator.put(f"{PATH}/v2", {"name": "x" * 61})
    unknown = coordinator.put(f"{PATH}/v2", {"name": "x", "why": "bored"})
    nobodys = coordinator.put(f"{PATH}/v2", {"name": "x", "coordinator_id": "nobody"})
    for number in range(19):
        coordinator.put(f"{PATH}/n{number}", {"name": f"n{number}"})
    full = coordinator.put(f"{PATH}/v2", {"name": "x"})

    answers = (taken, blank, long, unknown, nobodys, full)
    assert [each.status_code for each in answers] == [409, 422, 422, 422, 404, 409]
    assert not [each for each in answers if NAME.casefold() in each.get_data(as_text=True).casefold()]
    assert len(items(coordinator)) == 20


@pytest.mark.sqlite_only
def test_nobody_else_sees_opens_or_changes_a_view(
    app: Flask, session: Session, clinic: Clinic, coordinator: Caller
) -> None:
    colleague = builders.staff(session, clinic.practice, role=StaffRole.practice_admin)
    add_view_row(session, colleague, "theirs")
    session.commit()
    session.get_one(SavedView, (clinic.id, "theirs")).is_default = True
    session.commit()
    desk = desk_of(app, session, clinic.coordinator)

    answers = [
        coordinator.put(f"{PATH}/theirs", {"name": "Mine"}),
        coordinator.call("DELETE", f"{PATH}/theirs"),
        desk.post(f"{PAGE}/theirs", {"name": "Mine"}),
        desk.post(f"{PAGE}/theirs/remove"),
    ]

    assert [each.status_code for each in answers] == [404] * 4
    assert items(coordinator) == []
    assert "Behind" not in text_of(desk.get(PAGE)).replace("Behind plan", "")
    assert desk.get("/clinic/").status_code == 200


@pytest.mark.sqlite_only
def test_the_name_rests_sealed_and_stands_in_no_address_and_not_in_the_trail(
    desk: Desk, session: Session, clinic: Clinic, look: Look, caplog: pytest.LogCaptureFixture
) -> None:
    sent = {"name": NAME, "why": "silent", "procedure": "tlif", "class": "", "sort": "name", "of": ""}
    kept = desk.post(PAGE, sent)
    (row,) = look(SavedView)
    renamed = desk.post(f"{PAGE}/{row.id}", {"name": f"{NAME} 2", "is_default": "yes"})
    page = desk.get("/clinic/?why=silent")

    assert (kept.status_code, renamed.status_code) == (303, 303)
    assert row.filters == {"why": "silent", "procedure": "tlif", "sort": "name"}
    stored = session.execute(text("SELECT * FROM saved_view")).one()
    assert "Harlow" not in str(stored)
    addresses = [each for answer in (kept, renamed) for each in answer.headers.getlist("Location")]
    addresses += [each.split('"')[0] for each in page.get_data(as_text=True).split('href="')[1:]]
    assert not [each for each in addresses if "Harlow" in unquote(each)]
    assert f"{NAME} 2" in text_of(page)
    assert not [entry for entry in look(AuditEntry) if "Harlow" in f"{entry.route} {entry.about}"]
    assert "Harlow" not in caplog.text


@pytest.mark.sqlite_only
def test_the_worklist_opens_with_the_default_and_everything_is_one_click_away(desk: Desk, look: Look) -> None:
    desk.post(PAGE, {"name": NAME, "procedure": "tlif", "is_default": "yes"})

    opened = desk.get("/clinic/")
    filtered = desk.get(opened.headers["Location"])
    everything = desk.get("/clinic/?sort=urgency")

    assert (opened.status_code, opened.headers["Location"]) == (303, "/clinic/?procedure=tlif")
    assert "Nobody fits" in text_of(filtered) or "Sample" not in text_of(filtered)
    assert 'href="/clinic/?sort=urgency"' in filtered.get_data(as_text=True)
    assert 'href="/clinic/"' in filtered.get_data(as_text=True)  # the clinic's name, as before
    assert "Sample, Alex" in text_of(everything)
    (row,) = look(SavedView)
    desk.post(f"{PAGE}/{row.id}", {"name": NAME})
    assert desk.get("/clinic/").status_code == 200
    assert desk.post(f"{PAGE}/{row.id}/remove").status_code == 303
    assert look(SavedView) == []


@pytest.mark.sqlite_only
def test_beside_a_filter_stands_how_many_alerts_nobody_has_in_hand(
    desk: Desk, session: Session, clinic: Clinic
) -> None:
    for number, state in enumerate((AlertState.open, AlertState.open, AlertState.acknowledged)):
        alert = Alert(practice_id=clinic.id, id=f"a{number}", patient_id=clinic.patient.id, about={})
        alert.episode_id, alert.kind, alert.urgency = clinic.episode.id, AlertKind.red_flag, AlertUrgency.same_day
        alert.raised_at, alert.state = MONDAY_AFTERNOON, state
        if state is AlertState.acknowledged:
            alert.acknowledged_by, alert.acknowledged_at = clinic.coordinator.id, MONDAY_AFTERNOON
        session.add(alert)
    session.commit()

    told = "2 alerts are in nobody’s hands, whatever is filtered."
    assert told in text_of(desk.get("/clinic/?procedure=tlif"))
    assert told not in text_of(desk.get("/clinic/?sort=name"))
    assert "2 alertas no están en manos de nadie" in text_of(desk.get("/clinic/?procedure=tlif&language=es"))


@pytest.mark.sqlite_only
def test_a_filter_that_means_nothing_any_more_counts_as_none(
    desk: Desk, session: Session, clinic: Clinic, coordinator: Caller
) -> None:
    add_view_row(session, clinic.coordinator, "old")
    session.commit()
    row = session.get_one(SavedView, (clinic.id, "old"))
    row.filters, row.is_default = {"why": "bored", "procedure": "tlif"}, True
    session.commit()

    assert desk.get("/clinic/").headers["Location"] == "/clinic/?procedure=tlif"
    assert (items(coordinator)[0]["why"], desk.get(PAGE).status_code) == (None, 200)
    assert desk.post(f"{PAGE}/old", {"name": "Old", "is_default": "yes"}).status_code == 303


@pytest.mark.sqlite_only
def test_a_refused_name_is_said_on_the_page(desk: Desk) -> None:
    desk.post(PAGE, {"name": NAME})

    refused = desk.post(PAGE, {"name": NAME, "why": "behind"})

    assert refused.status_code == 409
    assert "Not stored" in text_of(refused)
