"""The clinical content that ships, and which protocol serves whom. The plan engine reads files only here."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from schedules.plan import parse_shared
from schedules.plan.cards import Card
from schedules.plan.errors import PlanError, ProtocolError, describe
from schedules.plan.parse import Shelf, parse_protocol
from schedules.plan.parse_cards import parse_cards
from schedules.plan.protocol import Protocol, Source
from schedules.plan.toml_table import read_toml
from schedules.plan.vocabulary import Approach, ApproachClass, Phase, Procedure

PROTOCOL_FOLDER = Path(__file__).parent.parent / "protocols"
_SHARED_PHASES = {"preop": Phase.before_surgery, "visits": Phase.after_surgery, "prom": Phase.after_surgery}
_NOT_PROTOCOLS = frozenset({*_SHARED_PHASES, "reminders", "texts", "work_classes", "cards", "sources", "digests"})
_CLASSES: Mapping[Approach, ApproachClass | None] = {
    Approach.percutaneous: ApproachClass.miss,
    Approach.endoscopic: ApproachClass.miss,
    Approach.tubular: ApproachClass.miss,
    Approach.mini_open: ApproachClass.miss,
    Approach.microscopic_midline: ApproachClass.open,
    Approach.open: ApproachClass.open,
    Approach.anterior: None,
}


@dataclass(frozen=True, slots=True)
class Library:
    """All protocols that ship, ordered by id and version, the bibliography by source id, and a clinic's own protocols.

    `cards` are those of their newest file, in its order.

    `shelf` is the content that a protocol may include, `files` the text of each protocol by id and version. `own` holds
    the versions that the clinic released and did not retire, the newest release last.
    """

    protocols: tuple[Protocol, ...]
    sources: Mapping[str, Source]
    shelf: Shelf = field(repr=False)
    files: Mapping[tuple[str, int], str] = field(repr=False)
    own: tuple[Protocol, ...] = ()
    cards: tuple[Card, ...] = ()

    def find(self, protocol_id: str, version: int) -> Protocol | None:
        """Return one version of one protocol that ships, or None."""
        for protocol in self.protocols:
            if (protocol.id, protocol.version) == (protocol_id, version):
                return protocol
        return None

    def protocol(self, protocol_id: str, version: int) -> Protocol:
        """Return one version of one protocol that ships. Raises PlanError if there is none."""
        protocol = self.find(protocol_id, version)
        if protocol is None:
            raise no_protocol(protocol_id, version)
        return protocol

    def ships(self, protocol_id: str) -> bool:
        """Return whether a protocol that ships has this id, in whatever case."""
        return any(protocol.id.casefold() == protocol_id.casefold() for protocol in self.protocols)

    def select(
        self, procedure: Procedure, approach: Approach, approach_class: ApproachClass | None, levels: int
    ) -> Protocol:
        """Return the protocol for a surgery of `levels` levels (vertebrae for Intracept and kyphoplasty).

        It is the clinic's own that was released last of those that serve, else the newest that ships. `approach_class`
        is the surgeon's override; None takes the class of the approach. Raises PlanError if the procedure is not done
        by that approach, has no protocol of that class, or none for that many levels.
        """
        for own in reversed(self.own):
            if (own.procedure, approach in own.approaches) == (procedure, True):
                wanted = approach_class or approach_class_of(procedure, approach)
                if own.approach_class is wanted and serves_levels(own, levels):
                    return own
        return self._select_shipped(procedure, approach, approach_class, levels)

    def _select_shipped(
        self, procedure: Procedure, approach: Approach, approach_class: ApproachClass | None, levels: int
    ) -> Protocol:
        candidates = [item for item in self._newest() if item.procedure is procedure]
        _check_approach(approach, candidates)
        wanted = approach_class or approach_class_of(procedure, approach)
        of_class = [item for item in candidates if item.approach_class is wanted]
        if not of_class:
            offered = ", ".join(sorted({item.approach_class or "no class" for item in candidates}))
            raise PlanError("approach_class", f"{offered}, the only choice for {procedure}", describe(wanted))
        for item in of_class:
            if serves_levels(item, levels):
                return item
        raise PlanError("levels", f"at least {min(item.min_levels for item in of_class)}", str(levels))

    def _newest(self) -> list[Protocol]:
        return list({item.id: item for item in self.protocols}.values())


def no_protocol(protocol_id: str, version: int) -> PlanError:
    """Return the refusal of an id and version that no protocol has."""
    return PlanError("protocol", "the id and version of a protocol", f"{describe(protocol_id)}, version {version}")


def serves_levels(protocol: Protocol, levels: int) -> bool:
    """Return whether a protocol is for a surgery of that many levels."""
    return protocol.min_levels <= levels and (protocol.max_levels is None or levels <= protocol.max_levels)


def parse_own(toml: str, *, protocol_id: str, version: int) -> Protocol:
    """Return a clinic's own protocol, read like one that ships. Raises ProtocolError."""
    return parse_protocol(toml.encode(), file=own_file(protocol_id, version), shelf=load_library().shelf)


