"""E-mail over SMTP. One message a connection; the whole conversation ends at one deadline.

A time limit on a socket is one on each read, which a server that drips bytes never meets. So a timer shuts the
connection down at the deadline, whatever it is doing. Until the content has been handed over nothing can have been
accepted; what breaks later leaves the outcome unknown.
"""

import smtplib
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from threading import Event, Thread, Timer

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Fault, Message, Refusal, Result
from schedules.delivery.deadline import may_be_cut


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over, how, and in whose name. `tls` is none, starttls or implicit."""

    host: str
    port: int
    tls: str
    mail_from: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def domain(self) -> str:
        """Return the sender's domain: our name in greetings and message ids."""
        return self.mail_from.rpartition("@")[2]


class EmailSender:
    """Hands messages to one mail server. `context` judges its certificate; by default as the machine does."""

    def __init__(self, server: MailServer, context: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._context = context or ssl.create_default_context()

    def send(self, message: Message, deadline: timedelta) -> Result:
        """Hand the message over within `deadline` and return what became of it."""
        try:
            content = compose(message, self._server)
        except (ValueError, IndexError, MessageError):
            return Result(AttemptOutcome.refused, "bad_address", Refusal.address)
        with _cut_at(deadline) as line, may_be_cut(line.cut):
            try:
                return self._converse(message, content, line)
            except smtplib.SMTPAuthenticationError as answer:
                return Result(AttemptOutcome.refused, str(answer.smtp_code), fault=Fault.credentials)
            except smtplib.SMTPResponseException as answer:
                return Result(AttemptOutcome.refused, str(answer.smtp_code))
            except OSError as error:
                outcome = AttemptOutcome.unknown if line.is_handed_over else AttemptOutcome.refused
                # Connecting runs out of time by itself, at the same instant as the timer.
                late = line.is_cut.is_set() or isinstance(error, TimeoutError)
                code = "deadline" if late else type(error).__name__[:64]
                return Result(outcome, code, fault=None if line.is_handed_over else Fault.unreachable)

    def _converse(self, message: Message, content: bytes, line: "_Line") -> Result:
        address = message.address
        with self._open(line) as client:
            options = () if address.isascii() else ("SMTPUTF8",)
            if options and not client.has_extn("smtputf8"):
                return Result(AttemptOutcome.refused, "no_smtputf8", Refusal.address)
            code, text = client.mail(self._server.mail_from, options)
            if code >= 400:
                raise smtplib.SMTPResponseException(code, text)
            code, _ = client.rcpt(address)
            if code >= 400:
                return _refusal(code, Refusal.address)
            return _hand_over(client, content, line, message_id(message, self._server))

    @contextmanager
    def _open(self, line: "_Line") -> Iterator[smtplib.SMTP]:
        client = _Client(self._server, self._context, line)
        try:
            if self._server.tls == "starttls":
                client.starttls(context=self._context)
            client.ehlo_or_helo_if_needed()
            if self._server.username is not None:
                client.login(self._server.username, self._server.password or "")
            yield client
            with suppress(OSError):
                client.quit()
        finally:
            client.close()


def compose(message: Message, server: MailServer) -> bytes:
    """Return the message as it goes over the wire: plain text, with headers that no value can add to.

    Raises ValueError, IndexError or MessageError for an address that is none.
    """
    mail = EmailMessage(policy=SMTP if message.address.isascii() else SMTPUTF8)
    mail["From"] = Address(addr_spec=server.mail_from)
    mail["To"] = _parse_address(message.address)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(message.written_at)
    mail["Message-ID"] = message_id(message, server)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine answers it
    mail.set_content(message.body, cte="quoted-printable")
    mail["Content-Language"] = message.language
    return mail.as_bytes()


def message_id(message: Message, server: MailServer) -> str:
    """Return the mail's Message-ID: the same in every repeat, and the name by which a bounce tells of it."""
    return f"<{message.key}@{server.domain}>"


def _parse_address(text: str) -> Address:
    # The library checks ASCII alone; a question mark may stand wherever another letter may.
    checked = Address(addr_spec=text.encode("ascii", "replace").decode())
    if text.isascii():
        return checked
    name, _, domain = text.rpartition("@")
    return Address(username=name, domain=domain)


class _Line:
    """The connection under a deadline: it can be shut down from the timer's thread, encrypted or not."""

    def __init__(self, deadline: timedelta) -> None:
        self.seconds = deadline.total_seconds()
        self.is_handed_over = False
        self.is_cut = Event()
        self._made: Future[socket.socket] | None = None
        self._copy: socket.socket | None = None

    def wait_for(self, made: Future[socket.socket]) -> None:
        """Let a cut end the wait for a connection that is being made."""
        self._made = made
        if self.is_cut.is_set():
            made.cancel()

    def hold(self, connection: socket.socket) -> None:
        """Keep a copy of the connection, which encryption cannot take away."""
        self._copy = connection.dup()
        if self.is_cut.is_set():
            self.cut()

    def cut(self) -> None:
        """End the conversation: whoever reads or writes is told that it is over."""
        self.is_cut.set()
        if self._made is not None:
            self._made.cancel()
        if self._copy is not None:
            with suppress(OSError):
                self._copy.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the copy."""
        if self._copy is not None:
            self._copy.close()


class _Client(smtplib.SMTP):
    """The library's client on a connection that the line holds."""

    def __init__(self, server: MailServer, context: ssl.SSLContext, line: _Line) -> None:
        self._implicit = context if server.tls == "implicit" else None
        self._line = line
        super().__init__(server.host, server.port, local_hostname=server.domain, timeout=line.seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = _connect(host, port, timeout, self._line)
        connection.settimeout(None)  # from here on the line's timer is the one limit
        self._line.hold(connection)
        if self._implicit is None:
            return connection
        return self._implicit.wrap_socket(connection, server_hostname=host)


def _connect(host: str, port: int, seconds: float, line: _Line) -> socket.socket:
    """Return a connection to the first of the host's addresses that answers.

    The library's limit is one on each address, and looking up a name has none: a thread can be left to itself.
    Raises OSError after `seconds` in all, if none answers, or if the line is cut.
    """
    made: Future[socket.socket] = Future()
    line.wait_for(made)

    def connect() -> None:
        try:
            connection = socket.create_connection((host, port), seconds)
        except (OSError, ValueError, OverflowError) as error:
            with suppress(InvalidStateError):
                made.set_exception(error)
            return
        try:
            made.set_result(connection)
        except InvalidStateError:
            connection.close()

    Thread(target=connect, daemon=True).start()
    try:
        return made.result(seconds)
    except CancelledError:
        raise TimeoutError from None
    finally:
        made.cancel()  # who waits no more lets a late connection be closed


@contextmanager
def _cut_at(deadline: timedelta) -> Iterator[_Line]:
    line = _Line(deadline)
    timer = Timer(line.seconds, line.cut)
    timer.daemon = True
    timer.start()
    try:
        yield line
    finally:
        timer.cancel()
        line.close()


def _hand_over(client: smtplib.SMTP, content: bytes, line: _Line, name: str) -> Result:
    line.is_handed_over = True
    code, _ = client.data(content)
    if code >= 400:
        line.is_handed_over = False
        return _refusal(code, Refusal.message)
    return Result(AttemptOutcome.accepted, str(code), message_id=name)


def _refusal(code: int, refusal: Refusal) -> Result:
    """Return a refusal, for good if the server says so with a code of the 500s (RFC 5321, 4.2.1)."""
    return Result(AttemptOutcome.refused, str(code), refusal if code >= 500 else None)
