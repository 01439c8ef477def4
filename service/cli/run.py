"""`make run`: the whole service under one foreground process, with a demo clinic when there is no clinic yet.

Migrates, loads the demo once, starts web, worker and mail catcher, prints where they are, stops them on Ctrl-C. Knows
the order of these; what each does is its own affair.
"""

import contextlib
import http.client
import os
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from config import ConfigError, Settings, environment_with
from schedules.clock import SystemClock
from service.cli.house import HouseError, address_of, clinic_environment, is_demo, listen, only_one_in
from service.cli.supervisor import STOP_SIGNALS, Program, StartError, Stop, run_step, say, stop_requests, supervise
from service.cli.told_by_make import told_by_make

FOLDER = Path("var")
HEALTH = "/health"
WEB_PROCESSES = 2


class StepFailedError(Exception):
    """A step before the start ended with an error, which it has printed itself."""


def main() -> int:
    """Run the service until it is asked to stop. Return 0 after a clean stop, 1 after a failed start."""
    # What is made below holds patients' data: nobody else on this machine is to read it.
    os.umask(0o077)
    try:
        with only_one_in(FOLDER), stop_requests(told_by_make(STOP_SIGNALS)) as stop, contextlib.ExitStack() as sockets:
            _run(stop, sockets)
    except (ConfigError, HouseError, StartError, StepFailedError) as error:
        say(str(error))
        return 1
    say("Stopped.")
    return 0


def _run(stop: Stop, sockets: contextlib.ExitStack) -> None:
    given = environment_with({})
    environment = clinic_environment(given, FOLDER)
    settings = Settings.from_env(environment)
    web = sockets.enter_context(listen(settings.host, settings.port, or_next=not given.get("PORT"), report=say))
    environment.setdefault("PUBLIC_URL", address_of(web))
    if not given.get("WORKER_PORT"):
        environment["WORKER_PORT"] = str(_free_port(settings.worker_host, settings.worker_port))
    mail = None
    if not given.get("SMTP_HOST"):
        mail = sockets.enter_context(listen("127.0.0.1", 0, or_next=False, report=say))
        environment |= {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mail.getsockname()[1]), "SMTP_TLS": "none"}
    _prepare(environment, stop, demo=is_demo(given))
    if not stop.requested:
        mail_goes_to = f"{(FOLDER / 'mail').resolve()}/ (one file each)" if mail else settings.smtp_host
        worker_port = int(environment["WORKER_PORT"])
        pages = f"http://{settings.worker_host}:{worker_port}/readyz" if worker_port else "none"
        places = (address_of(web), mail_goes_to, pages)
        announcer = threading.Thread(target=_announce, args=(*places, stop), daemon=True)
        announcer.start()
        supervise(_programs(environment, web, mail), stop, clock=SystemClock())
        announcer.join()


def _free_port(host: str, port: int) -> int:
    """Return `port`, or the next free one, for the worker's pages: it opens the port itself, each time it starts."""
    with listen(host, port, or_next=True, report=say) as listener:
        return int(listener.getsockname()[1])


def _prepare(environment: Mapping[str, str], stop: Stop, *, demo: bool) -> None:
    """Bring the database up to date, with the demo clinic in it if it is the demo's. Raises StepFailedError."""
    _step("migrate", ("migrate",), environment, stop)
    if demo:
        _step("demo clinic", ("demo", "load"), environment, stop)
        say("\nDemo sign-ins:")
        _step("demo sign-ins", ("demo", "tokens"), environment, stop)


def _step(name: str, command: tuple[str, ...], environment: Mapping[str, str], stop: Stop) -> None:
    argv = (sys.executable, "-m", "flask", "--app", "wsgi", *command)
    if stop.requested:
        return
    code = run_step(Program(name, argv, environment), stop, clock=SystemClock())
    if code != 0 and not stop.requested:
        raise StepFailedError(f"The step '{name}' failed with exit code {code}.")


def _programs(environment: Mapping[str, str], web: socket.socket, mail: socket.socket | None) -> list[Program]:
    # Listening sockets are opened here and handed down: no other program can take the port between two starts, and
    # whoever connects while a program starts again waits instead of being refused.
    descriptor = web.fileno()
    gunicorn = (sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"fd://{descriptor}")
    threads = Settings.from_env(environment).web_threads
    options = f"--workers {WEB_PROCESSES} --threads {threads} --graceful-timeout 5"
    quiet = ("--no-control-socket", "--log-level", "warning")
    programs = [
        Program("web", (*gunicorn, *options.split(), *quiet), environment, (descriptor,)),
        Program("worker", (sys.executable, "-m", "schedules.worker"), environment),
    ]
    if mail is not None:
        catcher = (sys.executable, "-m", "service.cli.mail_catcher", str(mail.fileno()), str(FOLDER / "mail"))
        programs.insert(0, Program("mail catcher", catcher, environment, (mail.fileno(),)))
    return programs


def _announce(address: str, mail_goes_to: str, pages: str, stop: Stop) -> None:
    """Print where everything is, once the web server answers."""
    while not _answers(address):
        if stop.wait(0.2):
            return
    say(
        f"\nRunning. Stop with Ctrl-C.\n"
        f"  Dashboard      {address}/clinic/\n"
        f"  API            {address}/api/v1\n"
        f"  Documentation  {address}/api/v1/docs\n"
        f"  E-mails        {mail_goes_to}\n"
        f"  Worker         {pages}"
    )


def _answers(address: str) -> bool:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=1)
    try:
        connection.request("GET", HEALTH)
        return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
