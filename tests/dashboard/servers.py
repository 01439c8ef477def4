"""The application in a process of its own, for a real browser."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime

from config import environment_with
from tests.database import settings_for
from tests.e2e.clinic_at import ROOT, environment_of


@contextlib.contextmanager
def serving(database_url: str, now: datetime, *, host: str = "127.0.0.1") -> Iterator[str]:
    """Yield where a process serves a database at an instant that stands still, under this name of the machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://{host}:{listener.getsockname()[1]}"
        command = [sys.executable, "-m", "tests.dashboard.desk_server", str(listener.fileno()), now.isoformat()]
        told = environment_of(settings_for(database_url)) | {"PUBLIC_URL": address, "WORKER_PORT": "0"}
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment_with(told), pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL
        )
        try:
            yield address
        finally:
            server.terminate()
            server.wait(10)
