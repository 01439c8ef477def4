"""A device that has drifted finds out, and is healed by its next pull; one that counts wrongly troubles nobody."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models import AuditEntry, RefusedRow, SyncHeal
from models.audit import AuditAction
from service.sync.collections import COLLECTIONS, SCHEMA_VERSION
from service.sync.drift import MOST_ROWS
from service.sync.fnv import row_digest, sum_digests
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import FixedClock
from tests.sync.conftest import Phone, check_in

NAMES = ("milestones", "restrictions", "check_ins", "patients", "safety_cards")


def digests_of(phone: Phone, name: str) -> dict[str, int]:
    """Return what a phone computes of its rows, by the columns of its schema."""
    columns = [column.name for column in COLLECTIONS[name].columns_of(1) if column.name != "rev"]
    return {row_id: row_digest(row_id, [row[each] for each in columns]) for row_id, row in phone.rows[name].items()}


def ask(phone: Phone, *names: str, **more: Any) -> Any:
    told = {}
    for name in names or NAMES:
        digests = digests_of(phone, name)
        told[name] = {"count": len(digests), "digest": sum_digests(digests.values())}
    return phone.caller.post("/sync/digest", {"cursor": phone.cursor, "schema_version": 1, "collections": told} | more)


def heals(session: Session) -> list[tuple[str, int, int]]:
    """Return what is noted of heals: collection, how often, and how many rows."""
    found = sorted((row.collection, row.heals, row.rows) for row in session.query(SyncHeal))
    session.rollback()
    return found


def heal(phone: Phone, *names: str) -> Any:
    told = {name: {"rows": digests_of(phone, name)} for name in names}
    return phone.caller.post("/sync/digest", {"cursor": phone.cursor, "schema_version": 1, "collections": told})


def test_a_phone_that_has_everything_is_told_so(phone: Phone, clinic: Clinic) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1", note="Señora Núñez \U0001f9b4", took_opioid=True)])
    phone.pull()

    answer = ask(phone)

    assert (answer.status_code, answer.json) == (200, {"state": "same"})


def test_a_phone_that_lacks_rows_and_has_others_otherwise_is_healed_by_its_next_pull(
    phone: Phone, clinic: Clinic
) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1"), check_in(clinic, "c-2")])
    phone.pull()
    lost, altered, *_ = phone.rows["milestones"]
    whole = dict(phone.rows["milestones"])
    del phone.rows["milestones"][lost]
    phone.rows["milestones"][altered] = whole[altered] | {"target_on": "2030-01-01"}
    phone.rows["check_ins"]["c-3"] = check_in(clinic, "c-3") | whole[altered]

    found = ask(phone, "milestones", "restrictions")
    healed = heal(phone, "milestones")
    pulled = phone.pull()

    assert found.json == {"state": "differs", "collections": ["milestones"]}
    assert healed.json == {
        "state": "healed",
        "healed": {"milestones": {"stamped": 2, "unknown": [], "retry_after_seconds": None}},
    }
    assert {row["id"] for row in pulled["changes"]["milestones"]["updated"]} == {lost, altered}
    assert {each: row["target_on"] for each, row in phone.rows["milestones"].items()} == {
        each: row["target_on"] for each, row in whole.items()
    }
    assert ask(phone, "milestones").json == {"state": "same"}


def test_what_a_phone_should_not_have_is_named_and_nothing_is_stamped_for_it(
    phone: Phone, other_patient: Caller, clinic: Clinic, session: Session
) -> None:
    theirs = check_in(clinic, "c-9") | {"episode_id": clinic.other_episode.id}
    other = Phone(other_patient)
    other.pull()
    other.push(check_ins=[theirs])
    other.pull()
    phone.pull()
    phone.rows["check_ins"] = {"c-9": other.rows["check_ins"]["c-9"], "c-0": other.rows["check_ins"]["c-9"]}

    answer = heal(phone, "check_ins")

    assert answer.json["healed"]["check_ins"] == {"stamped": 0, "unknown": ["c-0", "c-9"], "retry_after_seconds": None}
    assert heals(session) == []


def test_a_phone_that_has_not_pulled_what_concerns_it_is_behind(
    phone: Phone, second_phone: Phone, other_patient: Caller, clinic: Clinic
) -> None:
    other = Phone(other_patient)
    other.pull()
    other.push(check_ins=[check_in(clinic, "c-9") | {"episode_id": clinic.other_episode.id}])
    others_change = ask(phone)
    second_phone.push(check_ins=[check_in(clinic, "c-1")])

    own_change = ask(phone)

    assert others_change.json == {"state": "same"}
    assert own_change.json == {"state": "behind"}
    assert ask(phone, "milestones").json == {"state": "same"}
    assert heal(phone, "check_ins").json == {"state": "behind"}
    assert ask(phone, cursor=0).json == {"state": "behind"}
    assert ask(phone, cursor=(phone.cursor or 0) + 1_000).json == {"state": "behind"}


def test_a_phone_that_is_to_let_a_row_go_is_behind(phone: Phone, clinic: Clinic, look: Look) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1", pain=42)])

    answer = ask(phone, "check_ins")

    assert len(look(RefusedRow)) == 1
    assert answer.json == {"state": "behind"}


def test_a_phone_is_healed_once_in_ten_minutes_for_each_collection(
    phone: Phone, second_phone: Phone, clock: FixedClock, session: Session
) -> None:
    def drift_and_heal(who: Phone, name: str) -> Any:
        who.pull()
        who.rows[name].popitem()
        return heal(who, name).json["healed"][name]

    first = drift_and_heal(phone, "milestones")
    other_collection = drift_and_heal(phone, "restrictions")
    other_phone = drift_and_heal(second_phone, "milestones")
    clock.advance(timedelta(minutes=9))
    too_soon = drift_and_heal(phone, "milestones")
    nothing_new = phone.pull()["changes"]["milestones"]["updated"]
    clock.advance(timedelta(minutes=1))
    again = drift_and_heal(phone, "milestones")

    assert [each["stamped"] for each in (first, other_collection, other_phone, again)] == [1, 1, 1, 2]
    assert too_soon == {"stamped": 0, "unknown": [], "retry_after_seconds": 60}
    assert nothing_new == []
    assert heals(session) == [("milestones", 1, 1), ("milestones", 2, 3), ("restrictions", 1, 1)]


def test_a_coordinators_device_compares_its_panel(desk: Phone, panel: Clinic, session: Session) -> None:
    names = ("patients", "milestones")
    same = ask(desk, *names)
    panel.other_episode.coordinator_id = panel.coordinator.id
    session.commit()
    joined = ask(desk, *names)
    desk.pull()
    both = ask(desk, *names)
    del desk.rows["patients"][panel.other_patient.id]

    healed = heal(desk, "patients")
    desk.pull()

    assert [each.json["state"] for each in (same, joined, both)] == ["same", "behind", "same"]
    assert healed.json["healed"]["patients"]["stamped"] == 1
    assert ask(desk, *names).json == {"state": "same"}


@pytest.mark.sqlite_only
def test_a_comparison_writes_nothing_but_its_entry(phone: Phone, session: Session, look: Look) -> None:
    phone.rows["milestones"].popitem()

    ask(phone)

    (entry,) = (row for row in look(AuditEntry) if row.route == "POST /api/v1/sync/digest")
    assert entry.action == AuditAction.read
    assert heals(session) == []
    assert phone.pull()["changes"]["milestones"]["updated"] == []


REFUSED: tuple[tuple[dict[str, Any], int, list[str]], ...] = (
    ({"collections": {}}, 422, ["/collections"]),
    ({"collections": {"milestones": {}}}, 422, ["/collections"]),
    ({"collections": {"milestones": {"count": 1}}}, 422, ["/collections"]),
    ({"collections": {"milestones": {"count": 1, "digest": 1, "rows": {}}}}, 422, ["/collections"]),
    ({"collections": {"milestones": {"count": 1, "digest": -1}}}, 422, ["/collections"]),
    ({"collections": {"milestones": {"rows": {"m": 1 << 32}}}}, 422, ["/collections"]),
    ({"collections": {"diary": {"count": 1, "digest": 1}}}, 422, ["/collections"]),
    ({"collections": {"milestones": {"rows": {}}, "check_ins": {"count": 0, "digest": 0}}}, 422, ["/collections"]),
    ({"cursor": -1}, 422, ["/cursor"]),
    ({"schema_version": SCHEMA_VERSION + 1}, 422, ["/schema_version"]),
    ({"schema_version": 0}, 422, ["/schema_version"]),
    ({"collections": {"milestones": {"rows": {str(n): n for n in range(MOST_ROWS + 1)}}}}, 413, ["/collections"]),
)


@pytest.mark.sqlite_only
def test_what_cannot_be_compared_is_refused_as_a_problem(phone: Phone) -> None:
    right = {"cursor": phone.cursor, "schema_version": 1, "collections": {"milestones": {"count": 0, "digest": 0}}}

    answers = [phone.caller.post("/sync/digest", right | body) for body, _, _ in REFUSED]

    told = [(each.status_code, [fault["pointer"] for fault in each.json.get("errors", [])]) for each in answers]
    assert told == [(status, pointers) for _, status, pointers in REFUSED]
    assert {each.content_type for each in answers} == {"application/problem+json"}
