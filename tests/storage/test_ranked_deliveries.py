"""Messages that wait when the schema learns of urgency are ranked by what they are about."""

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.engine import make_session_factory
from models.migrate import downgrade, upgrade
from models.reminder import Delivery, DeliveryState
from schedules.plan.vocabulary import ReminderCategory
from tests import builders


def test_waiting_messages_are_ranked_when_the_column_is_added(owner_url: str, engine: Engine, session: Session) -> None:
    patient = builders.patient(session, builders.practice(session))
    milestone = builders.milestone(session, builders.surgery(session, builders.episode(session, patient)))
    safety, usual = ReminderCategory.safety, ReminderCategory.activity
    builders.delivery(session, builders.reminder(session, milestone, key="surgery_moved", category=safety), id="a")
    builders.delivery(session, builders.reminder(session, milestone, key="evening", category=safety), id="b")
    builders.delivery(session, builders.reminder(session, milestone, key="goal", category=usual), id="c")
    builders.delivery(
        session, builders.reminder(session, milestone, key="d3", category=safety), id="d", state=DeliveryState.sent
    )
    session.commit()
    session.close()
    engine.dispose()

    downgrade(owner_url, "0003")
    upgrade(owner_url)

    with make_session_factory(engine)() as after:
        ranked = after.execute(select(Delivery.id, Delivery.urgency).order_by(Delivery.id)).all()
    assert [tuple(row) for row in ranked] == [("a", 0), ("b", 1), ("c", 2), ("d", 2)]
