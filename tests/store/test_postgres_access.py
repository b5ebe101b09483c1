"""Who gets in: passwords, TLS, rights; and what is said to those who don't."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from refresher.errors import PermanentError, RefresherError, StoreError
from refresher.store import open_store
from refresher.store.postgres.links import Links
from refresher.store.postgres.refusals import why_refused
from refresher.store.postgres.server import Server, risk
from tests.doubles.certificates import Authority
from tests.doubles.postgres import PASSWORD, PostgresServer


@pytest.fixture
def database(server: PostgresServer) -> str:
    """Return a database in which `guarded` may do everything."""
    name = server.make_database()
    server.sql(f"GRANT CREATE ON DATABASE {name} TO guarded")
    return name


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    """Return a file with the right password."""
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    return path


def use(url: str, password_file: Path | None = None) -> None:
    """Write to a store and read from it."""
    backend = open_store(url, password_file=password_file)
    try:
        backend.records.save_lease("prod", backend.records.lease("prod"))
        with backend.lock.hold("prod", 0):
            pass
    finally:
        backend.close()


def refused(kind: type[RefresherError], words: str, url: str, password: Path | None = None) -> str:
    """Insist that a store can't be used, and that no password is told; return the hint."""
    with pytest.raises(kind, match=words) as caught:
        use(url, password)
    told = f"{caught.value} {caught.value.hint}"
    assert "store postgresql://" in told
    assert PASSWORD not in told
    assert "wrong-one" not in told
    return caught.value.hint


