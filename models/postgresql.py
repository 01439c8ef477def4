"""PostgreSQL's driver, which waits for ever, made to give up on a server that has taken a statement and says nothing.

The server's own timeouts end what it works on. They end nothing where it hangs, on its disk say, or where something on
the way to it does, and the network goes on saying that all is well. Loaded where there is PostgreSQL.
"""

from typing import Any

from psycopg import Connection, OperationalError
from psycopg.abc import RV, PQGen

# Longer than any statement may take, and than a transaction may wait for its next one: no commit that was given up
# while it was held up on its way is carried out afterwards.
SILENT_SECONDS = 6.0
_LOOK_EVERY_SECONDS = 0.1


class HeardConnection(Connection[Any]):
    """A connection that ends once the server has been silent for too long in the middle of a statement."""

    def wait(self, gen: PQGen[RV], interval: float = _LOOK_EVERY_SECONDS, timeout: float | None = None) -> RV:
        """Return what the statement's `gen` returns. Raises OperationalError if nothing was heard for too long."""
        return super().wait(self._while_heard(gen, interval), interval, timeout)

    def _while_heard(self, gen: PQGen[RV], interval: float) -> PQGen[RV]:
        silent_for = 0.0
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                silent_for = 0.0 if ready else silent_for + interval
                if silent_for > SILENT_SECONDS:
                    self.close()  # whatever it may still say, nobody waits for it any more
                    raise OperationalError("the database was silent for too long")
                wanted = gen.send(ready)
        except StopIteration as end:
            result: RV = end.value
            return result


def connect(_dialect: object, _record: object, arguments: list[Any], parameters: dict[str, Any]) -> Connection[Any]:
    """Connect for an engine, as its event `do_connect`. Raises OperationalError if it cannot be done."""
    return HeardConnection.connect(*arguments, **parameters)
