"""Clinical content as it is shown: one protocol with its sources, and a procedure's protocols side by side."""

from dataclasses import dataclass

from schedules.plan.errors import PlanError
from schedules.plan.library import Library, load_library
from schedules.plan.protocol import MilestoneTemplate, Protocol, Source
from schedules.plan.vocabulary import Procedure
from service.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class ProtocolView:
    """A protocol with the entries of the bibliography that it cites."""

    protocol: Protocol
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
    protocols: tuple[Protocol, ...]
    milestones: tuple[ComparedMilestone, ...]


def list_protocols() -> tuple[Protocol, ...]:
    """Return every version of every protocol, by id and version."""
    return load_library().protocols


def view_protocol(protocol_id: str, version: int) -> ProtocolView:
    """Return one version of one protocol. Raises NotFoundError."""
    library = load_library()
    try:
        protocol = library.protocol(protocol_id, version)
    except PlanError:
        raise NotFoundError from None
    return ProtocolView(protocol, tuple(library.sources[each] for each in sorted(_cited(protocol))))


def compare_protocols(procedure: Procedure) -> Comparison:
    """Return the newest protocols of a procedure side by side."""
    protocols = _newest_of(load_library(), procedure)
    keys = dict.fromkeys(template.key for protocol in protocols for template in protocol.milestones)
    return Comparison(procedure, protocols, tuple(_compare(key, protocols) for key in keys))


def _newest_of(library: Library, procedure: Procedure) -> tuple[Protocol, ...]:
    newest = {item.id: item for item in library.protocols if item.procedure is procedure}
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
