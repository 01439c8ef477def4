"""Whether a clinic's own system may be called where the clinic says it is."""

from collections.abc import Collection
from concurrent.futures import Future
from datetime import timedelta

from schedules.addresses import AddressError, Resolve, check_url, find_addresses, look_up
from service.errors import Fault, InvalidError

LOOK_UP_WITHIN = timedelta(seconds=3)


def check_webhook(url: str, trusted: Collection[str], resolve: Resolve = look_up) -> None:
    """Raise InvalidError unless messages may be sent to `url` now. Asks the network: call it outside a transaction.

    `trusted` are the hosts that the operator named. The sender asks again before each message.
    """
    try:
        find_addresses(check_url(url, trusted), LOOK_UP_WITHIN, Future(), resolve)
    except AddressError as error:
        raise InvalidError(Fault("/webhook_url", error.expected, error.code)) from None
