"""No pattern of ours takes long, whatever it is held against."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from time import thread_time

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("service", "schedules", "models")
LONG = 10_000
EVIL = [
    part * (LONG // len(part)) + end
    for part in ("a", "0", " ", "-", ".", "a ", "a.", "0,", "1-", "\n", "/", "A1", "é", "\\", '"', "[", "{a}", "<a>")
    for end in ("", "!", "\x00", "\n")
]
MOST_SECONDS = 0.05
MAY_HAVE_ONE = re.compile(r"\bre\.|Regexp\(")


def patterns() -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield where each pattern stands that is written out in the code, how it is held against a text, and itself."""
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    for file in [*files, *ROOT.glob("config*.py")]:
        source = file.read_text("utf-8")
        if not MAY_HAVE_ONE.search(source):
            continue
        for node in ast.walk(ast.parse(source)):
            pattern = _pattern_of(node)
            if pattern is not None:
                yield f"{file.relative_to(ROOT)}:{node.lineno}", (_use_of(node, source), pattern)  # type: ignore[attr-defined]


def _pattern_of(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
        return None
    called, value = ast.unparse(node.func), node.args[0].value
    return value if isinstance(value, str) and (called.startswith("re.") or called.endswith("Regexp")) else None


def _use_of(node: ast.AST, source: str) -> str:
    """Return the method by which a pattern is used: a search costs more than a match from the beginning."""
    called = ast.unparse(node.func).rpartition(".")[2]  # type: ignore[attr-defined]
    if called == "compile":
        used = re.findall(r"\.(fullmatch|search|sub|split|findall|finditer)\(", source)
        return "fullmatch" if set(used) == {"fullmatch"} else "search"
    return "fullmatch" if called == "fullmatch" else "match" if called in ("match", "Regexp") else "search"


PATTERNS = dict(patterns())


def slowest(use: str, pattern: str) -> float:
    """Return the processor seconds of the slowest evil text."""
    held_against = getattr(re.compile(pattern), use)
    seconds = []
    for text in EVIL:
        began = thread_time()
        held_against(text)
        seconds.append(thread_time() - began)
    return max(seconds)


@pytest.mark.parametrize("where", PATTERNS)
def test_no_pattern_is_slow_on_ten_thousand_characters(where: str) -> None:
    assert slowest(*PATTERNS[where]) < MOST_SECONDS


def test_most_patterns_are_found_and_a_slow_one_would_be_noticed() -> None:
    assert len(PATTERNS) > 30
    began = thread_time()
    re.compile(r"^(\w+\s?)+$").search("a" * 22 + "!")
    assert thread_time() - began > MOST_SECONDS
