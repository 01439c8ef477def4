"""Whatever people and workers do in whatever order, nothing is lost, said twice for one time, or said after its end.

A Hypothesis machine (R20) moves a surgery, reports and withdraws milestones, lets time pass, lets workers send, fail
and die, on either database, and compares every request with a small model.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.care import Milestone, MilestoneProgress, Surgery
from models.engine import make_session_factory
from models.reminder import OPEN_STATES, AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules.delivery.channels import Result
from schedules.plan.vocabulary import Provider, ReminderState
from schedules.planning import Answer, plan_episode, withdraw
from tests import builders
from tests.clock import FixedClock
from tests.worker.desks import Outbox, claim_all, desk_of, lapse, pass_now
from tests.worker.rounds import work_off

PLANNED_AT = datetime(2026, 2, 24, 15, 0, tzinfo=UTC)
SHORT = settings(
    max_examples=8,
    stateful_step_count=14,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking would plan hundreds of episodes
    suppress_health_check=list(HealthCheck),
)
PICKS = st.integers(0, 30)
NOBODY_KNOWS = {AttemptOutcome.unknown, AttemptOutcome.abandoned}
Key = tuple[str, int]  # a reminder and its generation


class ReminderMachine(RuleBasedStateMachine):
    """One patient's reminders. The model: what was answered `effective`, what is complete, what was accepted when."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.clock = FixedClock(PLANNED_AT)
        self.outbox = Outbox()
        self.desk = desk_of(engine, self.clock, {Provider.smtp: self.outbox})
        self.session: Session = make_session_factory(engine)()
        self.silent: set[Key] = set()
        self.complete: set[str] = set()
        self.accepted: set[tuple[str, datetime]] = set()
        self.judged: set[tuple[str, int]] = set()

    @initialize()
    def enrol(self) -> None:
        clinic = builders.practice(self.session)
        episode = builders.episode(self.session, builders.patient(self.session, clinic), enrolled_at=PLANNED_AT)
        self.surgery: Surgery = builders.surgery(self.session, episode, dated_at=None)
        self.session.commit()
        self.plan()

    @rule(days=st.integers(-2, 6))
    def move(self, days: int) -> None:
        assert self.surgery.surgery_on is not None
        self.surgery.surgery_on += timedelta(days=days)
        self.plan()

    @rule(pick=PICKS)
    def report(self, pick: int) -> None:
        milestone = self.milestone(pick)
        if milestone.id not in self.complete:
            today, key = self.clock.now().date(), (self.surgery.practice_id, milestone.id)
            if (taken_back := self.session.get(MilestoneProgress, key)) is None:
                builders.progress(self.session, milestone, achieved_on=today)
            else:
                taken_back.achieved_on = today
            self.complete.add(milestone.id)
        self.take_back(milestone, "achieved")

    @rule(pick=PICKS)
    def report_is_taken_back(self, pick: int) -> None:
        if (milestone_id := self.milestone(pick).id) in self.complete:
            progress = self.session.get_one(MilestoneProgress, (self.surgery.practice_id, milestone_id))
            progress.achieved_on = None
            self.complete.discard(milestone_id)
            self.plan()

    @rule(pick=PICKS)
    def call_off(self, pick: int) -> None:
        self.take_back(self.milestone(pick), "withdrawn")

    @rule(hours=st.integers(1, 120))
    def time_passes(self, hours: int) -> None:
        self.clock.advance(timedelta(hours=hours))

    @rule(outcome=st.sampled_from([AttemptOutcome.accepted, AttemptOutcome.refused, AttemptOutcome.unknown]))
    def a_worker_sends(self, outcome: AttemptOutcome) -> None:
        self.outbox.result = Result(outcome, "250")
        work_off(self.engine, self.clock, self.desk)
        self.judge()

    @rule()
    def a_worker_dies_after_its_gate(self) -> None:
        for claim in claim_all(self.session, self.clock):
            pass_now(self.session, claim, self.clock.now())
        self.judge()
        lapse(self.session, self.clock)

    def teardown(self) -> None:
        if hasattr(self, "surgery"):
            self.drain()
        self.session.close()

    def plan(self) -> None:
        before = self.generations()
        answers = plan_episode(self.session, self.surgery.practice_id, self.surgery.episode_id, self.clock.now())
        self.session.commit()
        self.note(answers, before)

    def take_back(self, milestone: Milestone, reason: str) -> None:
        before = self.generations()
        whose = (milestone.practice_id, milestone.patient_id)
        answers = withdraw(self.session, *whose, now=self.clock.now(), reason=reason, milestone_ids=[milestone.id])
        self.session.commit()
        self.note(answers, before)

    def note(self, answers: dict[str, Answer], before: dict[str, int]) -> None:
        effective = [each for each, answer in answers.items() if answer is Answer.effective]
        self.silent |= {(each, before[each]) for each in effective}
        tried = {(each.reminder_id, each.generation) for each, _ in self.tries() if self.may_have_arrived(each.id)}
        assert not {(each, before[each]) for each in effective} & tried

    def judge(self) -> None:
        """Compare every request since the last look with what the model allows."""
        self.session.expire_all()
        reminders = {row.id: row for row in self.rows(Reminder)}
        for delivery, attempt in self.tries():
            reminder = reminders[delivery.reminder_id]
            if (delivery.id, attempt.fence) not in self.judged:
                self.judged.add((delivery.id, attempt.fence))
                assert (delivery.reminder_id, delivery.generation) not in self.silent
                assert reminder.milestone_id not in self.complete
                assert delivery.generation == reminder.generation
                assert delivery.due_at <= attempt.started_at < delivery.useful_until
                assert (delivery.subject_id, delivery.due_at) not in self.accepted
            if attempt.outcome is AttemptOutcome.accepted:
                self.accepted.add((delivery.subject_id, delivery.due_at))
        self.outbox.messages.clear()

    def drain(self) -> None:
        """Let everything come due, and see that each reminder has its end."""
        self.outbox.result = Result(AttemptOutcome.accepted, "250")
        for _ in range(60):
            work_off(self.engine, self.clock, self.desk)
            self.judge()
            opened = [each for each in self.rows(Delivery) if each.state in OPEN_STATES]
            if not opened:
                break
            wait = min(each.next_attempt_at for each in opened) - self.clock.now()
            self.clock.advance(max(wait, timedelta(seconds=1)))
            lapse(self.session, self.clock)
        self.session.expire_all()
        reminders = {row.id: row for row in self.rows(Reminder)}
        for delivery in self.rows(Delivery):
            assert delivery.state not in OPEN_STATES
            assert delivery.state is DeliveryState.sent or delivery.reason is not None
            reminder = reminders[delivery.reminder_id]
            stood = reminder.generation == delivery.generation and reminder.state is ReminderState.planned
            assert not stood or delivery.state is not DeliveryState.cancelled

    def milestone(self, pick: int) -> Milestone:
        """Return one of those with a reminder, of which there are few."""
        reminded = {row.milestone_id for row in self.rows(Reminder)}
        rows: list[Milestone] = [row for row in self.rows(Milestone) if row.id in reminded]
        return sorted(rows, key=lambda row: row.key)[pick % len(rows)]

    def generations(self) -> dict[str, int]:
        return {row.id: row.generation for row in self.rows(Reminder)}

    def rows(self, model: Any) -> list[Any]:
        found = list(self.session.scalars(select(model).where(model.practice_id == self.surgery.practice_id)))
        self.session.commit()  # on SQLite nobody else could write
        return found

    def tries(self) -> list[tuple[Delivery, DeliveryAttempt]]:
        deliveries = {row.id: row for row in self.rows(Delivery)}
        return [(deliveries[row.delivery_id], row) for row in self.rows(DeliveryAttempt)]

    def may_have_arrived(self, delivery_id: str) -> bool:
        outcomes = {attempt.outcome for delivery, attempt in self.tries() if delivery.id == delivery_id}
        return bool(outcomes & (NOBODY_KNOWS | {None, AttemptOutcome.accepted}))


@pytest.mark.slow
def test_whatever_happens_in_whatever_order_every_reminder_comes_right(engine: Engine) -> None:
    run_state_machine_as_test(lambda: ReminderMachine(engine), settings=SHORT)  # type: ignore[arg-type]
