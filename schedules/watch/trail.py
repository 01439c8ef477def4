"""Proves a practice's audit trail: each entry by its MAC, each link by what stands before it. Pages in, faults out.

What it finds, it names by the entry's id and the link's number; the first fault of a chain is the one to look at, since
what follows may be its echo. Entries that were taken away before they were sealed leave no gap: that takes seconds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.isolation import reading_practice
from schedules.watch.trail_rows import Link, StoredEntry, find_digests, read_links, read_loose

SEALED_WITHIN = timedelta(seconds=60)
# When the key is replaced, entries under the old one may wait to be sealed, and a process may not be restarted yet.
KEYS_MEET_FOR = timedelta(hours=1)
MOST_FAULTS = 10


class FaultKind(StrEnum):
    """What is wrong, in words around the entry's id and the link's number."""

    entry_mac = "entry {entry} (link {link}): it, or the patients it names, are not what its MAC says"
    patient_added = "entry {entry} (link {link}): names a patient whom its MAC does not"
    entry_gone = "entry {entry} (link {link}): is gone, or its link was made to point at it"
    link_gone = "link {link}: is gone"
    link_broken = "link {link} (entry {entry}): is not bound to what stands before it"
    former_key = "link {link} (entry {entry}): was made with a key that had been replaced before"
    rewritten = "link {link}: is not the one that was found there before"
    cut_off = "link {link}: was there before, and the chain ends earlier"
    loose_mac = "entry {entry} (in no chain): it, or the patients it names, are not what its MAC says"
    unsealed = "entry {entry}: is in no chain after a minute"
    named_without_entry = "entry {entry}: is gone, while it is said to name a patient"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    kind: FaultKind
    entry_id: str | None = None
    sequence: int | None = None

    def __str__(self) -> str:
        return self.kind.value.format(entry=self.entry_id, link=self.sequence)


@dataclass(frozen=True, slots=True)
class Point:
    """A place of a chain: a link's number and digest. Without both, the beginning."""

    sequence: int = 0
    digest: bytes = b""


@dataclass(slots=True)
class Proof:
    """What was looked at, what is wrong (the first of it), and how far the chain was followed."""

    head: Point
    links: int = 0
    loose: int = 0  # entries in no chain yet
    broken: int = 0
    faults: list[Fault] = field(default_factory=list)

    def note(self, fault: Fault) -> None:
        """Count a fault, and keep it if it is one of the first."""
        self.broken += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)


def prove(
    make_session: sessionmaker[Session],
    practice_id: str,
    *,
    after: Point | None = None,
    since: str = "",
    sealed_before: datetime | None = None,
) -> Proof:
    """Return the proof of a practice's trail: of the chain `after` a link, of loose entries from the id `since` on.

    That an entry is loose is a fault if it is of before `sealed_before`.
    """
    start = after or Point()
    proof, chain = Proof(start), _Chain(start)
    for fault in _judge_start(make_session, practice_id, start):
        proof.note(fault)
    for link in read_links(make_session, practice_id, after=start.sequence):
        proof.links += 1
        for fault in chain.judge(link):
            proof.note(fault)
    proof.head = chain.last
    for loose in read_loose(make_session, practice_id, since=since):
        proof.loose += len(loose.unsealed)
        for fault in _judge_loose(loose.unsealed, sealed_before):
            proof.note(fault)
        for entry_id in loose.gone:
            proof.note(Fault(FaultKind.named_without_entry, entry_id))
    return proof


def _judge_start(make_session: sessionmaker[Session], practice_id: str, start: Point) -> Iterator[Fault]:
    if not start.sequence:
        return
    with reading_practice(make_session, practice_id) as session:
        digest = find_digests(session, practice_id, [start.sequence]).get(start.sequence)
    if digest is None:
        yield Fault(FaultKind.cut_off, sequence=start.sequence)
    elif digest != start.digest:
        yield Fault(FaultKind.rewritten, sequence=start.sequence)


class _Chain:
    """How far a chain has been followed, and since when which key is in use."""

    def __init__(self, start: Point) -> None:
        self.last = start
        self._key: int | None = None
        self._key_since: datetime | None = None

    def judge(self, link: Link) -> Iterator[Fault]:
        """Yield what is wrong with the next link. The one after it is held against what is stored here."""
        named = (link.entry_id, link.sequence)
        follows = link.sequence == self.last.sequence + 1
        if not follows:
            yield Fault(FaultKind.link_gone, sequence=self.last.sequence + 1)
        if link.entry is None:
            yield Fault(FaultKind.entry_gone, *named)
        else:
            entry_key = _key_of(link.entry, link.entry.patient_ids)
            if entry_key is None:
                yield Fault(_kind_of(link.entry), *named)
            if follows:
                yield from self._judge_binding(link, link.entry.mac, entry_key)
        self.last = Point(link.sequence, link.digest)

    def _judge_binding(self, link: Link, mac: bytes, entry_key: int | None) -> Iterator[Fault]:
        previous, at = self.last.digest, link.sealed_at
        key = None if at is None else journal.key_of_link(link.digest, previous, link.sequence, mac, at)
        if at is None or key is None:
            yield Fault(FaultKind.link_broken, link.entry_id, link.sequence)
            return
        if self._key is None or key < self._key:
            # A chain that is followed from within may have changed its key at any time before.
            self._key, self._key_since = key, at
        is_old = key > self._key or (entry_key is not None and entry_key > key)
        if is_old and self._key_since is not None and at > self._key_since + KEYS_MEET_FOR:
            yield Fault(FaultKind.former_key, link.entry_id, link.sequence)


def _kind_of(entry: StoredEntry) -> FaultKind:
    """Return what is wrong with an entry that its MAC does not prove: a patient too many can be told from the rest."""
    for too_many in entry.patient_ids:
        others = [each for each in entry.patient_ids if each != too_many]
        if _key_of(entry, others) is not None:
            return FaultKind.patient_added
    return FaultKind.entry_mac


def _key_of(entry: StoredEntry, patient_ids: Sequence[str]) -> int | None:
    return None if entry.columns is None else journal.key_of_entry(entry.mac, entry.columns, patient_ids)


def _judge_loose(entries: tuple[StoredEntry, ...], sealed_before: datetime | None) -> Iterator[Fault]:
    for entry in entries:
        if entry.columns is None or _key_of(entry, entry.patient_ids) is None:
            yield Fault(FaultKind.loose_mac, entry.id)
        elif sealed_before is not None and entry.columns["happened_at"] < sealed_before:
            yield Fault(FaultKind.unsealed, entry.id)
