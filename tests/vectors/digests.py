"""The samples of digests: collections of rows whose columns hold whatever a column can."""

from typing import Any

from service.sync.fnv import row_digest, sum_digests

_CONTROLS = "".join(map(chr, (*range(1, 32), 127, 0x80, 0x9F)))
COLLECTIONS: dict[str, tuple[tuple[str, list[Any]], ...]] = {
    "no rows at all": (),
    "one row": (("Zq3MdIATlIFVMwSK", ["k7Qm2pXcV9sLwRtA", 4, None, True, "Slept well"]),),
    "rows in any order": (
        ("m-2", ["open", 1_772_460_000_000]),
        ("m-1", ["done", 0]),
        ("m-3", ["cancelled", -1]),
    ),
    "no columns, nothing, and what looks like nothing": (
        ("a", []),
        ("b", [None]),
        ("c", [""]),
        ("d", [0]),
        ("e", [False]),
        ("f", ["null"]),
        ("g", ["0"]),
    ),
    "truth values count as numbers": (("a", [True, False]), ("a", [1, 0])),
    "numbers up to what a client can hold": (("n", [9_007_199_254_740_991, -9_007_199_254_740_991, 10**15]),),
    "text that JSON escapes": (
        ("quotes", ['"', "\\", "/", "</script>", '["L4-L5"]', '{"phone":"+1"}']),
        ("controls", [_CONTROLS]),
        ("separators", ["\u2028\u2029"]),
    ),
    "text beyond ASCII": (
        ("latin", ["Señora Núñez", "Zoë", "straße"]),
        ("scripts", ["日本語", "עברית", "العربية", "हिन्दी"]),
        ("pairs", ["\U0001f9b4\U0001f600", "e\u0301", "\ufeff", "\ufffd"]),
    ),
    "ids of every form": (("k7Qm2pXcV9sLwRtA", [1]), ("r-1.ack", [1]), ("0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d", [1])),
}


def digest_samples() -> list[dict[str, Any]]:
    """Return each collection with the digest of each row and of all."""
    return [_sample(name, rows) for name, rows in COLLECTIONS.items()]


def _sample(name: str, rows: tuple[tuple[str, list[Any]], ...]) -> dict[str, Any]:
    told: list[dict[str, Any]] = [
        {"id": row_id, "values": values, "digest": row_digest(row_id, values)} for row_id, values in rows
    ]
    return {"name": name, "rows": told, "digest": sum_digests(row["digest"] for row in told)}
