"""What a person, or a script, did to the rows: each is read as what it was, or as absent."""

import logging
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError, StoreError
from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.registered import RowState
from refresher.model.whitelist import WHITELIST
from refresher.store import Backend, open_store
from refresher.store.fingerprint import KEY_BYTES
from tests.store.contracts import DELIVERIES, FAILURE, LEASES, REGISTRY, named
from tests.store.contracts.page import page_of

PLACE: Final = ("store", "default", REGISTRY)

COLUMNS: Final = {
    "environment": ("id", "name", "created"),
    "registry": ("id", "environment_id", "address", "state", "created"),
    "credential": (
        *("id", "registry_id", "added", "state", "username", "secret", "email"),
        *("issued_at", "expires_at", "created", "updated"),
    ),
    "lease": (
        *("provider", "registries", "username", "fingerprint", "issued", "received", "expires"),
        *("renew_at", "settings", "inputs", "failure", "failed_at", "attempts", "retry_at"),
    ),
    "delivery": (
        *("provider", "sink", "target", "registry", "fingerprint", "written", "expires"),
        *("failure", "failed_at", "attempts", "retry_at"),
    ),
    "fingerprint_key": ("id", "value"),
    "setting": ("name", "value"),
}
ALL: Final = [(table, column) for table, names in COLUMNS.items() for column in names]

DEEP: Final = "replace(hex(zeroblob(50000)), '00', '[')"
"""A list in a list, and so on, deeper than any parser goes."""

KINDS: Final = [
    "NULL",
    "5",
    "1.5",
    "9223372036854775807",
    "'text'",
    "x'ff'",
    "CAST(x'ff' AS TEXT)",
    "'2026-01-01T00:00:00'",
]
ODD: Final = [
    *KINDS,
    "-1",
    "''",
    "'{\"a\": 1}'",
    "'[1]'",
    "x''",
    "x'61'",
    "'9999-12-31T23:59:59-23:59'",
    "'never'",
    DEEP,
]


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Backend]:
    """Return a backend with a row in every table."""
    backend = open_store(str(tmp_path / "refresher.db"))
    fill(backend)
    yield backend
    backend.close()


def fill(backend: Backend) -> None:
    """Write everything that these tests look at."""
    backend.store.put("default", {REGISTRY: named("one")})
    backend.records.save_lease("prod", LEASES["whole"])
    backend.records.save_deliveries("prod", {PLACE: DELIVERIES["failed"]})
    backend.records.fingerprint("AWS", Secret("token"))
    page_of(backend).set_setting(WHITELIST, "")
    page_of(backend).set_setting(WHITELIST, REGISTRY)


def look(backend: Backend) -> None:
    """Read everything, insisting on the types that the ports promise, and use what was read."""
    found = backend.store.find("default", REGISTRY)
    backend.store.obstacles("default", [REGISTRY])
    assert found is None or hash((found.username, found.secret, found.email)) is not None
    leases = {"asked": backend.records.lease("prod"), **backend.records.leases()}
    for name, lease in leases.items():
        assert isinstance(name, str)
        _use(lease)
    for place, delivery in backend.records.deliveries("prod").items():
        assert all(isinstance(part, str) for part in place)
        _use(Lease(("a",), "", delivery.fingerprint, expires=delivery.expires))
    assert len(backend.records.fingerprint("AWS", Secret("token"))) == KEY_BYTES


def browse(backend: Backend) -> None:
    """Read and change everything at the registry page; what can't be is told in our words."""
    page = page_of(backend)
    assert all(isinstance(name + value, str) for name, value in page.settings().items())
    for environment in page.environments():
        assert isinstance(environment.name, str)
        for each in page.registries(environment.name, removed=True):
            assert hash((each, each.in_use(), each.created < FAILURE.at)) is not None
    calls: list[Callable[[], object]] = [
        lambda: page.registry("default", REGISTRY),
        lambda: page.resolve(f"{REGISTRY}/app", "default", FAILURE.at),
        lambda: page.edit_credential("default", REGISTRY, 1, username="new", email=""),
        lambda: page.edit_credential("default", REGISTRY, 1, secret=Secret("new")),
        lambda: page.add_credential("default", REGISTRY, named("added")),
        lambda: page.add_environment("default"),
    ]
    for state in (RowState.INACTIVE, RowState.ACTIVE):
        calls.append(partial(page.set_credential, "default", REGISTRY, 1, state))
        calls.append(partial(page.set_registry, "default", REGISTRY, state))
    for call in calls:
        # After the last number there is no room for another row.
        with suppress(PermanentError, StoreError):
            call()


