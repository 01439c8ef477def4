"""What makes thousands of tests in one process quicker and changes none of them."""

import gc
import os
import re
import sys
from collections.abc import Callable
from typing import Any, Final

import pytest
from werkzeug.routing import Rule

_CONVERTERS: Final = re.compile(r"<(\w+)(?:\([^)]*\))?:")
_WORKED_OUT: Final = ("_parts", "_trace", "_converters", "_build", "_build_unknown", "arguments")


def keep_compiled_modules() -> None:
    """Compile each module once, whatever the machine's settings: hundreds of processes would each do it again."""
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def look_for_no_garbage() -> None:
    """Look for none while all is imported: there is none."""
    gc.disable()


def seldom_look_for_garbage() -> None:
    """Look for garbage less often, and never again in what was imported: it took a quarter of the run."""
    gc.enable()
    gc.freeze()
    gc.set_threshold(20_000, 20, 10)


def remember_routes(patch: pytest.MonkeyPatch) -> None:
    """Work a route out once in a process, and not once for each application of a test."""
    compile_rule: Callable[[Rule], None] = Rule.compile
    known: dict[tuple[Any, ...], dict[str, Any]] = {}

    def remembered(rule: Rule) -> None:
        assert rule.map is not None
        if rule.defaults or rule.subdomain or rule.host:
            compile_rule(rule)
            return
        named = {name: rule.map.converters[name] for name in _CONVERTERS.findall(rule.rule)}
        key = (rule.rule, rule.merge_slashes, *named.items())
        if key not in known:
            compile_rule(rule)
            known[key] = {name: getattr(rule, name) for name in _WORKED_OUT}
        vars(rule).update(known[key])

    patch.setattr(Rule, "compile", remembered)
