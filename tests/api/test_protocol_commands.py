"""`flask protocol`: what changed between versions, and what stands against a file, for whoever writes one."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import Practice
from schedules.plan.library import load_library
from tests.api.conftest import Clinic
from tests.planning.test_own_library import version

DRIVE = 'drive       = { earliest = 7, target = 14, latest = 14, grade = "B", sources = ["S20", "S21"] }'
SLOWER = 'drive = { earliest = 14, target = 21, latest = 28, grade = "E" }'


def run(app: Flask, *args: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=("protocol", *args))
    return result.exit_code, result.output


def test_what_changed_is_printed_in_words(app: Flask, session: Session, clinic: Clinic) -> None:
    practice = session.get_one(Practice, clinic.id)
    version(session, practice, 1, change=(DRIVE, SLOWER))
    session.commit()

    code, said = run(app, "diff", "MD-MISS@1", "hudson-disc@1", "--practice", practice.slug)

    assert code == 0
    assert said.splitlines() == [
        "MD-MISS@1 -> hudson-disc@1: 1 changes. Plans or messages get other days, times or limits.",
        "  drive: target 14 -> 21 (window 7-14 -> 14-28), grade B -> E, sources S20 S21 -> none",
    ]


@pytest.mark.sqlite_only
def test_versions_that_are_alike_or_missing_are_said_so(app: Flask) -> None:
    assert run(app, "diff", "MD-MISS@1", "MD-MISS@1") == (
        0,
        "MD-MISS@1 -> MD-MISS@1: 0 changes. No day, time or limit changes.\n",
    )
    assert run(app, "diff", "MD-MISS@1", "MD-MISS@2")[0] == 1
    assert run(app, "diff", "MD-MISS", "MD-MISS@1") == (1, "Error: Expected an id and a version such as MD-MISS@1.\n")


@pytest.mark.sqlite_only
def test_a_file_is_checked_before_anybody_uploads_it(app: Flask, tmp_path: Path) -> None:
    toml = load_library().files["MD-MISS", 1].replace('id = "MD-MISS"', 'id = "hudson-disc"')
    faster = tmp_path / "hudson-disc.v1.toml"
    faster.write_text(toml.replace(DRIVE, 'drive = { earliest = 7, target = 13, latest = 14, grade = "E" }'), "utf-8")
    wrong = tmp_path / "hudson-disc.v2.toml"
    wrong.write_text(toml, "utf-8")

    assert run(app, "check", str(faster), "--against", "MD-MISS@1") == (
        0,
        "warning: milestones.drive.target: expected day 14 or later, got day 13\nhudson-disc version 1: 1 findings\n",
    )
    assert run(app, "check", str(wrong)) == (
        1,
        "Error: hudson-disc.v2.toml: version: expected the version in the file's name, got 1\n",
    )
