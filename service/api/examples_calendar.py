"""Examples of calendar feeds for the document."""

from typing import Any, Final

FEED: Final[dict[str, Any]] = {"made_at": "2026-03-02T15:00:00Z", "made_by": "patient"}
NEW_FEED: Final[dict[str, Any]] = FEED | {
    "url": "https://recovery.example.org/calendar/kZ9vX2mQ7rT4wY1nB6cD3fG8hJ5kL0pS2uV4xZ7aE9I.ics"
}
