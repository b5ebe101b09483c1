"""The store when a run is killed at any system call that writes, or such a call fails.

What is done here is what `refresher once` does at its store, in one thread.
REFRESHER_FULL_SWEEP=1 makes every call a point, with every error.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from refresher.errors import RefresherError, StoreError
from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.store import Backend, open_store
from tests.store.workers import REGISTRIES, generation, lease
from tests.tracing import ERRORS, FULL_SWEEP, KILLED, WRITES, Call, Ended, Tracer, told, writes

NONE, OLD, NEW, NEXT = range(4)
MODULES: Final = tuple(
    f"refresher.store.{name}"
    for name in ("sqlite.database", "sqlite.locks", "records", "registries")
)
"""What is imported before a turn begins: its calls are those of the store alone."""


def turn(path: str, number: str) -> None:
    """Do what one run does at the store, and print what it could not do."""
    backend = open_store(path)
    for step in steps(backend, int(number)):
        try:
            step()
        except RefresherError as error:
            print(type(error).__name__, error, error.hint, sep="|")  # noqa: T201 - its result
    backend.close()


def steps(backend: Backend, number: int) -> tuple[Callable[[], object], ...]:
    """Return what a run does, in its order."""
    places = {("store", "default", name): Delivery(bytes([number])) for name in REGISTRIES}
    credentials = dict.fromkeys(REGISTRIES, generation(number))

    def lock() -> None:
        with backend.lock.hold("prod", 0):
            pass

    return (
        lock,
        lambda: backend.records.fingerprint("AWS", Secret("token")),
        lambda: backend.records.save_lease("prod", lease(number)),
        lambda: backend.store.put("default", credentials),
        lambda: backend.records.save_deliveries("prod", places),
    )


@pytest.fixture(scope="module")
def tracer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracer]:
    """Return what runs a turn under strace."""
    with Tracer(tmp_path_factory.mktemp("strace"), *MODULES) as tracer:
        yield tracer


class Sweep:
    """One turn at a store, from a state that is made again each time, cut short at its calls."""

    def __init__(self, folder: Path, tracer: Tracer) -> None:
        self.folder = folder / "store"
        self.path = self.folder / "refresher.db"
        self._origin = folder / "origin"
        self._tracer = tracer
        self.key: bytes | None = None

    def keep(self) -> None:
        """Begin each turn from what is there now."""
        shutil.copytree(self.folder, self._origin, dirs_exist_ok=True)

    def run(self, number: int = NEW, call: Call | None = None, inject: str = "") -> Ended:
        """Run a turn from the beginning, with something injected at a call."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._origin.exists():
            shutil.copytree(self._origin, self.folder)
        calls = call.name if call else WRITES
        return self._tracer.run(turn, str(self.path), str(number), calls=calls, inject=inject)

    def points(self) -> list[Call]:
        """Return the calls at which a turn is cut short; most of the others repeat a neighbour."""
        ended = self.run()
        assert ended.output == ""
        calls = [call for call in ended.calls if call.name != "write"]
        return calls if FULL_SWEEP else [call for call in calls if not _is_usual(call)]

    def whole_turns(self) -> list[int]:
        """Insist on a sound database that is its owner's alone; return the turn of each step."""
        for path in self.folder.parent.glob("store/**/*"):
            assert not path.stat().st_mode & 0o077, path
        _expect_sound(self.path)
        with closing(open_store(str(self.path))) as backend:
            return _done(backend)

    def expect_healed(self) -> None:
        """Insist that the next turn does everything, under the same key, and clears up."""
        with closing(open_store(str(self.path))) as backend:
            for step in steps(backend, NEXT):
                step()
            assert _done(backend) == [NEXT] * 3
            key = backend.records.fingerprint("AWS", Secret("token"))
        assert self.key in (None, key)
        _expect_sound(self.path)
        assert {path.name for path in self.folder.iterdir()} == {
            "refresher.db",
            "refresher.db.locks",
        }


def _is_usual(call: Call) -> bool:
    return call.name == "pwrite64" and call.number % 6 != 0


def _done(backend: Backend) -> list[int]:
    """Return of which turn the lease, the registries and the deliveries are, each wholly so."""
    held = (
        backend.records.lease("prod"),
        backend.store.find_all("default", REGISTRIES),
        [each.fingerprint for each in backend.records.deliveries("prod").values()],
    )
    turns = [_made(number) for number in (NONE, OLD, NEW, NEXT)]
    return [[turn[part] for turn in turns].index(held[part]) for part in range(len(held))]


def _made(number: int) -> tuple[object, ...]:
    if number == NONE:
        return Lease(), {}, []
    credentials = dict.fromkeys(REGISTRIES, generation(number))
    return lease(number), credentials, [bytes([number])] * len(REGISTRIES)


def _expect_sound(path: Path) -> None:
    """Insist on a sound database, as SQLite finds it in a copy."""
    if not path.exists():
        return
    copy = path.parent.with_name("copy")
    shutil.copytree(path.parent, copy)
    with closing(sqlite3.connect(copy / path.name)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    shutil.rmtree(copy)


def _birth(sweep: Sweep) -> None:
    """There is no store yet."""


def _renewal(sweep: Sweep) -> None:
    """A turn was made before."""
    assert sweep.run(OLD).output == ""
    with closing(open_store(str(sweep.path))) as backend:
        sweep.key = backend.records.fingerprint("AWS", Secret("token"))
    sweep.keep()


def _recovery(sweep: Sweep) -> None:
    """A turn was killed when its pages were written and its journal was still there."""
    _renewal(sweep)
    commit = next(call for call in sweep.run().calls if call.name.startswith("unlink"))
    assert sweep.run(NEW, commit, commit.killing()).status == KILLED
    assert sweep.path.with_name("refresher.db-journal").exists()
    sweep.keep()


@pytest.fixture(params=[_birth, _renewal, _recovery], ids=["birth", "renewal", "recovery"])
def sweep(request: pytest.FixtureRequest, tmp_path: Path, tracer: Tracer) -> Sweep:
    """Return the turns from each state."""
    sweep = Sweep(tmp_path, tracer)
    request.param(sweep)
    return sweep


def test_a_kill_at_any_call_loses_nothing(sweep: Sweep) -> None:
    """Killed at any call, a run leaves a sound store of whole steps, and the next one goes on."""
    for call in filter(writes, sweep.points()):
        with told(call):
            assert sweep.run(NEW, call, call.killing()).status == KILLED
            # No later step without the ones before it.
            assert (done := sweep.whole_turns()) == sorted(done, reverse=True)
            sweep.expect_healed()


def test_a_call_that_fails_is_told_and_loses_nothing(sweep: Sweep) -> None:
    """Whatever call fails, and how, the store is sound, and what was not done is told."""
    for number, call in enumerate(sweep.points()):
        if call.name == "exit_group":
            continue
        for error in ERRORS if FULL_SWEEP else [ERRORS[number % len(ERRORS)]]:
            ended = sweep.run(NEW, call, call.failing(error))
            with told(call, error, ended.output):
                assert ended.status == 0
                expect_reasons(ended.output, error, sweep.path)
                assert sweep.whole_turns() == [NEW] * 3 or ended.output
                sweep.expect_healed()


def expect_reasons(output: str, error: str, path: Path) -> None:
    """Insist that each fault names the file and what to do, and heals by itself if it can."""
    for line in output.splitlines():
        kind, message, hint = line.split("|")
        assert str(path) in message
        assert hint
        assert kind == StoreError.__name__ or error in ("EACCES", "EROFS")
