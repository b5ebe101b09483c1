"""The tables, and the processes that move their rows on."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from refresher.ports import Clock
from tests.doubles.rancher import states
from tests.doubles.rancher.kinds import CREDENTIAL, REGISTRY, Kind
from tests.doubles.rancher.rows import Project, Row
from tests.doubles.rancher.rules import Rules

_MOST_REMOVE_DELAY: Final = 600.0
FIRST_PROJECT: Final = 5
"""Rancher's own accounts are 1a1 to 1a4, and its first environment is 1a5."""


@dataclass
class Table:
    """The rows of one type, by number and by project."""

    rows: dict[int, Row] = field(default_factory=dict)
    by_project: dict[int, list[int]] = field(default_factory=dict)

    def copy(self) -> "Table":
        """Return a copy that shares nothing that can change."""
        return Table(
            {number: replace(row, fields=dict(row.fields)) for number, row in self.rows.items()},
            {project: list(numbers) for project, numbers in self.by_project.items()},
        )


class Database:
    """The tables. Hold `lock` while using them."""

    def __init__(self, rules: Rules, clock: Clock, seed: int) -> None:
        self.lock = threading.RLock()
        self.projects: dict[int, Project] = {}
        self.settings: dict[str, str] = {}
        self.clock = clock
        self._rules = rules
        self._random = random.Random(seed)  # noqa: S311 - a delay, no secret
        self._tables = {REGISTRY.name: Table(), CREDENTIAL.name: Table()}
        self._failing: list[tuple[str, str]] = []
        self._race: threading.Barrier | None = None
        self._last_account = FIRST_PROJECT - 1

    def new_account(self) -> int:
        """Return the number of a new account; projects are accounts too."""
        self._last_account += 1
        return self._last_account

    def insert(self, kind: Kind, project: int, fields: dict[str, Any], state: str) -> Row:
        """Add a row with the next number of its type."""
        table = self._tables[kind.name]
        number = len(table.rows) + 1
        row = Row(kind, number, project, self._second(), fields, state, self.clock.monotonic())
        if state in {"removed", "purged"}:
            self._stamp(row)
        table.rows[number] = row
        table.by_project.setdefault(project, []).append(number)
        return row

    def get(self, kind: Kind, number: int | None) -> Row | None:
        """Return a row as it is by now, removed or not."""
        row = self._tables[kind.name].rows.get(number or 0)
        if row is not None:
            self.settle(row)
        return row

    def of_project(self, kind: Kind, project: int) -> list[Row]:
        """Return the rows of a project as they are by now, in the order of their numbers."""
        table = self._tables[kind.name]
        rows = [table.rows[number] for number in table.by_project.get(project, ())]
        for row in rows:
            self.settle(row)
        return rows

    def every(self) -> list[Row]:
        """Return all rows as they are by now."""
        rows = [row for table in self._tables.values() for row in table.rows.values()]
        for row in rows:
            self.settle(row)
        return rows

    def credentials_of(self, registry: Row) -> list[Row]:
        """Return the credentials of a registry, oldest first."""
        return [
            row
            for row in self.of_project(CREDENTIAL, registry.project)
            if row.fields["registryId"] == registry.number
        ]

    def fail_process(self, process: str, message: str, times: int) -> None:
        """Let the next `times` runs of a process end with an error."""
        self._failing.extend([(process, message)] * times)

    def race(self, parties: int, patience: float) -> None:
        """Let the next `parties` inserts wait for each other, `patience` seconds at most."""
        self._race = threading.Barrier(parties, action=self._end_race, timeout=patience)

    def meet(self) -> None:
        """Wait, without the lock, for the others of a race if there is one."""
        barrier = self._race
        if barrier is None:
            return
        self.lock.release()
        try:
            barrier.wait()
        except threading.BrokenBarrierError:
            self._end_race()
        finally:
            self.lock.acquire()

    def begin(self, row: Row, process: str) -> None:
        """Start a process."""
        row.enter(states.begun(row.state, process), self.clock.monotonic())

    def settle(self, row: Row) -> None:
        """Move a row on as far as time and readers allow."""
        pace, now = self._rules.pace, self.clock.monotonic()
        while (
            row.transitioning == "yes"
            and now - row.since >= pace.seconds
            and row.seen >= pace.polls
        ):
            self._step(row, row.since + pace.seconds)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Forget at the end what was changed meanwhile."""
        with self.lock:
            before = {name: table.copy() for name, table in self._tables.items()}
            settings = dict(self.settings)
            try:
                yield
            finally:
                self._tables, self.settings = before, settings

    def _step(self, row: Row, at: float) -> None:
        failure = self._failure(states.running(row.state))
        if failure is not None:
            row.error = failure
            return
        state = states.following(row.state)
        assert state is not None
        row.enter(state, at)
        if state == "removed":
            self._stamp(row)
        elif state == "inactive" and row.then:
            row.then = ""
            row.enter(states.begun(state, "remove"), at)
        elif state == "purged" and row.kind is REGISTRY:
            self._remove_credentials(row, at)

    def _failure(self, process: str) -> str | None:
        for entry in self._failing:
            if entry[0] == process:
                self._failing.remove(entry)
                return entry[1]
        return None

    def _stamp(self, row: Row) -> None:
        row.removed = self._second()
        delay = timedelta(seconds=self._random.uniform(0, _MOST_REMOVE_DELAY))
        row.remove_time = row.removed + delay

    def _remove_credentials(self, registry: Row, at: float) -> None:
        """Do as StoragePoolPurge does: deactivate what is active, then remove it."""
        for row in self.credentials_of(registry):
            if "remove" in states.OFFERED[row.state]:
                row.enter("removing", at)
            elif "deactivate" in states.OFFERED[row.state]:
                row.enter("deactivating", at)
                row.then = "remove"
            elif row.state == "deactivating":
                row.then = "remove"

    def _second(self) -> datetime:
        """Return the time as columns keep it."""
        return self.clock.now().replace(microsecond=0)

    def _end_race(self) -> None:
        self._race = None
