"""A flask command, in a process of its own, that is killed at a point of its way.

A point is the dotted name of a function and `before`, or `after`: there the process ends as by a power cut.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click

from config import Settings
from service.app import create_app
from tests.clock import FixedClock
from tests.forks import forks_with

_FORKS = forks_with(__name__)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _killed(function: Callable[..., Any], when: str) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            _die()
        function(*arguments, **named)
        _die()

    return call


def die_at(point: str, environment: Mapping[str, str], *arguments: str, seconds: float = 60) -> None:
    """Run the command up to its point; fails if it ends otherwise."""
    process = _FORKS.Process(target=_run, args=(point, environment, arguments))
    process.start()
    process.join(seconds)
    ended = process.exitcode
    process.kill()
    process.join()
    assert ended == -signal.SIGKILL, f"it did not die at {point}: {ended}"


def _run(point: str, environment: Mapping[str, str], arguments: tuple[str, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    name, when = point.split(":")
    owner_name, attribute = name.rsplit(".", 1)
    try:
        owner: Any = import_module(owner_name)
    except ModuleNotFoundError:
        module, class_name = owner_name.rsplit(".", 1)
        owner = getattr(import_module(module), class_name)
    with click.Context(click.Command("flask")):
        app = create_app(Settings.from_env(), FixedClock())
    setattr(owner, attribute, _killed(getattr(owner, attribute), when))
    result = app.test_cli_runner().invoke(args=list(arguments))
    sys.exit(f"expected to be killed at {point}, got: {result.output}")
