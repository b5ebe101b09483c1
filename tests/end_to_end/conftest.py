"""What the whole runs share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import requires
from tests.doubles.registry import Registry, Tunnel
from tests.end_to_end.host import ECR, GOOGLE, PRIVATE, Host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """Start the registry and the tunnel to it."""
    for command, package in (
        ("docker-registry", ""),
        ("skopeo", ""),
        ("htpasswd", "apache2-utils"),
    ):
        requires(command, package=package)
    home = tmp_path / "home"
    home.mkdir()
    with (
        Registry(tmp_path / "registry", ECR, GOOGLE, PRIVATE) as registry,
        Tunnel(registry.port) as tunnel,
    ):
        yield Host(home, registry, tunnel)
