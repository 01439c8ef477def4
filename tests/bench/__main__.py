"""Runs every benchmark in a process of its own and prints a table: `make bench`.

A benchmark is a module `bench_*` here that prints one line `name: ratio N (details)`, and may explain it under that.
"""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from schedules.clock import SystemClock

LONGEST_SECONDS = 1800
_LINE = re.compile(r"(?P<name>\w+): ratio (?P<ratio>[0-9.]+) \((?P<details>.*)\)")


def main() -> int:
    """Print the table; return 1 if a benchmark failed."""
    print(f"{SystemClock().now():%Y-%m-%d}, {platform.python_implementation()} {platform.python_version()}, ", end="")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores; ratios: see docs/benchmarks.md\n")
    modules = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    return max(_run(module) for module in modules)


def _run(module: str) -> int:
    command = [sys.executable, "-m", f"{__package__}.{module}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"{module} did not end within {LONGEST_SECONDS} s", file=sys.stderr)
        return 1
    if done.returncode != 0:
        print(f"{module} failed:\n{done.stderr}", file=sys.stderr)
        return 1
    for line in done.stdout.splitlines():
        found = _LINE.fullmatch(line)
        print(f"{found['name']:20} {found['ratio']:>8}  {found['details']}" if found else line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
