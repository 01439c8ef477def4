"""Rules of the whole tree that no linter knows: who reads time and environment, who commits, how long code may be."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests/clients"
PRODUCT = (
    "config.py",
    "config_limits.py",
    "config_push.py",
    "config_rules.py",
    "config_values.py",
    "wsgi.py",
    "models",
    "schedules",
    "service",
)
LONGEST_FUNCTION = 40
LONGEST_MODULE = 300
CLOCK_FUNCTIONS = re.compile(
    r"(time|monotonic|perf_counter|process_time|thread_time|clock_gettime)(_ns)?|localtime|gmtime|ctime|strftime|asctime"
)
DATE_READERS = {"now", "utcnow", "today"}
MAIL_CLOCKS = re.compile(r"formatdate|localtime|make_msgid")
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
# An import is one use case of many transactions: each patient's rows stand or fall alone.
COMMITTERS = ("service/api/", "service/cli/", "service/dashboard/", "service/care/cohort", "schedules/jobs/")
# In two pieces, or this file would break its own rule.
FOREIGN_NAMES = tuple(
    "".join(pieces)
    for pieces in (
        ("py", "pi.org"),
        ("python", "hosted"),
        ("registry.np", "mjs"),
        ("deb.de", "bian.org"),
        ("/wo", "rk/"),
        ("/fa", "rm/"),
    )
)

Rule = Callable[[ast.Module], Iterator[int]]


def product_files() -> list[Path]:
    """Return every Python file that ships, the frozen migrations apart."""
    roots = [ROOT / name for name in PRODUCT]
    files = [file for root in roots for file in ([root] if root.is_file() else sorted(root.rglob("*.py")))]
    return [file for file in files if "versions" not in file.parts]


def offenders(rule: Rule, *, except_in: tuple[str, ...] = (), files: list[Path] | None = None) -> list[str]:
    """Return `file:line` for every place that breaks `rule` outside of the paths that begin with `except_in`."""
    found = []
    for file in files if files is not None else product_files():
        name = file.relative_to(ROOT).as_posix()
        if not name.startswith(except_in or ("\0",)):
            found += [f"{name}:{line}" for line in rule(ast.parse(file.read_text(encoding="utf-8")))]
    return found


def name_of(node: ast.expr) -> str:
    """Return the last name of a dotted expression: `datetime` for `dt.datetime`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def reads_of_time(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that ask the machine for the time."""
    modules = {
        alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            clocks = {"time": CLOCK_FUNCTIONS, "email.utils": MAIL_CLOCKS}.get(node.module or "")
            if clocks and any(clocks.fullmatch(alias.name) for alias in node.names):
                yield node.lineno
        elif isinstance(node, ast.Attribute):
            owner = name_of(node.value)
            of_module = owner == "time" and "time" in modules and CLOCK_FUNCTIONS.fullmatch(node.attr)
            if of_module or (owner in {"datetime", "date"} and node.attr in DATE_READERS):
                yield node.lineno


def reads_of_environment(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that touch the process's environment."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and name_of(node.value) == "os" and node.attr in ENVIRONMENT:
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "os" and {a.name for a in node.names} & ENVIRONMENT:
            yield node.lineno


def commits(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that commit a transaction by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            yield node.lineno


def long_functions(tree: ast.Module) -> Iterator[int]:
    """Yield the first lines of functions that are too long."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if (node.end_lineno or node.lineno) - node.lineno + 1 > LONGEST_FUNCTION:
            yield node.lineno


def foreign_imports(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that import anything but the standard library and the pure plan."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        if any(not is_at_hand(name) for name in names):
            yield node.lineno


def is_at_hand(module: str) -> bool:
    """Return whether a module belongs to the standard library, to the plan, or to the settings."""
    is_ours = module.startswith(("schedules.plan", "schedules.outcomes", "config_"))
    return is_ours or module.partition(".")[0] in sys.stdlib_module_names


def tracked_files() -> list[Path]:
    """Return the files under version control; without Git all that are not hidden or made by tools."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        return [file for file in (ROOT / name.decode() for name in listed.split(b"\0") if name) if file.is_file()]
    return [
        file for file in ROOT.rglob("*") if file.is_file() and not {".venv", "var", "node_modules"} & set(file.parts)
    ]


def test_the_time_is_read_in_the_clock_alone() -> None:
    assert offenders(reads_of_time, except_in=("schedules/clock.py",)) == []


def test_the_environment_is_read_in_the_settings_alone() -> None:
    assert offenders(reads_of_environment, except_in=("config.py",)) == []


def test_only_views_jobs_and_commands_commit() -> None:
    assert offenders(commits, except_in=COMMITTERS) == []


def test_no_function_is_longer_than_forty_lines() -> None:
    assert offenders(long_functions) == []


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    lengths = {file.relative_to(ROOT).as_posix(): file.read_text("utf-8").count("\n") for file in product_files()}

    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_the_plan_and_the_settings_need_the_standard_library_only() -> None:
    pure = [file for name in ("plan", "outcomes") for file in sorted((ROOT / "schedules" / name).rglob("*.py"))]
    files = [*sorted(ROOT.glob("config*.py")), *pure]

    assert offenders(foreign_imports, files=files) == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_file_has_versions_and_hashes_and_no_address(name: str) -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8").strip())

    assert len(blocks) > 20
    assert [block.partition(" ")[0] for block in blocks if not re.match(r"[a-z0-9-]+(\[[a-z,]+\])?==\S+ ", block)] == []
    assert [block.partition(" ")[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert [block.partition(" ")[0] for block in blocks if "://" in block or " @ " in block or "index" in block] == []


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_a_lock_file_holds_whatever_is_asked_for(name: str) -> None:
    wanted = re.findall(r"^([a-z0-9][a-z0-9-]*)", (ROOT / f"{name}.in").read_text(encoding="utf-8"), flags=re.MULTILINE)
    locked = set(re.findall(r"^([a-z0-9-]+)(?:\[\S+\])?==", (ROOT / f"{name}.txt").read_text("utf-8"), re.MULTILINE))

    assert len(wanted) > 5
    assert set(wanted) - locked == set()


def npm_lock() -> dict[str, dict[str, Any]]:
    """Return what the lock file of the mobile sync clients says of each folder: ours, links to ours, and packages."""
    locked: dict[str, dict[str, Any]] = json.loads((CLIENTS / "package-lock.json").read_text("utf-8"))["packages"]
    return locked


def test_the_lock_file_of_the_sync_clients_has_versions_and_hashes_and_no_address() -> None:
    packages = {name: each for name, each in npm_lock().items() if "node_modules/" in name and not each.get("link")}

    assert len(packages) > 100
    assert [name for name, each in packages.items() if not re.match(r"\d+\.\d+\.\d+", each["version"])] == []
    assert [name for name, each in packages.items() if not each.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, each in packages.items() if "resolved" in each] == []


@pytest.mark.parametrize("folder", ["", "rxdb_server"])
def test_the_lock_file_of_the_sync_clients_holds_exactly_what_is_asked_for(folder: str) -> None:
    wanted = json.loads((CLIENTS / folder / "package.json").read_text("utf-8"))["dependencies"]

    assert [name for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    assert npm_lock()[folder]["dependencies"] == wanted


def test_no_tracked_file_names_a_package_registry_or_a_path_of_one_machine() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in tracked_files()
        for name in FOREIGN_NAMES
        if name.encode() in file.read_bytes()
    ]

    assert found == []


def test_every_link_between_documents_leads_to_a_file() -> None:
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    dead = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]

    assert dead == []


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (reads_of_time, "import datetime\ndatetime.datetime.now()"),
        (reads_of_time, "from datetime import date\ntoday = date.today"),
        (reads_of_time, "import time\ntime.monotonic_ns()"),
        (reads_of_time, "from time import time"),
        (reads_of_time, "from email.utils import formatdate"),
        (reads_of_environment, "import os\nos.environ['PORT']"),
        (reads_of_environment, "from os import getenv"),
        (commits, "def save(session):\n    session.commit()"),
        (long_functions, "def long():\n" + "    pass\n" * 40),
        (foreign_imports, "import sqlalchemy.orm"),
        (foreign_imports, "from schedules.clock import Clock"),
    ],
)
def test_each_rule_finds_what_it_forbids(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source))) != []


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (reads_of_time, "def due(clock):\n    return clock.now()"),
        (reads_of_time, "from datetime import time\nnoon = time.fromisoformat('12:00')"),
        (reads_of_time, "import time\ntime.sleep(1)"),
        (reads_of_environment, "import os\nos.getpid()"),
        (commits, "commit = 1"),
        (long_functions, "def fits():\n" + "    pass\n" * 39),
        (foreign_imports, "import zoneinfo\nfrom schedules.plan.errors import PlanError"),
    ],
)
def test_each_rule_lets_pass_what_it_allows(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source))) == []
