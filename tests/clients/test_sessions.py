"""An access token lasts an hour: phones exchange their tokens by themselves, once, and lose nothing over it."""

import contextlib

import pytest

from tests.clients.conftest import Phones
from tests.clients.driver import ClientError
from tests.clients.service import USED, Ward
from tests.processes import wait_for

NAMES = ("watermelon", "rxdb", "rxdb_server", "powersync")

pytestmark = pytest.mark.slow


def most_exchanges(name: str) -> int:
    """Return how often a phone may exchange its token where once is enough.

    rxdb-server's client does not tell which token was refused: what a collection asked, or pushed, with the old one and
    learns late costs another exchange.
    """
    return 1 + 2 * len(USED) if name == "rxdb_server" else 1


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_whose_token_is_over_goes_on_with_another_one(phones: Phones, ward: Ward, name: str) -> None:
    phone = phones(ward, name)
    phone.sync()
    phone.create("check_ins", ward.check_in("c-1"))

    ward.end_access_tokens()
    phone.sync()
    first = ward.count_exchanges()
    ward.end_access_tokens()
    phone.create("check_ins", ward.check_in("c-2"))
    phone.sync()

    # One for all requests that were refused at once.
    assert 1 <= first <= most_exchanges(name)
    assert 1 <= ward.count_exchanges() - first <= most_exchanges(name)
    assert ward.stored("check_ins").keys() == {"c-1", "c-2"}


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_that_never_heard_of_its_new_tokens_asks_again(phones: Phones, ward: Ward, name: str) -> None:
    phone = phones(ward, name)
    phone.sync()
    phone.create("check_ins", ward.check_in("c-1"))
    ward.end_access_tokens()

    phone.lose("response", of="/tokens/refresh")
    with contextlib.suppress(ClientError):
        phone.sync()
    phone.sync()

    assert phone.lose_no_more() == 0
    assert 1 <= ward.count_exchanges() - 1 <= most_exchanges(name)
    assert ward.stored("check_ins").keys() == {"c-1"}


@pytest.mark.parametrize("name", ["rxdb", "rxdb_server", "powersync"])
def test_a_phone_that_stays_connected_goes_on_when_its_token_is_over(phones: Phones, ward: Ward, name: str) -> None:
    phone = phones(ward, name)
    phone.send("live")
    ward.end_access_tokens()

    phone.create("check_ins", ward.check_in("c-1"))
    wait_for(lambda: ward.stored("check_ins"), "the report")
    ward.call("POST", f"/milestones/{ward.milestone_ids['sit60']}/skip", {"reason": "not_applicable"})
    wait_for(lambda: phone.rows("milestone_progress"), "the change")
    phone.send("stop")

    assert 1 <= ward.count_exchanges() <= most_exchanges(name)
