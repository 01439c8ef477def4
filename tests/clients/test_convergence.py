"""Real clients do things at random over a network that loses messages, and end alike with nothing lost.

Each phone has a column of its own in check-ins that both share. The same runs, against servers with a known fault, must
report lost edits: else they could not see one.
"""

import contextlib
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.clients.broken import SLOW_PAIN
from tests.clients.conftest import Phones, Services
from tests.clients.driver import Client, ClientError
from tests.clients.service import Service, Ward, new_ward, schema_of
from tests.processes import wait_for

SEEDS = (2026, 7)
FAULTY_SEEDS = range(3, 11)  # 3 sees both faults, if phones fall together as they mostly do
STEPS = 30
COLUMNS = ("steps", "walking_minutes")
SCHEMA = schema_of("check_ins", "patients")

pytestmark = pytest.mark.slow


def lost_edits(ward: Ward, open_phones: Phones, name: str, seed: int, *, rows: int = 3) -> list[str]:
    """Let two phones work at random. Return what was lost, in words; both must end with what is stored."""
    chance, phones = random.Random(seed), [open_phones(ward, name, number, schema=SCHEMA) for number in range(2)]
    ids = [f"c-{number}" for number in range(rows)]
    for number, row_id in enumerate(ids):
        phones[number % 2].create("check_ins", ward.check_in(row_id))
    _settle(phones)
    last: dict[tuple[str, str], int] = {}
    for step in range(STEPS):
        who, row_id = chance.randrange(2), chance.choice(ids)
        match chance.choice(["edit", "edit", "edit", "sync", "together", "lossy", "coordinator"]):
            case "edit":
                last[row_id, COLUMNS[who]] = step
                phones[who].update("check_ins", row_id, **{COLUMNS[who]: step})
            case "sync":
                phones[who].sync()
            case "together":
                with ThreadPoolExecutor(2) as pool:
                    list(pool.map(Client.sync, phones))
            case "lossy":
                phones[who].lose(chance.choice(["request", "response"]))
                with contextlib.suppress(ClientError):  # a connection may break beside that: the app syncs later
                    phones[who].sync()
                phones[who].lose_no_more()
            case _:
                # Only the order of changes moves: a row that nobody looks at.
                ward.call("PUT", f"/observations/o-{step}", _observation(ward))
    _settle(phones)
    stored = ward.stored("check_ins")
    for phone in phones:
        held = {row["id"]: tuple(row[column] for column in COLUMNS) for row in phone.rows("check_ins")}
        assert held == {row_id: tuple(row[column] for column in COLUMNS) for row_id, row in stored.items()}
    return [f"{row_id} {column}" for (row_id, column), value in last.items() if stored[row_id][column] != value]


def _observation(ward: Ward) -> dict[str, Any]:
    return {"episode_id": ward.episode_id, "what": "wound_closed", "observed_at": "2026-03-02T12:00:00Z"}


def _settle(phones: list[Client]) -> None:
    for _ in range(3):
        for phone in phones:
            phone.sync()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["watermelon", "rxdb", "powersync"])
def test_whatever_two_phones_do_nothing_is_lost(service: Service, phones: Phones, name: str, seed: int) -> None:
    ward = new_ward(service)

    assert lost_edits(ward, phones, name, seed) == []


@pytest.mark.parametrize("name", ["rxdb", "watermelon"])
def test_with_a_known_fault_in_the_server_the_same_run_reports_lost_edits(
    services: Services, phones: Phones, name: str
) -> None:
    service = services("sqlite", "tests.clients.broken:merges_badly()")

    is_seen = any(lost_edits(new_ward(service), phones, name, seed, rows=2) for seed in FAULTY_SEEDS)

    assert is_seen


def test_with_revisions_in_another_order_than_commits_a_panel_misses_a_row(services: Services, phones: Phones) -> None:
    ward = new_ward(services("postgresql", "tests.clients.broken:numbered_by_sequence()"))
    other = ward.beside()
    tokens = ward.new_phone(), other.new_phone(), ward.staff_token
    slow, quick, reader = (
        phones(ward, "watermelon", number, token=token, schema=SCHEMA) for number, token in enumerate(tokens)
    )
    for phone in (slow, quick, reader):
        phone.sync()
    before = ward.revision()
    slow.create("check_ins", ward.check_in("slow", pain=SLOW_PAIN))
    quick.create("check_ins", other.check_in("quick"))
    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(slow.sync)
        wait_for(lambda: ward.revision() > before, "the slow push to take its number")
        quick.sync()
        reader.sync()
        pushing.result()
    reader.sync()

    assert set(ward.stored("check_ins")) == {"slow"}
    assert [row["id"] for row in reader.rows("check_ins")] == ["quick"]
