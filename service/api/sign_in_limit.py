"""How often one address may ask to be signed in: each try of a password costs a tenth of a second of work.

It only keeps the machine free, in each process by itself. What keeps guesses few is `service.identity.throttle`.
"""

from flask import Flask, request

from service.api.resource import PREFIX
from service.api.scope import CLOCK, route_of
from service.errors import TooOftenError
from service.pages.limiter import Limiter, client_address

BUDGET, WINDOW_MS, MOST_ADDRESSES = 60, 60_000, 10_000
_ROUTES = (f"POST {PREFIX}/sign-in", "POST /clinic/sign-in")


def install_sign_in_limit(app: Flask) -> None:
    """Refuse who asks too often. Called before the gate is installed: no transaction is opened for them."""
    limiter = Limiter(budget=BUDGET, window_ms=WINDOW_MS, most_addresses=MOST_ADDRESSES)

    def refuse_too_often() -> None:
        if not route_of(request).startswith(_ROUTES):
            return
        if not limiter.admit(client_address(request), 1, app.extensions[CLOCK].monotonic_ms()):
            raise TooOftenError(headers={"Retry-After": str(WINDOW_MS // 1000)})

    app.before_request(refuse_too_often)
