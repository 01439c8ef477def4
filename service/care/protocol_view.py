"""Clinical content as it is shown: one protocol with its sources, and a procedure's protocols side by side.

Each comes with how far it has come in the caller's practice, and who signed it. A draft is for staff only.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.protocols import ProtocolVersion
from schedules.plan.errors import PlanError
from schedules.plan.library import Library, load_library
from schedules.plan.protocol import MilestoneTemplate, Protocol, Source
from schedules.plan.versions import VersionDiff, diff_versions
from schedules.plan.vocabulary import Procedure, ProtocolStatus, VersionStatus
from schedules.planning.library import find_protocol, library_of, read_own
from service.care.own_protocols import find_version, tag_of
from service.care.protocol_states import Signature, shipped_tag, signatures_of
from service.care.reach import practice_of
from service.errors import NotFoundError
from service.identity.principal import Principal

_FOR_PATIENTS = (VersionStatus.released, VersionStatus.retired)


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version with its state in the caller's practice. `row` is None for what ships."""

    protocol: Protocol
    row: ProtocolVersion | None
    signature: Signature | None

    @property
    def status(self) -> ProtocolStatus:
        """Return whether a named clinician of the practice has signed this content."""
        return ProtocolStatus.draft if self.signature is None else ProtocolStatus.signed

    @property
    def state(self) -> VersionStatus | None:
        """Return how far an own version has come."""
        return None if self.row is None else self.row.status

    @property
    def tag(self) -> str:
        """Return what the version's ETag holds."""
        if self.row is not None:
            return tag_of(self.row)
        return shipped_tag(self.protocol, is_signed=self.signature is not None)


@dataclass(frozen=True, slots=True)
class ProtocolView:
    """A version with the entries of the bibliography that it cites."""

    version: VersionView
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class ComparedMilestone:
    """One milestone in every protocol of a procedure, None where it has none. `differs` is about days."""

    key: str
    by_protocol: dict[str, MilestoneTemplate | None]
    differs: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """The newest protocols of one procedure side by side: MISS beside open, or one level beside two and more."""

    procedure: Procedure
    protocols: tuple[VersionView, ...]
    milestones: tuple[ComparedMilestone, ...]


def list_protocols(session: Session, caller: Principal) -> tuple[VersionView, ...]:
    """Return every version that ships, then the practice's own by id and version."""
    signatures = signatures_of(session, practice_of(session, caller))
    order = (ProtocolVersion.protocol_id, ProtocolVersion.version)
    rows = session.scalars(select(ProtocolVersion).filter_by(practice_id=caller.practice_id).order_by(*order))
    shipped = [VersionView(each, None, signatures.get(each.digest)) for each in load_library().protocols]
    own = [VersionView(_read(row), row, signatures.get(row.digest)) for row in rows if _may_see(caller, row)]
    return (*shipped, *own)


def view_version(session: Session, caller: Principal, protocol_id: str, version: int) -> VersionView:
    """Return one version of one protocol. Raises NotFoundError."""
    row = find_version(session, caller.practice_id, protocol_id, version)
    if row is not None and not _may_see(caller, row):
        raise NotFoundError
    try:
        protocol = find_protocol(session, caller.practice_id, protocol_id, version)
    except PlanError:
        raise NotFoundError from None
    return VersionView(protocol, row, signatures_of(session, practice_of(session, caller)).get(protocol.digest))


def view_protocol(session: Session, caller: Principal, protocol_id: str, version: int) -> ProtocolView:
    """Return one version of one protocol with its sources. Raises NotFoundError."""
    shown = view_version(session, caller, protocol_id, version)
    sources = load_library().sources
    return ProtocolView(shown, tuple(sources[each] for each in sorted(_cited(shown.protocol))))


def compare_protocols(session: Session, caller: Principal, procedure: Procedure) -> Comparison:
    """Return the newest protocols of a procedure side by side, the practice's own released ones among them."""
    protocols = _newest_of(library_of(session, caller.practice_id), procedure)
    signatures = signatures_of(session, practice_of(session, caller))
    keys = dict.fromkeys(template.key for protocol in protocols for template in protocol.milestones)
    views = tuple(
        VersionView(each, find_version(session, caller.practice_id, each.id, each.version), signatures.get(each.digest))
        for each in protocols
    )
    return Comparison(procedure, views, tuple(_compare(key, protocols) for key in keys))


def diff_with(session: Session, caller: Principal, newer: tuple[str, int], older: tuple[str, int]) -> VersionDiff:
    """Return in words what changed from `older` to `newer`, each an id and version. Raises NotFoundError."""
    before, after = (view_version(session, caller, *each).protocol for each in (older, newer))
    return diff_versions(before, after)


def _read(row: ProtocolVersion) -> Protocol:
    return read_own(row.toml, row.digest, protocol_id=row.protocol_id, version=row.version)


def _may_see(caller: Principal, row: ProtocolVersion) -> bool:
    return caller.is_staff or row.status in _FOR_PATIENTS


def _newest_of(library: Library, procedure: Procedure) -> tuple[Protocol, ...]:
    newest = {item.id: item for item in (*library.protocols, *library.own) if item.procedure is procedure}
    return tuple(newest.values())


def _compare(key: str, protocols: tuple[Protocol, ...]) -> ComparedMilestone:
    by_protocol = {protocol.id: protocol.find_milestone(key) for protocol in protocols}
    days = {
        None if each is None else (each.earliest_days, each.target_days, each.latest_days)
        for each in by_protocol.values()
    }
    return ComparedMilestone(key, by_protocol, len(days) > 1)


def _cited(protocol: Protocol) -> set[str]:
    cited = {source for template in protocol.milestones for source in template.sources}
    cited |= {source for phase in protocol.lifting.phases for source in phase.sources}
    cited |= {source for imaging in protocol.optional_imaging for source in imaging.sources}
    for limit in (protocol.sitting, protocol.low_bone_density):
        cited |= set(limit.sources) if limit is not None else set()
    return cited | set(protocol.work.sources)
