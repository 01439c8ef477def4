"""What a machine must have for the sync clients, and what is said where it is missing."""

from pathlib import Path

import pytest

from tests.clients.install import lack, oldest_node


def program(folder: Path, name: str, answer: str = "") -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{answer}'\n", encoding="utf-8")
    file.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder in which programs are looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("programs")
def test_a_machine_without_node_is_told_all_that_it_lacks() -> None:
    lacking = lack()

    assert lacking is not None
    assert (lacking.what, lacking.package) == ("Node.js", "nodejs npm g++")


@pytest.mark.parametrize("version", ["18.20.4", "20.9.0", "20.18.0"])
def test_a_node_that_is_too_old_is_named_with_what_is_expected(programs: Path, version: str) -> None:
    program(programs, "node", f"v{version}")

    lacking = lack()

    assert lacking is not None
    assert lacking.what == f"Node.js {oldest_node()} or newer"
    assert f"got {version}" in lacking.why


@pytest.mark.parametrize("missing", ["npm", "make", "g++"])
def test_a_program_that_only_the_installation_needs_is_named(programs: Path, missing: str) -> None:
    program(programs, "node", "v99.0.0")
    for name in {"npm", "make", "g++"} - {missing}:
        program(programs, name)

    lacking = lack()

    assert lacking is not None
    assert (lacking.what, lacking.package) == (missing, missing)


def test_another_node_than_the_clients_were_compiled_for_needs_them_anew(programs: Path) -> None:
    for name in ("node", "npm", "make", "g++"):
        program(programs, name, "v99.0.0")

    lacking = lack()

    assert lacking is not None
    assert "`make clients`" in lacking.why
