"""Servers that are slow, hang, break off or are not who they say; files that rotate."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from refresher.clock import SystemClock
from refresher.errors import PermanentError, RefresherError, RetryableError
from refresher.model.plan import Absent
from refresher.ports import Held, Tools
from refresher.sinks.kubernetes import KubernetesSink, Options
from refresher.sinks.kubernetes.talk import Timeouts
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock
from tests.doubles.certificates import Authority
from tests.doubles.kubernetes import KubernetesDouble
from tests.doubles.kubernetes.faults import Fault, hang, internal_error, refusal, slow
from tests.doubles.kubernetes.statuses import unauthorized
from tests.doubles.registry import Tunnel, free_port
from tests.sinks.kubernetes.cluster import Cluster, encoded
from tests.sinks.kubernetes.conftest import (
    QUAY,
    MakeSink,
    busy,
    changes,
    foreign,
    refused,
    sink,
    value,
    written,
)

QUICK = Timeouts(answer=0.3, write=0.6, read=0.8)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make a private authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def serving(
    authority: Authority, folder: Path, name: str = "127.0.0.1", **certificate: Any
) -> Iterator[tuple[KubernetesDouble, Path]]:
    """Serve a cluster over TLS, with a namespace `shop`, and write a kubeconfig."""
    with KubernetesDouble(authority) as kube:
        if certificate or name != "127.0.0.1":
            tls = authority.server(name, **certificate)
            kube._server.socket = tls.wrap_socket(
                socket.socket(fileno=kube._server.socket.detach()),
                server_side=True,
                do_handshake_on_connect=False,
            )
        kube.add_namespace("shop")
        yield kube, kube.kubeconfig(folder / "config", kube.admin(), namespace="shop")


def real(kubeconfig: Path, timeouts: Timeouts = QUICK, **options: Any) -> KubernetesSink:
    """Return a sink with the clock of this host."""
    made = Options.model_validate({"kubeconfig": str(kubeconfig), **options})
    return KubernetesSink(made, Tools(SystemClock(), MemoryStore()), timeouts)


def failure(made: KubernetesSink) -> RefresherError:
    """Insist that a read fails, and return how."""
    with pytest.raises(RefresherError) as caught:
        made.read([QUAY])
    return caught.value


# --- TLS ---------------------------------------------------------------------------


def test_the_cluster_s_own_authority_counts(authority: Authority, tmp_path: Path) -> None:
    """And no other one: the public ones could vouch for anybody."""
    with serving(authority, tmp_path) as (kube, config):
        made = sink({"kubeconfig": str(config), "namespaces": "sh*"}, FakeClock())
        assert made.read([QUAY]) == {"shop": {QUAY: Absent()}}
        written(made.write("shop", changes()))
        other = tmp_path / "other"
        other.mkdir()
        text = config.read_text().replace(str(kube.ca), str(Authority(other).file))
        config.write_text(text)
        reason = refused(made.write("shop", changes(secret="next")))
        assert "by an authority that is not known here" in reason
        assert f"certificate-authority in {config}" in reason
        assert "is another cluster's, or was renewed since" in reason


def test_the_usual_authorities_count_where_none_is_named(
    authority: Authority, tmp_path: Path
) -> None:
    """Those that a variable names, else the public ones."""
    with serving(authority, tmp_path) as (kube, config):
        config.write_text(config.read_text().replace(f"certificate-authority: {kube.ca}", "x: y"))
        options = {"kubeconfig": str(config), "namespaces": "sh*"}
        assert "by an authority that is not known here" in str(failure(sink(options, FakeClock())))
        made = sink(options, FakeClock(), SSL_CERT_FILE=str(authority.file))
        assert made.read([QUAY]) == {"shop": {QUAY: Absent()}}


def test_an_authority_need_not_be_a_root(authority: Authority, tmp_path: Path) -> None:
    """Clusters are given intermediate ones, or the server's own certificate; kubectl takes both."""
    with serving(authority, tmp_path) as (kube, config):
        pinned = tmp_path / "pinned.pem"
        pinned.write_text(ssl.get_server_certificate(("127.0.0.1", kube.port)))
        config.write_text(config.read_text().replace(str(kube.ca), str(pinned)))
        made = sink({"kubeconfig": str(config), "namespaces": "sh*"}, FakeClock())
        assert made.read([QUAY]) == {"shop": {QUAY: Absent()}}


