"""A simulation that was looked at: two surgeries, a patient three hours west, quiet hours, a clock change, in Spanish.

After a change of plans: `.venv/bin/python -m tests.api.golden_simulation`, and look at the difference.
"""

from pathlib import Path

from click.testing import CliRunner
from flask import Flask

from service.api.scope import CLOCK
from service.cli.simulate import print_simulation
from tests.clock import FixedClock

GOLDEN = (
    "simulate", "lumbar_microdiscectomy", "--class", "miss", "--date", "2026-03-02", "--enrolled", "2026-02-24T09:30",
    "--days", "60", "--zone", "America/Los_Angeles", "--quiet", "21:00-08:30", "--holidays", "US", "--work", "light",
    "--stage", "tlif:open@2026-04-06", "--setting", "outpatient", "--language", "es",
)  # fmt: skip
GOLDEN_FILE = Path(__file__).parent / "golden" / "simulation.txt"


def main() -> None:
    """Write the golden text as the code stands."""
    app = Flask("golden")
    app.extensions[CLOCK] = FixedClock()
    with app.app_context():
        told = CliRunner().invoke(print_simulation, GOLDEN[1:])
    GOLDEN_FILE.write_text(told.stdout, encoding="utf-8")


if __name__ == "__main__":
    main()
