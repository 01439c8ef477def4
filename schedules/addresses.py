"""Which addresses of others may be called: by default none inside the network that the service runs in.

A name is judged by the addresses that it leads to, every time: it may lead elsewhere tomorrow. The operator may name
hosts that are trusted whatever their address.
"""

import socket
from collections.abc import Callable, Collection
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Thread
from urllib.parse import urlsplit

LONGEST_URL = 1000
_USUAL_PORTS = {"https": 443, "http": 80}
_NAT64 = IPv6Network("64:ff9b::/96")
Resolve = Callable[[str, int], list[str]]


class AddressError(Exception):
    """An address that may not be called, or leads nowhere. `code` says why, in a word; `expected` what may be."""

    def __init__(self, code: str, expected: str) -> None:
        super().__init__(code)
        self.code = code
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The server of a checked URL. `is_trusted`: the operator named it, so it may be anywhere."""

    host: str
    port: int
    is_trusted: bool


def check_url(url: str, trusted: Collection[str]) -> Endpoint:
    """Return the server of a URL that may be called. `trusted` are hosts, or `host:port`, that the operator named.

    Raises AddressError for another scheme than https (http on this machine, if that is trusted), for a user, a
    fragment, odd characters, and for another port than 443 unless the host is trusted.
    """
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AddressError("url_unreadable", f"a URL of at most {LONGEST_URL} printable ASCII characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _USUAL_PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port, parts = None, 0, urlsplit("")
    if not host or "@" in parts.netloc or parts.fragment or "%" in parts.netloc:
        raise AddressError("url_unreadable", "a URL of host and path, without user and fragment")
    is_trusted = host in trusted or f"{host}:{port}" in trusted
    if parts.scheme != "https" and not (parts.scheme == "http" and is_trusted and _is_loopback(host)):
        raise AddressError("not_encrypted", "https://")
    if not is_trusted and port != _USUAL_PORTS["https"]:
        raise AddressError("odd_port", "port 443")
    return Endpoint(host, port, is_trusted)


def find_addresses(endpoint: Endpoint, within: timedelta, future: Future[list[str]], resolve: Resolve) -> list[str]:
    """Return the IP addresses of a server, those of version 4 first, looked up now in at most `within`.

    Cancelling the `future` ends the wait. Raises AddressError if there are none, or if one of them lies inside a
    network that is not the public one, unless the server is trusted.
    """
    _start(endpoint, future, resolve)
    try:
        found = future.result(within.total_seconds())
    except (OSError, UnicodeError):  # a time-out is one
        found = []
    finally:
        future.cancel()
    if not found:
        raise AddressError("name_unknown", "a host that can be found")
    if not endpoint.is_trusted and not all(is_public(each) for each in found):
        raise AddressError("address_private", "a host on the public network")
    return sorted(found, key=lambda each: ":" in each)


def look_up(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, as the machine resolves it. Raises OSError or UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def is_public(address: str) -> bool:
    """Return whether an IP address, and any that is wrapped in it, belongs to the public network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return all(each.is_global and not each.is_multicast for each in (parsed, *_wrapped(parsed)))


def _wrapped(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    if isinstance(address, IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _start(endpoint: Endpoint, future: Future[list[str]], resolve: Resolve) -> None:
    """Look a name up in a thread that can be left to itself: the machine's resolver knows no deadline."""

    def run() -> None:
        with suppress(InvalidStateError):
            try:
                future.set_result(resolve(endpoint.host, endpoint.port))
            except (OSError, UnicodeError) as error:
                future.set_exception(error)

    Thread(target=run, daemon=True, name="look up").start()
