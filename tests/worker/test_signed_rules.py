"""The clinic's signed rules: they clear what needs nobody's judgement, once, and the audit trail tells of it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session, sessionmaker

from models.audit import ActorKind, AuditAction, AuditEntry, AuditSubject
from models.care import Episode, Milestone, Reporter, Surgery
from models.clearance import Clearance, ClearanceRule, ObservedFact
from models.engine import make_session_factory
from models.people import Patient, Staff, StaffRole
from models.practice import Practice
from models.reminder import Reminder
from schedules import jobs
from schedules.plan.vocabulary import EpisodeStatus, Observation, ReminderState, SurgeryStatus, WorkClass
from schedules.planning import plan_episode
from tests import builders
from tests.database import service_engine_of

DAY_28 = datetime(2026, 3, 23, 15, 0, tzinfo=UTC)  # of a surgery on 2026-02-23
PLANNED_AT = builders.ENROLLED_AT
DRIVING_FACTS = (Observation.opioid_taken, Observation.emergency_stop_able, Observation.motor_deficit_absent)


class Case:
    """A clinic with one patient four weeks after surgery, and a rule for one kind of milestone."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.practice: Practice = builders.practice(session)
        self.clinician: Staff = builders.staff(session, self.practice, role=StaffRole.clinician)
        self.patient: Patient = builders.patient(session, self.practice)
        self.episode: Episode = builders.episode(session, self.patient)
        self.surgery: Surgery = builders.surgery(session, self.episode)
        self.plan()

    def plan(self) -> None:
        plan_episode(self.session, self.practice.id, self.episode.id, PLANNED_AT)
        self.session.commit()

    def sign(self, kind: str = "blt_end", protocol_id: str | None = None, id_: str = "rule") -> ClearanceRule:
        rule = ClearanceRule(practice_id=self.practice.id, id=id_, milestone_kind=kind, protocol_id=protocol_id)
        rule.signed_by, rule.signed_at = self.clinician.id, PLANNED_AT
        self.session.add(rule)
        self.session.commit()
        return rule

    def observe(self, *facts: Observation, at: datetime = DAY_28 - timedelta(days=2)) -> None:
        for what in facts:
            row = ObservedFact(practice_id=self.practice.id, id=f"fact-{what}-{at:%d%H}", patient_id=self.patient.id)
            row.episode_id, row.what, row.reported_by = self.episode.id, what, Reporter.staff
            row.observed_at = row.recorded_at = at
            self.session.add(row)
        self.session.commit()

    def milestone(self, key: str) -> Milestone:
        return self.session.scalars(select(Milestone).filter_by(practice_id=self.practice.id, key=key)).one()

    def clear(self, make_session: sessionmaker[Session], now: datetime = DAY_28) -> list[str]:
        """Run the job and return the keys of what is cleared."""
        self.session.rollback()
        jobs.clear_by_signed_rules(make_session, now, jobs.Round())
        same = (Milestone.practice_id == Clearance.practice_id) & (Milestone.id == Clearance.milestone_id)
        query = select(Milestone.key).join(Clearance, same).where(Clearance.practice_id == self.practice.id)
        keys = list(self.session.scalars(query.order_by(Milestone.key)))
        self.session.rollback()
        return keys


@pytest.fixture
def case(session: Session) -> Case:
    return Case(session)


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


def test_what_a_rule_covers_is_cleared_once_and_its_messages_are_taken_back(
    case: Case, make_session: sessionmaker[Session]
) -> None:
    rule, bending = case.sign(), case.milestone("blt_end")
    planned = select(Reminder.state).filter_by(practice_id=case.practice.id, milestone_id=bending.id)
    before = set(case.session.scalars(planned))

    cleared, again = case.clear(make_session), case.clear(make_session, DAY_28 + timedelta(minutes=5))

    (row,) = case.session.scalars(select(Clearance)).all()
    assert cleared == again == ["blt_end"]
    assert (row.rule_id, row.cleared_by, row.cleared_on) == (rule.id, None, date(2026, 3, 23))
    assert (row.grounds, row.work_class) == ({"day_reached": "met"}, None)
    assert before == {ReminderState.planned}
    assert set(case.session.scalars(planned)) == {ReminderState.cancelled}


