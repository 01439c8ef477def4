"""Logs as JSON lines with an allow-list of fields: event, ids, route template, status, duration, class of an exception.

Never a path, a body, a name or an exception's text: each of them can hold what only the care team may read. What other
libraries log is reduced to where it came from and how grave it is.
"""

import logging
from datetime import UTC, datetime

import orjson

LOGGER = "service"
FIELDS = ("practice_id", "actor_id", "route", "method", "status", "duration_ms", "count")


class JsonFormatter(logging.Formatter):
    """Writes one JSON object a line. `event` is a record's message if it is our own, else left out."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
        }
        if record.name == LOGGER:
            line["event"] = record.msg
        line |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
        return orjson.dumps(line, default=str).decode()


def configure_logs(level: str) -> None:
    """Send every log of this process to standard error, as JSON; of other libraries, warnings only.

    Calling it again changes the level only.
    """
    root = logging.getLogger()
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logging.getLogger(LOGGER).setLevel(level)
    if not any(isinstance(handler.formatter, JsonFormatter) for handler in root.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter())
        root.addHandler(handler)


def log_event(event: str, *, level: int = logging.INFO, error: BaseException | None = None, **fields: object) -> None:
    """Log one of our own events. `fields` that are not on the allow-list are dropped; of an error only its class."""
    told = {name: value for name, value in fields.items() if name in FIELDS}
    exc_info = None if error is None else (type(error), error, None)
    logger = logging.getLogger(LOGGER)
    if logger.isEnabledFor(level):
        # Not `log`, which looks for the line of code that called it.
        logger.handle(logger.makeRecord(LOGGER, level, "", 0, event, (), exc_info, extra=told))