def test_a_cluster_that_is_not_checked_is_loud(authority: Authority, tmp_path: Path) -> None:
    """It is used as the kubeconfig says, and told once."""
    told: list[str] = []
    with serving(authority, tmp_path) as (kube, config):
        text = config.read_text()
        config.write_text(
            text.replace(f"certificate-authority: {kube.ca}", "insecure-skip-tls-verify: true")
        )
        options = Options.model_validate({"kubeconfig": str(config)})
        made = KubernetesSink(options, Tools(FakeClock(), MemoryStore(), {}, told.append))
        for _ in range(2):
            assert made.read([QUAY]) == {"shop": {QUAY: Absent()}}
            config.touch()
    assert len(told) == 1
    assert "is not checked, as the kubeconfig says: whoever is on the way" in told[0]


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ({"days": -1}, "has ended"),
        ({"starts": 1, "days": 2}, "is not valid yet"),
        ({"name": "other.example"}, "is for another name"),
    ],
)
def test_a_wrong_certificate_is_told_apart(
    authority: Authority, tmp_path: Path, certificate: dict[str, Any], words: str
) -> None:
    """What is wrong decides who has to act; the token is not sent."""
    with serving(authority, tmp_path, **certificate) as (kube, config):
        made = sink({"kubeconfig": str(config)}, FakeClock())
        assert words in refused(made.read([QUAY])["shop"])
        assert kube.asked() == []


def test_a_certificate_may_have_a_name_of_its_own(authority: Authority, tmp_path: Path) -> None:
    """Through a tunnel the host is another one's."""
    with serving(authority, tmp_path, "kubernetes.example") as (_, config):
        text = config.read_text()
        config.write_text(
            text.replace("    server:", "    tls-server-name: kubernetes.example\n    server:")
        )
        made = sink({"kubeconfig": str(config)}, FakeClock())
        assert made.read([QUAY]) == {"shop": {QUAY: Absent()}}


def test_a_server_that_speaks_no_tls_is_told(
    kube: KubernetesDouble, authority: Authority, tmp_path: Path
) -> None:
    """The wrong scheme."""
    with _answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as port:
        config = kube.kubeconfig(tmp_path / "config", kube.admin())
        text = config.read_text().replace(
            f"http://127.0.0.1:{kube.port}", f"https://127.0.0.1:{port}"
        )
        config.write_text(text)
        made = sink({"kubeconfig": str(config)}, FakeClock(), SSL_CERT_FILE=str(authority.file))
        assert "TLS with" in busy(made.read([QUAY])["default"])


# --- in the cluster ----------------------------------------------------------------


class Pod:
    """A pod with a service account, whose files rotate."""

    def __init__(self, kube: KubernetesDouble, folder: Path) -> None:
        kube.add_namespace("tools")
        self.kube = kube
        self.mounted = kube.in_cluster(folder / "account", kube.admin(), "tools")
        self.env = {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(kube.port),
        }

    def sink(self, env: dict[str, str] | None = None, **options: Any) -> KubernetesSink:
        """Return a sink in the pod."""
        tools = Tools(FakeClock(), MemoryStore(), {**self.env, **(env or {})})
        made = Options.model_validate(options)
        return KubernetesSink(made, tools, mounted=self.mounted.folder)


@pytest.fixture
def pod(authority: Authority, tmp_path: Path) -> Iterator[Pod]:
    """Run in a cluster."""
    with KubernetesDouble(authority) as kube:
        yield Pod(kube, tmp_path)


def test_a_pod_supplies_its_own_namespace(pod: Pod) -> None:
    """As its account says, or the variable that people set by the downward API."""
    assert pod.sink().read([QUAY]) == {"tools": {QUAY: Absent()}}
    pod.kube.add_namespace("shop")
    made = pod.sink({"POD_NAMESPACE": "shop"})
    assert made.read([QUAY]) == {"shop": {QUAY: Absent()}}
    written(made.write("shop", changes()))
    assert (made.server, pod.sink().occupies()) == (
        "https://127.0.0.1",
        "kubernetes https://127.0.0.1 the own namespace refresher",
    )


