"""Passwords are long, not about their owner, and not among those that are guessed first."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.identity.password_rules import Chooser, find_fault
from service.identity.totp import code_at, find_step

CHOOSER = Chooser.of("Casey Rivera", "casey.r", "Hudson Spine Clinic", "hudson")


def expected_of(password: str, breached: str | None = None) -> str:
    fault = find_fault(password, CHOOSER, breached, "/password")
    assert fault is None or password not in f"{fault.expected} {fault.got}"
    return "" if fault is None else fault.expected


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("violet ladder 94 otter", ""),
        ("correct horse battery staple", ""),
        ("пять тихих лодок на рассвете", ""),
        ("x7Q!x7Q!vT2", "12 to 200 characters"),
        ("violet ladder 94 otter" * 10, "12 to 200 characters"),
        ("password1234", "not guessed"),
        ("qwertyuiop12", "not guessed"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaa" * 4, "not guessed"),
        ("iloveyou2024", "not guessed"),
        ("1qaz2wsx3edc4rfv", "not guessed"),
        ("violet RIVERA 94 otter", "without your name"),
        ("violet hudson 94 otter", "without your name"),
    ],
)
def test_a_password_is_judged_by_length_owner_and_how_soon_it_is_guessed(password: str, expected: str) -> None:
    came = expected_of(password)

    assert came.startswith(expected) or f" {expected}" in came
    assert bool(came) == bool(expected)


def test_a_file_of_breached_passwords_is_searched_whole(tmp_path: Path) -> None:
    listed = [f"listed password number {number}" for number in range(199)]
    lines = sorted(f"{hashlib.sha1(each.encode()).hexdigest().upper()}:{number}" for number, each in enumerate(listed))
    file = tmp_path / "breached"

    for ending in ("\n", "\r\n"):
        file.write_text(ending.join(lines) + ending, encoding="ascii", newline="")
        assert all("breached" in expected_of(each, str(file)) for each in listed)
        assert not any(expected_of(f"unlisted password no {number}", str(file)) for number in range(50))


def test_codes_are_those_of_the_standard() -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # of RFC 6238, appendix B, whose codes have eight digits
    told = {59: "94287082", 1111111109: "07081804", 1234567890: "89005924", 20000000000: "65353130"}

    assert {at: code_at(secret, at // 30) for at in told} == {at: code[2:] for at, code in told.items()}
    at = datetime.fromtimestamp(59, UTC)
    assert (find_step(secret, "287 082", at, after=0), find_step(secret, "287082", at, after=1)) == (1, None)