def own_file(protocol_id: str, version: int) -> str:
    """Return the name under which a clinic's own version is read and downloaded."""
    return f"{protocol_id}.v{version}.toml"


def approach_class_of(procedure: Procedure, approach: Approach) -> ApproachClass | None:
    """Return the class that an approach has; None for anterior cervical surgery, which has no class.

    Source: evidence file, section 12. Mini-open is minimally invasive for anterior and lateral fusion only. Raises
    PlanError for a mini-open approach to anything else.
    """
    if approach is Approach.mini_open and procedure not in (Procedure.alif, Procedure.llif):
        raise PlanError("approach", "mini_open for alif or llif only", describe(procedure))
    return _CLASSES[approach]


@lru_cache(maxsize=1)
def load_library() -> Library:
    """Return the content that ships, read and checked once per process. Raises ProtocolError."""
    return read_library(PROTOCOL_FOLDER)


def read_library(folder: Path) -> Library:
    """Return the content of `folder`. Raises ProtocolError for a bad file, or one that is not as it was pinned."""
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.toml"))}
    digests = {name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()}
    _check_pins(files, digests)
    shelf = _fill_shelf(files, digests)
    parsed = [
        (parse_protocol(raw, file=name, shelf=shelf), raw.decode())
        for name, raw in files.items()
        if name.split(".")[0] not in _NOT_PROTOCOLS
    ]
    protocols = sorted((protocol for protocol, _ in parsed), key=lambda item: (item.id, item.version))
    for earlier, later in pairwise(protocols):
        if (earlier.id, earlier.version) == (later.id, later.version):
            raise ProtocolError(folder.name, "id", "each id and version once", describe(later.id))
    texts = {(protocol.id, protocol.version): text for protocol, text in parsed}
    cards = _read_cards(files, shelf.sources)
    return Library(protocols=tuple(protocols), sources=shelf.sources, shelf=shelf, files=texts, cards=cards)


def _check_pins(files: Mapping[str, bytes], digests: Mapping[str, str]) -> None:
    if "digests.toml" not in files:
        raise ProtocolError("digests.toml", "(file)", "the digests of all released files", "no file")
    top = read_toml(files["digests.toml"], file="digests.toml")
    pins = top.table("sha256")
    for name, digest in digests.items():
        if name != "digests.toml" and pins.text(name) != digest:
            raise ProtocolError(name, "(file)", "the released bytes; a change needs a new version", digest)
    for name in pins.keys_left():
        raise ProtocolError(name, "(file)", "a released file", "no file")
    top.finish()


def _read_cards(files: Mapping[str, bytes], sources: Mapping[str, Source]) -> tuple[Card, ...]:
    of_cards = [name for name in files if name.split(".")[0] == "cards"]
    newest = max(of_cards, key=lambda name: int(name.split(".")[1].removeprefix("v")), default=None)
    return () if newest is None else parse_cards(files[newest], file=newest, sources=sources)


def _fill_shelf(files: Mapping[str, bytes], digests: Mapping[str, str]) -> Shelf:
    sources = parse_shared.parse_sources(files["sources.toml"], file="sources.toml")
    by_stem = {
        stem: {name: raw for name, raw in files.items() if name.split(".")[0] == stem} for stem in _NOT_PROTOCOLS
    }
    return Shelf(
        sources=sources,
        milestones={
            name: parse_shared.parse_milestones(raw, file=name, phase=phase, sources=sources)
            for stem, phase in _SHARED_PHASES.items()
            for name, raw in by_stem[stem].items()
        },
        reminders={n: parse_shared.parse_reminders(raw, file=n) for n, raw in by_stem["reminders"].items()},
        texts={n: parse_shared.parse_texts(raw, file=n) for n, raw in by_stem["texts"].items()},
        work={
            name: parse_shared.parse_work_classes(raw, file=name, sources=sources)
            for name, raw in by_stem["work_classes"].items()
        },
        digests=digests,
    )


def _check_approach(approach: Approach, candidates: list[Protocol]) -> None:
    offered = sorted({item for protocol in candidates for item in protocol.approaches})
    if approach not in offered:
        raise PlanError("approach", "one of " + ", ".join(offered), describe(approach))
