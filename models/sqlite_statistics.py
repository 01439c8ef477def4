"""What SQLite is told of its tables: how many rows are left once a column of an index is known.

Told nothing it takes a practice to have ten rows: for an order by id it walks through all of them, where it could look
up a patient's. What it would count itself depends on the clinic and the day. These numbers are the same in every
database, a new and empty one too, so that every clinic has the plans that the tests hold. SQLite's documentation has
the way: "Fixed results of ANALYZE", https://www.sqlite.org/lang_analyze.html
"""

from typing import Any, Final

from sqlalchemy import Boolean, Connection, Enum

from models.base import Base

# Ten times as many of any, or a tenth, hardly changes a plan.
ROWS: Final = 1_000_000  # of a table
PARTIAL_ROWS: Final = 10_000  # of an index of what is open or due alone
PRACTICES, WORDS, OTHERS = 10, 10, 1_000  # values of `practice_id`, of a column of words or of yes and no, of any other
_READ: Final = "ANALYZE sqlite_master"  # counts nothing: has the planner read what is told, and makes the table for it


def fix_statistics(connection: Connection) -> None:
    """Tell SQLite of every index that its database has, instead of what it was told before; PostgreSQL counts itself.

    The connection plans by it at once, others from when they read the schema next.
    """
    if connection.dialect.name != "sqlite":
        return
    connection.exec_driver_sql(_READ)
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    told = [(table, index, _told(connection, table, index)) for table, index in _indexes(connection)]
    if told:
        connection.exec_driver_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", told)
    connection.exec_driver_sql(_READ)


def _indexes(connection: Connection) -> list[Any]:
    query = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'index' ORDER BY tbl_name, name"
    return list(connection.exec_driver_sql(query))


def _told(connection: Connection, table: str, index: str) -> str:
    """Return the rows of an index, and how many of them are left after one, two and more of its columns.

    An index is never gone through for the values that its first columns may have ("noskipscan").
    """
    query = 'SELECT "unique", partial FROM pragma_index_list(?) WHERE name = ?'
    is_unique, is_partial = connection.exec_driver_sql(query, (table, index)).one()
    columns = connection.exec_driver_sql("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (index,)).scalars()
    left = [PARTIAL_ROWS if is_partial else ROWS]
    for column in columns:
        left.append(max(left[-1] // _values(table, column), 1))
    if is_unique:
        left[-1] = 1
    return " ".join([*map(str, left), "noskipscan"])


def _values(table: str, column: str) -> int:
    if column == "practice_id":
        return PRACTICES
    known = Base.metadata.tables.get(table)  # of an older schema there may be what is known no more
    is_of_words = known is not None and column in known.c and isinstance(known.c[column].type, (Boolean, Enum))
    return WORDS if is_of_words else OTHERS
