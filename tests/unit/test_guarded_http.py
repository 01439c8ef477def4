"""A provider's server is looked up once: it is called at the address that was judged, by its own name."""

import httpx
import pytest

from service.identity.guarded_http import GuardedTransport
from tests.clock import FixedClock

PUBLIC, PRIVATE = "93.184.215.14", "10.0.0.5"


class Server(httpx.BaseTransport):
    """Answers whatever is asked, and keeps it."""

    def __init__(self) -> None:
        self.called: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.called.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))


def test_a_server_is_called_at_the_address_that_was_judged() -> None:
    server, looked_up = Server(), iter([[PUBLIC], [PRIVATE]])  # whoever looks again is led inside
    transport = GuardedTransport((), FixedClock(), resolve=lambda _host, _port: next(looked_up), inner=server)

    with httpx.Client(transport=transport) as client:
        assert client.get("https://login.example.org/keys").status_code == 200

    (request,) = server.called
    assert (request.url.host, request.headers["Host"]) == (PUBLIC, "login.example.org")
    assert request.extensions["sni_hostname"] == "login.example.org"  # its certificate is that of the name


def test_a_server_inside_is_not_called() -> None:
    server = Server()
    transport = GuardedTransport((), FixedClock(), resolve=lambda _host, _port: [PUBLIC, PRIVATE], inner=server)

    with httpx.Client(transport=transport) as client, pytest.raises(httpx.TransportError):
        client.get("https://login.example.org/keys")

    assert server.called == []
