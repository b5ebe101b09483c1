"""The state of a Rancher server, and the hands of those who are no client of the API."""

from typing import Any

from refresher.clock import SystemClock
from refresher.ports import Clock
from tests.doubles.rancher import ids
from tests.doubles.rancher.access import ADMIN, Gate, Key, KeyKind
from tests.doubles.rancher.database import Database
from tests.doubles.rancher.kinds import CREDENTIAL, PROJECT, REGISTRY, Kind
from tests.doubles.rancher.pulls import Accepts, Instance, Pull, Pulls
from tests.doubles.rancher.rows import Project, Row
from tests.doubles.rancher.rules import Rules


def _anything(_server: str, _pair: tuple[str, str] | None) -> bool:
    return True


class World:
    """Projects, registries, credentials, keys and settings. Ids are texts such as `1a5`."""

    def __init__(
        self, *, rules: Rules | None = None, clock: Clock | None = None, seed: int = 0
    ) -> None:
        """Start empty; `clock` tells how long processes took, `seed` when rows are purged."""
        self.rules = rules or Rules()
        self._database = Database(self.rules, clock or SystemClock(), seed)
        self._gate = Gate(self.rules, self._database)
        self._pulls = Pulls(self.rules, self._database)

    def add_project(self, name: str = "Default", *, state: str = "active") -> str:
        """Add an environment and return its id."""
        with self._database.lock:
            number = self._database.new_account()
            project = Project(number, name, self._database.clock.now(), state)
            self._database.projects[number] = project
            return ids.shown(PROJECT, number)

    def set_project(self, project: str, state: str) -> None:
        """Change the state of an environment."""
        with self._database.lock:
            self._database.projects[_number(project)].state = state

    def add_registry(self, project: str, address: str, *, state: str = "active") -> str:
        """Add a registry and return its id. Nothing is checked."""
        return self._add(REGISTRY, _number(project), {"serverAddress": address}, state)

    def add_credential(
        self, registry: str, username: str | None, secret: str | None, *, state: str = "active"
    ) -> str:
        """Add a credential to a registry and return its id."""
        fields = {
            "registryId": _number(registry),
            "publicValue": username,
            "secretValue": secret,
        }
        return self._add(CREDENTIAL, self.registry(registry).project, fields, state)

    def registry(self, identity: str) -> Row:
        """Return a registry as it is by now."""
        return self._row(REGISTRY, identity)

    def credential(self, identity: str) -> Row:
        """Return a credential as it is by now; the password is in its `fields`."""
        return self._row(CREDENTIAL, identity)

    def set_state(self, row: Row, state: str) -> None:
        """Put a row into a state, without a process."""
        with self._database.lock:
            row.enter(state, self._database.clock.monotonic())

    def environment_key(self, project: str, kind: KeyKind = KeyKind.ENVIRONMENT) -> Key:
        """Make a key that acts as an environment."""
        return self._gate.add(Key(kind, _number(project)))

    def account_key(self, *projects: str) -> Key:
        """Make the key of a new user, who is a member of some environments."""
        numbers = frozenset(map(_number, projects))
        with self._database.lock:
            account = self._database.new_account()
        return self._gate.add(Key(KeyKind.ACCOUNT, account, projects=numbers))

    def admin_key(self) -> Key:
        """Make a key of the first admin, who is a member of nothing and may enter everything."""
        return self._gate.add(Key(KeyKind.ADMIN, ADMIN))

    def revoke(self, key: Key) -> None:
        """Delete a key."""
        self._gate.drop(key)

    def setting(self, name: str) -> str:
        """Return a global setting."""
        return self._database.settings.get(name, "")

    def set_setting(self, name: str, value: str) -> None:
        """Change a global setting."""
        self._database.settings[name] = value

    def fail_process(self, process: str, message: str, times: int = 1) -> None:
        """Let the next runs of a process (`activate`, `remove` ...) end with an error."""
        with self._database.lock:
            self._database.fail_process(process, message, times)

    def race(self, parties: int = 2, patience: float = 5.0) -> None:
        """Let that many POSTs of registries pass the check for duplicates before any is kept.

        Where fewer come, they go on after `patience` seconds.
        """
        self._database.race(parties, patience)

    def run_purge_monitor(self, *, all_removed: bool = False) -> int:
        """Purge what was removed long enough ago, or all that was; return how many rows."""
        with self._database.lock:
            now = self._database.clock.now()
            due = [
                row
                for row in self._database.every()
                if row.state == "removed"
                and (all_removed or (row.remove_time is not None and row.remove_time <= now))
            ]
            for row in due:
                self._database.begin(row, "purge")
            return len(due)

    def create_instance(self, project: str, image: str) -> Instance:
        """Create a container. Raises `ApiError` if the image's registry is not whitelisted."""
        return self._pulls.create(_number(project), image)

    def pull_again(self, instance: Instance, accepts: Accepts = _anything) -> Pull:
        """Pull the image of a container that was created before, where it is not there yet."""
        return self._pulls.pull(instance, accepts)

    def pull(self, project: str, image: str, accepts: Accepts = _anything) -> Pull:
        """Create a container and pull its image."""
        return self.pull_again(self.create_instance(project, image), accepts)

    def _add(self, kind: Kind, project: int, fields: dict[str, Any], state: str) -> str:
        with self._database.lock:
            return ids.shown(kind, self._database.insert(kind, project, fields, state).number)

    def _row(self, kind: Kind, identity: str) -> Row:
        with self._database.lock:
            row = self._database.get(kind, _number(identity))
            assert row is not None, identity
            return row


def _number(identity: str) -> int:
    number = ids.number(identity)
    assert number is not None, identity
    return number
