"""Looking at real processes from tests, through /proc."""

import time
from collections.abc import Callable
from pathlib import Path


def is_gone(pid: int) -> bool:
    """Return whether a process has ended; one that nobody has waited for yet counts as ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def descendants(pid: int) -> set[int]:
    """Return the ids of all processes that `pid` started, directly or not."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found: set[int] = set()
    newest = {pid}
    while newest:
        newest = {child for child, parent in parents.items() if parent in newest} - found
        found |= newest
    return found


def wait_for(condition: Callable[[], object], what: str, *, seconds: float = 20) -> None:
    """Wait until `condition` holds. Fails after `seconds`, naming `what` did not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)
