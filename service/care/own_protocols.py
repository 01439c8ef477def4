"""Use cases: a clinic copies a protocol, and writes and edits its own drafts. Only a draft's text ever changes.

An own id is lower case, as no id that ships is: neither can come to stand for the other.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.protocols import ProtocolVersion
from schedules.plan.errors import ProtocolError
from schedules.plan.library import load_library, own_file, parse_own
from schedules.plan.protocol import Protocol
from schedules.plan.vocabulary import ProtocolStatus, VersionStatus
from service.care.protocol_edit import edit_toml
from service.care.toml_text import rename
from service.errors import ConflictError, Fault, InvalidError, NotFoundError
from service.identity.principal import Principal

RequireTag = Callable[[str], None]
_OWN_ID = re.compile("[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class _Draft:
    protocol_id: str
    version: int
    toml: str
    based_on: tuple[str | None, int | None]


def find_version(
    session: Session, practice_id: str, protocol_id: str, version: int, *, lock: bool = False
) -> ProtocolVersion | None:
    """Return a version of the practice's own, or None. `lock` keeps others from changing it until the commit."""
    query = select(ProtocolVersion).filter_by(practice_id=practice_id, protocol_id=protocol_id, version=version)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def lock_version(session: Session, caller: Principal, protocol_id: str, version: int) -> ProtocolVersion:
    """Return a version of the practice's own, to be changed. Raises NotFoundError."""
    row = find_version(session, caller.practice_id, protocol_id, version, lock=True)
    if row is None:
        raise NotFoundError
    return row


def tag_of(row: ProtocolVersion) -> str:
    """Return what the ETag of an own version holds: its content and how far it has come."""
    return f"{row.digest}.{row.status}"


def copy_protocol(
    session: Session, caller: Principal, protocol_id: str, *, version: int, own_id: str | None, now: datetime
) -> ProtocolVersion:
    """Copy a version that ships, or the practice's own, to a draft: the next version of `own_id`, and return it.

    Without `own_id` an own protocol gets its next version. Raises NotFoundError, InvalidError for an id that is not an
    own one.
    """
    toml = text_of(session, caller.practice_id, protocol_id, version)
    own_id = own_id or protocol_id
    _refuse_foreign_id(own_id)
    following = _last_version(session, caller.practice_id, own_id) + 1
    renamed = rename(toml, protocol_id=own_id, version=following)
    return _add(session, caller, _Draft(own_id, following, renamed, (protocol_id, version)), now)


def text_of(session: Session, practice_id: str, protocol_id: str, version: int) -> str:
    """Return the TOML of a version that ships or is the practice's own. Raises NotFoundError."""
    shipped = load_library().files.get((protocol_id, version))
    if shipped is not None:
        return shipped
    row = find_version(session, practice_id, protocol_id, version)
    if row is None:
        raise NotFoundError
    return row.toml


def put_draft(
    session: Session,
    caller: Principal,
    protocol_id: str,
    version: int,
    toml: str,
    *,
    now: datetime,
    require_tag: RequireTag,
) -> tuple[ProtocolVersion, bool]:
    """Store a draft as TOML and return it, and whether it is new. A new one is the next version of its id.

    Raises InvalidError for what the parser refuses, ConflictError for one that is no draft any more or skips a version,
    and what `require_tag` raises.
    """
    _refuse_foreign_id(protocol_id)
    row = find_version(session, caller.practice_id, protocol_id, version, lock=True)
    if row is None:
        last = _last_version(session, caller.practice_id, protocol_id)
        if version != last + 1:
            raise ConflictError(Fault("/version", f"{last + 1}, the next version", str(version)))
        based_on = (protocol_id, last) if last else (None, None)
        return _add(session, caller, _Draft(protocol_id, version, toml, based_on), now), True
    if row.toml != toml:
        require_tag(tag_of(row))
        _write(row, toml)
    return row, False


def amend_draft(
    session: Session,
    caller: Principal,
    protocol_id: str,
    version: int,
    edits: Mapping[str, Any],
    *,
    require_tag: RequireTag,
) -> ProtocolVersion:
    """Change single values of a draft and return it. Raises as `put_draft` does, and NotFoundError."""
    row = lock_version(session, caller, protocol_id, version)
    require_tag(tag_of(row))
    _write(row, edit_toml(row.toml, edits))
    return row


def read_draft(toml: str, *, protocol_id: str, version: int) -> Protocol:
    """Return the protocol in a TOML that somebody sent. Raises InvalidError with file, key, expected and got."""
    try:
        protocol = parse_own(toml, protocol_id=protocol_id, version=version)
    except ProtocolError as error:
        raise InvalidError(fault_of(error)) from None
    if protocol.id != protocol_id:
        raise InvalidError(_fault(protocol, "id", f"{protocol_id}, as in the path", "another id"))
    if protocol.status is not ProtocolStatus.draft:
        raise InvalidError(_fault(protocol, "status", "draft: a signature is given apart from the text", "signed"))
    return protocol


def fault_of(error: ProtocolError) -> Fault:
    """Return the parser's refusal as a fault: the key as a path in dots, and as a pointer."""
    pointer = "" if error.key == "(file)" else "/" + error.key.replace(".", "/")
    return Fault(pointer, error.expected, error.got, file=error.file, key=error.key)


def _fault(protocol: Protocol, key: str, expected: str, got: str) -> Fault:
    return fault_of(ProtocolError(own_file(protocol.id, protocol.version), key, expected, got))


def _add(session: Session, caller: Principal, draft: _Draft, now: datetime) -> ProtocolVersion:
    protocol = read_draft(draft.toml, protocol_id=draft.protocol_id, version=draft.version)
    row = ProtocolVersion(practice_id=caller.practice_id, id=f"{draft.protocol_id}:{draft.version}")
    row.protocol_id, row.version, row.toml, row.digest = draft.protocol_id, draft.version, draft.toml, protocol.digest
    row.status, row.created_by, row.created_at = VersionStatus.draft, caller.actor_id, now
    row.based_on_id, row.based_on_version = draft.based_on
    session.add(row)
    return row


def _write(row: ProtocolVersion, toml: str) -> None:
    if row.status is not VersionStatus.draft:
        raise ConflictError(Fault("", "a draft: copy a later version to change it", row.status.value))
    row.digest = read_draft(toml, protocol_id=row.protocol_id, version=row.version).digest
    row.toml = toml


def _last_version(session: Session, practice_id: str, protocol_id: str) -> int:
    newest = select(func.max(ProtocolVersion.version)).filter_by(practice_id=practice_id, protocol_id=protocol_id)
    return session.scalar(newest) or 0


def _refuse_foreign_id(protocol_id: str) -> None:
    if load_library().ships(protocol_id):
        raise InvalidError(Fault("/id", "an id that no protocol that ships has", protocol_id))
    if not _OWN_ID.fullmatch(protocol_id):
        raise InvalidError(Fault("/id", "1 to 40 of a-z, 0-9, _ and -, a letter first", "another text"))
