"""What stands at the other end of a send: a real SMTP server that remembers, and TCP servers that misbehave."""

import contextlib
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from aiosmtpd.smtp import Session as SmtpSession


@dataclass(slots=True)
class MailPeer:
    """A mail server's memory and manners. Messages are kept in the order of their acceptance."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answer_recipient: Callable[[str], str] = lambda _address: "250 OK"
    answer_data: Callable[[], str] = lambda: "250 OK"

    @property
    def keys(self) -> list[str]:
        """Return the Message-IDs of what was accepted."""
        return [str(mail["Message-ID"]) for mail in self.mails]

    async def handle_RCPT(  # noqa: N802 - the server's own name
        self, _server: SMTP, _session: SmtpSession, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.answer_recipient(address)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, _session: SmtpSession, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answer_data()
        if answer.startswith("2"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.recipients.extend(envelope.rcpt_tos)
        return answer


class _BoundController(Controller):
    """A controller on a socket that is bound already, so that its port is free for certain."""

    def __init__(self, handler: MailPeer, listener: socket.socket, **options: Any) -> None:
        host, self._port = listener.getsockname()[:2]
        super().__init__(handler, hostname=host, port=self._port, **options)
        self._listener = listener

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._listener, ssl=self.ssl_context)


@contextlib.contextmanager
def mail_server(
    *,
    tls: str = "none",
    context: ssl.SSLContext | None = None,
    password: str | None = None,
    peer: MailPeer | None = None,
) -> Iterator[MailPeer]:
    """Run a mail server on a free port of this machine. With `password` it wants the user `clinic` to sign in."""
    listener = socket.create_server(("127.0.0.1", 0))
    peer = peer or MailPeer()
    peer.port = listener.getsockname()[1]
    options: dict[str, Any] = {}
    if tls == "implicit":
        options |= {"ssl_context": context}
    elif tls == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if password is not None:
        options |= {"auth_required": True, "auth_require_tls": False, "authenticator": _wants(password)}
    controller = _BoundController(peer, listener, **options)
    controller.start()
    try:
        yield peer
    finally:
        controller.stop()


def kill_whoever_waits(marker: Path, pid_of: Callable[[], int]) -> Callable[[], str]:
    """Return an answer to DATA that accepts the mail and kills the sender's worker first, once."""

    def answer() -> str:
        with contextlib.suppress(FileExistsError):
            marker.touch(exist_ok=False)
            os.killpg(pid_of(), signal.SIGKILL)
        return "250 OK"

    return answer


@contextlib.contextmanager
def hostile_server(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """Yield the port of a server that treats each connection by `behave`, which must end once the event is set."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()
    threads: list[threading.Thread] = []

    def treat(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            behave(connection, over)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=treat, args=(connection,)))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in [acceptor, *threads]:
            thread.join()


def drip(connection: socket.socket, over: threading.Event) -> None:
    """Greet forever, one byte at a time."""
    for byte in b"220-" + b"x" * 10_000:
        if over.wait(0.05):
            return
        connection.sendall(bytes([byte]))


def say_nothing(_connection: socket.socket, over: threading.Event) -> None:
    """Accept the connection and never speak."""
    over.wait()


def reset_after(lines: int) -> Callable[[socket.socket, threading.Event], None]:
    """Return a behaviour: answer that many commands as a mail server would, then reset the connection.

    The content of a message counts as one.
    """

    def behave(connection: socket.socket, _over: threading.Event) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(b"220 peer\r\n")
        with connection.makefile("rb") as reader:
            for _ in range(lines):
                command = reader.readline().strip().upper()
                connection.sendall(b"354 go on\r\n" if command == b"DATA" else b"250 OK\r\n")
            reader.readline()

    return behave


def _wants(password: str) -> Callable[..., AuthResult]:
    def authenticate(_server: SMTP, _session: SmtpSession, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and data == LoginPassword(b"clinic", password.encode())
        return AuthResult(success=right, handled=False)

    return authenticate


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """Yield a port of this machine that answers no attempt to connect, as behind a firewall: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        yield listener.getsockname()[1]
