"""What the tests of the double share: a server, an environment, and a client with its key."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from refresher.testing import FakeClock
from tests.doubles.rancher import RancherDouble


@dataclass
class Client:
    """Calls one base URL with one key."""

    base: str
    session: requests.Session

    def get(self, path: str = "", **options: Any) -> requests.Response:
        """Read."""
        return self.session.get(self.base + path, timeout=10, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        """Create or act."""
        return self.session.post(self.base + path, json=json, timeout=10, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        """Change."""
        return self.session.put(self.base + path, json=json, timeout=10, **options)

    def delete(self, path: str, **options: Any) -> requests.Response:
        """Delete."""
        return self.session.delete(self.base + path, timeout=10, **options)

    def act(self, path: str, action: str) -> requests.Response:
        """Do what a resource offers, by the link that it gives."""
        return self.session.post(self.get(path).json()["actions"][action], timeout=10)

    def state(self, path: str) -> str:
        """Return the state of a resource."""
        return str(self.get(path).json()["state"])


Connect = Callable[..., Client]


@pytest.fixture
def clock() -> FakeClock:
    """Make a clock to push."""
    return FakeClock()


@pytest.fixture
def rancher(clock: FakeClock) -> Iterator[RancherDouble]:
    """Serve an empty Rancher."""
    with RancherDouble(clock=clock) as double:
        yield double


@pytest.fixture
def project(rancher: RancherDouble) -> str:
    """Add an environment."""
    return rancher.add_project("production")


@pytest.fixture
def connect(rancher: RancherDouble) -> Iterator[Connect]:
    """Return a function that makes a client with a key and a base, `/v2-beta` by default."""
    sessions: list[requests.Session] = []

    def make(pair: tuple[str, str] | None, base: str = "/v2-beta") -> Client:
        session = requests.Session()
        session.trust_env = False
        session.auth = pair
        sessions.append(session)
        return Client(rancher.url + base, session)

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def client(rancher: RancherDouble, project: str, connect: Connect) -> Client:
    """Return a client with an Environment API Key."""
    return connect(rancher.environment_key(project).pair)


def code(answer: requests.Response) -> tuple[int, str]:
    """Return the status and the code of a refusal."""
    return answer.status_code, answer.json()["code"]