@pytest.mark.parametrize("how", ["setting", "PGPASSFILE", "home", "PGPASSWORD"])
def test_a_password_comes_from_where_people_keep_it(
    server: PostgresServer,
    database: str,
    password_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """From the file of the setting, else from where libpq finds it."""
    url = server.url(database, "guarded")
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    line = f"127.0.0.1:{server.port}:*:guarded:{escaped}\n"
    keeper = Path(os.environ["HOME"], ".pgpass")
    if how == "PGPASSWORD":
        monkeypatch.setenv(how, PASSWORD)
    elif how == "PGPASSFILE":
        keeper = keeper.with_name("passwords")
        monkeypatch.setenv(how, str(keeper))
    if how in ("home", "PGPASSFILE"):
        keeper.write_text(line)
        keeper.chmod(0o600)
    use(url, password_file if how == "setting" else None)


def test_the_setting_wins(
    server: PostgresServer, database: str, password_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password of the environment does not stand in for that of the settings."""
    monkeypatch.setenv("PGPASSWORD", "wrong-one")
    use(server.url(database, "guarded"), password_file)
    refused(PermanentError, "refused this user's password", server.url(database, "guarded"))


def test_a_missing_or_wrong_password_is_told(
    server: PostgresServer, database: str, password_file: Path
) -> None:
    """The error says which settings give it, and repeats none."""
    url = server.url(database, "guarded")
    assert "store_password_file" in refused(PermanentError, "asks for a password", url)
    password_file.write_text("wrong-one")
    words = "refused this user's password"
    assert "store_password_file" in refused(PermanentError, words, url, password_file)
    password_file.unlink()
    with pytest.raises(PermanentError, match=r"store_password_file does not exist"):
        use(url, password_file)


def test_a_password_is_missed_in_any_language(server: PostgresServer, database: str) -> None:
    """The client knows that it was asked for one, whatever the server says to it."""
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(server.url(database, "guarded"))
    foreign = psycopg.OperationalError("FATAL: nein", pgconn=caught.value.pgconn)
    error = why_refused(foreign, "here")
    assert isinstance(error, PermanentError)
    assert "asks for a password" in str(error)


def test_a_changed_password_is_read_again(
    server: PostgresServer, database: str, password_file: Path
) -> None:
    """Whoever runs for months is not started again when the password is another."""
    backend = open_store(server.url(database, "guarded"), password_file=password_file)
    backend.records.leases()
    try:
        server.sql("ALTER ROLE guarded PASSWORD 'another'")
        password_file.write_text("another")
        backend.close()
        assert backend.records.leases() == {}
    finally:
        server.sql(f"ALTER ROLE guarded PASSWORD '{PASSWORD}'")


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_tls_is_what_the_url_says(
    server: PostgresServer, database: str, password_file: Path, mode: str
) -> None:
    """A server with a certificate of the named authority is trusted, by its address too."""
    query = f"?sslmode={mode}&sslrootcert={server.ca_file}"
    use(server.url(database, "guarded", query=query), password_file)


def test_a_server_that_is_not_proved_is_refused(
    server: PostgresServer, database: str, password_file: Path, tmp_path: Path
) -> None:
    """Another authority, another name or none at all: nothing is sent, and the setting is named."""
    stranger = Authority(tmp_path).file
    words = "did not prove who it is"
    for query in (
        f"?sslmode=verify-full&sslrootcert={stranger}",
        f"?sslmode=verify-full&sslrootcert={tmp_path}/nowhere",
        f"?sslmode=verify-full&sslrootcert={server.ca_file}&host=db.example&hostaddr=127.0.0.1",
    ):
        url = server.url(database, "guarded", query=query)
        assert "sslrootcert" in refused(PermanentError, words, url, password_file)


@pytest.fixture
def without_tls(server: PostgresServer) -> Iterator[PostgresServer]:
    """Return the server while it has no TLS."""
    server.sql("ALTER SYSTEM SET ssl = off")
    server.restart()
    yield server
    server.sql("ALTER SYSTEM RESET ssl")
    server.restart()


def test_a_server_without_tls_is_refused_where_it_is_demanded(without_tls: PostgresServer) -> None:
    """`sslmode=require` means it."""
    url = without_tls.url("postgres", query="?sslmode=require")
    refused(PermanentError, "has no TLS, and sslmode demands it", url)


def test_a_connection_that_others_could_read_is_told_once(
    server: PostgresServer, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """On this host nobody is in between, and nothing is said."""
    use(server.url(database, query="?sslmode=disable"))
    use(server.local_url(database))
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("host", "address", "mode", "encrypted", "words"),
    [
        ("/run/postgresql", "", "prefer", False, ""),
        ("@abstract", "", "prefer", False, ""),
        ("localhost", "127.0.0.1", "prefer", False, ""),
        ("localhost", "::1", "disable", False, ""),
        ("db.example", "192.0.2.1", "prefer", False, "is not encrypted"),
        ("db.example", "fe80::1%eth0", "prefer", False, "is not encrypted"),
        ("db.example", "", "prefer", False, "is not encrypted"),
        ("db.example", "192.0.2.1", "prefer", True, "any server would be taken"),
        ("db.example", "192.0.2.1", "require", True, "any server would be taken"),
        ("db.example", "192.0.2.1", "verify-ca", True, ""),
        ("db.example", "192.0.2.1", "verify-full", True, ""),
    ],
)
def test_what_others_on_the_way_can_do(
    host: str, address: str, mode: str, words: str, *, encrypted: bool
) -> None:
    """Off this host a connection is secret if it is encrypted, and for the right server alone."""
    found = risk(host, address, mode, encrypted=encrypted)
    assert words in found
    assert bool(words) == bool(found)


def test_a_warning_of_readers_comes_once(
    server: PostgresServer, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A process of months with many connections says it at the first one."""
    links = Links(Server(server.url(database)))
    for _ in range(2):
        links._warn_of("is not encrypted")
    (told,) = caplog.messages
    assert f"/{database} is not encrypted; set sslmode=verify-full" in told


def test_a_url_that_this_libpq_does_not_take_is_told() -> None:
    """An older libpq lacks parameters; its words, which quote the URL, are not repeated."""
    with pytest.raises(PermanentError, match="that libpq does not take") as caught:
        _ = Server("postgresql://db.example/r?canary=1").name
    assert "canary" not in str(caught.value)


def test_of_several_servers_one_that_takes_writes_is_used(
    server: PostgresServer, database: str
) -> None:
    """One that is away is passed over, and so is a standby: it has other locks, too."""
    url = f"postgresql://refresher@127.0.0.1:1,127.0.0.1:{server.port}/{database}"
    use(url)
    server.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    refused(StoreError, "is read-only", url)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgres://u@db.example/r?sslmode=require", "postgresql://u@db.example/r"),
        ("postgresql://a.example:1,b.example:2/r", "postgresql://a.example:1,b.example:2/r"),
        ("postgresql://a.example,b.example/r", "postgresql://a.example,b.example/r"),
        (
            "postgresql:///r?host=a.example,b.example&port=5",
            "postgresql://a.example:5,b.example:5/r",
        ),
        ("postgresql:///r?host=/run/pg&user=u", "postgresql://u@/run/pg/r"),
        ("postgresql:///r?hostaddr=192.0.2.1", "postgresql://192.0.2.1/r"),
        ("postgresql://[::1]:5433/r", "postgresql://::1:5433/r"),
        ("postgresql://", "postgresql:///"),
    ],
)
def test_messages_name_the_place_alone(url: str, name: str) -> None:
    """User, hosts and database as they are written, without what else the URL says."""
    assert Server(url).name == name


