"""A registry store, and the command line at it."""

import io
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from refresher.cli import main
from refresher.model.credential import UNKNOWN, Expiry, Secret
from refresher.ports import StoredCredential
from refresher.store import Backend, open_store

PASSWORD = "canary-pass-word-of-acme"
"""The password that the tests give."""


class PageSite:
    """A folder with a store that no settings name, and a password file."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.folder = folder
        self.store = folder / "refresher.db"
        self.password = folder / "password"
        self.password.write_text(PASSWORD + "\n")
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def run(self, *words: str, stdin: bytes | None = b"") -> tuple[int, str, str]:
        """Run a command; return its exit code and what it printed. None closes standard input."""
        return self.run_bare(*words, "--store", str(self.store), stdin=stdin)

    def run_bare(self, *words: str, stdin: bytes | None = b"") -> tuple[int, str, str]:
        """Run a command that is not told where the store is."""
        stream = None if stdin is None else io.TextIOWrapper(io.BytesIO(stdin))
        self._monkeypatch.setattr("sys.stdin", stream)
        code = main(words)
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    def do(self, *words: str, stdin: bytes = b"") -> str:
        """Run a command that succeeds; return what it printed."""
        code, out, err = self.run(*words, stdin=stdin)
        assert code == 0, err
        return out

    def document(self, *words: str) -> dict[str, Any]:
        """Run a command that succeeds; return the document that it printed."""
        document: dict[str, Any] = json.loads(self.do(*words, "--output", "json"))
        return document

    def add(self, address: str, *words: str, username: str = "acme") -> None:
        """Add a registry with the password file."""
        self.do("registry", "add", address, "--username", username, *self.file, *words)

    @property
    def file(self) -> tuple[str, str]:
        """The option that names the password file."""
        return "--password-file", str(self.password)

    @contextmanager
    def backend(self) -> Iterator[Backend]:
        """Open the store as other programs do."""
        backend = open_store(str(self.store))
        with closing(backend):
            yield backend

    def put(self, registry: str, *, expires: Expiry = UNKNOWN, secret: str = PASSWORD) -> None:
        """Supply a registry as the daemon does."""
        stored = StoredCredential("AWS", Secret(secret), expires_at=expires)
        with self.backend() as backend:
            backend.store.put("default", {registry: stored})

    def secret(self, registry: str, environment: str = "default") -> str | None:
        """Return the password that pulls get."""
        with self.backend() as backend:
            found = backend.store.find(environment, registry)
        return found.secret.reveal() if found else None

    def rows(self) -> Mapping[str, list[tuple[object, ...]]] | None:
        """Return every row of the store, None if it is not there."""
        if not self.store.exists():
            return None
        with closing(sqlite3.connect(self.store)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {
                name: connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608 - our tables
                for (name,) in names.fetchall()
            }
