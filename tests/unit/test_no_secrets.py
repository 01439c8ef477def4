"""No secret stands in the repository: neither a key as providers give them out, nor a private key."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The marks by which providers' own scanners know what they gave out, and keys as files have them.
FORMS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}"
    rb"|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bxox[abpr]-[0-9A-Za-z-]{20,}"
    rb"|\bSK[0-9a-f]{32}\b|\bsk_live_[0-9A-Za-z]{20,}|\bAIza[0-9A-Za-z_-]{35}\b|\bSG\.[\w-]{22}\.[\w-]{43}\b"
    rb"|(?:SEAL|AUDIT)_KEY=[A-Za-z0-9+/]{43}="
)


def _files() -> list[Path]:
    """Return the files that would be handed on: those that git knows, or in a bare copy all but what is built."""
    known = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if known.returncode == 0:
        return [ROOT / name for name in known.stdout.decode().split("\0") if name]
    apart = {".git", ".venv", "node_modules", "var"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not apart & set(path.relative_to(ROOT).parts)]


def test_no_file_holds_a_secret() -> None:
    found = [str(path.relative_to(ROOT)) for path in _files() if path.is_file() and FORMS.search(path.read_bytes())]

    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        b"AKIA" + b"Q" * 16,
        b"ghp_" + b"a1" * 18,
        b"SK" + b"0f" * 16,
        b"SEAL_KEY=" + b"A" * 43 + b"=",
        b"-----BEGIN EC PRIVATE KEY" + b"-----\n" + b"M" * 64,
    ],
)
def test_the_search_finds_what_it_is_for(planted: bytes) -> None:
    assert FORMS.search(b"a line\n" + planted + b"\n")
