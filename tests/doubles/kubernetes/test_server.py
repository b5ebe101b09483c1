"""The server: restarts, connections, TLS, what is kept of requests."""

import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.doubles.certificates import Authority
from tests.doubles.kubernetes import KubernetesDouble, faults, rule
from tests.doubles.kubernetes.conftest import SECRETS, Client, Connect, pull_secret

PATH = f"{SECRETS}/a"
NEW = b'{"auths":{"x":{}}}'


def change(client: Client) -> int:
    """Change the Secret, and return the status."""
    return client.put(PATH, pull_secret("a", NEW.decode())).status


@pytest.fixture(autouse=True)
def secret(kube: KubernetesDouble) -> Callable[[], bytes | None]:
    """Add a Secret, and return a function that returns what it holds."""
    kube.add_secret("a", "shop")

    def held() -> bytes | None:
        return (kube.secret("a", "shop") or {}).get(".dockerconfigjson")

    return held


def test_a_restart_keeps_the_state(
    kube: KubernetesDouble, client: Client, secret: Callable[[], bytes]
) -> None:
    """Meanwhile connections are refused; the address, the tokens and the objects stay."""
    change(client)
    before = kube.url
    for _ in range(3):
        with kube.down():
            client.close()
            with pytest.raises(ConnectionRefusedError):
                client.get(PATH)
        client.close()
        assert client.get(PATH).status == 200
    assert (kube.url, secret()) == (before, NEW)


def test_a_stop_lets_hanging_clients_go(kube: KubernetesDouble, client: Client) -> None:
    """Nobody waits for a server that is gone, and it may be stopped twice."""
    kube.fail(faults.hang())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.get, PATH)
        while not kube.asked():
            time.sleep(0.001)
        kube.stop()
        kube.stop()
        error = waiting.exception(5.0)
        assert isinstance(error, (ConnectionError, http.client.RemoteDisconnected))


def test_a_rolling_restart_cuts_connections(kube: KubernetesDouble, client: Client) -> None:
    """New ones are taken at once, and versions go on."""
    version = client.get(PATH).body["metadata"]["resourceVersion"]
    watch = client.watch("/api/v1/secrets", resourceVersion=version)
    kube.roll()
    assert watch.next()[0] in {"END", "BREAK"}
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        client.get(PATH)
    client.close()
    kube.add_secret("b", "shop")
    assert client.watch("/api/v1/secrets", resourceVersion=version).names(1) == [("ADDED", "b")]


def test_requests_are_kept(kube: KubernetesDouble, connect: Connect) -> None:
    """With who asked for what, sizes and status, and without bodies."""
    client = connect(kube.account("x", "tools", [rule(["list", "update"], ["secrets"])]))
    client.get("/api/v1/secrets", limit=7)
    body = pull_secret("a", NEW.decode())
    client.put(PATH, body)
    listed, put = kube.asked()
    assert (listed.verb, listed.path, listed.query) == ("list", "/api/v1/secrets", {"limit": "7"})
    assert (put.method, put.namespace, put.name, put.status) == ("PUT", "shop", "a", 200)
    assert (put.user, put.agent) == ("system:serviceaccount:tools:x", "tests/1.0")
    assert (put.size, put.media_type) == (len(json.dumps(body)), "application/json")
    assert put.sent > put.size
    assert kube.asked(verb="update", resource="secrets") == [put]


def test_writes_are_counted(kube: KubernetesDouble, client: Client) -> None:
    """The refused ones too; questions about rights are none; all can be forgotten."""
    client.get(PATH)
    change(client)
    client.post(SECRETS, pull_secret("A"))
    client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": {}})
    assert (kube.writes(), kube.writes(verb="create", resource="secrets")) == (2, 1)
    kube.forget()
    assert (kube.writes(), kube.asked()) == (0, [])


def _secure(kube: KubernetesDouble, authority: Authority) -> int:
    context = ssl.create_default_context(cafile=str(authority.file))
    connection = http.client.HTTPSConnection("127.0.0.1", kube.port, timeout=10, context=context)
    try:
        connection.request("GET", "/version")
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def test_it_speaks_tls(tmp_path: Path) -> None:
    """With a certificate of a private authority, over restarts, until it is renewed."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    old, new = Authority(tmp_path / "old"), Authority(tmp_path / "new")
    with KubernetesDouble(old) as kube:
        assert (kube.url, kube.ca) == (f"https://127.0.0.1:{kube.port}", old.file)
        for _ in range(2):
            assert _secure(kube, old) == 200
            with kube.down():
                pass
        kube.renew(new)
        assert (_secure(kube, new), kube.ca) == (200, new.file)
        with pytest.raises(ssl.SSLCertVerificationError):
            _secure(kube, old)


def test_bodies_may_come_in_chunks(kube: KubernetesDouble, client: Client) -> None:
    """HTTP/1.1 lets clients do so."""
    client.get(PATH)
    content = json.dumps(pull_secret("b")).encode()
    parts = iter([content[:20], content[20:]])
    headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
    client.connections[0].request("POST", SECRETS, parts, headers, encode_chunked=True)
    response = client.connections[0].getresponse()
    assert (response.status, len(response.read()) > 0) == (201, True)
    assert kube.get("secrets", "b", "shop") is not None


def test_a_client_may_ask_to_close(kube: KubernetesDouble) -> None:
    """By `Connection: close`; a line that is no request ends the connection, too."""
    for line in (b"GET /version HTTP/1.1\r\nConnection: close\r\n\r\n", b"nonsense\r\n"):
        with socket.create_connection(("127.0.0.1", kube.port), timeout=10) as connection:
            connection.sendall(line)
            while connection.recv(65536):
                pass


@contextlib.contextmanager
def _told(kube: KubernetesDouble) -> Iterator[None]:
    """Tell the server what the block raises, as socketserver does."""
    try:
        yield
    except Exception:
        kube._server.handle_error(None, ("127.0.0.1", 1))
        raise


@pytest.mark.parametrize(("error", "told"), [(OSError(), False), (TypeError(), True)])
def test_a_fault_of_the_double_is_told(
    kube: KubernetesDouble, capsys: pytest.CaptureFixture[str], error: Exception, *, told: bool
) -> None:
    """Connections break in silence, bugs do not."""
    with contextlib.suppress(Exception), _told(kube):
        raise error
    assert ("TypeError" in capsys.readouterr().err) is told
