"""Every error as problem+json (RFC 9457), also the framework's and the database's. No text of an exception goes out."""

import dataclasses
import logging
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, Response
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from service.api.scope import find_scope
from service.api.settle import record_denial
from service.db import current_session
from service.errors import (
    BadRequestError,
    ConflictError,
    Fault,
    InvalidError,
    NotFoundError,
    ServiceError,
    TooLargeError,
    UnavailableError,
    WrongTypeError,
)
from service.logs import log_event

CONTENT_TYPE = "application/problem+json"
MOST_FAULTS = 100  # told in one answer: a body of a hundred thousand wrong keys must not get one five times its size
_KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
_BY_STATUS: dict[int, type[ServiceError]] = {
    error.status: error for error in (BadRequestError, NotFoundError, TooLargeError, WrongTypeError)
}


def install_problems(app: Flask) -> None:
    """Answer every error of the application with a problem."""
    app.register_error_handler(ServiceError, answer_refusal)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(SQLAlchemyError, _answer_database)
    app.register_error_handler(Exception, _answer_fault)


def answer_error(error: Exception) -> Response:
    """Return the answer to any error, logged as it is everywhere."""
    if isinstance(error, ServiceError):
        return answer_refusal(error)
    if isinstance(error, HTTPException):
        return _answer_http(error)
    return _answer_database(error) if isinstance(error, SQLAlchemyError) else _answer_fault(error)


def problem(status: int, code: str, title: str, faults: tuple[Fault, ...] = ()) -> Response:
    """Return a problem as a response."""
    body: dict[str, Any] = {"type": f"urn:problem:{code}", "title": title, "status": status, "code": code}
    if faults:
        body["errors"] = [_told(fault) for fault in faults[:MOST_FAULTS]]
    return Response(orjson.dumps(body), status=status, content_type=CONTENT_TYPE)


def answer_refusal(error: ServiceError) -> Response:
    """Return the answer to one of our own refusals, with its audit entry stored."""
    try:
        record_denial(error.status)
    except SQLAlchemyError as failure:
        log_event("audit_failed", level=logging.ERROR, error=failure)
        error = UnavailableError()
    response = problem(error.status, error.code, error.title, error.faults)
    response.headers.extend(error.headers)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _told(fault: Fault) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(fault).items() if value is not None}


def _answer_http(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if status in _BY_STATUS:
        return answer_refusal(_BY_STATUS[status]())
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer_fault(error)
    code = error.name.lower().replace(" ", "_")
    response = problem(status, code, f"{error.name}.")
    response.headers.extend({name: value for name, value in error.get_headers() if name in _KEPT_HEADERS})
    return response


def _answer_database(error: SQLAlchemyError) -> Response:
    """Return 503 for a database that is busy or away, 409 for a row that another request made first."""
    if isinstance(error, IntegrityError):
        return answer_refusal(ConflictError())
    if isinstance(error, DataError):
        return answer_refusal(InvalidError())
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if not lost and not isinstance(error, OperationalError | PoolTimeoutError):
        return _answer_fault(error)
    log_event("database_unavailable", level=logging.WARNING, error=getattr(error, "orig", None) or error)
    current_session().rollback()
    return answer_refusal(UnavailableError())


def _answer_fault(error: Exception) -> Response:
    """Return 500 for a fault of ours; the log gets the class of the exception only."""
    log_event("fault", level=logging.ERROR, error=getattr(error, "original_exception", None) or error)
    if find_scope() is not None:
        current_session().rollback()
    return problem(500, "fault", "The service has a fault. It was logged.")
