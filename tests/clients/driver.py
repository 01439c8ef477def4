"""Drives a mobile sync client that runs in Node.js: a command a line goes in, an answer a line comes out.

Knows the pipe and the process, nothing of what the clients speak with the server.
"""

import json
import os
import selectors
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.clients.install import FOLDER, require_clients

CLIENTS = {
    "watermelon": "watermelon.cjs",
    "rxdb": "rxdb.mjs",
    "rxdb_server": "rxdb_server/client.mjs",
    "powersync": "powersync.mjs",
}
SECONDS = 30.0
CLOSE_SECONDS = 5.0

Row = dict[str, Any]
Schema = Mapping[str, Any]


class ClientError(Exception):
    """A client answered with an error, ended, or took too long; the text says which, with what it printed."""


class Client:
    """A phone: one client program with one database, in a process of its own. `folder` takes its files."""

    def __init__(self, name: str, folder: Path) -> None:
        require_clients()
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._printed = folder / f"{name}.log"
        self._received = b""
        with self._printed.open("wb") as printed:
            self._process = subprocess.Popen(
                ["node", str(FOLDER / CLIENTS[name])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=printed,
                bufsize=0,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def is_running(self) -> bool:
        """Return whether it takes commands."""
        return self._process.poll() is None

    def open(self, base: str, token: str, schema: Schema, **options: Any) -> None:
        """Begin with an empty database that syncs with the service at `base`, as the owner of `token`.

        With a `refresh_token` the phone exchanges its tokens by itself.
        """
        self.send("open", base=base, token=token, schema=schema, folder=str(self._folder), **options)

    def upgrade(self, schema: Schema) -> None:
        """Go on with the same database under a newer schema, as an app does after its own update."""
        self.send("upgrade", schema=schema)

    def sync(self) -> None:
        """Sync until the client says that it is done."""
        self.send("sync")

    def rows(self, collection: str) -> list[Row]:
        """Return the rows of a collection as the app sees them, by id."""
        rows: list[Row] = self.send("list", collection=collection)
        return rows

    def create(self, collection: str, row: Row) -> str:
        """Make a row; without an `id` the client picks one. Return the id."""
        return str(self.send("create", collection=collection, row=row))

    def update(self, collection: str, row_id: str, **changes: object) -> None:
        """Change columns of a row."""
        self.send("update", collection=collection, id=row_id, changes=changes)

    def delete(self, collection: str, row_id: str) -> None:
        """Delete a row."""
        self.send("delete", collection=collection, id=row_id)

    def lose(self, what: str, *, count: int = 1, of: str = "") -> None:
        """Lose the "request" or the "response" of the next `count` HTTP exchanges with `of` in method and URL."""
        self.send("lose", what=what, next=count, of=of)

    def lose_no_more(self) -> int:
        """Lose nothing from now on. Return how many exchanges were still to be lost."""
        return int(self.send("lose", what=None, next=0))

    def send(self, command: str, *, seconds: float = SECONDS, **given: Any) -> Any:
        """Return the client's answer to a command. Raises ClientError if there is none within `seconds`."""
        line = json.dumps({"command": command, **given}) + "\n"
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(line.encode())
        except BrokenPipeError:
            raise self._error(f"{command}: the client has ended") from None
        answer = json.loads(self._line(command, seconds))
        if "error" in answer:
            raise self._error(f"{command}: {answer['error']}")
        return answer["ok"]

    def close(self) -> None:
        """End the client, by force if it does not end by itself."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _line(self, command: str, seconds: float) -> bytes:
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._received:
                if not selector.select(max(deadline - time.monotonic(), 0)):
                    self._process.kill()  # a late answer would be taken for the next command's
                    self._process.wait()
                    raise self._error(f"{command}: no answer within {seconds:g} s")
                if not (more := os.read(self._process.stdout.fileno(), 65536)):
                    raise self._error(f"{command}: the client has ended")
                self._received += more
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _error(self, text: str) -> ClientError:
        return ClientError(f"{text}\n{self._printed.read_text(encoding='utf-8', errors='replace')[-4000:]}")
