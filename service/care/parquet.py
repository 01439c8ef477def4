"""Writes tables as Parquet, which keeps the type of each column. It knows no table of ours, and no HTTP."""

import tempfile
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import orjson

from service.care.safe_csv import Cell

MEDIA_TYPE: Final = "application/vnd.apache.parquet"
# One thread and little memory, whatever the table's size; and nothing is fetched from anywhere.
_LIMITS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": 1,
    "memory_limit": "256MB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class CellType(StrEnum):
    """The type of a column, by its name in SQL."""

    text = "VARCHAR"
    whole = "BIGINT"
    truth = "BOOLEAN"
    day = "DATE"
    instant = "TIMESTAMPTZ"


def write_parquet(
    file: Path, header: Sequence[str], types: Sequence[CellType], batches: Iterable[Sequence[Sequence[Cell]]]
) -> None:
    """Write a table to a new file, which its owner alone may read, as what lies beside it meanwhile.

    Every column may be null. Instants are in UTC, to the microsecond. A batch is in memory at a time.
    Raises ValueError for a row that is longer or shorter than the header.
    """
    import duckdb  # noqa: PLC0415 - a tenth of a second, which every command would wait for

    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        rows = Path(folder) / "rows.ndjson"
        with rows.open("wb") as out:
            for batch in batches:
                out.writelines(orjson.dumps(dict(zip(header, row, strict=True))) + b"\n" for row in batch)
        columns = {name: kind.value for name, kind in zip(header, types, strict=True)}
        with duckdb.connect(config=_LIMITS) as database:
            database.execute("SET TimeZone = 'UTC'")
            database.read_json(str(rows), columns=columns, format="newline_delimited").write_parquet(
                str(file), compression="zstd"
            )
    file.chmod(0o600)