def test_rights_are_told(server: PostgresServer, password_file: Path) -> None:
    """A user who may not make the tables, or not enter, learns what is missing."""
    name = server.make_database()
    url = server.url(name, "guarded")
    words = "does not let this user do that"
    assert "CREATE on the database" in refused(PermanentError, words, url, password_file)
    server.sql("CREATE SCHEMA refresher AUTHORIZATION guarded", name)
    use(url, password_file)
    server.sql(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    assert "CONNECT" in refused(PermanentError, "is closed to this user", url, password_file)


def test_what_is_not_there_is_told(
    server: PostgresServer, password_file: Path, tmp_path: Path
) -> None:
    """No such database, user, host or socket; a user or a database that is closed; no admission."""
    name = server.make_database()
    server.sql("CREATE ROLE locked NOLOGIN")
    server.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    refused(PermanentError, "/nowhere does not exist", server.url("nowhere"))
    refused(PermanentError, f"/{name} is closed", server.url(name))
    refused(PermanentError, "nobody@.* has no such user", server.url("postgres", "nobody"))
    refused(PermanentError, "does not let this user in", server.url("postgres", "locked"))
    closed = server.url("postgres", "guarded", query="?sslmode=disable")
    assert "pg_hba.conf" in refused(PermanentError, "admits no such", closed, password_file)
    refused(StoreError, "there is no such socket", f"postgresql:///r?host={tmp_path}")
    refused(PermanentError, "a host that can be none", "postgresql://a..invalid/r")
    refused(PermanentError, "a host that can be none", f"postgresql://{'x' * 64}.invalid/r")


def test_a_full_server_is_told(server: PostgresServer, database: str, password_file: Path) -> None:
    """Where no more connections are taken, waiting helps."""
    server.sql("ALTER ROLE guarded CONNECTION LIMIT 0")
    try:
        url = server.url(database, "guarded")
        refused(StoreError, "takes no more connections", url, password_file)
    finally:
        server.sql("ALTER ROLE guarded CONNECTION LIMIT -1")


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        ("FATAL:  the database system is starting up", StoreError, "is starting up"),
        ("FATAL:  the database system is shutting down", StoreError, "is shutting down"),
        ("FATAL:  the database system is in recovery mode", StoreError, "recovers"),
        ("FATAL:  sorry, too many clients already", StoreError, "no more connections"),
        (
            "FATAL:  remaining connection slots are reserved for roles with SUPERUSER",
            StoreError,
            "no more connections",
        ),
        ("connection timeout expired", StoreError, "gave no answer to a connection"),
        (
            "failed to resolve host 'role.example': [Errno -2] Name or service not known",
            StoreError,
            "host name is unknown",
        ),
        (
            'could not translate host name "certificate.example" to address',
            StoreError,
            "host name is unknown",
        ),
        ("session is read-only", StoreError, "is read-only"),
        ("server is in hot standby mode", StoreError, "is read-only"),
        ("server closed the connection unexpectedly", StoreError, "did not let us in"),
        ('server at "role.database.example" closed the connection', StoreError, "did not let"),
        ('FATAL:  Peer authentication failed for user "database"', PermanentError, "this user"),
        ("SSL error: tlsv1 alert unknown ca: certificate", PermanentError, "prove"),
        (
            'private key file "/k" has group or world access',
            PermanentError,
            "sslkey can't be used",
        ),
        ('server on socket "/run/x" failed: Permission denied', PermanentError, "forbids it"),
        ("FATAL:  Passwort-Authentifizierung fehlgeschlagen", StoreError, "did not let us in"),
    ],
)
def test_refusals_that_are_hard_to_bring_about(
    words: str, kind: type[RefresherError], told: str
) -> None:
    """The words of libpq and of an English server; any other is one that time may heal."""
    error = why_refused(psycopg.OperationalError(words), "here")
    assert type(error) is kind
    assert told in str(error)
    assert error.hint
