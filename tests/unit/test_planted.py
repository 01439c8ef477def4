"""The faults that `make delivery-mutants` plants fit the code as it is, so that its table cannot grow old unseen."""

import pytest

from tests.planted import FAULTS, ROOT, Fault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_replaces_text_that_stands_there_once(fault: Fault) -> None:
    found = [(ROOT / change.file).read_text("utf-8").count(change.old) for change in fault.changes]

    assert found == [1] * len(fault.changes)
    assert all((ROOT / test.partition(" -k ")[0]).exists() for test in fault.tests)
