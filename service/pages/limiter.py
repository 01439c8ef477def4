"""How often one address may ask in a while. Counts in this process alone, in a bounded memory."""

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass

from flask import Request


@dataclass(slots=True)
class _Window:
    began_ms: int
    spent: int = 0


class Limiter:
    """Gives each address `budget` to spend in a window. Of more than `most_addresses` the oldest windows go first."""

    def __init__(self, *, budget: int, window_ms: int, most_addresses: int) -> None:
        self.window_ms = window_ms
        self._budget = budget
        self._most_addresses = most_addresses
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, address: str, cost: int, now_ms: int) -> bool:
        """Return whether the address still has `cost` to spend in its window, and spend it."""
        with self._lock:
            window = self._windows.get(address)
            if window is None or now_ms - window.began_ms >= self.window_ms:
                window = self._begin(address, now_ms)
            window.spent += cost
            return window.spent <= self._budget

    def _begin(self, address: str, now_ms: int) -> _Window:
        self._windows.pop(address, None)
        while len(self._windows) >= self._most_addresses:
            self._windows.popitem(last=False)
        window = self._windows[address] = _Window(now_ms)
        return window


def client_address(request: Request) -> str:
    """Return whom a request comes from. A proxy is believed if it runs on this machine, and only what it added itself.

    Of IPv6 it is the /64: one customer has them all.
    """
    peer = _parse(request.remote_addr or "127.0.0.1")
    if peer is not None and peer.is_loopback:
        peer = _parse(request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()) or peer
    if isinstance(peer, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((peer, 64), strict=False))
    return str(peer)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
