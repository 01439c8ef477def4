"""Folders in memory, where what a disk would have to keep takes no time. Knows nothing of what lies in them."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def made_folder(prefix: str, *, in_memory: bool = True) -> Iterator[Path]:
    """Yield a new folder, on disk where there is no place in memory. It goes afterwards.

    What a killed run left of the same `prefix` is swept first.
    """
    memory, disk = Path("/dev/shm"), Path(tempfile.gettempdir())
    base = memory if in_memory and memory.is_dir() and os.access(memory, os.W_OK) else disk
    _sweep(base, prefix)
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_running(pid: int) -> bool:
    """Return whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sweep(base: Path, prefix: str) -> None:
    for folder in base.glob(f"{prefix}*"):
        pid = folder.name.removeprefix(prefix).split("-")[0]
        if pid.isdigit() and not is_running(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
