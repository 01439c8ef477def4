"""Runs a peer over real HTTP/2 and TLS, as providers of push speak it."""

import asyncio
import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.worker.push_peers import Reply


@contextlib.contextmanager
def serving(app: Any, authority: trustme.CA | None = None) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Run an ASGI application on a free port of this machine; yield its address, and what trusts its certificate.

    `authority` vouches for it, by default one of its own.
    """
    authority = authority or trustme.CA()
    context, over = ssl.create_default_context(), threading.Event()
    authority.configure_trust(context)
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        config = _config(authority.issue_cert("127.0.0.1"), Path(folder), listener)

        async def until_over() -> None:
            await asyncio.to_thread(over.wait)

        runner = threading.Thread(target=lambda: asyncio.run(serve(app, config, shutdown_trigger=until_over)))
        runner.start()
        try:
            yield url, context
        finally:
            over.set()
            runner.join()


async def read_body(receive: Any) -> bytes:
    """Return the whole body of a request."""
    body = bytearray()
    while True:
        part = await receive()
        body += part.get("body", b"")
        if not part.get("more_body"):
            return bytes(body)


async def answer(send: Any, reply: Reply) -> None:
    """Answer a request."""
    status, more, content = reply
    told = [(name.lower().encode(), value.encode()) for name, value in more.items()]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": content})


def _config(certificate: trustme.LeafCert, folder: Path, listener: socket.socket) -> Config:
    config = Config()
    config.certfile, config.keyfile = str(folder / "certificate.pem"), str(folder / "key.pem")
    certificate.private_key_pem.write_to_path(config.keyfile)
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(config.certfile, append=number > 0)
    config.bind = [f"fd://{listener.detach()}"]  # whoever serves closes it
    config.alpn_protocols = ["h2"]
    config.errorlog = config.accesslog = None
    config.graceful_timeout = config.shutdown_timeout = 0.2
    return config
