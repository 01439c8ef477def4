"""Lets engines of a kind share what SQLAlchemy compiled: a test has engines of its own, which differ by their address.

Compiling anew for each took a fifth of a test. Which values a statement runs with, and on which connection, is as ever.
"""

from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Mapper
from sqlalchemy.util import LRUCache

Key = tuple[Any, ...]
MOST = 5_000  # of the tests' some two thousand: all of them, and of tables made for one test not for ever


class _Statements(LRUCache[Key, Any]):
    """Compiled statements, found whichever engine of a kind they were compiled for."""

    def get(self, key: Key, default: Any = None) -> Any:
        """Return a statement as it was compiled."""
        return super().get(_for_its_kind(key), default)

    def __setitem__(self, key: Key, compiled: Any) -> None:
        super().__setitem__(_for_its_kind(key), compiled)


def _for_its_kind(key: Key) -> Key:
    dialect, *statement = key
    return (type(dialect), dialect.paramstyle, dialect.server_version_info, *statement)


def share_statements(patch: pytest.MonkeyPatch) -> None:
    """Compile a statement once in this process for each kind of database, until the patch is undone."""
    known = _Statements(MOST)
    # Each engine sets one of its own when it is made, which is left aside.
    patch.setattr(Engine, "_compiled_cache", property(lambda _: known, lambda _engine, _own: None), raising=False)
    patch.setattr(Mapper, "_compiled_cache", known)