def _use(lease: Lease) -> None:
    lease.remaining(FAILURE.at)
    lease.life()
    lease.wake_at()
    assert all(isinstance(name, str) for name in (*lease.registries, lease.username))
    assert lease.failure is None or not lease.failure.holds(FAILURE.at) or lease.failure.attempts


def edit(backend: Backend, table: str, column: str, value: str) -> None:
    """Put any value into a column, as the shell of SQLite does; what its schema forbids stays."""
    with closing(sqlite3.connect(backend.location)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        with suppress(sqlite3.IntegrityError):
            connection.execute(f"UPDATE {table} SET {column} = {value}")  # noqa: S608 - ours


@pytest.mark.parametrize("value", KINDS)
def test_a_value_of_any_kind_is_no_crash_and_is_repaired_by_a_write(
    full: Backend, value: str
) -> None:
    """In any column: reads answer, and after the next writes all is as written, or is refused."""
    whole = Path(full.location).read_bytes()
    for table, column in ALL:
        Path(full.location).write_bytes(whole)
        edit(full, table, column, value)
        look(full)
        browse(full)
        # What is not active is left to people, and after the last number comes none.
        may_fail = (StoreError, PermanentError) if column in ("state", "id") else ()
        with suppress(*may_fail):
            fill(full)
            assert full.store.find("default", REGISTRY) == named("one")
            assert full.records.lease("prod") == LEASES["whole"]
            assert full.records.deliveries("prod")[PLACE] == DELIVERIES["failed"]


EDITS: Final = st.lists(st.tuples(st.sampled_from(ALL), st.sampled_from(ODD)), max_size=6)


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=EDITS)
@example(edits=[(("lease", "registries"), DEEP)])
def test_any_edits_are_no_crash(full: Backend, edits: list[tuple[tuple[str, str], str]]) -> None:
    """Whatever stands in several columns at once, a call answers or says what is wrong."""
    Path(full.location).unlink()
    fill(full)
    for (table, column), value in edits:
        edit(full, table, column, value)
    for call in (look, browse, fill, look):
        with suppress(StoreError, PermanentError):
            call(full)


def test_random_damage_is_no_crash(full: Backend) -> None:
    """Bytes that were changed anywhere in the file, its schema too, are told in our words."""
    path = Path(full.location)
    content, draw = path.read_bytes(), random.Random(5)  # noqa: S311 - no secret
    used = [place for place, byte in enumerate(content) if byte]
    for _ in range(60):
        damaged = bytearray(content)
        for place in draw.sample(used, draw.choice([1, 5, 30])):
            damaged[place] = draw.randrange(256)
        path.write_bytes(damaged)
        for call in (look, browse, fill):
            with suppress(StoreError, PermanentError):
                call(full)


def test_a_secret_may_be_written_as_text(full: Backend) -> None:
    """What a person typed in the place of the bytes is the secret."""
    edit(full, "credential", "secret", "'by hand'")
    assert full.store.find("default", REGISTRY) == named("by hand")


def test_an_unreadable_row_is_told_once(full: Backend, caplog: pytest.LogCaptureFixture) -> None:
    """A warning names the store and the row, not its content, however often it is read."""
    edit(full, "credential", "secret", "x'ff'")
    edit(full, "lease", "registries", "'canary'")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert full.store.find("default", REGISTRY) is None
            assert full.records.lease("prod") == Lease()
            assert full.records.leases() == {}
    assert [record.getMessage() for record in caplog.records] == [
        f"the store {full.location}: {what} can't be read, and counts as absent"
        for what in (f"the credential in use at registry {REGISTRY}", "the lease of prod")
    ]


def test_the_order_is_repaired(full: Backend) -> None:
    """A place in the order that is no number, or has no successor, doesn't hide what is put."""
    for value in ("'x'", "9223372036854775807", "x'00'"):
        full.store.put("default", {REGISTRY: named("manual", "acme")})
        edit(full, "credential", "added", value)
        for username in ("AWS", "acme", "AWS"):
            full.store.put("default", {REGISTRY: named("new", username)})
            assert full.store.find("default", REGISTRY) == named("new", username)
