"""What a patient may do on a day, as patients and staff read it."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from models import ObservedFact, Practice, Surgery
from models.care import Reporter
from schedules.plan.vocabulary import EpisodeStatus, Observation
from schedules.planning import plan_episode
from tests import builders
from tests.api.conftest import Caller, Clinic
from tests.api.test_clearances import MilestoneId
from tests.clock import MONDAY_AFTERNOON, FixedClock


def test_patient_and_staff_read_the_limits_of_a_day(patient: Caller, coordinator: Caller, clinic: Clinic) -> None:
    path = f"/episodes/{clinic.episode.id}/limits"

    answer = patient.get(path)

    assert (answer.status_code, answer.json["on"]) == (200, "2026-03-02")
    assert answer.json == coordinator.get(f"{path}?on=2026-03-02").json
    lifting, work = answer.json["limits"]["lifting"], answer.json["limits"]["work"]
    assert (lifting["state"], lifting["limit_lb"], lifting["until_on"]) == ("restricted", 10, "2026-03-09")
    assert (lifting["binding_procedure"], lifting["grade"], lifting["sources"]) == (
        "lumbar_microdiscectomy",
        "D",
        ["S61"],
    )
    assert (work["own_class"], work["permitted_class"]) == ("light", None)
    assert work["classes"][1]["occasional"] == {"over_lb": None, "to_lb": 20}
    assert answer.json["limits"]["sitting"]["limit_minutes"] == 20


@pytest.mark.sqlite_only
def test_an_unchanged_answer_is_not_sent_again_and_changes_with_the_day(
    coordinator: Caller, clinic: Clinic, clock: FixedClock
) -> None:
    path = f"/episodes/{clinic.episode.id}/limits"
    headers = {"If-None-Match": coordinator.get(path).headers["ETag"]}

    same = coordinator.get(path, headers=headers).status_code
    clock.set_wall_clock(datetime(2026, 3, 3, 15, 0, tzinfo=UTC))

    assert (same, coordinator.get(path, headers=headers).status_code) == (304, 200)


@pytest.mark.sqlite_only
def test_limits_of_others_do_not_exist(
    patient: Caller, other_patient: Caller, foreign_staff: Caller, clinic: Clinic
) -> None:
    paths = (f"/episodes/{clinic.episode.id}/limits", f"/patients/{clinic.patient.id}/limits")

    assert [patient.get(path).status_code for path in paths] == [200, 200]
    for caller in (other_patient, foreign_staff):
        assert [caller.get(path).status_code for path in paths] == [404, 404]


@pytest.mark.parametrize("on", ["0001-01-01", "9999-12-31"])
@pytest.mark.sqlite_only
def test_every_day_has_an_answer(patient: Caller, clinic: Clinic, on: str) -> None:
    assert patient.get(f"/episodes/{clinic.episode.id}/limits?on={on}").status_code == 200


@pytest.mark.sqlite_only
def test_what_is_no_day_is_refused(patient: Caller, clinic: Clinic) -> None:
    answer = patient.get(f"/patients/{clinic.patient.id}/limits?on=tomorrow")

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/on")


def test_over_all_open_episodes_the_strictest_counts(patient: Caller, session: Session, clinic: Clinic) -> None:
    other = builders.episode(session, clinic.patient)
    builders.surgery(session, other, surgery_on=date(2026, 3, 1))
    session.commit()
    plan_episode(session, clinic.id, other.id, MONDAY_AFTERNOON)
    session.commit()

    both = patient.get(f"/patients/{clinic.patient.id}/limits").json
    session.merge(other).status = EpisodeStatus.closed
    session.commit()
    one = patient.get(f"/patients/{clinic.patient.id}/limits").json

    assert {each["episode_id"] for each in both["episodes"]} == {clinic.episode.id, other.id}
    assert both["limits"]["driving"]["eligible_on"] == "2026-03-15"
    assert [each["episode_id"] for each in one["episodes"]] == [clinic.episode.id]
    assert one["limits"]["driving"]["eligible_on"] == "2026-03-09"


@pytest.mark.sqlite_only
def test_without_an_open_episode_there_are_no_limits(patient: Caller, session: Session, clinic: Clinic) -> None:
    session.merge(clinic.episode).status = EpisodeStatus.closed
    session.commit()

    answer = patient.get(f"/patients/{clinic.patient.id}/limits").json

    assert (answer["limits"], answer["episodes"]) == (None, [])


@pytest.mark.sqlite_only
def test_a_limit_is_eligible_once_its_day_has_come_and_its_conditions_hold(
    coordinator: Caller, session: Session, clinic: Clinic, clock: FixedClock
) -> None:
    clock.set_wall_clock(datetime(2026, 3, 9, 15, 0, tzinfo=UTC))
    session.get_one(Practice, clinic.id).opioid_free_hours = 24
    session.commit()

    def driving() -> str:
        return str(coordinator.get(f"/episodes/{clinic.episode.id}/limits").json["limits"]["driving"]["state"])

    before = driving()
    facts = (Observation.emergency_stop_able, Observation.motor_deficit_absent, Observation.opioid_taken)
    for what in facts:
        row = ObservedFact(practice_id=clinic.id, id=f"fact-{what}", patient_id=clinic.patient.id)
        row.episode_id, row.what, row.reported_by = clinic.episode.id, what, Reporter.staff
        row.observed_at = row.recorded_at = datetime(2026, 3, 8, 15, 0, tzinfo=UTC)
        session.add(row)
    session.commit()

    assert (before, driving()) == ("restricted", "eligible")


def test_an_opioid_in_a_check_in_bars_driving_that_was_cleared_before_it(
    coordinator: Caller, clinician: Caller, clinic: Clinic, clock: FixedClock, milestone_id: MilestoneId
) -> None:
    clinician.post(f"/milestones/{milestone_id('drive')}/clear", {"override": "a"})
    clock.set_wall_clock(datetime(2026, 3, 4, 15, 0, tzinfo=UTC))
    report = {"episode_id": clinic.episode.id, "pain": 4}

    def driving() -> str:
        return str(coordinator.get(f"/episodes/{clinic.episode.id}/limits").json["limits"]["driving"]["state"])

    cleared = driving()
    coordinator.put("/check-ins/one", report | {"reported_at": "2026-03-04T12:00:00Z", "took_opioid": False})
    still = driving()
    coordinator.put("/check-ins/two", report | {"reported_at": "2026-03-04T13:00:00Z", "took_opioid": True})
    barred = driving()
    clock.set_wall_clock(datetime(2026, 3, 6, 15, 0, tzinfo=UTC))

    assert (cleared, still, barred, driving()) == ("cleared", "cleared", "restricted", "cleared")


@pytest.mark.sqlite_only
def test_low_bone_density_and_the_x_ray_hold_whatever_the_day(
    coordinator: Caller, session: Session, clinic: Clinic
) -> None:
    def pounds(protocol_id: str, *, low_bone_density: bool) -> int:
        session.get_one(Surgery, (clinic.id, clinic.surgery.id)).protocol_id = protocol_id
        clinic.patient.low_bone_density = low_bone_density
        session.merge(clinic.patient)
        plan_episode(session, clinic.id, clinic.episode.id, MONDAY_AFTERNOON)
        session.commit()
        answer = coordinator.get(f"/episodes/{clinic.episode.id}/limits?on=2030-01-01")
        return int(answer.json["limits"]["lifting"]["limit_lb"])

    assert pounds("INTRACEPT", low_bone_density=True) == 10
    assert pounds("KYPHO", low_bone_density=False) == 20
    assert pounds("TLIF-MISS", low_bone_density=False) == 20
