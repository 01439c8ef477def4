"""A PostgreSQL database by the server's own programs: dumped from one snapshot, and loaded in one transaction.

A dump goes from program to program and never lies on a disk unsealed. What psql is given ends with a COMMIT only once
everything before it has come whole: whoever dies on the way leaves the old data as it was.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from sqlalchemy import URL

from service.backup.errors import BackupError

_READ_BYTES = 1 << 20
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_SQLSTATE = re.compile(r"(?:ERROR|FATAL):\s+([0-9A-Z]{5})\s*$")


@dataclass(frozen=True, slots=True)
class Programs:
    """pg_dump, pg_restore and psql for the database at `url`. `environment` is what they get, but for the password."""

    url: URL
    environment: Mapping[str, str]

    def refuse_unfit(self, server_version: int, *names: str) -> None:
        """Raise BackupError if one of these programs is missing or older than the server."""
        for name in names:
            version = self._version(name)
            if version < server_version:
                raise BackupError(f"expected {name} {server_version} or newer, as the server is, got {version}")

    def dump(self, snapshot: str) -> Iterator[bytes]:
        """Yield the database as a snapshot of the server shows it, in pg_dump's custom format. Raises BackupError."""
        command = ("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
        with tempfile.TemporaryFile() as errors:
            with self._running(*command, self._target, stdout=subprocess.PIPE, stderr=errors) as running:
                assert running.stdout is not None  # noqa: S101 - asked for above
                while part := running.stdout.read(_READ_BYTES):
                    yield part
            if running.returncode != 0:
                raise BackupError(f"pg_dump did not come to its end: {_last_line(errors)}")

    def load(self, content: Iterable[bytes], *, before: str, after: str) -> None:
        """Load a dump between the statements `before` and `after`, all in one transaction.

        Raises BackupError, and has changed nothing, if any of it is refused. Whatever `content` raises goes through.
        """
        command = ("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=sqlstate", self._target)
        with tempfile.TemporaryFile() as errors, self._running(*command, stdin=subprocess.PIPE, stderr=errors) as psql:
            assert psql.stdin is not None  # noqa: S101 - asked for above
            try:
                with suppress(BrokenPipeError):
                    _write(psql.stdin, f"BEGIN;\n{before}\n")
                    self._unpack(content, psql.stdin)
                    _write(psql.stdin, f"{after}\nCOMMIT;\n")
                    psql.stdin.close()
            except BaseException:
                psql.kill()  # without its COMMIT
                raise
            if psql.wait() != 0:
                raise BackupError(f"the server refused it ({_sqlstate(errors)})")

    def _unpack(self, content: Iterable[bytes], target: IO[bytes]) -> None:
        """Write what a dump says as SQL to `target`."""
        command = ("pg_restore", "--no-owner", "--no-privileges", "--file=-")
        with tempfile.TemporaryFile() as errors:
            with self._running(*command, stdin=subprocess.PIPE, stdout=target, stderr=errors) as running:
                assert running.stdin is not None  # noqa: S101 - asked for above
                with suppress(BrokenPipeError):
                    for part in content:
                        running.stdin.write(part)
                    running.stdin.close()
            if running.returncode == 0:
                return
            told = _last_line(errors)
        _write(target, "\n")  # a broken pipe says that it was psql that ended, which knows why
        raise BackupError(f"pg_restore did not come to its end: {told}")

    @property
    def _target(self) -> str:
        """Return the address without its password: a command line can be read by everybody on the machine."""
        bare = URL.create(
            "postgresql", self.url.username, None, self.url.host, self.url.port, self.url.database, self.url.query
        )
        return f"--dbname={bare.render_as_string(hide_password=False)}"

    @contextmanager
    def _running(
        self, *command: str, stdin: int | None = None, stdout: int | IO[bytes] = subprocess.DEVNULL, stderr: IO[bytes]
    ) -> Iterator["subprocess.Popen[bytes]"]:
        password = {"PGPASSWORD": str(self.url.password)} if self.url.password is not None else {}
        environment = {**self.environment, **password}
        try:
            process = subprocess.Popen(command, env=environment, stdin=stdin, stdout=stdout, stderr=stderr)
        except FileNotFoundError:
            raise BackupError(f"expected the program {command[0]} (postgresql-client), got none") from None
        try:
            yield process
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()
            process.wait()

    def _version(self, name: str) -> int:
        with (
            tempfile.TemporaryFile() as errors,
            self._running(name, "--version", stdout=subprocess.PIPE, stderr=errors) as running,
        ):
            told = running.communicate()[0].decode(errors="replace")
        found = _VERSION.search(told)
        if found is None:
            raise BackupError(f"expected {name} to tell its version, got something else")
        return int(found[1])


def _write(target: IO[bytes], text: str) -> None:
    target.write(text.encode())
    target.flush()


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _sqlstate(errors: IO[bytes]) -> str:
    """Return the code of what the server refused: its words may hold a row."""
    found = _SQLSTATE.search(_last_line(errors))
    return found[1] if found else "it could not be reached"
