"""`make chaos`: storms and sweeps on both databases. Prints seeds and counts; exits 1 if a promise was broken."""

import argparse
import contextlib
import random
import sys
import tempfile
from pathlib import Path

from models import journal, private
from tests.chaos import disk_errors, storm, sweep
from tests.database import AUDIT_KEY, KINDS, SEAL_KEY, Databases


def main() -> int:
    """Run what was asked for and return the exit code."""
    options = _options()
    private.set_key(SEAL_KEY)
    journal.set_key(AUDIT_KEY)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    kinds = KINDS if options.database == "both" else (options.database,)
    faults = 0
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        databases = Databases(Path(folder), stack)
        for kind in kinds:
            if "storm" in options.only:
                for number in range(options.storms):
                    faults += _storm(databases, kind, seed=seed + number, seconds=options.seconds)
            if "sweep" in options.only:
                faults += sweep.run(databases, kind, highest=options.highest, folder=Path(folder))
        if "disk" in options.only and "sqlite" in kinds:
            faults += disk_errors.run(databases, Path(folder))
    print(f"\n{'nothing broken' if not faults else f'{faults} faults'}")
    return 1 if faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long each storm rages")
    parser.add_argument("--storms", type=int, default=2, help="storms on each database, each with the next seed")
    parser.add_argument("--seed", type=int, help="of the first storm; chosen and printed if not given")
    parser.add_argument("--database", choices=[*KINDS, "both"], default="both")
    parser.add_argument("--highest", type=int, default=60, help="how far a sweep counts one system call")
    parser.add_argument("--only", nargs="+", choices=["storm", "sweep", "disk"], default=["storm", "sweep", "disk"])
    return parser.parse_args()


def _storm(databases: Databases, kind: str, *, seed: int, seconds: float) -> int:
    print(f"storm on {kind}, seed {seed}, {seconds:g} s ...", flush=True)
    with databases.migrated(kind) as url:
        faults, counts = storm.run(url, seed=seed, seconds=seconds)
    print(f"  {counts}\n  {'0 faults' if not faults else f'{len(faults)} faults'}", flush=True)
    for fault in faults[:20]:
        print(f"    {fault}", flush=True)
    return len(faults)


if __name__ == "__main__":
    sys.exit(main())
