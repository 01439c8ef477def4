"""How often one caller may ask, counted for all web processes: in memory for one, in Redis for many.

It keeps the machine free for everybody else. What keeps guesses of passwords few is `service.identity.throttle`.
"""

import hashlib
import ipaddress
from functools import lru_cache
from threading import Lock
from typing import Final

from flask import Flask, Request, current_app, request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter

from config import Settings
from schedules.clock import Clock
from service.api.gate import find_bearer
from service.api.resource import PREFIX
from service.api.scope import CLOCK, SETTINGS, route_of
from service.dashboard.cookies import Cookie, read_cookie
from service.dashboard.forms import PREFIX as PAGES
from service.dashboard.forms import is_clinic
from service.errors import TooOftenError
from service.logs import log_event

WINDOW_SECONDS: Final = 60
_WINDOW_MS: Final = WINDOW_SECONDS * 1000
SIGN_IN: Final = RateLimitItemPerMinute(60, namespace="sign-in")  # each costs a tenth of a second of work
_SIGN_INS: Final = (f"POST {PREFIX}/sign-in", f"POST {PREFIX}/devices", f"POST {PAGES}/sign-in")
_STORE_SECONDS: Final = 0.25
_STORE_RESTS_MS: Final = 30_000
_EXTENSION: Final = "rate_limits"


class OwnCounts:
    """Counts in this process alone: what somebody spends of a limit within a minute of their first request.

    The library's own store in memory looks through all that it counts a hundred times a second, in a thread each.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._spent: dict[tuple[str, str], tuple[int, int]] = {}  # how much, and until when it counts
        self._swept_at_ms = clock.monotonic_ms()

    def hit(self, limit: RateLimitItem, who: str, cost: int = 1) -> bool:
        """Count a request of `who`. Return whether the limit admits it."""
        now_ms, key = self._clock.monotonic_ms(), (limit.namespace, who)
        with self._lock:
            if now_ms - self._swept_at_ms >= _WINDOW_MS:
                self._spent = {each: told for each, told in self._spent.items() if told[1] > now_ms}
                self._swept_at_ms = now_ms
            spent, until_ms = self._spent.get(key, (0, 0))
            if until_ms <= now_ms:
                spent, until_ms = 0, now_ms + _WINDOW_MS
            self._spent[key] = spent + cost, until_ms
        return spent + cost <= limit.amount

    def __len__(self) -> int:
        """Return how many counts are kept."""
        return len(self._spent)


class RateLimits:
    """Counts in a store that every process shares; in this process alone while that store does not answer."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.per_token = RateLimitItemPerMinute(settings.requests_a_minute, namespace="token")
        self.per_address = RateLimitItemPerMinute(settings.requests_a_minute_of_an_address, namespace="address")
        self._own = OwnCounts(clock)
        self._shared: OwnCounts | FixedWindowRateLimiter = self._own
        if settings.rate_limit_store is not None:
            self._shared = FixedWindowRateLimiter(_redis(settings.rate_limit_store))
        self._clock = clock
        self._rests_until_ms = 0

    def spend(self, limit: RateLimitItem, who: str, cost: int = 1) -> None:
        """Count a request of `who`. Raises TooOftenError for one too many in a minute."""
        if not self._admits(limit, who, cost):
            raise TooOftenError(headers={"Retry-After": str(WINDOW_SECONDS)})

    def _admits(self, limit: RateLimitItem, who: str, cost: int) -> bool:
        now_ms = self._clock.monotonic_ms()
        if now_ms >= self._rests_until_ms:
            try:
                return self._shared.hit(limit, who, cost=cost)
            except StorageError as error:
                self._rests_until_ms = now_ms + _STORE_RESTS_MS
                log_event("rate_limit_store_away", error=error.storage_error)
        return self._own.hit(limit, who, cost=cost)


def install_rate_limits(app: Flask) -> None:
    """Refuse who asks too often. Called before the gate is installed: no transaction is opened for them."""
    app.extensions[_EXTENSION] = RateLimits(app.extensions[SETTINGS], app.extensions[CLOCK])
    app.before_request(_refuse_too_often)


def rate_limits(app: Flask) -> RateLimits:
    """Return the application's limits."""
    found: RateLimits = app.extensions[_EXTENSION]
    return found


def client_address(of: Request) -> str:
    """Return whom a request comes from. A proxy is believed if it runs on this machine, and only what it added itself.

    Of IPv6 it is the /64: one customer has them all.
    """
    peer = _parse(of.remote_addr or "127.0.0.1")
    if peer is not None and peer.is_loopback:
        peer = _parse(of.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()) or peer
    if isinstance(peer, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((peer, 64), strict=False))
    return str(peer)


def _refuse_too_often() -> None:
    route = route_of()
    if f" {PREFIX}/" not in route and not is_clinic(route):
        return
    limits, address = rate_limits(current_app), client_address(request)
    if route.startswith(_SIGN_INS):
        limits.spend(SIGN_IN, address)
    limits.spend(limits.per_address, address)
    secret = read_cookie(Cookie.session) if is_clinic(route) else find_bearer()
    if secret is not None:
        limits.spend(limits.per_token, hashlib.sha256(secret.encode()).hexdigest())


def _redis(url: str) -> RedisStorage:
    return RedisStorage(
        url,
        wrap_exceptions=True,
        key_prefix="recovery",
        socket_timeout=_STORE_SECONDS,
        socket_connect_timeout=_STORE_SECONDS,
    )


@lru_cache(maxsize=1024)
def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
