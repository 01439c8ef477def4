"""Real clients against the real service, on both databases: what phones and a coordinator do, over a lossy network."""

import contextlib

import pytest

from tests.clients.conftest import Phones
from tests.clients.driver import Client, ClientError
from tests.clients.service import Ward
from tests.processes import wait_for

NAMES = ("watermelon", "rxdb", "powersync")
UPLOAD = {"watermelon": "POST http", "rxdb": "check_ins", "powersync": "/crud"}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", [*NAMES, "rxdb_server"])
def test_a_first_sync_brings_what_is_the_patients(phones: Phones, ward: Ward, name: str) -> None:
    phone = phones(ward, name)

    phone.sync()

    assert [row["id"] for row in phone.rows("patients")] == [ward.patient_id]
    assert {row["id"] for row in phone.rows("milestones")} == set(ward.milestone_ids.values())
    assert {row["patient_id"] for row in phone.rows("reminders")} == {ward.patient_id}


@pytest.mark.parametrize("name", [*NAMES, "rxdb_server"])
def test_two_phones_and_a_coordinator_edit_offline_and_nothing_is_lost(phones: Phones, ward: Ward, name: str) -> None:
    one, other = phones(ward, name), phones(ward, name, 1)
    one.sync()
    other.sync()
    walk, sit = ward.milestone_ids["walk30"], ward.milestone_ids["sit60"]

    one.create("check_ins", ward.check_in("c-1", pain=4, note="ñandú ✓"))
    one.create("milestone_progress", {"id": walk, "achieved_on": "2026-03-02"})
    other.create("check_ins", ward.check_in("c-2", pain=7))
    skipped = ward.call("POST", f"/milestones/{sit}/skip", {"reason": "not_applicable"})
    for phone in (one, other, one, other):
        phone.sync()

    assert skipped.status_code == 200
    for phone in (one, other):
        assert {row["id"]: (row["pain"], row["note"]) for row in phone.rows("check_ins")} == {
            "c-1": (4, "ñandú ✓"), "c-2": (7, None),
        }  # fmt: skip
        progress = {row["id"]: (row["achieved_on"], row["skip_reason"]) for row in phone.rows("milestone_progress")}
        assert progress == {walk: ("2026-03-02", None), sit: (None, "not_applicable")}


@pytest.mark.parametrize("name", NAMES)
def test_a_report_that_was_made_and_amended_without_a_network_arrives_as_it_was_amended(
    phones: Phones, ward: Ward, name: str
) -> None:
    phone = phones(ward, name)
    phone.sync()

    phone.create("check_ins", ward.check_in("c-1", pain=4))
    phone.update("check_ins", "c-1", pain=6)
    phone.sync()

    assert [(row["id"], row["pain"]) for row in phone.rows("check_ins")] == [("c-1", 6)]
    assert ward.stored("check_ins")["c-1"]["pain"] == 6


@pytest.mark.parametrize("name", NAMES)
def test_edits_of_one_row_from_two_phones_are_merged(phones: Phones, ward: Ward, name: str) -> None:
    one, other = phones(ward, name), phones(ward, name, 1)
    one.create("check_ins", ward.check_in("c-1", pain=4))
    one.sync()
    other.sync()

    one.update("check_ins", "c-1", pain=6)
    other.update("check_ins", "c-1", steps=900)
    for phone in (one, other, one, other):
        phone.sync()

    for phone in (one, other):
        assert [(row["pain"], row["steps"]) for row in phone.rows("check_ins")] == [(6, 900)]


@pytest.mark.parametrize("name", NAMES)
def test_a_report_that_the_clinic_made_too_is_decided_by_the_server_and_what_does_not_stand_is_listed(
    phones: Phones, ward: Ward, name: str
) -> None:
    phone = phones(ward, name)
    phone.sync()
    walk, sit = ward.milestone_ids["walk30"], ward.milestone_ids["sit60"]

    phone.create("milestone_progress", {"id": walk, "achieved_on": "2026-03-02", "note": "all of it"})
    phone.create("milestone_progress", {"id": sit, "achieved_on": "2026-03-02", "note": "an hour"})
    ward.call("POST", f"/milestones/{walk}/skip", {"reason": "not_applicable"})
    ward.call("POST", f"/milestones/{sit}/achieve", {"achieved_on": "2026-03-01"})
    phone.sync()
    phone.sync()

    shown = {
        row["id"]: (row["achieved_on"], row["skip_reason"], row["note"]) for row in phone.rows("milestone_progress")
    }
    conflicts = {each["row_id"]: each for each in ward.call("GET", "/conflicts").json()["items"]}
    assert shown == {walk: ("2026-03-02", None, "all of it"), sit: ("2026-03-01", None, None)}
    assert conflicts[walk]["lost_by"] == "staff"
    assert conflicts[walk]["lost"]["skip_reason"] == "not_applicable"
    assert conflicts[sit]["lost_by"] == "patient"
    assert conflicts[sit]["lost"] == {"achieved_on": "2026-03-02", "skip_reason": None, "note": "an hour"}


