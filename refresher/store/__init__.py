"""The registry store, the records and the locks: one location names all three.

Nothing is touched before the first use. A database that is broken is an error
of each call until somebody repairs it, and of no call after that: whoever runs
for months need not be started again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from refresher.errors import PermanentError
from refresher.ports import Lock, Records, Store
from refresher.store.location import MEMORY, default_location, file_of, location_defect
from refresher.store.sealing.seal import KEYLESS, Plain
from refresher.store.serverurl import is_server

if TYPE_CHECKING:
    from refresher.ports.registries import Registries
    from refresher.store.sealing.aes import Sealing
    from refresher.store.sealing.resealing import Resealed
    from refresher.store.session import Database

__all__ = ["MEMORY", "Backend", "default_location", "open_store"]


@dataclass(frozen=True, slots=True)
class Backend:
    """What stands behind one location.

    `page` opens the registry page; it is None where nothing that people register would
    last. `reseal` seals every secret with the first key; it raises `PermanentError`
    where there is none.
    `close` gives back what is held open. Calls after it still work, so that a
    thread that hangs in a provider can record its result when it comes back.
    """

    store: Store
    records: Records
    lock: Lock
    location: str
    page: "Callable[[], Registries] | None" = field(repr=False)
    reseal: "Callable[[], Resealed]" = field(repr=False)
    close: Callable[[], None] = field(repr=False)

    @property
    def registries(self) -> "Registries | None":
        """The registry page, None where there is none."""
        return self.page and self.page()


def open_store(
    location: str, *, password_file: Path | None = None, key_file: Path | None = None
) -> Backend:
    """Return the backend at `location`: a path, the URL of a PostgreSQL server, or `memory`.

    A store in memory ends with its process. `password_file` is for the server,
    `key_file` holds the keys that secrets are sealed with; both are read when they
    are needed, and again after that.

    Raises `PermanentError` for a location that is none of these, and for a server
    while its driver is not installed.
    """
    defect = location_defect(location)
    if defect:
        raise PermanentError(f"store {defect}")
    if location == MEMORY:
        return _memory()
    if is_server(location):
        return _on_server(location, password_file, key_file)
    return _embedded(location, key_file)


def _memory() -> Backend:
    from refresher.store.memory import (  # noqa: PLC0415 - only what is used is loaded
        MemoryLock,
        MemoryRecords,
        MemoryStore,
    )

    def reseal() -> "Resealed":
        raise PermanentError(
            "the store is memory, and there is nothing to seal",
            hint="name a file or a server in store:, or with --store",
        )

    return Backend(
        MemoryStore(), MemoryRecords(), MemoryLock(), MEMORY, None, reseal, close=lambda: None
    )


def _embedded(location: str, key_file: Path | None) -> Backend:
    from refresher.store.sqlite.database import SqliteDatabase  # noqa: PLC0415 - the same
    from refresher.store.sqlite.locks import FileLocks  # noqa: PLC0415 - only what is used is loaded

    path = file_of(location)
    database = SqliteDatabase(path)
    locks = FileLocks(path.with_name(f"{path.name}.locks"))
    return _over(database, locks, str(path), key_file, database.close)


def _on_server(url: str, password_file: Path | None, key_file: Path | None) -> Backend:
    try:
        import psycopg  # noqa: F401, PLC0415 - only what is used is loaded
    except ImportError as error:
        raise PermanentError(
            "store is on a PostgreSQL server, and the driver for it is not installed",
            hint="pip install 'refresher[postgres]'",
        ) from error
    from refresher.store.postgres.database import PostgresDatabase  # noqa: PLC0415 - the same
    from refresher.store.postgres.links import Links  # noqa: PLC0415 - the same
    from refresher.store.postgres.locks import AdvisoryLocks  # noqa: PLC0415 - the same
    from refresher.store.postgres.server import Server  # noqa: PLC0415 - the same

    links = Links(Server(url, password_file))
    return _over(PostgresDatabase(links), AdvisoryLocks(links), url, key_file, links.close)


def _over(
    database: "Database",
    locks: Lock,
    location: str,
    key_file: Path | None,
    close: Callable[[], None],
) -> Backend:
    """Return the backend over a database; its store, its page and its records share one seal."""
    from refresher.store.records import SqlRecords  # noqa: PLC0415 - only what is used is loaded
    from refresher.store.registries import SqlStore  # noqa: PLC0415 - the same

    sealing = None if key_file is None else _sealing(key_file)
    seal = sealing or Plain()

    def page() -> "Registries":
        from refresher.store.page.registries import SqlRegistries  # noqa: PLC0415 - the same

        return SqlRegistries(database, seal)

    def reseal() -> "Resealed":
        if sealing is None:
            raise PermanentError("no key is configured to seal the secrets with", hint=KEYLESS)
        from refresher.store.sealing import resealing  # noqa: PLC0415 - the same

        return resealing.reseal(database, sealing)

    return Backend(
        SqlStore(database, seal),
        SqlRecords(database, seal),
        locks,
        location,
        page,
        reseal,
        close,
    )


def _sealing(key_file: Path) -> "Sealing":
    from refresher.store.sealing.aes import Sealing  # noqa: PLC0415 - only what is used is loaded
    from refresher.store.sealing.keyfile import KeyFile  # noqa: PLC0415 - the same

    return Sealing(KeyFile(key_file))
