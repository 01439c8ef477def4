"""How a request ends: its audit entry is stored, and its changes are committed, before the first byte goes out.

The entry of a write stands in the write's own transaction. The entry of a read, and of a refusal, is committed in a
short transaction of its own. If it cannot be stored, the caller gets 503 and no data. An answer that is kept for a
repeat of its request is kept in the same transaction.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any, NoReturn

from flask import Response, make_response, request
from sqlalchemy.exc import SQLAlchemyError

from models.audit import ActorKind, AuditAction
from models.caseload import EMERGENCY_MARK
from models.isolation import write_after_reads
from models.journal import Act, append
from service.api.idempotency import keyed_request
from service.api.reads import READING_METHODS
from service.api.scope import Scope, find_scope, route_of, scope
from service.db import begin, current_session
from service.errors import RevokedDeviceError, ServiceError, UnavailableError
from service.identity.principal import Principal
from service.identity.rotation import note_first_use
from service.identity.service_accounts import note_used
from service.identity.sessions import note_seen
from service.identity.wiping import note_wipe_told
from service.logs import log_event

_DENIALS = (401, 403, 404)
_ACTIONS = {
    "POST /api/v1/import": AuditAction.import_,
    "POST /api/v1/enrolments": AuditAction.token,
    "POST /api/v1/patients/{patient_id}/calendar-feed": AuditAction.token,
    "DELETE /api/v1/patients/{patient_id}/calendar-feed": AuditAction.token,
    "POST /api/v1/devices": AuditAction.token,
    "POST /api/v1/tokens/refresh": AuditAction.token,
    "POST /api/v1/devices/wiped": AuditAction.token,
    "POST /api/v1/patients/{patient_id}/proxies": AuditAction.token,
    "POST /api/v1/proxies/{proxy_id}/enrolment": AuditAction.token,
    "POST /api/v1/proxies/{proxy_id}/end": AuditAction.token,
    "POST /api/v1/devices/{device_id}/lost": AuditAction.token,
    "POST /m/{token}": AuditAction.token,
    "POST /api/v1/sign-in": AuditAction.token,
    "POST /api/v1/sign-in/second-factor": AuditAction.token,
    "POST /api/v1/sign-in/authenticator/confirm": AuditAction.token,
    "POST /api/v1/sign-in/passkey": AuditAction.token,
    "POST /clinic/sign-in": AuditAction.token,
    "POST /clinic/sign-in/passkey": AuditAction.token,
    "GET /clinic/sign-in/provider/answer": AuditAction.token,
    "POST /clinic/sign-in/code": AuditAction.token,
    "POST /clinic/sign-in/authenticator/confirm": AuditAction.token,
    "POST /clinic/sign-out": AuditAction.token,
    "POST /clinic/patients/{patient_id}/enrolment": AuditAction.token,
    "POST /clinic/patients/{patient_id}/calendar-feed": AuditAction.token,
    "POST /clinic/patients/{patient_id}/calendar-feed/end": AuditAction.token,
    "POST /clinic/devices/{device_id}/lost": AuditAction.token,
    "POST /clinic/patients/{patient_id}/proxies": AuditAction.token,
    "POST /clinic/proxies/{proxy_id}/enrolment": AuditAction.token,
    "POST /clinic/proxies/{proxy_id}/end": AuditAction.token,
    "POST /clinic/account/sessions/{session_id}/end": AuditAction.token,
    "POST /clinic/account/end-other-sessions": AuditAction.token,
    "POST /api/v1/service-accounts": AuditAction.token,
    "DELETE /api/v1/service-accounts/{account_id}": AuditAction.token,
    "POST /api/v1/staff": AuditAction.token,
    "POST /api/v1/staff/{member_id}/deactivate": AuditAction.token,
    "POST /api/v1/staff/{member_id}/reactivate": AuditAction.token,
    "POST /api/v1/staff/{member_id}/end-sessions": AuditAction.token,
    "POST /api/v1/staff/{member_id}/code": AuditAction.token,
    "POST /clinic/staff": AuditAction.token,
    "POST /clinic/staff/{member_id}/deactivate": AuditAction.token,
    "POST /clinic/staff/{member_id}/reactivate": AuditAction.token,
    "POST /clinic/staff/{member_id}/end-sessions": AuditAction.token,
    "POST /clinic/staff/{member_id}/code": AuditAction.token,
    "POST /clinic/staff/{member_id}/forget-provider": AuditAction.token,
    "DELETE /api/v1/staff/{member_id}/provider-link": AuditAction.token,
    "POST /api/v1/me/sign-out": AuditAction.token,
    "POST /api/v1/me/end-other-sessions": AuditAction.token,
    "DELETE /api/v1/me/sessions/{session_id}": AuditAction.token,
}


def settled(view: Callable[..., Any]) -> Callable[..., Response]:
    """Return `view` with the end of its request: the answer kept or repeated, 304, the audit entry, the commit."""

    @wraps(view)
    def settle(*args: Any, **kwargs: Any) -> Response:
        keyed = keyed_request()
        replay = None if keyed is None else keyed.find_answer()
        response = make_response(view(*args, **kwargs)) if replay is None else replay
        if request.method in READING_METHODS:
            _drop_what_is_known(response)
        if scope().reads:
            _end_reading()
        if keyed is not None and replay is None:
            keyed.keep(response)
        commit_with_entry(response.status_code)
        return response

    return settle


def commit_with_entry(status: int) -> None:
    """Append the request's audit entry to the session's transaction and commit it, and that its session is used.

    Raises UnavailableError if it cannot be stored, for whatever reason: nothing is done or shown without its entry.
    """
    current, session = scope(), current_session()
    if current.principal is not None:
        if not current.is_by_itself:
            note_seen(session, current.principal, current.now)
        note_used(session, current.principal, current.now)
        note_first_use(session, current.principal, current.now)
        with _or_unavailable():
            _append(current, _action(current), status)
    session.commit()


def _action(current: Scope) -> AuditAction:
    if current.is_replay:
        return AuditAction.read
    return _ACTIONS.get(route_of(), AuditAction.read if current.reads else AuditAction.write)


def commit_refusal(practice_id: str | None, actor_id: str | None, error: ServiceError, **about: str) -> NoReturn:
    """Raise `error`, after what the request did was committed with its entry: a wrong try must count.

    `about`: ids and codes. Without a practice there is no trail to tell it to.
    """
    current = scope()
    if practice_id is not None:
        act = Act(ActorKind.staff, actor_id, AuditAction.denied, route_of(), error.status, about=about)
        append(current_session(), practice_id, act, current.now)
    current_session().commit()
    current.is_recorded = True
    raise error


def record_wipe_order(revoked: RevokedDeviceError) -> None:
    """Commit that a device is told to delete what it stores, with an entry: at its first contact, once."""
    if revoked.is_told:
        return
    current, device = scope(), revoked.device
    current_session().rollback()
    session = begin(reads=False)
    note_wipe_told(session, device, current.now)
    told = Act(device.actor_kind, device.actor_id, AuditAction.denied, route_of(), revoked.status)
    patient_ids = [] if device.patient_id is None else [device.patient_id]
    about = {"told": "wipe"} | _for_whom(device)
    append(session, device.practice_id, replace(told, about=about, patient_ids=patient_ids), current.now)
    session.commit()


def record_denial(status: int) -> None:
    """Commit an entry for a refused request, if it is known who asked. What the request had done is rolled back."""
    current = find_scope()
    current_session().rollback()
    if current is None or current.principal is None or current.is_recorded or status not in _DENIALS:
        return
    current.patient_ids.clear()
    note_first_use(current_session(), current.principal, current.now)
    _append(current, AuditAction.denied, status)
    current_session().commit()


def _drop_what_is_known(response: Response) -> None:
    """Turn an answer that the caller already has into a 304."""
    etag, _ = response.get_etag()
    if etag is not None and request.if_none_match.contains_weak(etag):
        response.status_code = 304
        response.set_data(b"")
        response.headers.remove("Content-Type")


def _end_reading() -> None:
    # The entry needs a transaction that writes; upgrading the one that has read would fail at once on SQLite.
    current, session = scope(), current_session()
    with _or_unavailable():
        if current.principal is not None and session.in_transaction():
            write_after_reads(session, keeps_plans=current.principal.patient_id is not None)
        else:
            session.rollback()
        for leave in current.leaves:
            leave(session)


@contextmanager
def _or_unavailable() -> Iterator[None]:
    """Raise UnavailableError for whatever keeps the block from storing what it should."""
    try:
        yield
    except (SQLAlchemyError, LookupError) as failure:
        log_event("audit_failed", level=logging.ERROR, error=failure)
        raise UnavailableError from None


def _opened(current: Scope) -> dict[str, list[str]]:
    """Return the mark of an entry about somebody whom the caller sees by break-glass alone."""
    used = sorted(current.opened[each] for each in current.patient_ids & current.opened.keys())
    return {EMERGENCY_MARK: used} if used else {}


def _append(current: Scope, action: AuditAction, status: int) -> None:
    principal = current.principal
    if principal is None:
        return
    act = Act(
        actor_kind=principal.actor_kind,
        actor_id=principal.actor_id,
        action=action,
        route=route_of(),
        status=status,
        about=current.about | _for_whom(principal) | _opened(current),
        patient_ids=current.patient_ids,
    )
    append(current_session(), principal.practice_id, act, current.now)


def _for_whom(principal: Principal) -> dict[str, str]:
    """Return, of what a proxy does, for whom and by which consent."""
    if principal.proxy is None:
        return {}
    return {"proxy_for": str(principal.patient_id), "proxy_consent_id": principal.proxy.consent_id}
