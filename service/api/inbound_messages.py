"""What patients wrote by SMS, for staff to read."""

from typing import Any

from marshmallow import Schema

from models.receipts import InboundKind
from service.api import examples_providers as examples
from service.api.fields import Id, Instant, Text, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, show
from service.care.inbound import LONGEST_TEXT, list_inbound
from service.db import current_session

inbound_messages = Resource("inbound messages", "What patients wrote by SMS. Nobody is told at once: tasks say so.")


class InboundMessageView(Schema):
    """One SMS. `text` is kept where a person is to read it."""

    id = Id(required=True)
    patient_id = Id(required=True)
    received_at = Instant(required=True)
    kind = Word(InboundKind, required=True)
    text = Text(LONGEST_TEXT, "what the patient wrote", required=True, allow_none=True)


InboundMessagePage = listing(InboundMessageView, "InboundMessagePage")


class InboundQuery(PageQuery):
    """Whose messages, and which page of them."""

    patient_id = Id()


@inbound_messages.get("/inbound-messages")
@inbound_messages.arguments(InboundQuery, location="query")
@inbound_messages.response(200, InboundMessagePage, example=examples.INBOUND_MESSAGES)
def list_inbound_messages(query: dict[str, Any]) -> Any:
    """List what patients wrote by SMS, the oldest first."""
    session, after, limit = current_session(), row_after(query.get("after")), query["limit"]
    rows = list_inbound(session, caller().practice_id, query.get("patient_id"), after=after, limit=limit + 1)
    answer = page(rows, limit, lambda row: row.id)
    show(*(row.patient_id for row in answer["items"]))
    return answer
