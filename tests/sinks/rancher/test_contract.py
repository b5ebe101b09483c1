"""The contract of sinks, over servers and keys of several kinds."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from refresher.ports import Sink
from refresher.testing import FakeClock, SinkContract
from tests.doubles.rancher import Choice, KeyKind, Pace, RancherDouble, Rules
from tests.sinks.rancher.conftest import sink


class _Contract(SinkContract):
    """Each sink has a server of its own, which it fills by itself."""

    rules = Rules()
    kind = KeyKind.ENVIRONMENT
    projects = 1

    @pytest.fixture(autouse=True)
    def _servers(self) -> Iterator[None]:
        with ExitStack() as self.stack:
            yield

    def make_sink(self) -> Sink:
        """Return a sink at a new server."""
        clock = FakeClock()
        rancher = self.stack.enter_context(RancherDouble(rules=self.rules, clock=clock))
        projects = [rancher.add_project(f"number {number}") for number in range(self.projects)]
        key = rancher.environment_key(projects[0], self.kind)
        options: dict[str, object] = {"url": rancher.url, "create": True}
        if self.projects > 1:
            key = rancher.account_key(*projects)
            options["environments"] = "all"
        return sink(options, key.pair, clock)


class TestAnEnvironmentKey(_Contract):
    """The usual case: what is held can't be read back."""


class TestSeveralEnvironments(_Contract):
    """One pair of keys for all."""

    projects = 3


class TestKeysThatReadSecrets(_Contract):
    """Those of a container with the role environmentAdmin: everything can be read back."""

    kind = KeyKind.AGENT_ADMIN


class TestASlowServer(_Contract):
    """Each state lasts for half a second."""

    rules = Rules(pace=Pace(seconds=0.5))


class TestAServerThatIsWatched(_Contract):
    """Each state lasts until it was read twice."""

    rules = Rules(pace=Pace(polls=2))


class TestAnOldServer(_Contract):
    """From before March 2017: it wants an e-mail address."""

    rules = Rules(email_required=True, choice=Choice.NEWEST)


class TestAServerWithoutAccessControl(_Contract):
    """Everybody is an admin, whatever the keys are."""

    rules = Rules(access_control=False)
    projects = 2
