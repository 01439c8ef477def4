"""Tells the ends of the audit chains to a file and a syslog server, where the database's owner cannot change them.

It works in a process of its own: a file on another machine may hang, and nothing due can wait for it.
"""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from logging.handlers import SysLogHandler
from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models.isolation import reading_practice
from schedules.clock import Clock
from schedules.jobs.anchor_sign import AnchorSign
from schedules.jobs.apart import run_apart
from schedules.jobs.practices import practice_ids
from schedules.watch.anchors import Anchor
from schedules.watch.trail_rows import find_head

_IDENT = "recovery-audit: "


def anchor_apart(
    settings: Settings, clock: Clock, read_now: Callable[[Session, Clock], datetime], sign: AnchorSign
) -> None:
    """Anchor every chain, in a process of its own, and sign that it was done."""

    def anchor(make_session: sessionmaker[Session], now: datetime) -> None:
        anchor_chains(make_session, settings, now)
        done.append(now)

    done: list[datetime] = []
    sign.begin()
    run_apart("anchoring the audit chains", anchor, settings, clock, read_now)
    if done:
        sign.done()
    else:
        sign.failed()


def anchor_chains(make_session: sessionmaker[Session], settings: Settings, now: datetime) -> None:
    """Tell the end of each practice's chain to wherever the settings say. Raises OSError if that cannot be done.

    One that cannot be written to does not keep it from the other.
    """
    lines = list(_lines(make_session, now))
    errors = []
    for write in _writers(settings):
        try:
            write(lines)
        except OSError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _writers(settings: Settings) -> Iterator[Callable[[list[str]], None]]:
    if settings.audit_anchor_file is not None:
        yield partial(append_lines, Path(settings.audit_anchor_file))
    if settings.audit_anchor_syslog is not None:
        yield partial(send_lines, settings.audit_anchor_syslog)


def append_lines(path: Path, lines: list[str]) -> None:
    """Append lines to a file that only its owner reads, all of them or none, and have them on the disk."""
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        content = (("\n" if torn else "") + "".join(f"{line}\n" for line in lines)).encode()
        try:
            if os.write(descriptor, content) != len(content):
                raise OSError("the disk took a part of the anchors only")
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
    if is_new:
        _sync_folder(path.parent)


def send_lines(address: str | tuple[str, int], lines: list[str]) -> None:
    """Send lines to a syslog server: by UDP, or to the socket at a path."""
    handler = _Syslog(address=address, facility=SysLogHandler.LOG_AUTH)
    try:
        for line in lines:
            handler.handle(logging.LogRecord(__name__, logging.INFO, __file__, 0, line, None, None))
    finally:
        handler.close()


class _Syslog(SysLogHandler):
    """Raises what goes wrong, which the library would print."""

    ident = _IDENT
    append_nul = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        raise  # noqa: PLE0704 - it is called while an exception is handled


def _lines(make_session: sessionmaker[Session], now: datetime) -> Iterator[str]:
    for practice_id in practice_ids(make_session):
        with reading_practice(make_session, practice_id) as session:
            head = find_head(session, practice_id)
        if head is not None:
            sequence, digest = head
            yield Anchor(practice_id, sequence, digest, now).line()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
