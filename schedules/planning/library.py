"""Finds a protocol for a practice: one that ships, or a version of the practice's own.

What ships is read once per process. A practice's own version is read from its row and kept as parsed, by its text: a
version's text and digest change only while it is a draft.
"""

from dataclasses import replace
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.protocols import ProtocolVersion
from schedules.plan.errors import PlanError, describe
from schedules.plan.library import Library, load_library, no_protocol, parse_own
from schedules.plan.protocol import Protocol
from schedules.plan.vocabulary import VersionStatus

_KEPT = 256  # own versions, each some 50 kB as parsed


def find_protocol(session: Session, practice_id: str, protocol_id: str, version: int) -> Protocol:
    """Return one version of a protocol that ships or that is the practice's own, in whatever state it is.

    What ships is found without a query. Raises PlanError if there is no such version, or if its content is not what
    its digest says.
    """
    shipped = load_library().find(protocol_id, version)
    return shipped or find_own(session, practice_id, protocol_id, version)


def find_own(session: Session, practice_id: str, protocol_id: str, version: int) -> Protocol:
    """Return a version of the practice's own protocol. Raises PlanError as `find_protocol` does."""
    row = session.execute(
        select(ProtocolVersion.toml, ProtocolVersion.digest).filter_by(
            practice_id=practice_id, protocol_id=protocol_id, version=version
        )
    ).one_or_none()
    if row is None:
        raise no_protocol(protocol_id, version)
    return read_own(row.toml, row.digest, protocol_id=protocol_id, version=version)


def library_of(session: Session, practice_id: str) -> Library:
    """Return what ships together with the practice's own released versions, the newest release last.

    Raises PlanError if the content of one is not what its digest says.
    """
    versions = (
        select(ProtocolVersion)
        .filter_by(practice_id=practice_id, status=VersionStatus.released)
        .order_by(ProtocolVersion.released_at, ProtocolVersion.protocol_id, ProtocolVersion.version)
    )
    own = tuple(
        read_own(row.toml, row.digest, protocol_id=row.protocol_id, version=row.version)
        for row in session.scalars(versions)
    )
    return replace(load_library(), own=own) if own else load_library()


def read_own(toml: str, digest: str, *, protocol_id: str, version: int) -> Protocol:
    """Return a stored version as parsed. Raises PlanError if its content is not what its digest says."""
    protocol = _parse(toml, protocol_id, version)
    if protocol.digest != digest:
        raise PlanError("protocol_digest", f"the content with digest {describe(digest[:12])}", protocol.digest[:12])
    return protocol


@lru_cache(maxsize=_KEPT)
def _parse(toml: str, protocol_id: str, version: int) -> Protocol:
    return parse_own(toml, protocol_id=protocol_id, version=version)
