"""Interrupts a piece of work at every SQL statement in turn: whatever is cut short must leave all or nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, event


class InterruptedAtStatementError(Exception):
    """The work was cut short, as by a lost connection."""


@contextmanager
def failing_at(engine: Engine, nth: int) -> Iterator[list[str]]:
    """Raise before the `nth` statement (from 1) that the engine executes; yield the list of those seen so far."""
    seen: list[str] = []

    def count(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)
        if len(seen) == nth:
            raise InterruptedAtStatementError(f"at statement {nth}")

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", count)


def interrupt_everywhere(engine: Engine, work: Callable[[], object], after_each: Callable[[], object]) -> int:
    """Run `work` cut short at its first statement, its second, and so on, until a run passes untouched.

    `after_each` looks at what an interrupted run left behind. Return how many statements there were to fail at. `work`
    opens a transaction of its own and ends it, whatever happens.
    """
    nth = 1
    while True:
        with failing_at(engine, nth) as seen:
            try:
                work()
            except InterruptedAtStatementError:
                pass
            else:
                if len(seen) < nth:
                    return nth - 1
                raise AssertionError(f"statement {nth} failed, and the work went on as if nothing had happened")
        after_each()
        nth += 1
