"""The clinic's rota: who is on call when, and where the caller is told of alerts."""

from dataclasses import asdict
from typing import Any

from marshmallow import Schema, fields

from models import OnCallShift, Staff
from schedules.plan.vocabulary import Channel, OnCallPlace
from service.api import examples_alerts as examples
from service.api.etags import refuse_match_of_nothing, require_tag
from service.api.fields import CivilDate, Id, Instant, Text, WallTime, Whole, Word
from service.api.pages import PageQuery, page, row_after
from service.api.push_addresses import SubscriptionBody, read_subscription_body
from service.api.resource import Resource
from service.api.scope import caller, monitoring, now, scope, settings
from service.care.on_call import (
    ShiftRecord,
    list_shifts,
    put_shift,
    record_of,
    remove_shift,
    tag_of,
    tell_phones,
    who_watches,
)
from service.care.reach import practice_of
from service.care.staff_addresses import list_addresses, remove_address, set_address
from service.db import current_session
from service.errors import Fault, InvalidError, NotFoundError, describe_private
from service.identity.sessions import require_fresh

on_call = Resource("on-call", "Who is on call, and where staff are told of alerts. No patient's data.")
_REACHED_BY = frozenset({Channel.push, Channel.sms, Channel.email})


class OnCallShiftBody(Schema):
    """One person's time on call: wall times of the clinic's zone. The end is not part of it."""

    staff_id = Id(required=True)
    place = Word(OnCallPlace, required=True)
    from_on = CivilDate(required=True)
    from_at = WallTime(required=True)
    until_on = CivilDate(required=True)
    until_at = WallTime(required=True)


class OnCallShiftView(OnCallShiftBody):
    """A stored shift."""

    id = Id(required=True)


class OnCallNowView(Schema):
    """Who is on call now and can be told, by place: staff ids."""

    first = fields.List(Id(), required=True)
    second = fields.List(Id(), required=True)
    fallback = fields.List(Id(), required=True)


class RotaPage(Schema):
    """A page of shifts, and who is on call now.

    `monitored_until` null: nobody is, or no worker runs that would tell them, and patients are told so.
    """

    now = fields.Nested(OnCallNowView, required=True)
    monitored_until = Instant(required=True, allow_none=True)
    items = fields.List(fields.Nested(OnCallShiftView), required=True)
    next = fields.String(allow_none=True, required=True)


class RotaQuery(PageQuery):
    """Shifts that end on this day or later; by default today."""

    since = CivilDate()


class AlertAddressBody(Schema):
    """An address, or a browser's subscription for `push`. `rank`: which channel is tried first, from 0."""

    address = Text(320, "an e-mail address, or a phone number in E.164", load_default=None, allow_none=True)
    subscription = fields.Nested(
        SubscriptionBody, load_default=None, allow_none=True, metadata={"expected": "a browser's subscription"}
    )
    rank = Whole(0, 9, "place in the order of channels", load_default=0)


class AlertAddressView(Schema):
    """What is known of an address, without the address. `disabled_at`: since when its provider calls it dead."""

    channel = Word(Channel, required=True)
    rank = fields.Integer(attribute="wanted_rank", required=True)
    set_at = Instant(required=True)
    disabled_at = Instant(required=True, allow_none=True)
    disabled_code = fields.String(required=True, allow_none=True)


class AlertAddressesView(Schema):
    """The caller's addresses in the order in which they are tried. None: that of the sign-in is."""

    items = fields.List(fields.Nested(AlertAddressView), required=True)


@on_call.get("/on-call")
@on_call.arguments(RotaQuery, location="query")
@on_call.response(200, RotaPage, example=examples.ROTA)
def list_rota(query: dict[str, Any]) -> Any:
    """List the shifts from today on, and who is on call now."""
    session, practice = current_session(), practice_of(current_session(), caller())
    after, limit = row_after(query.get("after")), query["limit"]
    rows = list_shifts(session, practice, since=query.get("since"), now=now(), after=after, limit=limit + 1)
    watch = who_watches(session, practice, now(), monitoring())
    told = {"now": watch.on_call, "monitored_until": watch.monitored_until}
    return page(rows, limit, lambda row: row.id) | told


