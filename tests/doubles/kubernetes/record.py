"""What was asked, for tests to count and look at. Bodies and tokens are not kept."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.doubles.kubernetes.message import Request
from tests.doubles.kubernetes.paths import Attributes

_NAMES: Final = frozenset(
    {"method", "verb", "group", "resource", "subresource", "namespace", "name", "user"}
)
_READS: Final = frozenset({"get", "list", "watch"})
_REVIEWS: Final = "authorization.k8s.io"


@dataclass(slots=True)
class Asked:
    """A request and how it went.

    `verb` to `name` are what it was about, as the authorizer sees it; `user` is empty where the
    token was refused. `size` and `sent` are the bytes of the body and of the answer, of a watch
    none. `status` is 0 as long as no answer was sent, `seconds` what the double took for it, `at`
    the monotonic time of its beginning.
    """

    method: str
    path: str
    query: Mapping[str, str]
    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    user: str
    agent: str
    media_type: str
    size: int
    at: float
    status: int = 0
    sent: int = 0
    seconds: float = 0.0

    @property
    def writes(self) -> bool:
        """Whether it was meant to change something that is kept."""
        return self.verb not in _READS and self.group != _REVIEWS

    @classmethod
    def of(cls, request: Request, about: Attributes, user: str, at: float) -> "Asked":
        """Note a request."""
        return cls(
            method=request.method,
            path=request.path,
            query=request.query,
            verb=about.verb,
            group=about.group,
            resource=about.resource,
            subresource=about.subresource,
            namespace=about.namespace,
            name=about.name,
            user=user,
            agent=request.headers.get("user-agent", ""),
            media_type=request.media_type,
            size=len(request.content),
            at=at,
        )

    def about(self, wanted: Mapping[str, str]) -> bool:
        """Say whether it was about this."""
        return all(getattr(self, name) == value for name, value in wanted.items())


def known(wanted: Mapping[str, str]) -> Mapping[str, str]:
    """Return what requests are looked for by, and insist that there can be any."""
    assert wanted.keys() <= _NAMES, wanted
    return wanted


class Record:
    """Keeps every request, in the order in which they came."""

    def __init__(self) -> None:
        self._asked: list[Asked] = []
        self._lock = threading.Lock()

    def add(self, asked: Asked) -> None:
        """Keep one."""
        with self._lock:
            self._asked.append(asked)

    def all(self, **wanted: str) -> list[Asked]:
        """Return the requests that were about this, by the names of `Asked`."""
        known(wanted)
        with self._lock:
            asked = list(self._asked)
        return [one for one in asked if one.about(wanted)]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._asked.clear()