def test_what_a_rule_did_stands_in_the_audit_trail(case: Case, make_session: sessionmaker[Session]) -> None:
    case.sign()

    case.clear(make_session)

    (row,), (entry,) = case.session.scalars(select(Clearance)).all(), case.session.scalars(select(AuditEntry)).all()
    assert (entry.actor_kind, entry.action, entry.happened_at) == (ActorKind.worker, AuditAction.write, DAY_28)
    assert entry.about == {"clearance_id": row.id, "milestone_id": row.milestone_id, "rule_id": "rule"}
    assert case.session.scalars(select(AuditSubject.patient_id)).all() == [case.patient.id]


@pytest.mark.sqlite_only
class TestWhatNoRuleClears:
    """Each of these waits for a person, or for its time."""

    def test_nothing_without_a_rule_in_force(self, case: Case, make_session: sessionmaker[Session]) -> None:
        assert case.clear(make_session) == []
        rule = case.sign()
        rule.retired_by, rule.retired_at = case.clinician.id, DAY_28
        case.session.commit()
        assert case.clear(make_session) == []

    def test_nothing_before_its_day(self, case: Case, make_session: sessionmaker[Session]) -> None:
        case.sign()

        assert case.clear(make_session, DAY_28 - timedelta(days=1)) == []

    def test_the_day_is_the_clinics(self, case: Case, make_session: sessionmaker[Session]) -> None:
        case.sign()

        assert case.clear(make_session, datetime(2026, 3, 23, 3, 59, tzinfo=UTC)) == []
        assert case.clear(make_session, datetime(2026, 3, 23, 4, 0, tzinfo=UTC)) == ["blt_end"]

    def test_driving_waits_for_every_condition_and_the_clinics_hours(
        self, case: Case, make_session: sessionmaker[Session]
    ) -> None:
        case.sign("drive")
        case.observe(*DRIVING_FACTS)

        without_hours = case.clear(make_session)
        case.session.get_one(Practice, case.practice.id).opioid_free_hours = 24
        case.session.commit()
        case.observe(Observation.motor_deficit_present, at=DAY_28 - timedelta(days=1))
        with_a_deficit = case.clear(make_session)
        case.observe(Observation.motor_deficit_absent, at=DAY_28 - timedelta(hours=1))

        assert (without_hours, with_a_deficit, case.clear(make_session)) == ([], [], ["drive"])

    def test_a_rule_of_another_protocol(self, case: Case, make_session: sessionmaker[Session]) -> None:
        case.sign(protocol_id="MD-OPEN")
        assert case.clear(make_session) == []
        case.sign(protocol_id="MD-MISS", id_="another")
        assert case.clear(make_session) == ["blt_end"]

    @pytest.mark.parametrize("status", [SurgeryStatus.planned, SurgeryStatus.cancelled])
    def test_a_surgery_that_was_not_performed(
        self, case: Case, make_session: sessionmaker[Session], status: SurgeryStatus
    ) -> None:
        case.sign()
        case.surgery.status = status
        case.session.commit()

        assert case.clear(make_session) == []

    @pytest.mark.parametrize("status", [EpisodeStatus.paused, EpisodeStatus.closed, EpisodeStatus.transferred])
    def test_an_episode_that_is_not_active(
        self, case: Case, make_session: sessionmaker[Session], status: EpisodeStatus
    ) -> None:
        case.sign()
        case.episode.status = status
        case.session.commit()

        assert case.clear(make_session) == []

    def test_the_dead(self, case: Case, make_session: sessionmaker[Session]) -> None:
        case.sign()
        case.patient.died_on = date(2026, 3, 20)
        case.session.commit()

        assert case.clear(make_session) == []

    def test_what_a_clinician_has_revoked(self, case: Case, make_session: sessionmaker[Session]) -> None:
        case.sign()
        case.clear(make_session)
        row = case.session.scalars(select(Clearance)).one()
        row.revoked_on, row.revoked_at, row.revoked_by = date(2026, 3, 23), DAY_28, case.clinician.id
        case.session.commit()

        case.clear(make_session, DAY_28 + timedelta(days=1))

        assert len(case.session.scalars(select(Clearance)).all()) == 1

    def test_very_heavy_work(self, case: Case, make_session: sessionmaker[Session]) -> None:
        case.patient.work_class = WorkClass.very_heavy
        case.plan()
        case.milestone("rtw_very_heavy").eligible_on = date(2026, 3, 1)
        case.sign("rtw_very_heavy")
        case.observe(Observation.wound_closed)

        assert case.clear(make_session) == []

    def test_lifting_after_fusion_without_a_satisfactory_x_ray(
        self, case: Case, make_session: sessionmaker[Session]
    ) -> None:
        case.surgery.protocol_id = "TLIF-MISS"
        case.plan()
        case.sign("lifting_step")
        year_later = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)

        unseen = case.clear(make_session, year_later)
        case.observe(Observation.xray_done, at=year_later - timedelta(days=3))
        done = case.clear(make_session, year_later)
        case.observe(Observation.xray_satisfactory, at=year_later - timedelta(days=2))

        assert (unseen, done) == ([], [])
        assert case.clear(make_session, year_later) == ["lifting_2"]

    @pytest.mark.parametrize(
        ("protocol_id", "low_bone_density"), [("KYPHO", False), ("KYPHO", True), ("INTRACEPT", True)]
    )
    def test_what_bone_health_holds(
        self, case: Case, make_session: sessionmaker[Session], protocol_id: str, low_bone_density: bool
    ) -> None:
        case.surgery.protocol_id, case.patient.low_bone_density = protocol_id, low_bone_density
        case.plan()
        case.sign("lifting_step")

        assert case.clear(make_session, datetime(2028, 3, 1, 15, 0, tzinfo=UTC)) == []


