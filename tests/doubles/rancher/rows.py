"""What the database holds: projects, registries and credentials."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.doubles.rancher import states
from tests.doubles.rancher.kinds import Kind


def _new_uuid() -> str:
    return str(uuid.uuid4())


@dataclass
class Project:
    """An environment, as the interface calls it."""

    number: int
    name: str
    created: datetime
    state: str = "active"
    description: str | None = None
    uuid: str = field(default_factory=_new_uuid)

    def value(self, name: str) -> Any:
        """Return a field as the database holds it."""
        return self.number if name == "id" else getattr(self, name)


@dataclass
class Row:
    """A registry or a credential; `project` is a number, and so is a credential's `registryId`.

    `since` is when the state began (monotonic seconds), `seen` how often it was read, `error`
    what ended its process, `then` the process that follows the running one.
    """

    kind: Kind
    number: int
    project: int
    created: datetime
    fields: dict[str, Any]
    state: str
    since: float
    seen: int = 0
    error: str | None = None
    then: str = ""
    removed: datetime | None = None
    remove_time: datetime | None = None
    uuid: str = field(default_factory=_new_uuid)

    def enter(self, state: str, since: float) -> None:
        """Change the state."""
        self.state, self.since, self.seen, self.error = state, since, 0, None

    @property
    def transitioning(self) -> str:
        """`yes` while a process runs, `error` after one failed, else `no`."""
        if self.error is not None:
            return "error"
        return "yes" if states.following(self.state) else "no"

    def value(self, name: str) -> Any:
        """Return a field as the database holds it."""
        match name:
            case "id":
                return self.number
            case "accountId":
                return self.project
            case "kind":
                return self.kind.name
            case "removeTime":
                return self.remove_time
            case "state" | "created" | "removed" | "uuid":
                return getattr(self, name)
        return self.fields.get(name)
