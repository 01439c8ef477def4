"""What the demo clinic stands on: its folder, its keys, its addresses. Made on the first run, kept after that.

Knows files, sockets and environment variables, and starts nothing.
"""

import base64
import contextlib
import errno
import fcntl
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

from config_values import KEY_BYTES
from service.cli.supervisor import Say

KEYS = {"SEAL_KEY": "seal.key", "AUDIT_KEY": "audit.key"}
DATABASE_FILE = "recovery.sqlite3"
PORTS_TRIED = 100


class HouseError(Exception):
    """The clinic cannot be set up here. The message says what was expected and what came."""


@contextlib.contextmanager
def only_one_in(folder: Path) -> Iterator[None]:
    """Make `folder` private to this user and hold it alone; the kernel lets go when we die. Raises HouseError."""
    with _writable(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _hold(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HouseError(f"expected {folder}/ to be a folder that can be written to, got: {error.strerror}") from None


def _hold(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise HouseError(f"expected to be the only run in {folder}/, got another that is running") from None


def listen(host: str, port: int, *, or_next: bool, report: Say) -> socket.socket:
    """Return a socket that listens on `host` and `port`, or on the next free port where that is allowed.

    Port 0 means any free one. Raises HouseError when the address cannot be had.
    """
    for candidate in range(port, port + (PORTS_TRIED if or_next else 1)):
        try:
            return _bound(host, candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise HouseError(f"expected an address of this machine to listen on, got {host}: {error}") from None
            report(f"Port {candidate} is in use.")
    if or_next:
        raise HouseError(f"expected a free port on {host}, got none from {port} to {port + PORTS_TRIED - 1}")
    raise HouseError(f"expected port {port} on {host} to be free, got one in use; leave PORT out to have another taken")


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the web address at which `listener` can be reached from this machine."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # only recognised, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def clinic_environment(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return `given` with the database and the keys that it leaves open: a file each in `folder`.

    What the user has set is never replaced. Raises HouseError when a key is lost.
    """
    defaults = {
        f"{name}_FILE": str(_key_file(folder, file).resolve()) for name, file in KEYS.items() if not _has(given, name)
    }
    if not _has(given, "DATABASE_URL"):
        defaults["DATABASE_URL"] = f"sqlite:///{(folder / DATABASE_FILE).resolve()}"
    return {**defaults, **{name: value for name, value in given.items() if value}}


def is_demo(given: Mapping[str, str]) -> bool:
    """Return whether the demo clinic belongs here: only in the embedded database, never in one the user named."""
    return not _has(given, "DATABASE_URL")


def _has(given: Mapping[str, str], name: str) -> bool:
    return bool(given.get(name) or given.get(f"{name}_FILE"))


def _key_file(folder: Path, name: str) -> Path:
    """Return the file of a key, made with a new one on the first run."""
    path = folder / name
    if path.exists():
        return path
    if (folder / DATABASE_FILE).exists():
        raise HouseError(f"expected {path}, the key of the database beside it, got no such file: put it back")
    unfinished = folder / f".{name}"
    with _writable(folder):
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        return unfinished.rename(path)
