"""Processes that tests fork from a server which has everything imported, so that one takes milliseconds.

Python has one such server in a process, and it imports only what is named before it starts: whoever names a module
adds to what others named.
"""

import multiprocessing
from multiprocessing.context import ForkServerContext

_FORKS = multiprocessing.get_context("forkserver")
_imported: list[str] = []


def forks_with(module: str) -> ForkServerContext:
    """Return what starts processes that have imported `module`. Ask when the tests' modules are imported."""
    _imported.append(module)
    _FORKS.set_forkserver_preload(_imported)
    return _FORKS
