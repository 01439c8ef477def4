"""Use cases: a version is reviewed, signed by a named clinician, released for new surgeries, and retired.

A signature is under exactly the content that its digest covers. Versions that ship are signed too; they are always
offered. A retired version keeps serving the patients whose surgeries pin it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Practice, Staff
from models.protocols import ProtocolSignature, ProtocolVersion
from schedules.plan.errors import PlanError
from schedules.plan.findings import Finding, Severity
from schedules.plan.library import Library, load_library
from schedules.plan.protocol import Protocol
from schedules.plan.review import review_protocol
from schedules.plan.vocabulary import ProtocolStatus, VersionStatus
from schedules.planning.library import find_protocol, library_of
from service.care.enrol import clinic_today
from service.care.own_protocols import RequireTag, find_version, lock_version, tag_of
from service.errors import ConflictError, Fault, FindingsError, NotFoundError
from service.identity.principal import Principal


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed a version, and on which day of the clinic's calendar."""

    signed_by: str
    signed_on: date


def signatures_of(session: Session, practice: Practice) -> dict[str, Signature]:
    """Return the practice's signatures by the digest of the content that they are under."""
    rows = session.execute(
        select(ProtocolSignature, Staff.display_name)
        .join(Staff, (Staff.practice_id == ProtocolSignature.practice_id) & (Staff.id == ProtocolSignature.signed_by))
        .where(ProtocolSignature.practice_id == practice.id)
    )
    return {row.digest: Signature(name, clinic_today(practice, row.signed_at)) for row, name in rows}


def shipped_tag(protocol: Protocol, *, is_signed: bool) -> str:
    """Return what the ETag of a version that ships holds: its content, and whether the practice signed it."""
    return f"{protocol.digest}.{ProtocolStatus.signed if is_signed else ProtocolStatus.draft}"


def review_version(session: Session, caller: Principal, protocol_id: str, version: int) -> tuple[Finding, ...]:
    """Return what is found in a version, errors first. Raises NotFoundError."""
    try:
        protocol = find_protocol(session, caller.practice_id, protocol_id, version)
    except PlanError:
        raise NotFoundError from None
    row = find_version(session, caller.practice_id, protocol_id, version)
    base = None
    if row is not None and row.based_on_id is not None and row.based_on_version is not None:
        base = find_protocol(session, caller.practice_id, row.based_on_id, row.based_on_version)
    return review_protocol(protocol, base=base, beside=_beside(library_of(session, caller.practice_id), protocol))


def sign_version(
    session: Session,
    caller: Principal,
    protocol_id: str,
    version: int,
    *,
    acknowledged: Collection[str],
    now: datetime,
    require_tag: RequireTag,
) -> None:
    """Sign a version in the caller's name: a draft of the practice, or one that ships. Signing again changes nothing.

    Raises NotFoundError, FindingsError for errors and for warnings that are not acknowledged, ConflictError for an own
    version that is retired, and what `require_tag` raises.
    """
    shipped = load_library().find(protocol_id, version)
    row = None if shipped is not None else lock_version(session, caller, protocol_id, version)
    digest = shipped.digest if shipped is not None else row.digest if row is not None else ""
    if find_signature(session, caller.practice_id, digest) is not None:
        return
    if shipped is not None:
        require_tag(shipped_tag(shipped, is_signed=False))
    elif row is not None:
        require_tag(tag_of(row))
        _step(row, (VersionStatus.draft,), VersionStatus.signed)
    _refuse_findings(review_version(session, caller, protocol_id, version), acknowledged)
    session.add(_signature(caller, protocol_id, version, digest, now))


def find_signature(session: Session, practice_id: str, digest: str) -> ProtocolSignature | None:
    """Return the practice's signature under a content, or None."""
    return session.scalar(select(ProtocolSignature).filter_by(practice_id=practice_id, digest=digest))


def release_version(
    session: Session, caller: Principal, protocol_id: str, version: int, *, now: datetime, require_tag: RequireTag
) -> None:
    """Offer a signed version for new surgeries. Releasing it again changes nothing.

    Raises NotFoundError, FindingsError if an error came up since the signature, ConflictError for one that is not
    signed or is retired, and what `require_tag` raises.
    """
    row = lock_version(session, caller, protocol_id, version)
    if row.status is VersionStatus.released:
        return
    require_tag(tag_of(row))
    _step(row, (VersionStatus.signed,), VersionStatus.released)
    _refuse_errors(review_version(session, caller, protocol_id, version))
    row.released_at = now


def retire_version(
    session: Session, caller: Principal, protocol_id: str, version: int, *, now: datetime, require_tag: RequireTag
) -> None:
    """Offer a version no longer. Who was enrolled under it stays under it. Retiring it again changes nothing.

    Raises NotFoundError, ConflictError for a draft, and what `require_tag` raises.
    """
    row = lock_version(session, caller, protocol_id, version)
    if row.status is VersionStatus.retired:
        return
    require_tag(tag_of(row))
    _step(row, (VersionStatus.signed, VersionStatus.released), VersionStatus.retired)
    row.retired_at = now


def _signature(caller: Principal, protocol_id: str, version: int, digest: str, now: datetime) -> ProtocolSignature:
    row = ProtocolSignature(practice_id=caller.practice_id, id=digest)
    row.protocol_id, row.version, row.digest = protocol_id, version, digest
    row.signed_by, row.signed_at = caller.actor_id, now
    return row


def _step(row: ProtocolVersion, before: tuple[VersionStatus, ...], after: VersionStatus) -> None:
    if row.status not in before:
        raise ConflictError(Fault("", " or ".join(before), row.status.value))
    row.status = after


def _beside(library: Library, protocol: Protocol) -> tuple[Protocol, ...]:
    """Return the protocol of each other class of the procedure: the practice's own that serves, else what ships."""
    newest = {
        (each.approach_class, each.min_levels): each
        for each in (*library.protocols, *library.own)
        if each.procedure is protocol.procedure and each.approach_class is not protocol.approach_class
    }
    return tuple(newest.values())


def _refuse_findings(findings: Iterable[Finding], acknowledged: Collection[str]) -> None:
    _refuse_errors(findings)
    open_warnings = [finding for finding in findings if finding.id not in acknowledged]
    if open_warnings:
        expected = "acknowledged in the signature, or changed"
        raise FindingsError(*(Fault(f"/acknowledged/{each.id}", expected, each.got) for each in open_warnings))


def _refuse_errors(findings: Iterable[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity is Severity.error]
    if errors:
        raise FindingsError(*(Fault("/" + each.where.replace(".", "/"), each.expected, each.got) for each in errors))
