"""What a process holds, as the kernel tells it, and whether that grew over a run."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.processes import descendants

MEMORY_MAY_GROW = 1.1
MEGABYTES_MAY_GROW = 4.0
DESCRIPTORS_MAY_GROW = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """What the processes of one name held at a moment of the machine's monotonic clock."""

    at: float
    megabytes: float
    descriptors: int


def sample(pid: int, *, with_children: bool) -> Sample:
    """Return what a process holds, with all that it started if it is to be counted with them."""
    pids = {pid, *(descendants(pid) if with_children else ())}
    kilobytes = descriptors = 0
    for each in pids:
        with suppress(OSError):
            status = Path(f"/proc/{each}/status").read_text("utf-8")
            kilobytes += int(status.partition("VmRSS:")[2].split()[0])
            descriptors += sum(1 for _ in Path(f"/proc/{each}/fd").iterdir())
    return Sample(time.monotonic(), kilobytes / 1024, descriptors)


def find_growth(samples: Mapping[str, Sequence[Sample]]) -> list[str]:
    """Return what grew from the second quarter of a run, when all is warm, to its last."""
    faults = []
    for name, told in samples.items():
        quarter = len(told) // 4
        if quarter < 2:
            faults.append(f"{name}: expected 8 samples or more, got {len(told)}")
            continue
        warm, late = told[quarter : 2 * quarter], told[-quarter:]
        before, after = (median(each.megabytes for each in part) for part in (warm, late))
        if after > before * MEMORY_MAY_GROW + MEGABYTES_MAY_GROW:
            faults.append(f"{name}: memory grew from {before:.0f} to {after:.0f} MB")
        fewer, more = (median(each.descriptors for each in part) for part in (warm, late))
        if more > fewer + DESCRIPTORS_MAY_GROW:
            faults.append(f"{name}: descriptors grew from {fewer:g} to {more:g}")
    return faults
