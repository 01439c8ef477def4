"""Which patients a member of staff sees where the practice has its staff see their own alone: the one place to say it.

A patient is on the caseload of whoever coordinates an episode of theirs, operates on them, or was given them. Who is
called to somebody in danger sees them too: on call, every patient with an alert that is not closed; given an alert,
with it in hand or called about it, its patient until it is closed. Whoever opens another patient with a reason sees
them for a while, and each look is marked (`service.care.break_glass`). Admins see every patient.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, true, union
from sqlalchemy.orm import Session

from models import Alert, CareAssignment, Delivery, EmergencyAccess, Episode, Practice, Surgery
from models.base import said
from models.caseload import limit_to
from schedules.plan.vocabulary import AlertState
from schedules.planning.on_call import is_on_call
from service.errors import Fault, ForbiddenError
from service.identity.patient_roles import OF_PATIENTS
from service.identity.principal import Principal

# What devices of staff synchronise is their panel already (see `models.panel`), which is a part of the caseload.
_OF_PANEL: Final = " /api/v1/sync/"
# What compares a file with every patient there is.
_OF_EVERY_PATIENT: Final = ("POST /api/v1/import",)


def limit_to_caseload(session: Session, caller: Principal, route: str, now: datetime) -> Mapping[str, str]:
    """Have the session of a request see the caller's caseload alone, if the practice wants it so.

    Return whom they see by break-glass: the id of the access by the patient's.
    Raises ForbiddenError where nothing could be done with a part of the patients.
    """
    if not caller.own_caseload_only or route not in OF_PATIENTS or _OF_PANEL in route:
        return {}
    if route in _OF_EVERY_PATIENT:
        raise ForbiddenError(Fault("", "somebody who sees every patient of the practice", "own caseload only"))
    opened = opened_by(session, caller.practice_id, caller.actor_id, now)
    limit_to(session, caseload_of(session, caller.practice_id, caller.actor_id, now) | opened.keys())
    return opened


def opened_by(session: Session, practice_id: str, staff_id: str, now: datetime) -> Mapping[str, str]:
    """Return the id of the access by the patient's, of patients whom somebody opened and still may see."""
    query = select(EmergencyAccess.patient_id, EmergencyAccess.id).where(
        EmergencyAccess.practice_id == practice_id,
        EmergencyAccess.staff_id == staff_id,
        EmergencyAccess.expires_at > now,
    )
    return {row[0]: row[1] for row in session.execute(query)}


def caseload_of(session: Session, practice_id: str, staff_id: str, now: datetime) -> frozenset[str]:
    """Return the ids of the patients on somebody's caseload at an instant. Whom they opened besides is not on it."""
    practice = session.get_one(Practice, practice_id)
    own = union(
        _of(Episode, practice_id, Episode.coordinator_id == staff_id, Episode.deleted.is_(False)),
        _of(Surgery, practice_id, Surgery.surgeon_id == staff_id, Surgery.deleted.is_(False)),
        _of(CareAssignment, practice_id, CareAssignment.staff_id == staff_id),
        _of(
            Alert,
            practice_id,
            Alert.state != said(AlertState.closed),
            true() if is_on_call(session, practice, staff_id, now) else _concerns(staff_id),
        ),
    )
    return frozenset(session.scalars(own))


def _concerns(staff_id: str) -> ColumnElement[bool]:
    was_called = exists().where(
        and_(Delivery.practice_id == Alert.practice_id, Delivery.alert_id == Alert.id, Delivery.staff_id == staff_id)
    )
    return or_(Alert.owner_id == staff_id, Alert.acknowledged_by == staff_id, was_called)


def _of(
    model: type[Episode | Surgery | CareAssignment | Alert], practice_id: str, *conditions: ColumnElement[bool]
) -> Select[str]:
    return select(model.patient_id).where(model.practice_id == practice_id, *conditions)
