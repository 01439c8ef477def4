"""`make fuzz`: feeds each parser with bytes for a while, guided by coverage. Exits 1 if one of them broke.

What broke it is kept under var/fuzz, and a seed repeats a run. A fault that is found becomes a test.
"""

import argparse
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.targets import TARGETS

KEPT = Path("var/fuzz")
MOST_GROWTH = 1.3
LONGEST_ANSWER = 2  # seconds
_MEMORY = re.compile(r"^#\d+.* rss: (\d+)Mb", re.MULTILINE)
_RUNS = re.compile(r"^Done (\d+) runs", re.MULTILINE)


def main() -> int:
    """Fuzz each target in a process of its own and return the exit code."""
    options = _options()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 1_000_000)
    print(f"seed {seed}, {options.seconds} s each")
    return max(_fuzz(name, seconds=options.seconds, seed=seed) for name in options.only)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--seed", type=int, help="chosen and printed if not given")
    parser.add_argument("--only", nargs="+", choices=TARGETS, default=TARGETS)
    return parser.parse_args()


def _fuzz(name: str, *, seconds: int, seed: int) -> int:
    KEPT.mkdir(parents=True, exist_ok=True)
    limits = (f"-max_total_time={seconds}", f"-timeout={LONGEST_ANSWER}", "-max_len=65536", f"-seed={seed}")
    with tempfile.TemporaryDirectory() as folder:  # the child has no chance to tidy up: it is ended where it stands
        argv = [sys.executable, "-m", "tests.fuzz.child", name, folder, *limits, f"-artifact_prefix={KEPT}/{name}-"]
        child = subprocess.run(argv, capture_output=True, text=True, check=False)
    (KEPT / f"{name}.log").write_text(child.stdout + child.stderr)
    runs, memory = _RUNS.search(child.stderr), [int(each) for each in _MEMORY.findall(child.stderr)]
    if child.returncode or runs is None:
        print(f"{name}: broke ({child.returncode}), see {KEPT}/{name}.log\n{child.stderr[-2000:]}")
        return 1
    before, after = memory[len(memory) // 10], memory[-1]
    print(f"{name}: {runs[1]} requests, {before} MB after a tenth of the reports, {after} MB at the end", flush=True)
    return int(after > before * MOST_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