def test_no_proxy_leads_to_the_own_cluster(pod: Pod) -> None:
    """Whatever the environment says."""
    proxy = f"http://127.0.0.1:{free_port()}"
    made = pod.sink({"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy, "NO_PROXY": ""})
    assert made.read([QUAY]) == {"tools": {QUAY: Absent()}}


def test_a_namespace_that_is_not_known_is_asked_for(pod: Pod) -> None:
    """Only where it is needed."""
    (pod.mounted.folder / "namespace").unlink()
    made = pod.sink()
    for attempt in (lambda: made.read([QUAY]), made.validate):
        with pytest.raises(PermanentError, match="own namespace is not known") as caught:
            attempt()
        assert "POD_NAMESPACE" in caught.value.hint
    assert "own namespace is not known" in refused(made.write("tools", changes()))
    assert made.advise([QUAY]) == ()
    assert pod.sink(namespaces="tools").read([QUAY]) == {"tools": {QUAY: Absent()}}


def test_a_token_that_rotates_is_used_at_once(pod: Pod) -> None:
    """Without a call that is refused."""
    made = pod.sink()
    made.read([QUAY])
    old = (pod.mounted.folder / "token").read_text()
    pod.mounted.rotate(token=pod.kube.admin())
    pod.kube.revoke(old)
    pod.kube.forget()
    written(made.write("tools", changes()))
    assert [each.status for each in pod.kube.asked()] == [201]


def test_a_token_that_is_refused_is_read_once_more(pod: Pod) -> None:
    """The server may have erred. If it did not, a person has to act."""
    made = pod.sink()
    made.read([QUAY])
    pod.kube.fail(_unauthorized())
    written(made.write("tools", changes()))
    pod.kube.revoke((pod.mounted.folder / "token").read_text())
    pod.kube.forget()
    reason = refused(made.write("tools", changes(secret="next")))
    token = pod.mounted.folder / "token"
    assert f"does not take the service account's token {token}: it may have ended" in reason
    assert len(pod.kube.asked()) == 2
    token.unlink()
    assert "does not exist" in refused(made.write("tools", changes(secret="next")))


def _unauthorized() -> Fault:
    return refusal(unauthorized())


def test_an_authority_that_rotates_is_used_at_once(pod: Pod, tmp_path: Path) -> None:
    """New connections are checked by it; those that are open are not asked again."""
    made = pod.sink()
    made.read([QUAY])
    folder = tmp_path / "renewed"
    folder.mkdir()
    renewed = Authority(folder, "renewed")
    pod.kube.renew(renewed)
    assert "not known here" in refused(made.read([QUAY])["tools"])
    pod.mounted.rotate(ca=renewed.file)
    assert made.read([QUAY]) == {"tools": {QUAY: Absent()}}
    (folder / "none").write_text("nothing")
    pod.mounted.rotate(ca=folder / "none")
    reason = refused(made.write("tools", changes()))
    assert "holds no certificate authorities that can be read" in reason


# --- time --------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["list", "create"])
def test_a_server_that_hangs_costs_a_bounded_time(
    cluster: Cluster, kube: KubernetesDouble, verb: str
) -> None:
    """A call has a limit, and so have all of them together; what was not kept is told."""
    namespace = cluster.add()
    kube.fail(hang(), None, verb=verb)
    made = real(cluster.kubeconfig, namespaces=namespace)
    begun = time.monotonic()
    if verb == "list":
        assert "did not answer in time" in busy(made.read([QUAY])[namespace])
    else:
        assert "did not answer in time" in busy(made.write(namespace, changes()))
    assert time.monotonic() - begun < 2
    assert cluster.secret(namespace) is None


def test_those_that_hang_hide_no_other(cluster: Cluster, kube: KubernetesDouble) -> None:
    """Those that no time is left for are told."""
    names = [cluster.add(f"n-{number}") for number in range(10)]
    for name in names[2:]:
        kube.fail(hang(), None, namespace=name)
    begun = time.monotonic()
    held = real(cluster.kubeconfig, namespaces=names, concurrency=2).read([QUAY])
    assert time.monotonic() - begun < 3
    assert [held[name] for name in names[:2]] == [{QUAY: Absent()}] * 2
    assert "did not answer in time" in busy(held[names[2]])
    assert "others took all the time" in busy(held[names[9]])


def test_a_server_that_drips_costs_a_bounded_time(tmp_path: Path, kube: KubernetesDouble) -> None:
    """Each byte comes in time, and the answer never."""
    with _dripping() as port:
        config = kube.kubeconfig(tmp_path / "config", "token")
        config.write_text(config.read_text().replace(f":{kube.port}", f":{port}"))
        begun = time.monotonic()
        held: Held = real(config).read([QUAY])
        assert "did not answer in time" in busy(held["default"])
        assert time.monotonic() - begun < 3


@contextmanager
def _dripping() -> Iterator[int]:
    stop = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
            while not stop.wait(0.1):
                connection.sendall(b" ")

    def serve() -> None:
        try:
            drip()
        except OSError:
            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        stop.set()
        server.close()
        thread.join(5)


def test_what_is_slow_and_in_time_is_good(cluster: Cluster, kube: KubernetesDouble) -> None:
    """No limit is so tight that a busy server fails it."""
    namespace = cluster.add()
    kube.fail(slow(0.2), None)
    written(real(cluster.kubeconfig, Timeouts(), namespaces=namespace).write(namespace, changes()))


# --- servers that come and go ------------------------------------------------------


def test_connections_stay_open(cluster: Cluster, kube: KubernetesDouble, make: MakeSink) -> None:
    """One after the other needs one."""
    namespace = cluster.add()
    made = make()
    opened = len(kube._server._open)
    for secret in "abc":
        made.read([QUAY])
        written(made.write(namespace, changes(secret=secret)))
    assert len(kube._server._open) <= opened + 1


def test_a_server_that_restarts_is_not_noticed(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """Connections that it closed are opened anew, at once."""
    namespace = cluster.add()
    made = make()
    for secret in "abc":
        made.read([QUAY])
        kube.roll()
        written(made.write(namespace, changes(secret=secret)))
        kube.roll()


def test_a_server_that_is_away_is_told(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """And used again when it is back."""
    namespace = cluster.add()
    made = make()
    written(made.write(namespace, changes(secret="old")))
    with kube.down():
        assert "it refuses connections" in busy(made.write(namespace, changes()))
        with pytest.raises(RetryableError, match="it refuses connections"):
            made.read([QUAY])
    assert made.read([QUAY]) == {namespace: {QUAY: value("old")}}
    written(made.write(namespace, changes()))


def test_many_threads_share_the_connections(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """Each namespace is written once, whoever does it."""
    names = [cluster.add(f"n-{number}") for number in range(24)]
    made = make()
    made.read([QUAY])
    opened = len(kube._server._open)
    threads = [
        threading.Thread(
            target=lambda part=part: [made.write(each, changes()) for each in names[part::8]]
        )
        for part in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.read([QUAY]) == {each: {QUAY: value()} for each in names}
    assert kube.writes(resource="secrets") == 24
    assert len(kube._server._open) <= opened + 8


def test_a_server_that_fails_for_a_while_is_used_again(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """Nothing of the fault stays."""
    namespace = cluster.add()
    made = make()
    kube.fail(internal_error(), 5)
    for _ in range(2):
        with pytest.raises(RetryableError):
            made.read([QUAY])
    for _ in range(3):
        busy(made.write(namespace, changes()))
    written(made.write(namespace, changes()))


def test_an_answer_that_is_too_large_is_not_kept(kube: KubernetesDouble, make: MakeSink) -> None:
    """Whatever sends it; less is asked for before it is given up."""
    made = make()
    made._access.way().pool._limit = 10
    with pytest.raises(RetryableError, match="answers with more than"):
        made.read([QUAY])
    assert [each.query["limit"] for each in kube.asked()] == ["500", "25", "1"]


def test_large_secrets_of_others_hide_nobody(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """They come in smaller pages; none is read twice, and none is left out."""
    own = cluster.add("own")
    crowd = [f"{cluster.prefix}-{number:02}" for number in range(60)]
    for each in crowd:
        kube.add_namespace(each)
        cluster.add_secret(each, type="Opaque", data={"x": encoded("x" * 3_000)})
    made = make()
    made._access.way().pool._limit = 200_000
    held = made.read([QUAY])
    assert held[own] == {QUAY: Absent()}
    assert all("its type is Opaque" in foreign(held[each][QUAY]) for each in crowd)  # type: ignore[index]
    limits = [each.query["limit"] for each in kube.asked(resource="secrets", verb="list")]
    assert limits == ["500", "25", "25", "25"]
    written(made.write(own, changes()))


# --- proxies -----------------------------------------------------------------------


def test_a_proxy_is_used_for_a_cluster_elsewhere(authority: Authority, tmp_path: Path) -> None:
    """As the environment says; one that is away is told without its password."""
    with (
        serving(authority, tmp_path, "kubernetes.example") as (kube, config),
        Tunnel(kube.port) as tunnel,
    ):
        text = config.read_text().replace(f"127.0.0.1:{kube.port}", "kubernetes.example")
        config.write_text(text)
        options = {"kubeconfig": str(config)}
        made = sink(options, FakeClock(), HTTPS_PROXY=tunnel.url)
        assert made.read([QUAY]) == {"shop": {QUAY: Absent()}}
        written(made.write("shop", changes()))
        away = sink(options, FakeClock(), HTTPS_PROXY=f"http://u:canary@127.0.0.1:{free_port()}")
        reason = busy(away.read([QUAY])["shop"])
        assert "refuses connections" in reason
        assert "canary" not in reason


def test_a_proxy_that_refuses_is_told(tmp_path: Path, kube: KubernetesDouble) -> None:
    """By its status."""
    with _answering(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n") as port:
        config = kube.kubeconfig(tmp_path / "config", "token")
        text = config.read_text().replace(f"http://127.0.0.1:{kube.port}", "https://a.example")
        config.write_text(text)
        authority, proxy = str(Authority(tmp_path).file), f"http://127.0.0.1:{port}"
        given = {"kubeconfig": str(config)}
        made = sink(given, FakeClock(), HTTPS_PROXY=proxy, SSL_CERT_FILE=authority)
        reason = busy(made.read([QUAY])["default"])
    assert "the proxy for a.example:443 refuses (status 403): check HTTPS_PROXY" in reason


@contextmanager
def _answering(answer: bytes) -> Iterator[int]:
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    server.close()
    thread.join(5)
