"""Makes every run read the clinical content anew."""

import pytest

from schedules.plan.library import load_library


@pytest.fixture(autouse=True, scope="session")
def _content_read_in_this_run() -> None:
    """A run that was forked from a process that had read the content would never test the reading."""
    load_library.cache_clear()
