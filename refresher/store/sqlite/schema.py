"""The schema of the embedded database, and how an older one becomes the current one.

The model is Rancher 1.x's: environments hold registries, registries hold
credentials. Removed rows stay as history, so an address is unique only among
the others. Moments are ISO 8601 text with an offset; an expiry may also be
`never` or `unknown`.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError

APPLICATION: Final = 0x52667368
"""`Rfsh`: marks the file as ours (https://www.sqlite.org/pragma.html#pragma_application_id)."""

_NOW: Final = "(strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'))"
_STATE: Final = (
    "state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'inactive', 'removed'))"
)
_FAILURE: Final = "failure TEXT, failed_at TEXT, attempts INTEGER, retry_at TEXT"

_FIRST: Final = (
    f"""CREATE TABLE environment (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        created TEXT NOT NULL DEFAULT {_NOW})""",
    f"""CREATE TABLE registry (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        environment_id INTEGER NOT NULL REFERENCES environment (id),
        address TEXT NOT NULL COLLATE NOCASE,
        {_STATE},
        created TEXT NOT NULL DEFAULT {_NOW})""",
    """CREATE UNIQUE INDEX registry_by_address
        ON registry (environment_id, address) WHERE state <> 'removed'""",
    # `added` is the order that decides which credential is in use. It is not the
    # id: a credential that is put again comes first and stays the same row.
    f"""CREATE TABLE credential (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        registry_id INTEGER NOT NULL REFERENCES registry (id),
        added INTEGER NOT NULL,
        {_STATE},
        username TEXT NOT NULL,
        secret BLOB NOT NULL,
        email TEXT,
        issued_at TEXT,
        expires_at TEXT NOT NULL,
        created TEXT NOT NULL DEFAULT {_NOW},
        updated TEXT NOT NULL DEFAULT {_NOW})""",
    "CREATE UNIQUE INDEX credential_by_age ON credential (registry_id, added)",
    f"""CREATE TABLE lease (
        provider TEXT PRIMARY KEY,
        registries TEXT NOT NULL,
        username TEXT NOT NULL,
        fingerprint BLOB,
        issued TEXT,
        received TEXT,
        expires TEXT NOT NULL,
        renew_at TEXT,
        settings TEXT NOT NULL,
        inputs TEXT NOT NULL,
        {_FAILURE}) WITHOUT ROWID""",
    f"""CREATE TABLE delivery (
        provider TEXT NOT NULL,
        sink TEXT NOT NULL,
        target TEXT NOT NULL,
        registry TEXT NOT NULL,
        fingerprint BLOB,
        written TEXT,
        expires TEXT NOT NULL,
        {_FAILURE},
        PRIMARY KEY (provider, sink, target, registry)) WITHOUT ROWID""",
    "CREATE TABLE fingerprint_key (id INTEGER PRIMARY KEY CHECK (id = 1), value BLOB NOT NULL)",
)

_SECOND: Final = (
    "ALTER TABLE lease ADD COLUMN objections TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE delivery ADD COLUMN repairs INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE delivery ADD COLUMN repaired TEXT NOT NULL DEFAULT '[]'",
)

_THIRD: Final = (
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "INSERT INTO environment (name) VALUES ('default') ON CONFLICT DO NOTHING",
    # Docker Hub had any of its names, and only `docker.io` was looked up. Each
    # environment keeps one row, which gets the credentials of the others as older
    # ones. The path is what stands from the first slash on.
    """CREATE TABLE hub AS
        SELECT id, state, path, first_value(id) OVER (
            PARTITION BY environment_id, lower(path)
            ORDER BY state = 'removed', host <> 'docker.io', id) AS kept
        FROM (
            SELECT id, environment_id, state,
                lower(substr(address, 1, instr(address || '/', '/') - 1)) AS host,
                substr(address, instr(address || '/', '/')) AS path
            FROM registry)
        WHERE host IN ('docker.io', 'index.docker.io', 'registry-1.docker.io')""",
    """UPDATE credential SET
            added = id - 1099511627776,
            registry_id = (SELECT kept FROM hub WHERE hub.id = registry_id)
        WHERE registry_id IN (SELECT id FROM hub WHERE id <> kept AND state <> 'removed')""",
    """UPDATE registry SET state = 'removed'
        WHERE id IN (SELECT id FROM hub WHERE id <> kept)""",
    """UPDATE registry SET
            address = 'index.docker.io' || (SELECT path FROM hub WHERE hub.id = registry.id)
        WHERE id IN (SELECT id FROM hub)""",
    "DROP TABLE hub",
    # Other databases have no NOCASE.
    "DROP INDEX registry_by_address",
    """CREATE UNIQUE INDEX registry_by_address
        ON registry (environment_id, lower(address)) WHERE state <> 'removed'""",
)

Migrations = Sequence[Sequence[str]]

MIGRATIONS: Final[Migrations] = (_FIRST, _SECOND, _THIRD)
"""Step n leads from version n to n + 1. A step that was released is never edited."""

VERSION: Final = len(MIGRATIONS)


def is_current(connection: sqlite3.Connection, path: Path, known: int = VERSION) -> bool:
    """Tell whether the schema is version `known`; False for an older or no schema.

    Raises `PermanentError` for a newer schema and for another program's database.
    """
    found = version(connection)
    mark = _number(connection, "PRAGMA application_id")
    if mark != APPLICATION:
        if mark or found or _number(connection, "SELECT count(*) FROM sqlite_master"):
            raise PermanentError(
                f"the store {path} is a database of another program",
                hint="set store to another path; the file was left as it is",
            )
        return False
    if found > known:
        raise PermanentError(
            f"the store {path} was written by a newer version of refresher: "
            f"its schema is {found}, this version knows {known}",
            hint="run that version, or set store to another path",
        )
    return found == known


def upgrade(
    connection: sqlite3.Connection, path: Path, migrations: Migrations = MIGRATIONS
) -> None:
    """Bring the database to the newest of `migrations`, in one transaction.

    Raises `PermanentError` as `is_current` does; then nothing was changed.
    """
    # Kept in the file. Between two writes there is nothing but the file itself,
    # so it can be copied, removed, renamed or replaced by a backup at any time.
    # WAL keeps a second file for as long as anybody has the database open, and
    # replays it over whatever has taken the name
    # (https://www.sqlite.org/howtocorrupt.html, section 1.4).
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have been here while this one waited.
    if not is_current(connection, path, len(migrations)):
        for step in migrations[version(connection) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
    connection.execute("COMMIT")


def version(connection: sqlite3.Connection) -> int:
    """Return the version of the schema, 0 where there is none."""
    return _number(connection, "PRAGMA user_version")


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])
