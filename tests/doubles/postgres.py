"""A real PostgreSQL server of our own, on loopback and on a socket, in a directory of its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final, Self

from tests.doubles.certificates import Authority

PASSWORD: Final = "pass:word@/ %41"
"""Of the role `guarded`, who alone is asked for one."""

USER: Final = "refresher"
"""The role that owns everything, and is let in as it is."""

_DEBIAN: Final = Path("/usr/lib/postgresql")
_ACCOUNT: Final = "postgres"
_PATIENCE: Final = 20.0
_ADMITTED: Final = """
local all all trust
hostssl all guarded 127.0.0.1/32 scram-sha-256
host all guarded 127.0.0.1/32 reject
host all all 127.0.0.1/32 trust
"""
_SETTINGS: Final = """
listen_addresses = '127.0.0.1'
fsync = off
full_page_writes = off
shared_buffers = 16MB
max_connections = 40
autovacuum = off
logging_collector = off
ssl = on
"""


def binaries() -> Path | None:
    """Return where the programs of the newest server are, None if there are none."""
    found = sorted(_DEBIAN.glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    path = shutil.which("postgres")
    return Path(path).parent if path else None


class PostgresServer:
    """A server that runs while its context lasts. It may be stopped, restarted and frozen."""

    def __init__(self, programs: Path) -> None:
        """Take the server's programs; nothing is made yet."""
        self._programs = programs
        self._numbers = count()
        self._lent: list[str] = []
        self._idle: list[str] = []
        self.port = _free_port()

    def __enter__(self) -> Self:
        """Make a cluster and start it."""
        # Short: a socket's path has 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.socket = self._folder / "run"
        self.socket.mkdir()
        self.log = self._folder / "log"
        self._data = self._folder / "data"
        authority = Authority(self._folder, "authority of the database")
        self.ca_file = authority.file
        certificate = authority.issue("127.0.0.1", "localhost")
        certificate.chmod(0o600)
        if os.geteuid() == 0:
            for path in (self._folder, *self._folder.rglob("*")):
                shutil.chown(path, _ACCOUNT, _ACCOUNT)
        self._initialise(certificate)
        self.start()
        self.sql(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server and remove everything."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder)

    def url(self, database: str, user: str = USER, *, query: str = "") -> str:
        """Return the URL of a database, by TCP."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}{query}"

    def local_url(self, database: str) -> str:
        """Return the URL of a database, by the socket."""
        return f"postgresql:///{database}?host={self.socket}&port={self.port}&user={USER}"

    def make_database(self, *options: str) -> str:
        """Make an empty database, and return its name."""
        name = f"test{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} {' '.join(options)}")
        return name

    def empty_database(self) -> str:
        """Return a database without a store, made now or used before: until `take_back`.

        Nothing may be done to it but what a store does.
        """
        if self._idle:
            name = self._idle.pop()
            self.sql(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608 - ours
            )
            self.sql("DROP SCHEMA IF EXISTS refresher CASCADE", name)
        else:
            name = self.make_database()
        self._lent.append(name)
        return name

    def take_back(self) -> None:
        """Let the databases that were lent be used again."""
        self._idle += self._lent
        self._lent.clear()

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement as the owner, and return what it finds."""
        import psycopg  # noqa: PLC0415 - tests of other stores need none

        url = self.local_url(database)
        with psycopg.connect(url, autocommit=True) as connection:
            answer = connection.execute(statement.encode())
            return answer.fetchall() if answer.description else []

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._as_account("postgres", "-D", str(self._data)), stdout=log, stderr=log
            )
        end = time.monotonic() + _PATIENCE
        while not self._is_ready():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server at once, cutting its connections."""
        self._process.send_signal(how)
        self._process.wait(_PATIENCE)

    def restart(self) -> None:
        """Stop the server and start it again."""
        self.stop()
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let no process of the server do anything, while the kernel answers for it."""
        processes = [self._process.pid, *self._children()]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def _children(self) -> list[int]:
        pid = self._process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def _initialise(self, certificate: Path) -> None:
        command = self._as_account(
            *("initdb", "--pgdata", str(self._data), "--username", USER, "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions"),
        )
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (self._data / "pg_hba.conf").write_text(_ADMITTED)
        own = (
            f"port = {self.port}\nunix_socket_directories = '{self.socket}'\n"
            f"ssl_cert_file = '{certificate}'\nssl_key_file = '{certificate}'\n"
        )
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(_SETTINGS + own)

    def _is_ready(self) -> bool:
        import psycopg  # noqa: PLC0415 - tests of other stores need none

        try:
            self.sql("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _as_account(self, program: str, *arguments: str) -> list[str]:
        """Return a command that ends with this process, and is not root's: a server refuses it."""
        command = ["setpriv", "--pdeathsig", "QUIT"]
        if os.geteuid() == 0:
            command += ["--reuid", _ACCOUNT, "--regid", _ACCOUNT, "--clear-groups"]
        return [*command, str(self._programs / program), *arguments]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