@pytest.mark.parametrize("what", ["request", "response"])
@pytest.mark.parametrize("name", NAMES)
def test_a_lost_message_loses_nothing_and_stores_nothing_twice(
    phones: Phones, ward: Ward, name: str, what: str
) -> None:
    phone = phones(ward, name)
    phone.sync()
    phone.create("check_ins", ward.check_in("c-1"))
    phone.create("milestone_progress", {"id": ward.milestone_ids["walk30"], "achieved_on": "2026-03-02"})

    phone.lose(what, count=2, of=UPLOAD[name])
    _sync_through(phone)
    phone.lose_no_more()
    phone.sync()

    assert set(ward.stored("check_ins")) == {"c-1"}
    assert [row["achieved_on"] for row in ward.stored("milestone_progress").values()] == ["2026-03-02"]
    assert [row["id"] for row in phone.rows("check_ins")] == ["c-1"]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_phone_may_not_do_is_put_right_on_the_phone(phones: Phones, ward: Ward, name: str) -> None:
    phone = phones(ward, name)
    phone.sync()
    drive = ward.milestone_ids["drive"]
    phone.create("check_ins", ward.check_in("c-1"))
    phone.sync()

    phone.delete("check_ins", "c-1")
    phone.create("milestone_progress", {"id": drive, "achieved_on": "2026-03-02"})
    phone.create("check_ins", ward.check_in("c-2", pain=42))
    phone.sync()
    phone.sync()

    assert [row["id"] for row in phone.rows("check_ins")] == ["c-1"]
    assert phone.rows("milestone_progress") == []


@pytest.mark.parametrize("name", NAMES)
def test_a_coordinators_panel_comes_and_goes_whole(phones: Phones, ward: Ward, name: str) -> None:
    desk = phones(ward, name, token=ward.staff_token)
    desk.sync()
    before = len(desk.rows("milestones"))

    ward.close_episode()
    desk.sync()

    assert before == len(ward.milestone_ids)
    assert [desk.rows(each) for each in ("patients", "milestones", "reminders")] == [[], [], []]


@pytest.mark.parametrize("name", NAMES)
def test_after_an_epoch_what_was_not_pushed_survives(phones: Phones, ward: Ward, name: str) -> None:
    phone = phones(ward, name)
    phone.create("check_ins", ward.check_in("c-1"))
    phone.sync()

    phone.create("check_ins", ward.check_in("c-2", pain=8))
    ward.service.raise_epoch(ward.practice_id)
    phone.sync()

    assert [(row["id"], row["pain"]) for row in phone.rows("check_ins")] == [("c-1", 4), ("c-2", 8)]
    assert set(ward.stored("check_ins")) == {"c-1", "c-2"}
    assert len(phone.rows("milestones")) == len(ward.milestone_ids)


@pytest.mark.parametrize("name", NAMES)
def test_a_revoked_phone_gets_and_stores_nothing_more(phones: Phones, ward: Ward, name: str) -> None:
    phone = phones(ward, name)
    phone.sync()
    phone.create("check_ins", ward.check_in("c-1"))

    ward.revoke_phones()
    _sync_through(phone)

    told = phone.send("wiped")
    phone.close()  # nobody has told the client itself to stop

    # The app was told to delete what it stores, once, though all collections asked.
    assert (told["token"] is not None, told["count"]) == (True, 1)
    assert ward.stored("check_ins") == {}


@pytest.mark.parametrize("name", ["rxdb", "rxdb_server"])
def test_a_phone_that_listens_gets_a_change_by_itself(phones: Phones, ward: Ward, name: str) -> None:
    phone = phones(ward, name)
    phone.send("live")

    ward.call("POST", f"/milestones/{ward.milestone_ids['sit60']}/skip", {"reason": "not_applicable"})

    wait_for(lambda: phone.rows("milestone_progress"), "the change")
    phone.send("stop")


def _sync_through(phone: Client, seconds: float = 10) -> None:
    """Sync over a network, or with a token, that may fail: the client tries again by itself, or the app later."""
    with contextlib.suppress(ClientError):
        phone.send("sync", seconds=seconds)
