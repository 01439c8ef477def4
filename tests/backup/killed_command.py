"""`python -m tests.backup.killed_command POINT ARGUMENT...`: a flask command that is killed at a point of its way.

A point is the dotted name of a function and `before`, or `after`: there the process ends as by a power cut.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from config import Settings
from service.app import create_app
from tests.clock import FixedClock


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _killed(function: Callable[..., Any], when: str) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            _die()
        function(*arguments, **named)
        _die()

    return call


def main(point: str, *arguments: str) -> None:
    """Run the command up to its point."""
    name, when = point.split(":")
    owner_name, attribute = name.rsplit(".", 1)
    try:
        owner: Any = import_module(owner_name)
    except ModuleNotFoundError:
        module, class_name = owner_name.rsplit(".", 1)
        owner = getattr(import_module(module), class_name)
    import click

    with click.Context(click.Command("flask")):
        app = create_app(Settings.from_env(), FixedClock())
    setattr(owner, attribute, _killed(getattr(owner, attribute), when))
    app.test_cli_runner().invoke(args=list(arguments))
    sys.exit("expected to be killed on the way")


if __name__ == "__main__":
    main(*sys.argv[1:])
