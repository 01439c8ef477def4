"""The demo clinic's mail server: accepts every e-mail on this machine and writes each to a file a person can read.

For trying out only. It sends nothing on. The listening socket is handed in by whoever starts it, so that mail waits in
the queue of that socket while the catcher starts.
"""

import asyncio
import secrets
import signal
import socket
import sys
from email import message_from_bytes, policy
from pathlib import Path
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from schedules.clock import Clock, SystemClock

LARGEST_MESSAGE_BYTES = 1024 * 1024


class ReadableFiles:
    """Writes each accepted e-mail to `folder` as `TIME-RANDOM.eml`, its text unencoded."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store one e-mail and accept it. The name is aiosmtpd's."""
        name = f"{self._clock.now():%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(3)}.eml"
        unfinished = self._folder / f".{name}"
        unfinished.write_bytes(readable(cast(bytes, envelope.content)))
        unfinished.rename(self._folder / name)
        return "250 OK"


def readable(content: bytes) -> bytes:
    """Return an e-mail with its headers and texts in UTF-8 as they stand, not as base64 or quoted-printable."""
    message = message_from_bytes(content, policy=policy.default)
    for name in {"From", "Subject", "To"} & set(message):
        message.replace_header(name, str(message[name]))
    for part in message.walk():
        if part.get_content_maintype() == "text":
            text = part.get_content()
            part.set_content(text, subtype=part.get_content_subtype(), cte="8bit")
    return message.as_bytes(policy=policy.default.clone(cte_type="8bit", utf8=True))


async def catch_mail(listener: socket.socket, folder: Path, clock: Clock) -> None:
    """Serve on `listener` until SIGTERM or SIGINT, writing to `folder`."""
    handler = ReadableFiles(folder, clock)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="localhost", data_size_limit=LARGEST_MESSAGE_BYTES, enable_SMTPUTF8=True),
        sock=listener,
    )
    async with server:
        await stop.wait()


def main(arguments: list[str]) -> None:
    """Run the catcher: arguments are the descriptor of a listening socket and the folder to write to."""
    descriptor, folder = int(arguments[0]), Path(arguments[1])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    asyncio.run(catch_mail(socket.socket(fileno=descriptor), folder, SystemClock()))


if __name__ == "__main__":
    main(sys.argv[1:])
