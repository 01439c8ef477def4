"""Says how many of the small changes to the plan engine a test noticed, and which not (`make mutants`).

A change that no test notices must stand in docs/mutants.md with its reason, by function: numbers shift with the code.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

LEAST_PERCENT = 90
REASONS = Path("docs/mutants.md")
_STATISTICS = Path("mutants/mutmut-cicd-stats.json")
_LINE = re.compile(r"\s*schedules\.plan\.(?P<where>\S+)__mutmut_\d+: (?:survived|no tests)")


def main() -> int:
    """Print the score and what has no reason yet. Return 1 if either is not good enough."""
    _mutmut("export-cicd-stats")
    counts = json.loads(_STATISTICS.read_text(encoding="utf-8"))
    noticed = counts["killed"] + counts["timeout"]
    percent = 100 * noticed / counts["total"]
    print(f"{counts['total']} mutants of schedules/plan: {noticed} noticed ({percent:.1f} %)")
    reasons = REASONS.read_text(encoding="utf-8")
    survivors = _survivors()
    unexplained = {where: count for where, count in survivors.items() if f"`{where}`" not in reasons}
    for where, count in sorted(survivors.items()):
        print(f"  {count:3}  {where}{'  (no reason in docs/mutants.md)' if where in unexplained else ''}")
    return 1 if percent < LEAST_PERCENT or unexplained else 0


def _survivors() -> Counter[str]:
    """Return how many mutants of each function no test noticed."""
    found = (_LINE.match(line) for line in _mutmut("results").splitlines())
    return Counter(_name(match["where"]) for match in found if match)


def _name(where: str) -> str:
    """Return `module.function` or `module.Class.method` of mutmut's own name for it."""
    module, _, function = where.rpartition(".")
    return f"{module}.{function.removeprefix('x_').removeprefix('xǁ').replace('ǁ', '.')}"


def _mutmut(command: str) -> str:
    program = Path(sys.executable).with_name("mutmut")
    return subprocess.run([program, command], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
