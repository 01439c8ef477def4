"""The schemas for apps as they were looked at: of the present version for each client, of older ones for one of them.

After a change of collections: `.venv/bin/python -m tests.sync.golden_schemas`, and look at the difference. The files of
older versions never change.
"""

from pathlib import Path

from service.sync.schemas import RENDER

FOLDER = Path(__file__).parent / "golden"
GOLDEN = {
    "watermelon.1.js": ("watermelon", 1),
    "watermelon.2.js": ("watermelon", 2),
    "watermelon.3.js": ("watermelon", 3),
    "watermelon.4.js": ("watermelon", 4),
    "watermelon.5.js": ("watermelon", 5),
    "rxdb.5.js": ("rxdb", 5),
    "powersync.5.js": ("powersync", 5),
    "schema.5.json": ("json", 5),
}


def main() -> None:
    """Write the golden files as the code stands."""
    for name, (client, version) in GOLDEN.items():
        (FOLDER / name).write_text(RENDER[client](version), encoding="utf-8")


if __name__ == "__main__":
    main()
