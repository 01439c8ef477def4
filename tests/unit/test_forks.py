"""A process that a test forks has what it runs, whoever else named what theirs run."""

import pytest

from tests import failpoints
from tests.api import keyed
from tests.forks import forks_with

_OTHER = "colorsys"  # which nothing else imports
_FORKS = forks_with(_OTHER)


@pytest.mark.slow
def test_what_anybody_named_is_imported_before_a_process_begins() -> None:
    wanted = {failpoints.__name__, keyed.__name__, _OTHER}
    process = _FORKS.Process(target=exec, args=(f"import sys; sys.exit(len({wanted!r} - set(sys.modules)))",))

    process.start()
    process.join(60)

    assert process.exitcode == 0
