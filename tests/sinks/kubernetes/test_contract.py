"""The contract of sinks, over clusters and settings of several kinds."""

from collections.abc import Mapping
from typing import Any

import pytest

from refresher.testing import RetiresContract, RetiringSink
from tests.sinks.kubernetes.cluster import Cluster
from tests.sinks.kubernetes.conftest import MakeSink


class _Contract(RetiresContract):
    """Each sink has namespaces of its own."""

    options: Mapping[str, Any] = {}
    namespaces = 2

    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: Cluster, make: MakeSink) -> None:
        self.cluster, self.make, self.sinks = cluster, make, 0

    def make_sink(self) -> RetiringSink:
        """Return a sink over new namespaces."""
        self.sinks += 1
        names = [self.cluster.add(f"{self.sinks}-{number}") for number in range(self.namespaces)]
        return self.make(**{"namespaces": names, **self.options})


class TestFixedNamespaces(_Contract):
    """Each is asked about alone."""


class TestAPattern(_Contract):
    """All are asked about at once."""

    @property
    def options(self) -> Mapping[str, Any]:  # type: ignore[override]
        """Return the pattern of the newest sink."""
        return {"namespaces": f"{self.cluster.prefix}-{self.sinks}-*"}


class TestASecretPerRegistry(_Contract):
    """Named by a pattern."""

    options: Mapping[str, Any] = {"secret": "pull-{registry}"}


class TestServiceAccounts(_Contract):
    """They are kept, too."""

    options: Mapping[str, Any] = {"service_accounts": "all", "adopt": True}
    namespaces = 1
