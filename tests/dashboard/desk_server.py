"""The application as a process, with a clock that stands still: `python -m tests.dashboard.desk_server FD NOW`."""

import socket
import sys
from datetime import datetime

from werkzeug.serving import make_server

from config import Settings
from service.app import create_app
from tests.clock import FixedClock


def main() -> None:
    """Serve on an open listening socket until the process is ended."""
    descriptor, instant = int(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
    app = create_app(Settings.from_env(), FixedClock(instant))
    with socket.socket(fileno=descriptor) as listener:
        host, port = listener.getsockname()
        make_server(host, port, app, threaded=True, fd=listener.fileno()).serve_forever()


if __name__ == "__main__":
    main()
