"""Faults: what goes wrong, for which requests, how often."""

import http.client
import json
import time
from collections.abc import Callable

import pytest

from tests.doubles.kubernetes import Fault, KubernetesDouble, faults
from tests.doubles.kubernetes.conftest import SECRETS, Client, Connect, pull_secret

PATH = f"{SECRETS}/a"
NEW = b'{"auths":{"x":{}}}'


@pytest.fixture(autouse=True)
def secret(kube: KubernetesDouble) -> Callable[[], bytes | None]:
    """Add a Secret, and return a function that returns what it holds."""
    kube.add_secret("a", "shop")

    def held() -> bytes | None:
        return (kube.secret("a", "shop") or {}).get(".dockerconfigjson")

    return held


def change(client: Client) -> int:
    """Change the Secret, and return the status."""
    return client.put(PATH, pull_secret("a", NEW.decode())).status


@pytest.mark.parametrize(
    ("fault", "status", "reason", "after"),
    [
        (faults.status(409, "Conflict"), 409, "Conflict", None),
        (faults.internal_error(), 500, "InternalError", None),
        (faults.webhook_down("policy.example"), 500, "InternalError", None),
        (faults.unavailable(), 503, "ServiceUnavailable", None),
        (faults.throttled_status(3), 429, "TooManyRequests", "3"),
    ],
)
def test_an_error_comes_as_often_as_was_asked(
    kube: KubernetesDouble,
    client: Client,
    secret: Callable[[], bytes],
    *,
    fault: Fault,
    status: int,
    reason: str,
    after: str | None,
) -> None:
    """It is a Status, changes nothing, and then all is well."""
    kube.fail(fault, 2)
    for _ in range(2):
        reply = client.put(PATH, pull_secret("a", NEW.decode()))
        assert reply.refusal[:2] == (status, reason)
        assert reply.headers["Retry-After"] == after
        assert secret() != NEW
    assert change(client) == 200
    assert [asked.status for asked in kube.asked()] == [status, status, 200]


def test_throttling_is_said_in_plain_text(kube: KubernetesDouble, client: Client) -> None:
    """By Priority and Fairness: no Status, and Retry-After."""
    kube.fail(faults.throttled(7))
    reply = client.get(PATH)
    assert (reply.status, reply.headers["Retry-After"]) == (429, "7")
    assert reply.content == b"Too many requests, please try again later.\n"
    assert reply.headers["Content-Type"].startswith("text/plain")


def test_a_server_says_goodbye(kube: KubernetesDouble, client: Client) -> None:
    """429 with Retry-After 5, and the connection is closed."""
    kube.fail(faults.shutting_down())
    reply = client.get(PATH)
    assert (reply.status, reply.headers["Retry-After"], reply.headers["Connection"]) == (
        429,
        "5",
        "close",
    )
    assert client.connections[0].sock is None
    assert client.get(PATH).status == 200


@pytest.mark.parametrize(
    ("wanted", "hit"),
    [
        ({}, True),
        ({"method": "PUT"}, True),
        ({"verb": "update", "resource": "secrets"}, True),
        ({"verb": "get"}, False),
        ({"namespace": "shop", "name": "a"}, True),
        ({"namespace": "default"}, False),
        ({"user": "kubernetes-admin"}, True),
        ({"user": "ann"}, False),
    ],
)
def test_a_fault_is_for_what_it_names(
    kube: KubernetesDouble, client: Client, wanted: dict[str, str], *, hit: bool
) -> None:
    """The rest goes on; and it can be healed."""
    kube.fail(faults.unavailable(), None, **wanted)
    for _ in range(3):
        assert change(client) == (503 if hit else 200)
    kube.heal()
    assert change(client) == 200


@pytest.mark.parametrize("wanted", [{"kind": "secrets"}, {"path": "/"}])
def test_what_never_is_asked_is_told(kube: KubernetesDouble, wanted: dict[str, str]) -> None:
    """A slip in the name of a part ends the test, not its sense."""
    with pytest.raises(AssertionError):
        kube.fail(faults.unavailable(), 1, **wanted)
    with pytest.raises(AssertionError):
        kube.asked(**wanted)


def test_a_page_can_come_from_a_balancer(kube: KubernetesDouble, client: Client) -> None:
    """HTML in the place of JSON."""
    kube.fail(faults.page(502))
    reply = client.get(PATH)
    assert (reply.status, reply.headers["Content-Type"]) == (502, "text/html")


@pytest.mark.parametrize("fault", [faults.garbage(), faults.cut()], ids=["garbage", "cut"])
def test_json_can_be_broken(kube: KubernetesDouble, client: Client, fault: Fault) -> None:
    """With a good status and a whole body."""
    kube.fail(fault)
    reply = client.get(PATH)
    assert reply.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.content)


def test_an_answer_can_be_torn(kube: KubernetesDouble, client: Client) -> None:
    """The connection breaks in the middle, after the effect."""
    kube.fail(faults.torn())
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        client.get(PATH)
    client.close()
    assert client.get(PATH).status == 200


def test_an_answer_can_be_slow(kube: KubernetesDouble, client: Client) -> None:
    """It is good all the same, and others are served meanwhile."""
    kube.fail(faults.slow(0.1))
    begun = time.monotonic()
    assert change(client) == 200
    assert time.monotonic() - begun >= 0.1
    assert kube.asked()[-1].seconds >= 0.1


@pytest.mark.parametrize("applied", [False, True])
def test_a_connection_can_break(
    kube: KubernetesDouble, client: Client, secret: Callable[[], bytes], *, applied: bool
) -> None:
    """Before the request had an effect, or after."""
    kube.fail(faults.reset(applied=applied))
    with pytest.raises(ConnectionResetError):
        change(client)
    assert (secret() == NEW) is applied
    client.close()
    assert client.get(PATH).status == 200


@pytest.mark.parametrize("applied", [False, True])
def test_silence_may_hide_an_effect(
    kube: KubernetesDouble,
    client: Client,
    connect: Connect,
    secret: Callable[[], bytes],
    *,
    applied: bool,
) -> None:
    """As when the answer is lost on its way; others are served meanwhile."""
    kube.fail(faults.hang(applied=applied), verb="update")
    client.get(PATH)
    client.connections[0].sock.settimeout(0.1)
    with pytest.raises(TimeoutError):
        change(client)
    assert connect(kube.admin()).get(PATH).status == 200
    # The server may be slower than the client is patient.
    begun = time.monotonic()
    while applied and secret() != NEW and time.monotonic() - begun < 5:
        time.sleep(0.01)
    assert (secret() == NEW) is applied


def test_an_error_may_hide_an_effect(
    kube: KubernetesDouble, client: Client, secret: Callable[[], bytes]
) -> None:
    """A balancer that gives up does not stop the server behind it."""
    kube.fail(faults.status(504, "Timeout", applied=True))
    assert change(client) == 504
    assert secret() == NEW
