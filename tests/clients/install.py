"""Installs what `package-lock.json` says: `make clients`, which `make test` runs where npm is there.

No install script of any package runs. SQLite's binding for Node.js is then compiled from its own source, since its
script would fetch a binary that no lock file vouches for.
"""

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.needs import need

FOLDER = Path(__file__).parent
PACKAGES = FOLDER / "node_modules"
BINDING = PACKAGES / "better-sqlite3"
ENGINES = re.compile(r'"node": ">=([\d.]+)"')


@dataclass(frozen=True)
class Lack:
    """What the machine lacks, the Debian packages that have it, and why it is needed."""

    what: str
    package: str
    why: str


NOT_INSTALLED = Lack("the mobile sync clients", "npm", "`make clients` installs them, or says why it cannot")


def lack() -> Lack | None:
    """Return what is missing for the sync clients to run, None if they can."""
    return lacks_node() or (None if stamp().exists() else lacks_tools() or NOT_INSTALLED)


def lacks_node() -> Lack | None:
    """Return that Node.js is missing or too old, None if it will do."""
    node = shutil.which("node")
    oldest = oldest_node()
    if node is None:
        return Lack("Node.js", "nodejs npm g++", "the mobile sync clients are JavaScript")
    if _numbers(found := node_version(node)) < _numbers(oldest):
        why = f"for the mobile sync clients, got {found}; Debian 13's is new enough, Debian 12's is not"
        return Lack(f"Node.js {oldest} or newer", "nodejs", why)
    return None


def lacks_tools() -> Lack | None:
    """Return which program is missing to install the sync clients, None if none is."""
    for program in ("npm", "make", "g++"):
        if shutil.which(program) is None:
            return Lack(program, program, "it installs the mobile sync clients")
    return None


def require_clients() -> None:
    """Leave out the running test unless the sync clients can run."""
    if lacking := lack():
        need(lacking.what, package=lacking.package, why=lacking.why)


def oldest_node() -> str:
    """Return the oldest version of Node.js that every package runs on."""
    found = ENGINES.search((FOLDER / "package.json").read_text(encoding="utf-8"))
    assert found, 'expected "node": ">=VERSION" in package.json'
    return found[1]


@functools.cache
def node_version(node: str) -> str:
    """Return the version of the program `node`, such as 20.20.2."""
    return subprocess.run([node, "--version"], capture_output=True, check=True, text=True).stdout.strip().lstrip("v")


def stamp() -> Path:
    """Return the file that says: this lock file's packages are here, and compiled for this Node.js."""
    node = shutil.which("node")
    major = node_version(node).partition(".")[0] if node else "none"
    digest = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    return PACKAGES / f".installed-{digest}-node{major}"


def install() -> None:
    """Install the packages, compile the binding and try it. Raises CalledProcessError with what was printed."""
    _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], FOLDER, {})
    prefix = Path(shutil.which("node") or "").resolve().parents[1]
    headers = {"npm_config_nodedir": str(prefix)} if (prefix / "include/node/node.h").exists() else {}
    unoptimised = {"CFLAGS": "-O0", "CXXFLAGS": "-O0", "JOBS": "max"}  # a third of the time, and fast enough for tests
    _run(["npm", "run", "build-release"], BINDING, headers | unoptimised)
    _run(["node", "-e", "new (require('better-sqlite3'))(':memory:')"], FOLDER, {})
    stamp().touch()


def main() -> int:
    """Install the clients unless they are installed. Return 1, and say why, if that cannot be."""
    if lack() is None:
        return 0
    if lacking := lacks_node() or lacks_tools():
        return _say(f"The mobile sync clients need {lacking.what} (Debian: {lacking.package}): {lacking.why}.")
    print("Installing tests/clients/package-lock.json ...", flush=True)
    try:
        install()
    except subprocess.CalledProcessError as error:
        return _say(f"{error.stdout[-2000:]}\nThe mobile sync clients could not be installed.")
    return 0


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _say(text: str) -> int:
    print(text, file=sys.stderr)
    return 1


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


if __name__ == "__main__":
    sys.exit(main())
