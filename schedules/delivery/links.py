"""The one-time link of a message: its row is written in the gate's transaction, its secret is in the message alone."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.bulk import insert_at_commit
from models.link import MessageLink
from models.private import link_token
from schedules.delivery.book import Held
from schedules.delivery.message import Draft, wording_of

SHORTEST_LIFE = timedelta(hours=72)


def with_link(session: Session, message: Sequence[Held], draft: Draft, now: datetime) -> Draft:
    """Return the draft with the token of its link, of which a row stands at the commit.

    `message` are the deliveries that it says, the first of which carries it. A repeat has the same link, which then
    lives on from `now`. Costs a query from the second try on. Raises PlanError if a protocol has no such reminder.
    """
    carrier = message[0]
    token = link_token(f"{carrier.practice_id}\0{carrier.id}\0{carrier.generation}")
    said = wording_of(draft).said
    says = {each.reminder_id: each.generation for each in message if each.reminder_id is not None}
    expires_at = max(*(each.useful_until for each in message), now + SHORTEST_LIFE)
    # A delivery has a channel once it has passed the gate.
    link = None if carrier.channel is None else session.get(MessageLink, (carrier.practice_id, carrier.id))
    if link is not None:
        link.said, link.says, link.expires_at = said, says, expires_at
        return replace(draft, token=token)
    columns = {
        "practice_id": carrier.practice_id,
        "id": carrier.id,
        "patient_id": carrier.patient_id,
        "reminder_id": carrier.reminder_id,
        "token_hash": hashlib.sha256(token.encode()).digest(),
        "said_sealed": _sealed(session, carrier, said),
        "says": says,
        "made_at": now,
        "expires_at": expires_at,
    }
    insert_at_commit(session, MessageLink, columns)
    return replace(draft, token=token)


def _sealed(session: Session, carrier: Held, said: str) -> bytes:
    whose = {"practice_id": carrier.practice_id, "patient_id": carrier.patient_id}
    return MessageLink.said.closed(session, said, **whose, row_id=carrier.id)
