"""An alert's moves in any order: only people move it on, nothing goes back, and what is in hand calls nobody."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from schedules.plan.alert_state import Standing, acknowledge, assign, close, say_again, withdraw
from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import AlertOutcome, AlertState

RAISED_AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ORDER = list(AlertState)
BY_PEOPLE = frozenset({"acknowledge", "assign", "close"})
steps = st.lists(
    st.tuples(
        st.sampled_from(["acknowledge", "assign", "close", "withdraw", "say_again"]),
        st.sampled_from(["ana", "ben"]),
        st.sampled_from([AlertOutcome.no_action_needed, AlertOutcome.visit_booked]),
    ),
    max_size=12,
)


def moved(standing: Standing, step: str, person: str, outcome: AlertOutcome, now: datetime) -> Standing:
    """Return the standing after a step; one that is refused changes nothing."""
    try:
        match step:
            case "acknowledge":
                return acknowledge(standing, by=person, now=now)
            case "assign":
                return assign(standing, to=person)
            case "close":
                return close(standing, outcome, by=person, now=now)
            case "withdraw":
                return withdraw(standing, now)
            case _:
                return say_again(standing)
    except PlanError:
        return standing


@given(steps)
def test_an_alert_only_moves_on_by_a_person_and_calls_nobody_once_in_hand(
    told: list[tuple[str, str, AlertOutcome]],
) -> None:
    standing = Standing(next_escalation_at=RAISED_AT + timedelta(minutes=15))
    for number, (step, person, outcome) in enumerate(told, start=1):
        before, standing = standing, moved(standing, step, person, outcome, RAISED_AT + number * timedelta(minutes=1))

        assert ORDER.index(standing.state) >= ORDER.index(before.state)
        assert standing.state is before.state or step in BY_PEOPLE
        assert (standing.state is AlertState.open) == (standing.next_escalation_at is not None)
        assert (standing.state is AlertState.open) == (standing.acknowledged_by is None)
        assert (standing.state is AlertState.closed) == (standing.outcome is not None)
        if before.acknowledged_at is not None:
            assert (standing.acknowledged_at, standing.acknowledged_by) == (
                before.acknowledged_at,
                before.acknowledged_by,
            )
        if before.state is AlertState.closed:
            assert standing == before or step in ("withdraw", "say_again")


@given(steps)
def test_each_step_done_twice_is_done_once(told: list[tuple[str, str, AlertOutcome]]) -> None:
    once = twice = Standing(next_escalation_at=RAISED_AT)
    for step, person, outcome in told:
        once = moved(once, step, person, outcome, RAISED_AT)
        twice = moved(moved(twice, step, person, outcome, RAISED_AT), step, person, outcome, RAISED_AT)

    assert once == twice
