"""The flask commands. Each module has its own in `COMMANDS`; all settings come from the environment.

The modules are loaded when an application asks for its commands: the supervisor of `make run` and the mail catcher are
programs in this folder too, and need none of it.
"""

from functools import cache
from importlib import import_module

from click import Command
from flask import Flask

_MODULES = (
    "database",
    "import_cohort",
    "demo",
    "tokens",
    "staff",
    "service_account",
    "phones",
    "copy_to",
    "plan",
    "preview",
    "protocol",
    "simulate",
    "practice",
    "on_call",
    "rebuild_plans",
    "why",
    "self_audit",
    "audit",
    "audit_export",
    "backup",
    "restore",
    "held",
    "keys",
    "patient",
    "retention",
    "merge",
    "export",
    "sync_schema",
    "access_table",
)


def register_commands(app: Flask) -> None:
    """Give the application every command."""
    for command in _commands():
        app.cli.add_command(command)


@cache
def _commands() -> tuple[Command, ...]:
    """Return every command, made once to tell in one line what is in its way."""
    found = tuple(command for name in _MODULES for command in import_module(f"service.cli.{name}").COMMANDS)
    for command in found:
        import_module("service.cli.in_one_line").tell_in_one_line(command)
    return found
