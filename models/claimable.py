"""Which deliveries wait for a worker or have one, in the words of the index that holds these alone."""

from sqlalchemy import ColumnElement

from models.base import said
from models.reminder import CLAIMABLE_STATES, Delivery


def is_claimable() -> ColumnElement[bool]:
    """Return the condition that a delivery is in such a state. By `ix_delivery_claim` history costs nothing then."""
    return Delivery.state.in_([said(each) for each in CLAIMABLE_STATES])
