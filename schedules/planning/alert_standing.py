"""An alert's columns as the pure rules read and write them."""

from dataclasses import fields

from models.alert import Alert
from schedules.plan.alert_state import Standing

_COLUMNS = tuple(each.name for each in fields(Standing))


def standing_of(alert: Alert) -> Standing:
    """Return how a stored alert stands."""
    return Standing(**{name: getattr(alert, name) for name in _COLUMNS})


def set_standing(alert: Alert, standing: Standing) -> bool:
    """Write how an alert stands. Return whether that is another than before; its version counts that."""
    if standing == standing_of(alert):
        return False
    for name in _COLUMNS:
        setattr(alert, name, getattr(standing, name))
    alert.version += 1
    return True
