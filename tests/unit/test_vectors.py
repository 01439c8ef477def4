"""The samples for other apps are current, and a second implementation reads the same from them."""

import doctest
import json
import random
import shutil
import subprocess
from datetime import date
from typing import Any

import pytest

from service.sync import fnv
from service.sync.fnv import fnv1a, row_digest, sum_digests
from tests.needs import need
from tests.vectors.cases import facts, milestone
from tests.vectors.samples import FOLDER, course_json, sample_files

FIRST_DAY = date(2026, 3, 1).toordinal()
SEED = 20260302


@pytest.fixture
def node() -> str:
    """Return the path of Node."""
    found = shutil.which("node")
    if found is None:
        need("Node.js", package="nodejs", why="the second implementation of docs/vectors is JavaScript")
    return found


def check(node: str, *arguments: str, given: str = "", program: str = "check.mjs") -> subprocess.CompletedProcess[str]:
    command = [node, str(FOLDER / program), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", ["progress.json", "medical_day.json", "digest.json"])
def test_the_samples_are_what_the_code_computes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == sample_files()[name], "write them: python -m tests.vectors"


def test_the_samples_hold_every_state_reason_and_rule() -> None:
    days = [day for case in json.loads(sample_files()["progress.json"])["cases"] for day in case["days"]]

    assert {state for day in days for state in day["states"]} == {
        "upcoming", "open", "due", "overdue", "achieved", "cleared", "eligible", "skipped", "cancelled", "unscheduled",
    }  # fmt: skip
    assert {each["reason"] for day in days for each in day["waiting_for_clinic"]} == {"to_clear", "to_fill", "to_sign"}
    assert {each["rule"] for day in days for each in day["behind"]} == {"after_latest_day", "after_eligible_day"}
    assert {day["adherence"]["done_percent"] for day in days} >= {None, 0, 33, 50, 63, 67}


@pytest.mark.parametrize("program", ["check.mjs", "check_digest.mjs"])
def test_a_second_implementation_finds_the_same_in_the_samples(node: str, program: str) -> None:
    checked = check(node, program=program)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "0 differences\n", "")


@pytest.mark.parametrize(
    ("program", "right", "line", "fault"),
    [
        ("check.mjs", "progress.mjs", "on > closes;", "on >= closes;"),
        ("check_digest.mjs", "digest.mjs", "? Number(value) :", "? value :"),
        ("check_digest.mjs", "digest.mjs", "(sum + each) >>> 0", "sum + each"),
    ],
)
def test_the_check_finds_an_implementation_that_is_wrong(
    node: str, tmp_path: Any, program: str, right: str, line: str, fault: str
) -> None:
    wrong = tmp_path / "wrong.mjs"
    wrong.write_text((FOLDER / right).read_text(encoding="utf-8").replace(line, fault), encoding="utf-8")

    checked = check(node, str(wrong), program=program)

    assert checked.returncode == 1
    assert int(checked.stdout.split()[0]) > 0


def test_a_second_implementation_finds_the_same_in_random_cases(node: str) -> None:
    chance = random.Random(SEED)
    cases = [_random_case(chance) for _ in range(400)]

    checked = check(node, "./progress.mjs", "-", given=json.dumps(cases))

    ours = [[course_json(case, date.fromisoformat(day)) for day in case["days"]] for case in cases]
    assert json.loads(checked.stdout) == ours


def test_a_second_implementation_computes_the_same_digests_of_random_rows(node: str) -> None:
    chance = random.Random(SEED)
    rows: list[dict[str, Any]] = [{"id": f"row-{number}", "values": _random_columns(chance)} for number in range(2_000)]

    checked = check(node, "./digest.mjs", "-", given=json.dumps(rows), program="check_digest.mjs")

    digests = [row_digest(row["id"], row["values"]) for row in rows]
    assert json.loads(checked.stdout) == {"rows": digests, "collection": sum_digests(digests)}


def test_the_digest_is_the_one_that_its_authors_publish() -> None:
    assert [fnv1a(text) for text in (b"", b"a", b"foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]
    assert doctest.testmod(fnv).failed == 0


def _random_columns(chance: random.Random) -> list[Any]:
    text = "".join(chr(_random_character(chance)) for _ in range(chance.randrange(12)))
    kinds: list[Any] = [
        None,
        True,
        False,
        0,
        chance.randrange(-(2**53) + 1, 2**53),
        text,
        text[::-1],
        str(chance.random()),
    ]
    return chance.choices(kinds, k=chance.randrange(10))


def _random_character(chance: random.Random) -> int:
    """Return a character that can be stored: no NUL, no half of a pair."""
    lowest, highest = chance.choice([(1, 0x7F), (0x80, 0xD7FF), (0xE000, 0x10FFFF)])
    return chance.randint(lowest, highest)


def _random_case(chance: random.Random) -> dict[str, Any]:
    ids = [(f"step_{number}", occurrence) for number in range(4) for occurrence in (1, 2)]
    return {
        "milestones": [_random_milestone(chance, *each) for each in ids],
        "facts": [_random_facts(chance, *each) for each in ids if chance.random() < 0.5],
        "days": [_some_day(chance) for _ in range(5)],
    }


def _random_milestone(chance: random.Random, key: str, occurrence: int) -> dict[str, Any]:
    days = ("earliest_on", "target_on", "latest_on", "eligible_on", "slot_until_on")
    return milestone(
        key,
        occurrence,
        **{name: _maybe_day(chance, 0.9) for name in days},
        superseded_on=_maybe_day(chance, 0.2),
        phase=chance.choice(["before_surgery", "after_surgery", "after_surgery"]),
        owner=chance.choice(["patient", "patient", "clinic"]),
        lifts=chance.choice([None, None, "driving"]),
        past_policy=chance.choice([None, None, None, "skip", "not_applicable", "catch_up", "digest"]),
        slot=chance.choice([None, None, "blank", "unsigned", "filled"]),
    )


def _random_facts(chance: random.Random, key: str, occurrence: int) -> dict[str, Any]:
    return facts(
        key,
        occurrence,
        achieved_on=_maybe_day(chance, 0.4),
        skipped_on=_maybe_day(chance, 0.2),
        skip_reason=chance.choice(["patient_declined", "not_applicable", "other", None]),
        cancelled_on=_maybe_day(chance, 0.1),
        clearances=[
            {"cleared_on": _some_day(chance), "revoked_on": _maybe_day(chance, 0.5)}
            for _ in range(chance.choice([0, 0, 1, 2]))
        ],
    )


def _some_day(chance: random.Random) -> str:
    return date.fromordinal(FIRST_DAY + chance.randrange(14)).isoformat()


def _maybe_day(chance: random.Random, likely: float) -> str | None:
    return _some_day(chance) if chance.random() < likely else None
