"""What was asked, for tests to look at."""

import json
import threading
from dataclasses import dataclass
from typing import Any

from tests.doubles.rancher.kinds import KINDS, SCHEMA
from tests.doubles.rancher.message import Request


@dataclass
class Asked:
    """A request and how it went. The body is kept whole, passwords and all: tests look for them.

    `kind` and `action` are what it was about (`registryCredential`, `activate`), `project` the one
    that it named or whose key it bore, `who` the access key, `status` 0 as long as no answer was
    sent, `seconds` what the double took for it.
    """

    method: str
    path: str
    query: dict[str, str]
    kind: str
    id: str
    action: str
    project: str
    who: str
    headers: dict[str, str]
    raw: bytes
    status: int = 0
    seconds: float = 0.0

    @property
    def body(self) -> Any:
        """The JSON body, or None for none."""
        return json.loads(self.raw) if self.raw else None

    @property
    def writes(self) -> bool:
        """Whether it was meant to change something."""
        return self.method != "GET"


def subject(request: Request, project: str) -> dict[str, str]:
    """Return what a request is about, by the names of `Asked`."""
    kind = request.kind
    return {
        "method": request.method,
        "kind": kind.name if kind else "",
        "id": request.id or "",
        "action": request.action or "",
        "project": project,
    }


def known(wanted: dict[str, str]) -> dict[str, str]:
    """Return what requests are looked for by, and insist that there can be any."""
    assert wanted.keys() <= {"method", "kind", "id", "action", "project"}, wanted
    assert wanted.get("kind", SCHEMA.name) in {kind.name for kind in KINDS}, wanted
    return wanted


class Record:
    """Keeps every request, in the order in which they came."""

    def __init__(self) -> None:
        self._asked: list[Asked] = []
        self._lock = threading.Lock()

    def add(self, request: Request, about: dict[str, str], who: str) -> Asked:
        """Keep one, and return it to be completed."""
        asked = Asked(
            path=request.path,
            query=dict(request.query),
            who=who,
            headers=request.headers,
            raw=request.body,
            method=about["method"],
            kind=about["kind"],
            id=about["id"],
            action=about["action"],
            project=about["project"],
        )
        with self._lock:
            self._asked.append(asked)
        return asked

    def all(self, **wanted: str) -> list[Asked]:
        """Return the requests that were about this: `method`, `kind`, `id`, `action`, `project`."""
        known(wanted)
        with self._lock:
            asked = list(self._asked)
        return [
            one
            for one in asked
            if all(getattr(one, name) == value for name, value in wanted.items())
        ]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._asked.clear()
