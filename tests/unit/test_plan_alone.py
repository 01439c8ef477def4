"""The plan engine and its tests need the standard library and pytest, nothing of the web and no database."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_RUN = """
import sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"flask", "sqlalchemy", "psycopg", "marshmallow", "models", "service"}:
            raise ImportError(f"expected tests of the plan alone, got an import of {name}")

sys.meta_path.insert(0, Refused())
import pytest
folders = ["tests/unit/" + name for name in ("plan", "limits", "protocols", "reminders", "simulator")]
sys.exit(pytest.main(["-q", "-p", "no:schemathesis", "-p", "no:cacheprovider", *folders]))
"""


def test_the_plan_is_tested_without_flask_and_without_a_database() -> None:
    run = subprocess.run([sys.executable, "-c", _RUN], cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
