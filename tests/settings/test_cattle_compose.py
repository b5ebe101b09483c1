"""The compose files for Rancher, by their words; tests/end_to_end/test_drop_in.py runs them."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from refresher.model import listen
from refresher.settings import for_cattle

ROOT: Final = Path(__file__).parents[2]
SERVER: Final = {
    "CATTLE_URL": "https://rancher.example/v1",
    "CATTLE_ACCESS_KEY": "access",
    "CATTLE_SECRET_KEY": "secret",
}
# https://rancher.com/docs/rancher/v1.6/en/cattle/health-checks/ and .../cattle/rancher-compose/
DOCUMENTED: Final = {
    "docker-compose.yml": {"command", "environment", "image", "labels"},
    "rancher-compose.yml": {"health_check", "scale", "start_on_create"},
}
CHECKS: Final = {
    "healthy_threshold",
    "initializing_timeout",
    "interval",
    "port",
    "reinitializing_timeout",
    "request_line",
    "response_timeout",
    "strategy",
    "unhealthy_threshold",
}


def document(name: str) -> Any:
    """Return a compose file."""
    return yaml.safe_load((ROOT / "config" / "rancher" / name).read_text())


def service(name: str) -> Any:
    """Return its one service."""
    (found,) = document(name)["services"].values()
    return found


@pytest.mark.parametrize("name", DOCUMENTED)
def test_only_documented_keys_are_used(name: str) -> None:
    """Rancher ignores others without a word."""
    assert document(name).keys() == {"version", "services"}
    assert document(name)["version"] == "2"
    assert service(name).keys() <= DOCUMENTED[name]
    assert service(name).get("health_check", {}).keys() <= CHECKS


def test_both_files_are_about_one_service() -> None:
    """Rancher puts them together by its name."""
    names = [tuple(document(name)["services"]) for name in DOCUMENTED]
    assert names[0] == names[1]


def test_rancher_gives_it_keys_to_the_environment() -> None:
    """By two labels whose values are text, as YAML's `true` is none."""
    assert service("docker-compose.yml")["labels"] == {
        "io.rancher.container.create_agent": "true",
        "io.rancher.container.agent.role": "environment",
    }


def test_its_variables_reach_the_settings() -> None:
    """Each one has an effect under its name, and hands on the variable of the same name."""
    given = {
        "AWS_REGION": "eu-west-1",
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/puller",
        "AWS_ECR_REGISTRY_IDS": "123456789012",
        "AUTO_CREATE": "true",
        "LOG_LEVEL": "DEBUG",
    }
    variables = service("docker-compose.yml")["environment"]
    assert variables == {name: f"${{{name}}}" for name in variables}
    assert variables.keys() == given.keys() | {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    settings = for_cattle({**SERVER, **given})
    provider: Any = settings.providers["ecr"].options
    sink: Any = settings.sinks["rancher"].options
    assert provider.registries == ("123456789012.dkr.ecr.eu-west-1.amazonaws.com",)
    assert (provider.role_arn, sink.create) == (given["AWS_ROLE_ARN"], True)
    assert settings.log_level == "debug"


def test_the_health_check_asks_where_the_image_listens() -> None:
    """Which is where the updater listened."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    image = re.search(rf"{listen.VARIABLE}=(\S+)", dockerfile)
    own = for_cattle({**SERVER, "AWS_REGION": "us-west-2"}).listen
    assert image is not None
    ports = {listen.parse(text).port for text in (image[1], own or "")}  # type: ignore[union-attr]
    assert ports == {service("rancher-compose.yml")["health_check"]["port"]}
