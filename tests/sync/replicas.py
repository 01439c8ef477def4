"""What WatermelonDB and RxDB do with rows on a device, step by step, and a network that loses requests or answers."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from tests.api.conftest import Answer, Caller

Loss = Literal["request", "answer"] | None
Row = dict[str, Any]
Rows = dict[str, Row]
COLLECTION = "check_ins"


class Replica(Protocol):
    """A device with check-ins."""

    rows: Rows

    def create(self, row: Row) -> None:
        """Add a row."""

    def edit(self, row_id: str, changes: Row) -> None:
        """Change columns of a row."""

    def sync(self, loss: Loss) -> bool:
        """Pull and push once; `loss` befalls the push. Return whether there is nothing left to push."""


def _send(caller: Caller, path: str, body: Any, loss: Loss) -> Answer | None:
    """Send a push. Return its answer, None if it or its answer was lost."""
    if loss == "request":
        return None
    answer = caller.post(path, body)
    assert answer.status_code in (200, 409), answer.json
    return None if loss == "answer" else answer


@dataclass
class WatermelonReplica:
    """Columns that were changed here stay as they are when a row comes, until they have been pushed."""

    caller: Caller
    rows: Rows = field(default_factory=dict)
    dirty: dict[str, set[str]] = field(default_factory=dict)
    cursor: int = 0

    def create(self, row: Row) -> None:
        """Add a row."""
        self.rows[row["id"]] = row
        self.dirty[row["id"]] = set()

    def edit(self, row_id: str, changes: Row) -> None:
        """Change columns of a row."""
        self.rows[row_id] = self.rows[row_id] | changes
        self.dirty.setdefault(row_id, set()).update(changes)

    def sync(self, loss: Loss) -> bool:
        """Pull and push once."""
        self._pull()
        if not self.dirty:
            return True
        body = {COLLECTION: {"created": [], "updated": [self.rows[each] for each in self.dirty], "deleted": []}}
        answer = _send(self.caller, f"/sync/watermelon?last_pulled_at={self.cursor}", body, loss)
        if answer is not None and answer.status_code == 200:
            self.dirty.clear()
        return not self.dirty

    def _pull(self) -> None:
        answer = self.caller.get(f"/sync/watermelon?last_pulled_at={self.cursor or ''}").json
        for row in answer["changes"][COLLECTION]["updated"]:
            mine = {name: self.rows[row["id"]][name] for name in self.dirty.get(row["id"], ())}
            self.rows[row["id"]] = row | mine
        self.cursor = answer["timestamp"]


@dataclass
class RxdbReplica:
    """Every row has the state of the server that it was made from; the answer to a push is adopted."""

    caller: Caller
    rows: Rows = field(default_factory=dict)
    masters: Rows = field(default_factory=dict)
    dirty: set[str] = field(default_factory=set)
    checkpoint: Row = field(default_factory=lambda: {"lwt": 0, "id": ""})

    def create(self, row: Row) -> None:
        """Add a row."""
        self.rows[row["id"]] = row | {"_deleted": False}
        self.dirty.add(row["id"])

    def edit(self, row_id: str, changes: Row) -> None:
        """Change columns of a row."""
        self.rows[row_id] = self.rows[row_id] | changes
        self.dirty.add(row_id)

    def sync(self, loss: Loss) -> bool:
        """Push and pull once."""
        self._push(loss)
        self._pull()
        return not self.dirty

    def _push(self, loss: Loss) -> None:
        changes = [
            {"newDocumentState": self.rows[each]}
            | ({"assumedMasterState": self.masters[each]} if each in self.masters else {})
            for each in sorted(self.dirty)
        ]
        answer = _send(self.caller, f"/sync/rxdb/{COLLECTION}/0/push", changes, loss) if changes else None
        if answer is None:
            return
        self.masters |= {each: self.rows[each] for each in self.dirty}
        for document in answer.json:
            self.masters[document["id"]] = self.rows[document["id"]] = document
        self.dirty.clear()

    def _pull(self) -> None:
        while True:
            page = self.caller.get(f"/sync/rxdb/{COLLECTION}/0/pull", query_string=self.checkpoint | {"limit": 3}).json
            for document in page["documents"]:
                # What was changed here goes up from the state that it was made from.
                if document["id"] not in self.dirty:
                    self.masters[document["id"]] = self.rows[document["id"]] = document
            if not page["documents"]:
                return
            self.checkpoint = page["checkpoint"]
