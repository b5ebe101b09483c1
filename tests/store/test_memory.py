"""The backend in memory."""

import subprocess
import sys
from pathlib import Path

from refresher.ports import Lock, Records, Store
from refresher.store import open_store
from tests.store.contracts import LockContract, RecordsContract, StoreContract

_ROOT = Path(__file__).parents[2]


class TestMemoryStore(StoreContract):
    """The contract of the registry store, in memory."""

    def make_store(self) -> Store:
        """Return a new one."""
        return open_store("memory").store


class TestMemoryRecords(RecordsContract):
    """The contract of the records, in memory."""

    def make_records(self) -> Records:
        """Return new ones."""
        return open_store("memory").records


class TestMemoryLock(LockContract):
    """The contract of the lock, in memory."""

    def make_lock(self) -> Lock:
        """Return a new one."""
        return open_store("memory").lock


def test_it_says_where_it_is() -> None:
    """The location of the backend is what was asked for; closing it is harmless."""
    backend = open_store("memory")
    assert backend.location == "memory"
    backend.close()


def test_it_loads_no_database() -> None:
    """A process that keeps its store in memory never loads SQLite."""
    code = (
        "import sys; from refresher.store import open_store; open_store('memory'); "
        "sys.exit('sqlite3' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, cwd=_ROOT, check=False).returncode == 0
