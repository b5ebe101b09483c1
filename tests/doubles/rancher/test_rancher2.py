"""Rancher 2 in the place of Rancher 1."""

import pytest

from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.conftest import Connect


@pytest.fixture(autouse=True)
def newer(rancher: RancherDouble) -> None:
    """Turn the server into a Rancher 2."""
    rancher.rules.rancher2 = True


@pytest.mark.parametrize("path", ["/v3", "/v3/projects", "/v1"])
def test_its_apis_want_a_token(connect: Connect, path: str) -> None:
    """The refusal is Norman's: the status is text, and there is no code."""
    answer = connect(None, path).get()
    assert answer.status_code == 401
    assert answer.json() == {"type": "error", "status": "401", "message": "must authenticate"}


def test_its_api_is_v3(connect: Connect) -> None:
    """A bare host and /v3 tell the group of their API."""
    root = connect(None, "/").get().json()
    assert root["data"][0]["apiVersion"]["group"] == "management.cattle.io"
    assert connect(("token-abc", "secret"), "/v3").get().json() == root["data"][0]


def test_it_has_no_v2_beta(connect: Connect) -> None:
    """What Rancher 1 had is not found, and not in JSON."""
    answer = connect(("token-abc", "secret"), "/v2-beta/registries").get()
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


def test_ping_is_the_same(connect: Connect) -> None:
    """A health check tells no versions apart."""
    assert connect(None, "/ping").get().text == "pong"
