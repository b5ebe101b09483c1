"""What the tests share: a cluster, and sinks over it.

With REFRESHER_TEST_KUBECONFIG set, they run against the server that it names, as a user who may do
everything. Those that ask for `kube`, the double itself, make faults or count calls, and are
skipped there.
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from refresher.model.credential import Credential, Expiry, Secret
from refresher.model.plan import Foreign, Value
from refresher.ports import Busy, Change, Outcome, Refused, Tools, Written
from refresher.sinks.kubernetes import KubernetesSink, Options
from refresher.sinks.kubernetes.talk import Timeouts
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock
from tests.doubles.kubernetes import KubernetesDouble
from tests.sinks.kubernetes.cluster import Cluster

QUAY = "quay.io"
SECRET = "new-secret"
ISSUED = datetime(2026, 3, 1, 12, tzinfo=UTC)

# Read before the tests lose the environment of this host.
REAL = os.environ.get("REFRESHER_TEST_KUBECONFIG")

MakeSink = Callable[..., KubernetesSink]
"""Makes a sink over all namespaces of the test, unless options say otherwise."""


@pytest.fixture
def clock() -> FakeClock:
    """Make a clock to push."""
    return FakeClock()


@pytest.fixture
def _served() -> Iterator[KubernetesDouble | None]:
    """Serve a new cluster, unless a real one is there."""
    if REAL:
        yield None
        return
    with KubernetesDouble() as double:
        yield double


@pytest.fixture
def kube(_served: KubernetesDouble | None) -> KubernetesDouble:
    """Return the double, for tests that make faults or count calls."""
    if _served is None:
        pytest.skip("makes faults or counts calls, which only the double can")
    return _served


@pytest.fixture
def cluster(_served: KubernetesDouble | None, tmp_path: Path) -> Iterator[Cluster]:
    """Return the cluster, with namespaces of its own for this test."""
    kubeconfig = Path(REAL or "")
    if _served is not None:
        kubeconfig = _served.kubeconfig(tmp_path / "kubeconfig", _served.admin())
    made = Cluster(kubeconfig)
    yield made
    if _served is None:
        made.clean()
    made.client.close()


@pytest.fixture
def make(cluster: Cluster, clock: FakeClock) -> MakeSink:
    """Return a function that makes a sink."""

    def make(timeouts: Timeouts | None = None, **options: Any) -> KubernetesSink:
        usual = {"kubeconfig": str(cluster.kubeconfig), "namespaces": cluster.all}
        return sink({**usual, **options}, clock, timeouts)

    return make


def sink(
    options: dict[str, Any], clock: FakeClock, timeouts: Timeouts | None = None, **env: str
) -> KubernetesSink:
    """Return a sink as the settings would build it."""
    tools = Tools(clock, MemoryStore(), env)
    return KubernetesSink(Options.model_validate(options), tools, timeouts or Timeouts())


def credential(secret: str = SECRET, *registries: str, expires: Expiry | None = None) -> Credential:
    """Return a credential for twelve hours, for quay.io unless others are named."""
    return Credential(
        registries or (QUAY,),
        "AWS",
        Secret(secret),
        issued_at=ISSUED,
        expires_at=expires or ISSUED + timedelta(hours=12),
    )


def changes(*registries: str, secret: str = SECRET) -> list[Change]:
    """Return one change for each registry, for quay.io unless others are named."""
    made = credential(secret, *registries)
    return [Change(registry, made) for registry in made.registries]


def value(secret: str = SECRET) -> Value:
    """Return what is held after such a change."""
    return Value("AWS", Secret(secret))


def written(outcome: Outcome) -> tuple[str, ...]:
    """Insist that a write worked, and return its notes."""
    assert isinstance(outcome, Written), outcome
    return outcome.notes


def refused(outcome: object) -> str:
    """Insist that a person has to act, and return the reason."""
    assert isinstance(outcome, Refused), outcome
    return outcome.reason


def busy(outcome: object) -> str:
    """Insist that time may heal it, and return the reason."""
    assert isinstance(outcome, Busy), outcome
    return outcome.reason


def foreign(holding: object) -> str:
    """Insist that it is not ours, and return the reason."""
    assert isinstance(holding, Foreign), holding
    return holding.reason
