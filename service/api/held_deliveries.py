"""Held deliveries: what may have gone out after the backup that was restored, and what is to become of it."""

from typing import Any

from marshmallow import Schema, fields

from models.reminder import Delivery, DeliveryState
from schedules.plan.vocabulary import Channel, ReminderCategory
from service.api import examples_held as examples
from service.api.fields import Id, Instant, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, now, scope, show
from service.care.held import drop_held, list_held, release_held
from service.db import current_session

held_deliveries = Resource(
    "held deliveries",
    "Messages that may have gone out after the backup that was restored. None goes out again by itself.",
)


class HeldDeliveryView(Schema):
    """One message. `held_since` is when the backup was restored; `channel`: by which it was last tried."""

    id = Id(required=True)
    patient_id = Id(required=True)
    episode_id = Id(required=True)
    reminder_id = Id(required=True)
    key = fields.String(required=True)
    category = Word(ReminderCategory, required=True)
    channel = Word(Channel, required=True, allow_none=True)
    due_at = Instant(required=True)
    useful_until = Instant(required=True)
    held_since = Instant(required=True, allow_none=True)


HeldDeliveryPage = listing(HeldDeliveryView, "HeldDeliveryPage")


class HeldBody(Schema):
    """Nothing: an empty object."""


class SettledDeliveryView(Schema):
    """A delivery after the word about it: `pending` goes to the worker's last check, `cancelled` is over."""

    id = Id(required=True)
    reminder_id = Id(required=True)
    state = Word(DeliveryState, required=True)


@held_deliveries.get("/held-deliveries")
@held_deliveries.arguments(PageQuery, location="query")
@held_deliveries.response(200, HeldDeliveryPage, example=examples.HELD)
def list_held_deliveries(query: dict[str, Any]) -> Any:
    """List what is held in the caller's practice."""
    after, limit = row_after(query.get("after")), query["limit"]
    rows = list_held(current_session(), caller().practice_id, after=after, limit=limit + 1)
    answer = page(rows, limit, lambda row: row.id)
    show(*(row.patient_id for row in answer["items"]))
    return answer


@held_deliveries.post("/held-deliveries/<id:delivery_id>/release")
@held_deliveries.arguments(HeldBody)
@held_deliveries.response(200, SettledDeliveryView, example=examples.RELEASED)
def release_delivery(_body: dict[str, Any], delivery_id: str) -> Any:
    """Have a message sent, if it is still of use: the worker's last check decides as ever. 409 if it is not held."""
    return _told(release_held(current_session(), caller().practice_id, delivery_id, now()))


@held_deliveries.post("/held-deliveries/<id:delivery_id>/drop")
@held_deliveries.arguments(HeldBody)
@held_deliveries.response(200, SettledDeliveryView, example=examples.DROPPED)
def drop_delivery(_body: dict[str, Any], delivery_id: str) -> Any:
    """End a message without sending it. 409 if it is not held."""
    return _told(drop_held(current_session(), caller().practice_id, delivery_id, now()))


def _told(delivery: Delivery) -> Delivery:
    show(delivery.patient_id)
    scope().about["reminder_id"] = delivery.reminder_id
    return delivery
