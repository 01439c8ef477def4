"""Decides on a batch of messages to staff, whose deliveries are locked."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from schedules.delivery.book import Claim, Held
from schedules.delivery.calls import Call, call_facts, load_calls
from schedules.delivery.decide import Verdict
from schedules.delivery.decide_call import decide_call
from schedules.delivery.fall_back import tried_targets
from schedules.delivery.flow import paused_until
from schedules.delivery.ways import Ways
from schedules.plan.vocabulary import Provider


def judge_calls(
    session: Session, calls: Mapping[Claim, Held], *, built: Collection[Provider], now: datetime
) -> Iterator[tuple[Claim, Call, Verdict]]:
    """Yield what is decided of each; they are of one practice."""
    found = load_calls(session, next(iter(calls)).practice_id, list(calls.values()))
    ways = Ways(built, paused_until(session, now))
    for claim, delivery in calls.items():
        call, tried = found[delivery.id], tried_targets(session, delivery)
        yield claim, call, decide_call(call_facts(delivery, call, ways=ways, tried=tried, now=now))
