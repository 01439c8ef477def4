"""Commands tell in one line what of the machine is in their way: a file, a full disk, a database that does not answer.

Knows no command, and takes no fault of the program for one of the machine: that still shows where it is.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from sqlalchemy.exc import DatabaseError, OperationalError

from models.data_keys import SealError
from service.cli.context import fail

# A refused row or a wrong statement has a class of its own below DatabaseError; a file that is none has that one.
_NO_ANSWER = (OperationalError, DatabaseError)


def tell_in_one_line(command: click.Command) -> None:
    """Have a command, and each one below it, end with a message and exit code 1 where the machine is in its way."""
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        tell_in_one_line(each)
    if command.callback is not None:
        command.callback = _telling(command.callback)


def _telling(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return callback(*args, **kwargs)
        except OSError as error:
            place = "" if error.filename is None else f": {error.filename}"
            fail(f"This machine is in the way: {error.strerror or type(error).__name__}{place}")
        except DatabaseError as error:
            if type(error) not in _NO_ANSWER:
                raise
            fail(f"The database cannot be used: {str(error.orig).partition(chr(10))[0]}")
        except SealError as error:
            fail(f"{error}. Is SEAL_KEY the key of this database?")

    return run
