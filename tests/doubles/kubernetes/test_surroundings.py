"""What a client finds: discovery, health, files, a process, a library."""

import http.client
import importlib
import importlib.util
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import requires
from tests.doubles.certificates import Authority
from tests.doubles.kubernetes import KubernetesDouble
from tests.doubles.kubernetes.conftest import Client, coded, pull_secret

ROOT = Path(__file__).parents[3]
CLIENTS = 8
WRITES = 400


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_it_is_well(client: Client, path: str) -> None:
    """In plain text."""
    reply = client.get(path)
    assert (reply.content, reply.headers["Content-Type"]) == (b"ok", "text/plain; charset=utf-8")


def test_it_tells_its_version(client: Client) -> None:
    """As of 1.36."""
    body = client.get("/version").body
    assert (body["major"], body["minor"], body["gitVersion"]) == ("1", "36", "v1.36.0")


def test_it_tells_what_it_has(client: Client) -> None:
    """Every resource that is announced can be listed, unless it is only created."""
    assert client.get("/api").body["versions"] == ["v1"]
    groups = [group["name"] for group in client.get("/apis").body["groups"]]
    assert groups == ["events.k8s.io", "coordination.k8s.io", "authorization.k8s.io"]
    for base in ("/api/v1", *(f"/apis/{group}/v1" for group in groups)):
        listed = client.get(base).body
        assert listed["kind"] == "APIResourceList"
        assert base.endswith(listed["groupVersion"])
        for resource in listed["resources"]:
            if "list" in resource["verbs"]:
                answer = client.get(f"{base}/{resource['name']}").body
                assert answer["kind"] == f"{resource['kind']}List"
    assert client.get("/apis/coordination.k8s.io").body["preferredVersion"]["version"] == "v1"


def test_other_paths_are_not_found(client: Client) -> None:
    """In plain text."""
    assert (client.get("/nowhere").status, client.get("/nowhere").content) == (
        404,
        b"404 page not found\n",
    )


def test_a_kubeconfig_can_be_written(kube: KubernetesDouble, tmp_path: Path) -> None:
    """Only its owner reads it; it names the server, the token and a namespace."""
    path = kube.kubeconfig(tmp_path / "config", "token", namespace="shop")
    document = yaml.safe_load(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert document["clusters"][0]["cluster"] == {"server": kube.url}
    assert document["contexts"][0]["context"]["namespace"] == "shop"
    assert document["users"][0]["user"] == {"token": "token"}


def test_a_pod_finds_its_files(tmp_path: Path) -> None:
    """Links into a folder that is swapped as a whole (volume/util/atomic_writer.go)."""
    authority = Authority(tmp_path)
    with KubernetesDouble(authority) as kube:
        folder = tmp_path / "serviceaccount"
        mounted = kube.in_cluster(folder, "one", "shop")
        assert (folder / "token").read_text() == "one"
        assert (folder / "namespace").read_text() == "shop"
        assert (folder / "ca.crt").read_bytes() == authority.file.read_bytes()
        assert (folder / "token").readlink() == Path("..data/token")
        held = (folder / "token").open()
        mounted.rotate(token="two")
        mounted.rotate(ca=authority.file)
        assert ((folder / "token").read_text(), held.read()) == ("two", "one")
        held.close()


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    """For measurements: it tells where it is and how to get in."""
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "tests.doubles.kubernetes", "--ready-file", str(ready)]
    options = ["--namespaces", "3", "--seconds", "0.01", "--tls"]
    process = subprocess.Popen([*command, *options], cwd=ROOT)
    try:
        for _ in range(1000):
            if ready.exists():
                break
            time.sleep(0.02)
        told = json.loads(ready.read_text())
        assert told["url"].startswith("https://127.0.0.1:")
        cluster = yaml.safe_load(Path(told["kubeconfig"]).read_text())["clusters"][0]["cluster"]
        assert Path(cluster["certificate-authority"]).exists()
    finally:
        process.kill()
        process.wait()


def test_lightkube_gets_along_with_it(tmp_path: Path) -> None:
    """A client library that people use: list, create, replace, watch, over TLS."""
    requires("lightkube", available=importlib.util.find_spec("lightkube") is not None)
    lightkube = importlib.import_module("lightkube")
    core = importlib.import_module("lightkube.resources.core_v1")
    meta = importlib.import_module("lightkube.models.meta_v1")
    with KubernetesDouble(Authority(tmp_path)) as kube:
        kube.add_namespace("shop")
        config = lightkube.KubeConfig.from_file(kube.kubeconfig(tmp_path / "config", kube.admin()))
        with lightkube.Client(config=config, trust_env=False) as client:
            names = [one.metadata.name for one in client.list(core.Namespace, chunk_size=2)]
            assert "shop" in names
            made = core.Secret(metadata=meta.ObjectMeta(name="a", namespace="shop"), data={})
            made = client.create(made)
            made.data = coded(x="1")
            assert client.replace(made).data == coded(x="1")
            version = made.metadata.resourceVersion
            events = client.watch(core.Secret, namespace="*", resource_version=version)
            type_, body = next(iter(events))
            assert (type_, body.metadata.name) == ("MODIFIED", "a")


def _write(kube: KubernetesDouble, token: str, part: int, name: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", kube.port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    document: dict[str, Any] = pull_secret("a", json.dumps({"auths": {name: {"auth": "x" * 3600}}}))
    content = json.dumps(document)
    for number in range(part, WRITES, CLIENTS):
        path = f"/api/v1/namespaces/team-{number % 50}/secrets/a"
        connection.request("PUT", path, content, headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 200
    connection.close()


def test_it_is_quick(kube: KubernetesDouble, capsys: pytest.CaptureFixture[str]) -> None:
    """Writes of 5 KB over eight connections, client and server in one process; all are kept.

    The figure is printed; the floor only tells a broken server from a slow host.
    """
    for number in range(50):
        kube.add_namespace(f"team-{number}")
        kube.add_secret("a", f"team-{number}")
    token, best = kube.admin(), 0.0
    for round_ in range(3):
        before, begun = kube.revision, time.perf_counter()
        threads = [
            threading.Thread(target=_write, args=(kube, token, part, f"r{round_}-{part}.example"))
            for part in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        best = max(best, WRITES / (time.perf_counter() - begun))
        assert kube.revision > before
    assert kube.writes(verb="update") == 3 * WRITES
    with capsys.disabled():
        print(f"\nKubernetes double: {best:.0f} writes a second")  # noqa: T201 - a figure
    assert best > 200
