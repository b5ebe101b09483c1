"""What the tests share: a server, an environment, and sinks with a pair of keys."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from refresher.model.credential import NEVER, Credential, Secret
from refresher.ports import Busy, Change, Outcome, Refused, Tools, Written
from refresher.sinks.rancher import Options, RancherSink, build
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock
from tests.doubles.rancher import Key, RancherDouble

QUAY = "quay.io"
SECRET = "new-secret"

MakeSink = Callable[..., RancherSink]
"""Makes a sink with the keys of an environment, unless `key` gives others; the rest are options."""


@pytest.fixture
def clock() -> FakeClock:
    """Make a clock to push, which the server and the sinks share."""
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
def make(rancher: RancherDouble, project: str, clock: FakeClock) -> MakeSink:
    """Return a function that makes a sink."""

    def make(key: Key | None = None, **options: Any) -> RancherSink:
        pair = key or rancher.environment_key(project)
        return sink({"url": rancher.url, **options}, pair.pair, clock)

    return make


def sink(
    options: dict[str, Any], pair: tuple[str, str], clock: FakeClock, **env: str
) -> RancherSink:
    """Return a sink as the settings would build it, with keys from the environment."""
    names = {"access_key_env": "ACCESS", "secret_key_env": "SECRET"}
    made = Options.model_validate({**names, **options})
    variables = {"ACCESS": pair[0], "SECRET": pair[1], **env}
    return build(made, Tools(clock, MemoryStore(), variables))


def credential(
    secret: str = SECRET, *registries: str, username: str = "AWS", email: str | None = None
) -> Credential:
    """Return a credential that never ends, for quay.io unless others are named."""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    return Credential(
        registries or (QUAY,),
        username,
        Secret(secret),
        email=email,
        issued_at=now,
        expires_at=NEVER,
    )


def changes(*registries: str, secret: str = SECRET, username: str = "AWS") -> list[Change]:
    """Return one change for each registry, for quay.io unless others are named."""
    made = credential(secret, *registries, username=username)
    return [Change(registry, made) for registry in made.registries]


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


def stored(rancher: RancherDouble, credential_id: str) -> tuple[str, str]:
    """Return the user name and the secret that the server keeps."""
    fields = rancher.credential(credential_id).fields
    return fields.get("publicValue") or "", fields.get("secretValue") or ""
