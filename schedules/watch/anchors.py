"""Anchors: what a chain's last link was at some time, kept outside of the database, one line each.

Whoever cuts a chain off at its end, or forges a new one with the key, cannot change what an anchor has told before. A
line authenticates itself. It may stand behind a prefix, as in what a syslog server wrote.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.engine import begin_reads
from models.isolation import see
from schedules.watch.trail import Fault, FaultKind
from schedules.watch.trail_rows import find_digests, find_head

LINES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Anchor:
    """A practice's last link at `anchored_at`."""

    practice_id: str
    sequence: int
    digest: bytes
    anchored_at: datetime

    def line(self) -> str:
        """Return the line that tells it, without its end."""
        told = self._told()
        mac = journal.anchor_mac(json.dumps(told)).hex()
        return json.dumps(told | {"mac": mac})

    def _told(self) -> dict[str, str | int]:
        return {
            "practice_id": self.practice_id,
            "sequence": self.sequence,
            "digest": self.digest.hex(),
            "anchored_at": self.anchored_at.isoformat(),
        }


@dataclass(slots=True)
class Compared:
    """How many anchors of one practice were held against its chain, the newest of them, and what differs first."""

    anchors: int = 0
    newest: int = 0
    broken: int = 0
    first: Fault | None = None

    def note(self, fault: Fault | None, sequence: int) -> None:
        """Count an anchor and what is wrong with it."""
        self.anchors += 1
        self.newest = max(self.newest, sequence)
        if fault is None:
            return
        self.broken += 1
        if self.first is None or sequence < (self.first.sequence or 0):
            self.first = fault


def read_anchor(line: str) -> Anchor | None:
    """Return the anchor that a line tells; None if it tells none, or was changed."""
    try:
        told = json.loads(line[line.index("{") :].rstrip().rstrip("\0"))
        mac = bytes.fromhex(told.pop("mac"))
        known = journal.key_of_anchor(mac, json.dumps(told)) is not None
        digest, at = bytes.fromhex(told["digest"]), datetime.fromisoformat(told["anchored_at"])
        anchor = Anchor(str(told["practice_id"]), int(told["sequence"]), digest, at)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return anchor if known else None


def compare(make_session: sessionmaker[Session], lines: Iterable[str]) -> tuple[dict[str, Compared], list[int]]:
    """Return what the anchors say of each practice's chain, and the numbers of the first lines that tell none."""
    by_practice: dict[str, Compared] = {}
    unread: list[int] = []
    numbered = enumerate(lines, start=1)
    while page := [(number, read_anchor(line)) for number, line in islice(numbered, LINES_AT_ONCE)]:
        unread += [number for number, anchor in page if anchor is None][: LINES_AT_ONCE - len(unread)]
        with make_session() as session:
            begin_reads(session)
            for anchor, fault in _judge(session, [anchor for _, anchor in page if anchor is not None]):
                by_practice.setdefault(anchor.practice_id, Compared()).note(fault, anchor.sequence)
    return by_practice, unread


def _judge(session: Session, anchors: list[Anchor]) -> Iterator[tuple[Anchor, Fault | None]]:
    for practice_id in {each.practice_id for each in anchors}:
        see(session, practice_id)
        of_one = [each for each in anchors if each.practice_id == practice_id]
        digests = find_digests(session, practice_id, [each.sequence for each in of_one])
        head = (find_head(session, practice_id) or (0, b""))[0]
        for anchor in of_one:
            if anchor.sequence > head:
                yield anchor, Fault(FaultKind.cut_off, sequence=anchor.sequence)
            elif anchor.sequence not in digests:
                yield anchor, Fault(FaultKind.link_gone, sequence=anchor.sequence)
            elif digests[anchor.sequence] != anchor.digest:
                yield anchor, Fault(FaultKind.rewritten, sequence=anchor.sequence)
            else:
                yield anchor, None
