"""Refusals of the service, and the only place that knows which HTTP status each one has.

A fault says where, what was expected and what came. `got` repeats codes, numbers and dates only; of a name, a contact
or a free text it gives type and length.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time

from schedules.plan.errors import PlanError
from service.identity.principal import Principal


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `pointer` is an RFC 6901 pointer into what came.

    An import names line and column, a protocol's text its file and key.
    """

    pointer: str
    expected: str
    got: str
    line: int | None = None
    column: str | None = None
    file: str | None = None
    key: str | None = None


class ServiceError(Exception):
    """A request is refused. `code` names the kind of refusal for programs, `faults` the details for people."""

    code = "refused"
    status = 400
    title = "The request was refused."

    def __init__(self, *faults: Fault, headers: dict[str, str] | None = None) -> None:
        super().__init__(self.code, *faults)
        self.faults = faults
        self.headers = headers or {}


class BadRequestError(ServiceError):
    """The request cannot be read: bad JSON, a bad cursor."""

    code, status, title = "bad_request", 400, "The request cannot be read."


class UnauthenticatedError(ServiceError):
    """No token, or one that is unknown, expired or revoked."""

    code, status, title = "unauthenticated", 401, "A valid token is required."


class RevokedDeviceError(UnauthenticatedError):
    """The token's device was revoked. Only who holds its token learns of it, so that the app deletes what it stores.

    `device` is who called. `is_told`: it has been answered so before.
    """

    code, title = "device_revoked", "This device was removed. Delete what it stores, and enrol it again."

    def __init__(self, device: Principal, *, is_told: bool) -> None:
        super().__init__()
        self.device, self.is_told = device, is_told


class ForbiddenError(ServiceError):
    """The caller's role may not do this to anything."""

    code, status, title = "forbidden", 403, "Your role may not do this."


class SignInRefusedError(UnauthenticatedError):
    """Nobody is signed in. Whether the clinic, the address, the password, the code or haste was wrong is not said."""

    code = "sign_in_refused"
    title = "This did not sign you in. Check what you typed, wait a little after several tries, and begin anew."


class ProviderAwayError(ServiceError):
    """The clinic's own provider of sign-ins does not answer, or not as one."""

    code, status = "provider_away", 502
    title = "The clinic's own sign-in does not answer. Try again, or sign in with your password."


class StepUpError(ForbiddenError):
    """The caller may do this, once they have given a second factor again."""

    code, title = "step_up_required", "Give a code of your authenticator first: POST /api/v1/me/step-up."


class SessionRequiredError(ForbiddenError):
    """Only a person who signed in may do this, no token that a command made."""

    code, title = "session_required", "Sign in yourself to do this: a token made by a command cannot."


class WrongSecretError(ForbiddenError):
    """The password or code that was given once more is not right, or was given too often."""

    code, title = "wrong_secret", "The password or code is not right. After several tries wait a little."


class NotFoundError(ServiceError):
    """There is no such thing, or it is not the caller's: both answer alike."""

    code, status, title = "not_found", 404, "There is no such thing."


class ConflictError(ServiceError):
    """What is stored does not allow this."""

    code, status, title = "conflict", 409, "What is stored does not allow this."


class KeyInUseError(ConflictError):
    """A request under the same Idempotency-Key is still running; the caller may repeat."""

    code, title = "key_in_use", "A request with this Idempotency-Key is still running. Please try again."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class HeldError(ConflictError):
    """The law may have the clinic keep what is to be erased."""

    code = "held"
    title = "The clinic may have to keep this record. Say with `override_reason` why that does not count here."


class NeedsMoveError(ConflictError):
    """A planned surgery's date, approach, levels or procedure changes through a move, which shows the diff first."""

    code = "needs_move"
    title = (
        "This surgery has a dated plan: change its date, approach, levels or procedure through a move, "
        "POST /api/v1/episodes/{episode_id}/moves."
    )


class StaleMoveError(ConflictError):
    """What a dry run showed is no longer what its token would do, or the token is too old."""

    code = "move_stale"
    title = "What the dry run showed may no longer hold: nothing was changed. Make the dry run again and look at it."


class StaleMergeError(ConflictError):
    """What a dry run of a merge showed is no longer what its token would do, or the token is too old."""

    code = "merge_stale"
    title = "What the dry run showed may no longer hold: nothing was merged. Make the dry run again and look at it."


class NoReleaseError(ConflictError):
    """The patient has not released this to that recipient, or the release does not hold today."""

    code = "no_release"
    title = "No letter leaves without the patient's release for this recipient, which must hold today."


class FindingsError(ConflictError):
    """What was found in a protocol version stands against its signature or release."""

    code = "findings"
    title = "What was found in this version stands against it: change it, or acknowledge the warnings."


class StaleError(ServiceError):
    """The row changed since the caller read it."""

    code, status, title = "stale", 412, "The record changed since you read it."


class TooLargeError(ServiceError):
    """The body is longer than the service takes."""

    code, status, title = "too_large", 413, "The body is too large."


class WrongTypeError(ServiceError):
    """The body's content type is not the one expected."""

    code, status, title = "unsupported_media_type", 415, "The body's content type is not supported here."


class InvalidError(ServiceError):
    """The request can be read, but what it says cannot be stored."""

    code, status, title = "invalid", 422, "What was sent is not valid."


class OutdatedClientError(ServiceError):
    """The client's schema is too old to be served."""

    code, status, title = "upgrade_required", 426, "This version of the app is too old. Please update it."


class KeyReusedError(ServiceError):
    """The Idempotency-Key stands for another request of the same caller."""

    code, status = "key_reused", 422
    title = "This Idempotency-Key was sent with another request: nothing was changed. Take a new key for each request."


class UnconditionalError(ServiceError):
    """A change needs If-Match."""

    code, status, title = "precondition_required", 428, "A change needs If-Match with the record's ETag."


class TooOftenError(ServiceError):
    """One caller, or one address, asks too often."""

    code, status, title = "too_often", 429, "Too many requests in a minute. Please wait a minute."


class UnavailableError(ServiceError):
    """The service cannot answer now; the caller may repeat."""

    code, status, title = "unavailable", 503, "The service cannot answer now. Please try again."

    def __init__(self, *, retry_after_seconds: int = 2) -> None:
        super().__init__(headers={"Retry-After": str(retry_after_seconds)})


def describe_private(value: object) -> str:
    """Return type and length of a name, contact or free text, never its words."""
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    if isinstance(value, list | tuple):
        return f"list of {len(value)}"
    return describe(value)


def describe(value: object) -> str:
    """Return a number, date, time or truth value as it is, and type and length of anything else."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        text = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "a larger number"
        return text[:40]
    if isinstance(value, date | time):
        return value.isoformat()
    return describe_private(value) if isinstance(value, str | list | tuple) else type(value).__name__


def from_plan(error: PlanError, pointers: Iterable[tuple[str, str]] = ()) -> InvalidError:
    """Return the plan engine's refusal as ours. `pointers` maps its `where` to the field that the caller sent."""
    pointer = dict(pointers).get(error.where, "/" + error.where.split(".")[-1])
    return InvalidError(Fault(pointer, error.expected, error.got))
