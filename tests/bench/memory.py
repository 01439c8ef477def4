"""How much memory running workers hold, as the kernel counts it."""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tests.bench.children import Child
from tests.processes import descendants

_PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY_SECONDS = 0.5


def megabytes_of(workers: Sequence[Child]) -> float:
    """Return the resident memory of the workers and all that they started, pages that they share counted in each."""
    pids = {pid for worker in workers for pid in (worker.process.pid, *descendants(worker.process.pid))}
    return sum(_resident_bytes(pid) for pid in pids) / 1e6


@dataclass(slots=True)
class Watch:
    """Notes again and again what the workers hold, until it is left."""

    workers: Sequence[Child]
    seen: list[float] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self.seen.append(megabytes_of(self.workers))


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0
