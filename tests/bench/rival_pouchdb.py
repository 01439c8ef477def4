"""PouchDB Server, installed from its lock file by the benchmark that measures it; nothing else needs it."""

import contextlib
import hashlib
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.bench.children import started, wait_until

FOLDER = Path(__file__).parent / "pouchdb"
PACKAGES = FOLDER / "node_modules"
INSTALL_SECONDS = 300.0
BATCH = 500


def install() -> None:
    """Install what the lock file says, once. No script of any package runs. Raises CalledProcessError."""
    stamp = PACKAGES / f".installed-{hashlib.sha256((FOLDER / 'package-lock.json').read_bytes()).hexdigest()}"
    if not stamp.exists():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, timeout=INSTALL_SECONDS)
        stamp.touch()


@contextlib.contextmanager
def running_pouchdb(folder: Path, *, in_memory: bool) -> Iterator[str]:
    """Run the server, on this machine only, with its data in memory or in LevelDB in `folder`. Yield its address."""
    install()
    node = shutil.which("node")
    assert node is not None, "expected Node.js, got none"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    where = ["--in-memory"] if in_memory else ["--dir", str(folder)]
    server = [node, str(PACKAGES / "pouchdb-server/bin/pouchdb-server"), "--host", "127.0.0.1", "--port", str(port)]
    silent = ["--no-stdout-logs", "--no-color", "--config", str(folder / "config.json")]
    address = f"http://127.0.0.1:{port}"
    # It writes its log into the folder that it is started in.
    with started(["env", "-C", str(folder), *server, *where, *silent]):
        wait_until(lambda: _answers(address), "PouchDB Server", within=60)
        yield address


def store_documents(address: str, old: Sequence[Mapping[str, Any]], changed: Sequence[Mapping[str, Any]]) -> str:
    """Store a patient's documents in a database of their own. Return the path that asks for those that `changed`."""
    httpx.put(f"{address}/patient", timeout=20).raise_for_status()
    since = 0
    for documents in (old, changed):
        since = httpx.get(f"{address}/patient", timeout=20).json()["update_seq"]
        for start in range(0, len(documents), BATCH):
            body = {"docs": list(documents[start : start + BATCH])}
            httpx.post(f"{address}/patient/_bulk_docs", json=body, timeout=60).raise_for_status()
    return f"/patient/_changes?include_docs=true&since={since}"


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=1).status_code == 200
    except httpx.TransportError:
        return False
