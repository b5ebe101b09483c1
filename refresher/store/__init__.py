"""The registry store, the records and the locks: one location names all three.

Nothing is touched before the first use. A database that is broken is an error
of each call until somebody repairs it, and of no call after that: whoever runs
for months need not be started again.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from refresher.errors import PermanentError
from refresher.ports import Lock, Records, Store
from refresher.store.location import MEMORY, default_location, location_defect

__all__ = ["MEMORY", "Backend", "default_location", "open_store"]


@dataclass(frozen=True, slots=True)
class Backend:
    """What stands behind one location.

    `close` gives back what is held open. Calls after it still work, so that a
    thread that hangs in a provider can record its result when it comes back.
    """

    store: Store
    records: Records
    lock: Lock
    location: str
    close: Callable[[], None] = field(repr=False)


def open_store(location: str) -> Backend:
    """Return the backend at `location`: a path, or `memory` for one that ends with it.

    Raises `PermanentError` for a location that names neither.
    """
    defect = location_defect(location)
    if defect:
        raise PermanentError(f"store {defect}")
    return _memory() if location == MEMORY else _embedded(location)


def _memory() -> Backend:
    from refresher.store.memory import (  # noqa: PLC0415 - only what is used is loaded
        MemoryLock,
        MemoryRecords,
        MemoryStore,
    )

    return Backend(MemoryStore(), MemoryRecords(), MemoryLock(), MEMORY, close=lambda: None)


def _embedded(location: str) -> Backend:
    from refresher.store.locks import FileLocks  # noqa: PLC0415 - only what is used is loaded
    from refresher.store.records import SqliteRecords  # noqa: PLC0415 - the same
    from refresher.store.registries import SqliteStore  # noqa: PLC0415 - the same
    from refresher.store.sqlite import Database  # noqa: PLC0415 - the same

    path = _real(location)
    database = Database(path)
    return Backend(
        SqliteStore(database),
        SqliteRecords(database),
        FileLocks(path.with_name(f"{path.name}.locks")),
        str(path),
        close=database.close,
    )


def _real(location: str) -> Path:
    try:
        # Every spelling of one database must lead to the same locks.
        return Path(os.path.realpath(Path(location).expanduser()))
    except RuntimeError:
        raise PermanentError(
            "store: the value names the home of an unknown user", hint="write the whole path"
        ) from None