@on_call.put("/on-call/<id:shift_id>")
@on_call.tagged(200, 201, needs_match=True)
@on_call.arguments(OnCallShiftBody, example=examples.SHIFT)
@on_call.response(200, OnCallShiftView)
@on_call.alt_response(201, schema=OnCallShiftView, success=True)
def store_shift(body: dict[str, Any], shift_id: str) -> Any:
    """Store a shift under your own id. Phones hear who watches when they next synchronise."""
    session, practice_id = current_session(), caller().practice_id
    record = ShiftRecord(**body)
    row, is_new = put_shift(session, practice_id, shift_id, record, require_tag=require_tag)
    if is_new:
        refuse_match_of_nothing()
    scope().about.update({"shift_id": shift_id, "staff_id": row.staff_id})
    session.flush()
    tell_phones(session, practice_id, now(), monitoring())
    return _shift(row), 201 if is_new else 200, {"ETag": f'"{tag_of(row)}"'}


@on_call.delete("/on-call/<id:shift_id>")
@on_call.response(204)
def delete_shift(shift_id: str) -> Any:
    """Remove a shift."""
    session, practice_id = current_session(), caller().practice_id
    row = remove_shift(session, practice_id, shift_id)
    scope().about.update({"shift_id": shift_id, "staff_id": row.staff_id})
    session.flush()
    tell_phones(session, practice_id, now(), monitoring())
    return ""


@on_call.get("/me/alert-addresses")
@on_call.response(200, AlertAddressesView, example=examples.ADDRESSES)
def list_own_addresses() -> Any:
    """Return where the caller is told of alerts, without the addresses."""
    return {"items": list_addresses(current_session(), caller().practice_id, caller().actor_id)}


@on_call.put("/me/alert-addresses/<id:channel>")
@on_call.arguments(AlertAddressBody, example=examples.ADDRESS)
@on_call.response(200, AlertAddressView)
@on_call.alt_response(201, schema=AlertAddressView, success=True)
def store_own_address(body: dict[str, Any], channel: str) -> Any:
    """Set where the caller is told of alerts on one channel: push, sms or email.

    In a session it asks for a fresh second factor: 403 `step_up_required`.
    """
    require_fresh(caller(), now())
    session, by = current_session(), _channel(channel)
    row, is_new = set_address(session, _self(), by, _address(by, body), rank=body["rank"], now=now())
    _note(row.channel)
    return row, 201 if is_new else 200


@on_call.delete("/me/alert-addresses/<id:channel>")
@on_call.response(204)
def delete_own_address(channel: str) -> Any:
    """Forget the caller's address on one channel. In a session it asks for a fresh second factor."""
    require_fresh(caller(), now())
    remove_address(current_session(), _self(), _channel(channel))
    _note(_channel(channel))
    return ""


def _note(channel: Channel) -> None:
    scope().about["channel"] = channel.value
    current_session().flush()
    tell_phones(current_session(), caller().practice_id, now(), monitoring())


def _self() -> Staff:
    return current_session().get_one(Staff, (caller().practice_id, caller().actor_id))


def _channel(name: str) -> Channel:
    try:
        channel = Channel(name)
    except ValueError:
        raise NotFoundError from None
    if channel not in _REACHED_BY:
        raise NotFoundError
    return channel


def _address(channel: Channel, body: dict[str, Any]) -> str:
    """Return the address that a body gives, as it is stored. Raises InvalidError for one of another channel."""
    address, subscription = body["address"], body["subscription"]
    if channel is Channel.push:
        if address is not None or settings().web_push_key is None:
            raise InvalidError(Fault("/address", "a browser's subscription, where Web Push is set up", "an address"))
        return read_subscription_body(subscription).text
    if subscription is not None:
        raise InvalidError(Fault("/subscription", f"none for {channel}", "a subscription"))
    if address is None:
        raise InvalidError(Fault("/address", "an address", describe_private(address)))
    return str(address)


def _shift(row: OnCallShift) -> dict[str, Any]:
    return asdict(record_of(row)) | {"id": row.id}