def test_one_patient_whose_plan_cannot_be_read_stops_no_other(
    session: Session, case: Case, make_session: sessionmaker[Session]
) -> None:
    case.sign()
    other = builders.patient(session, case.practice, id="a-before-the-other")
    broken = builders.surgery(session, builders.episode(session, other))
    session.commit()
    plan_episode(session, case.practice.id, broken.episode_id, PLANNED_AT)
    session.commit()
    broken.protocol_id = "GONE"
    session.commit()

    with pytest.raises(Exception, match="GONE"):
        case.clear(make_session)

    (row,) = session.scalars(select(Clearance)).all()
    assert row.patient_id == case.patient.id


def cleared_patients(session: Session) -> list[str]:
    found = list(session.scalars(select(Clearance.patient_id).order_by(Clearance.patient_id)))
    session.rollback()
    return found


def test_a_turn_looks_at_a_bounded_number_and_the_next_goes_on_where_it_stopped(
    session: Session, case: Case, make_session: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schedules.jobs.rules.LOOKED_AT_ONCE", 2)
    case.sign()
    others = [builders.patient(session, case.practice, id=f"patient-{number}") for number in range(2)]
    for other in others:
        surgery = builders.surgery(session, builders.episode(session, other))
        plan_episode(session, case.practice.id, surgery.episode_id, PLANNED_AT)
    session.commit()
    everyone = sorted([case.patient.id, *(each.id for each in others)])
    session.rollback()
    so_far, after_each_turn = jobs.Round(), []

    for _ in range(3):
        jobs.clear_by_signed_rules(make_session, DAY_28, so_far)
        after_each_turn.append(cleared_patients(session))

    assert after_each_turn == [everyone[:1], everyone[:2], everyone]
    assert so_far == jobs.Round()


def test_a_turn_goes_on_with_the_next_clinic(session: Session, make_session: sessionmaker[Session]) -> None:
    cases = [Case(session), Case(session)]
    for number, each in enumerate(cases):
        each.sign(id_=f"rule-{number}")
    patients = sorted(each.patient.id for each in cases)
    session.rollback()

    jobs.clear_by_signed_rules(make_session, DAY_28, jobs.Round())

    assert cleared_patients(session) == patients


def test_what_is_not_met_is_looked_at_without_a_write(
    case: Case, make_session: sessionmaker[Session], engine: Engine
) -> None:
    case.sign("drive")
    case.session.rollback()
    statements: list[str] = []
    listener = lambda *arguments: statements.append(arguments[2])  # noqa: E731
    event.listen(service_engine_of(engine), "before_cursor_execute", listener)

    jobs.clear_by_signed_rules(make_session, DAY_28, jobs.Round())

    event.remove(service_engine_of(engine), "before_cursor_execute", listener)
    assert statements
    assert not [each for each in statements if "FOR " in each or not (each.startswith("SELECT") or each == "BEGIN")]
