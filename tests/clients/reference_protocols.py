"""The three sync protocols over rows in memory, in the fewest lines that satisfy the real clients.

They show what each client sends and needs. They know no patients, roles or columns: the product's rules are not here.
"""

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

POSITIONS = 16  # bits of a PowerSync operation's id that number the rows of one revision

Columns = dict[str, Any]
Json = Any


@dataclass
class Stored:
    """A row at its latest revision. A deleted one keeps its columns: RxDB's validator wants them all."""

    collection: str
    id: str
    columns: Columns
    rev: int
    deleted: bool = False


@dataclass
class Store:
    """Rows in the order of their revisions, and a bell that rings on each change."""

    revision: int = 1  # WatermelonDB refuses a timestamp of 0
    owned: set[str] = field(default_factory=set)  # columns that phones may not change
    rows: dict[tuple[str, str], Stored] = field(default_factory=dict)
    bell: threading.Condition = field(default_factory=threading.Condition)

    def put(self, collection: str, row_id: str, **columns: object) -> None:
        """Make a row, or change columns of it."""
        stored = self.rows.get((collection, row_id))
        self.write(collection, row_id, {**(stored.columns if stored else {}), **columns})

    def take(self, collection: str, row_id: str, columns: Columns) -> None:
        """Store what a phone sent. A new revision, whatever of it was refused, makes the phone ask for the row."""
        allowed = {name: value for name, value in columns.items() if name not in self.owned}
        self.put(collection, row_id, **allowed)

    def delete(self, collection: str, row_id: str) -> None:
        """Leave a tombstone of a row, if there is one."""
        if stored := self.rows.get((collection, row_id)):
            self.write(collection, row_id, stored.columns, deleted=True)

    def write(self, collection: str, row_id: str, columns: Columns, *, deleted: bool = False) -> None:
        """Store the row at the next revision, and ring."""
        with self.bell:
            self.revision += 1
            self.rows[collection, row_id] = Stored(collection, row_id, columns, self.revision, deleted)
            self.bell.notify_all()

    def since(self, revision: int, collection: str | None = None) -> list[Stored]:
        """Return what changed after a revision, oldest change first."""
        rows = [row for row in self.rows.values() if row.rev > revision and collection in {None, row.collection}]
        return sorted(rows, key=lambda row: (row.rev, row.id))

    def columns(self, collection: str, row_id: str) -> Columns | None:
        """Return the columns of a row that is not deleted."""
        stored = self.rows.get((collection, row_id))
        return None if stored is None or stored.deleted else stored.columns


def watermelon_pull(store: Store, last_pulled_at: int, migration: Json) -> Json:
    """Return all changes since the client's last pull; none is deleted for a client that had nothing.

    A client with new columns or tables gets all rows of theirs: it cannot have them.
    """
    changes: dict[str, dict[str, list[Any]]] = defaultdict(lambda: {"created": [], "updated": [], "deleted": []})
    renewed = {*migration["tables"], *(each["table"] for each in migration["columns"])} if migration else set()
    since = [row for row in store.since(0) if row.rev > last_pulled_at or row.collection in renewed]
    for row in since:
        if not row.deleted:
            changes[row.collection]["updated"].append({"id": row.id, **row.columns})
        elif last_pulled_at:
            changes[row.collection]["deleted"].append(row.id)
    return {"changes": changes, "timestamp": store.revision}


def watermelon_push(store: Store, last_pulled_at: int, changes: dict[str, dict[str, list[Any]]]) -> Json | None:
    """Store everything, or nothing (None) if a row changed since the client's last pull."""
    upserts = [(name, row) for name, each in changes.items() for row in [*each["created"], *each["updated"]]]
    deletions = [(name, row_id) for name, each in changes.items() for row_id in each["deleted"]]
    touched = {(name, row["id"]) for name, row in upserts} | set(deletions)
    if any(store.rows[key].rev > last_pulled_at for key in touched & store.rows.keys()):
        return None
    for name, row in upserts:
        store.take(name, row["id"], {key: row[key] for key in row.keys() - {"id", "_status", "_changed"}})
    for name, row_id in deletions:
        store.delete(name, row_id)
    return {}


def rxdb_pull(store: Store, collection: str, *, lwt: int, row_id: str, limit: int) -> Json:
    """Return a page; one shorter than `limit` is the last."""
    rows = [row for row in store.since(lwt - 1, collection) if (row.rev, row.id) > (lwt, row_id)][:limit]
    last = rows[-1] if rows else None
    checkpoint = {"lwt": last.rev, "id": last.id} if last else {"lwt": lwt, "id": row_id}
    return {"documents": [rxdb_document(row) for row in rows], "checkpoint": checkpoint}


def rxdb_push(store: Store, collection: str, pushed: list[Any]) -> Json:
    """Merge column by column, and return the merged documents that differ from what the client has."""
    conflicts = []
    for each in pushed:
        new = each["newDocumentState"]
        base = each.get("assumedMasterState") or {}
        stored = store.rows.get((collection, new["id"]))
        current = stored.columns if stored else {}
        names = new.keys() - {"id", "rev", "_deleted"}
        changed = {name for name in names if not stored or new[name] != base.get(name)}
        taken = {name: new[name] for name in changed - store.owned}
        merged, deleted = {**current, **taken}, new["_deleted"]
        if not stored or (merged, deleted) != (current, stored.deleted):
            store.write(collection, new["id"], merged, deleted=deleted)
        if any(merged[name] != new[name] for name in names):
            conflicts.append(rxdb_document(store.rows[collection, new["id"]]))
    return conflicts


def rxdb_document(row: Stored) -> Json:
    """Return a row as RxDB takes it: every column, its revision, and whether it is deleted."""
    return {"id": row.id, **row.columns, "rev": row.rev, "_deleted": row.deleted}


def powersync_stream(store: Store, buckets: list[Any]) -> Iterator[Json]:
    """Yield one checkpoint of a single bucket: what it holds, its changes since the client's, and its end."""
    after = int(buckets[0]["after"]) if buckets else 0
    last = ((store.revision + 1) << POSITIONS) - 1
    bucket = {"bucket": "all", "checksum": 0, "priority": 3, "count": 0, "subscriptions": [{"default": 0}]}
    streams = [{"name": "all", "is_default": True, "errors": []}]
    written = str(store.revision)
    yield {
        "checkpoint": {"last_op_id": str(last), "write_checkpoint": written, "buckets": [bucket], "streams": streams}
    }
    operations = [powersync_operation(row) for row in store.since(after >> POSITIONS)]
    page = {"bucket": "all", "after": str(after), "next_after": str(last), "has_more": False, "data": operations}
    yield {"data": page}
    yield {"checkpoint_complete": {"last_op_id": str(last)}}


def powersync_operation(row: Stored) -> Json:
    """Return a row as PowerSync takes it. With all checksums 0 the sums agree without a history of operations."""
    return {
        "op_id": str(row.rev << POSITIONS),
        "op": "REMOVE" if row.deleted else "PUT",
        "object_type": row.collection,
        "object_id": row.id,
        "checksum": 0,
        "subkey": "",
        "data": None if row.deleted else json.dumps(row.columns),
    }


def powersync_crud(store: Store, crud: list[Any]) -> Json:
    """Store what a client uploads: whole new rows, changed columns, deletions."""
    for each in crud:
        if each["op"] == "DELETE":
            store.delete(each["type"], each["id"])
        else:
            store.take(each["type"], each["id"], each["data"])
    return {}
