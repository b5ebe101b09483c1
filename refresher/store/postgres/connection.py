"""A connection that does not wait for ever.

What the server checks by itself (`statement_timeout`) does not help against a server
that is stopped, and neither does TCP: its kernel goes on to confirm what is sent to
it. psycopg waits for an answer as long as it takes, but it looks up from time to
time, and asks whoever it waits for.
"""

import time
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen

PATIENCE: Final = 10.0
"""How long in seconds a server may be silent."""

Found = tuple[Any, ...]

T = TypeVar("T")


class SilenceError(psycopg.OperationalError):
    """The server gave no answer in time. The connection is of no more use."""


class Connection(psycopg.Connection[Found]):
    """A connection whose statements raise `SilenceError` after `patience` seconds of silence."""

    patience = PATIENCE

    def wait(self, gen: PQGen[T], *how: Any, **named: Any) -> T:
        """Wait for what `gen` waits for, as psycopg does, while the server says something."""
        return super().wait(_impatient(gen, self.patience), *how, **named)


def _impatient(gen: PQGen[T], patience: float) -> PQGen[T]:
    """Do as `gen` does until nothing has happened for `patience` seconds."""
    ready: Any = None
    while True:
        try:
            wanted = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result
        last = time.monotonic()
        while not (ready := (yield wanted)):
            if time.monotonic() - last >= patience:
                raise SilenceError(f"no answer for {patience:g} s")
