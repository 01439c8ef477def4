"""Examples of the document: a coordinator's own views of the worklist."""

from typing import Any

BODY: dict[str, Any] = {"name": "My fusions, behind", "why": "behind", "procedure": "tlif", "is_default": True}
VIEW: dict[str, Any] = BODY | {
    "id": "view-1",
    "approach_class": None,
    "coordinator_id": None,
    "sort": None,
}
VIEWS: dict[str, Any] = {"items": [VIEW]}
