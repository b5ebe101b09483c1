"""Where the cluster is and who we are there: kubeconfigs, plug-ins, pods, proxies."""

import base64
import json
import os
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from refresher.errors import PermanentError, RetryableError
from refresher.model.credential import Secret
from refresher.net.direct import Proxy
from refresher.net.url import parse
from refresher.ports import Tools
from refresher.sinks.kubernetes import Options, build
from refresher.sinks.kubernetes.access import Access
from refresher.sinks.kubernetes.cluster import Cluster
from refresher.sinks.kubernetes.identity import Fixed, TokenFile
from refresher.sinks.kubernetes.kubeconfig import Kubeconfig
from refresher.sinks.kubernetes.plugin import Plugin
from refresher.sinks.kubernetes.proxies import proxy_for
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock
from tests.doubles.certificates import Authority
from tests.sinks.kubernetes.conftest import ISSUED

Write = Callable[..., Path]


def document(
    user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None, name: str = "one"
) -> dict[str, Any]:
    """Return a kubeconfig with one context."""
    return {
        "current-context": name,
        "clusters": [
            {"name": name, "cluster": {"server": f"https://{name}.example", **(cluster or {})}}
        ],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name, "namespace": "shop"}}
        ],
        "users": [{"name": name, "user": {"token": "a-token"} if user is None else user}],
    }


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a kubeconfig."""

    def write(content: object, name: str = "config") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write


def cluster(*paths: Path, context: str = "", **env: str) -> Cluster:
    """Return the cluster of a kubeconfig."""
    return Kubeconfig(paths, context).cluster(env, FakeClock())


def header(found: Cluster) -> str | None:
    """Return what presents us."""
    made = found.identity.authorization()
    return None if made is None else made.reveal()


def access(env: dict[str, str], mounted: Path = Path("/none"), **given: Any) -> Access:
    """Return the access of a sink."""
    tools = Tools(FakeClock(), MemoryStore(), env)
    return Access(Options.model_validate(given), tools, mounted, kept=1)


# --- kubeconfigs -------------------------------------------------------------------


def test_the_current_context_counts(write: Write) -> None:
    """With its cluster, user and namespace."""
    path = write(document())
    found = cluster(path)
    assert (str(found.server), found.namespace) == ("https://one.example/", "shop")
    assert (header(found), list(found.files)) == ("Bearer a-token", [path])
    assert "a-token" not in repr(found)


def test_another_context_may_be_named(write: Write) -> None:
    """One without a namespace is in `default`."""
    both = document()
    other = document(name="two")
    del other["contexts"][0]["context"]["namespace"]
    for each in ("clusters", "contexts", "users"):
        both[each] += other[each]
    found = cluster(write(both), context="two")
    assert (found.host, found.namespace) == ("two.example", "default")


def test_several_files_are_one(write: Write) -> None:
    """Of what has the same name the first counts; paths start at the file that holds them."""
    first = document({"tokenFile": "token"}, {"certificate-authority": "ca.crt"})
    second = {
        **document(name="two"),
        "clusters": [*document()["clusters"], *document(name="two")["clusters"]],
    }
    one, two = write(first, "a/config"), write(second, "b/config")
    (one.parent / "token").write_text("in-a-file\n")
    found = cluster(one, two)
    assert (found.host, header(found)) == ("one.example", "Bearer in-a-file")
    assert found.authorities is not None
    assert found.authorities.file == one.parent / "ca.crt"
    assert list(found.files) == [one, two, one.parent / "ca.crt"]
    assert cluster(one, two, context="two").host == "two.example"
    assert cluster(two, one).host == "two.example"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is no YAML object"),
        ("[canary]", "is no YAML object"),
        ("a: [canary", "is no YAML object"),
        ("a: *canary", "is no YAML object"),
        ({}, "has no current context"),
        ({"current-context": "x"}, "has no context x with a cluster and a user"),
        ({**document(), "clusters": []}, "has no context one with a cluster"),
        ({**document(), "users": []}, "has no context one with a cluster and a user"),
        ({**document(), "users": "canary"}, "has no context one"),
        ({**document(), "users": ["canary"]}, "has no context one"),
        ({**document(), "users": [{"name": "one", "user": "canary"}]}, "has no context one"),
        (
            {**document(), "users": [{"name": "one", "user": {"token": ["canary"]}}]},
            "has no context",
        ),
        (document({"auth-provider": {"name": "canary"}}), "has an auth-provider"),
        (document({"exec": {"apiVersion": "v5", "command": "x"}}), "plug-in x is not of client."),
        (
            document({"token": "canary\r\nX-Header: y"}),
            "the token of the user one in .* is no token",
        ),
        (document({"token": "canary \N{SNOWMAN}"}), "is no token"),
        (document(cluster={"server": "u:canary@x"}), "the server in .* is no URL"),
        (document(cluster={"certificate-authority-data": "canary!"}), r"\(-data\) is no base64"),
        (
            document({"client-certificate-data": "canary!", "client-key": "x"}),
            r"client-certificate in .* \(-data\) is no base64",
        ),
    ],
    ids=lambda value: str(value)[-60:],
)
def test_what_can_not_be_used_is_said(write: Write, content: object, words: str) -> None:
    """By the file and its names, and nothing else of it."""
    with pytest.raises(PermanentError, match=words) as caught:
        cluster(write(content))
    assert "canary" not in str(caught.value) + caught.value.hint
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_context_that_is_not_there_is_said(write: Write, tmp_path: Path) -> None:
    """And a file that is not."""
    with pytest.raises(PermanentError, match="has no context other"):
        cluster(write(document()), context="other")
    with pytest.raises(PermanentError, match="missing can't be read"):
        cluster(tmp_path / "missing")


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({}, None),
        ({"token": "t"}, "Bearer t"),
        ({"username": "ann", "password": "p"}, "Basic " + base64.b64encode(b"ann:p").decode()),
    ],
    ids=str,
)
def test_users_present_themselves(write: Write, user: dict[str, str], expected: str | None) -> None:
    """By a token, a login, or not at all."""
    assert header(cluster(write(document(user)))) == expected


def test_a_context_may_have_no_user(write: Write) -> None:
    """`kubectl proxy` asks for none."""
    made = document()
    del made["contexts"][0]["context"]["user"]
    found = cluster(write(made))
    assert header(found) is None
    assert "which names no user" in found.identity.source


def test_a_cluster_may_be_below_a_path(write: Write) -> None:
    """Rancher serves clusters so."""
    found = cluster(
        write(document(cluster={"server": "https://rancher.example/k8s/clusters/c-1/"}))
    )
    assert (found.host, found.base) == ("rancher.example", "/k8s/clusters/c-1")


def test_a_client_certificate_is_presented(write: Write, tmp_path: Path) -> None:
    """From files or from the document itself; then no file of it stays."""
    authority = Authority(tmp_path)
    pem = authority.issue("client")
    data = base64.b64encode(pem.read_bytes()).decode()
    ca = base64.b64encode(authority.file.read_bytes()).decode()
    before = set(Path(os.environ.get("TMPDIR", "/tmp")).glob("refresher-*"))  # noqa: S108 - looked at
    for user in (
        {"client-certificate": str(pem), "client-key": str(pem)},
        {"client-certificate-data": data, "client-key-data": data},
    ):
        found = cluster(write(document(user, {"certificate-authority-data": ca})))
        peer = found.peer({})
        assert peer.tls is not None
        assert peer.tls.get_ca_certs()
        assert data not in repr(found)
    assert set(Path(os.environ.get("TMPDIR", "/tmp")).glob("refresher-*")) == before  # noqa: S108
    broken = base64.b64encode(b"nothing").decode()
    found = cluster(write(document({"client-certificate-data": broken, "client-key-data": broken})))
    with pytest.raises(PermanentError, match="hold no certificate with its key"):
        found.peer({"SSL_CERT_FILE": str(authority.file)})


def test_a_key_with_a_password_is_refused(write: Write, tmp_path: Path) -> None:
    """Nobody is there to type it."""
    key = ec.generate_private_key(ec.SECP256R1())
    sealed = tmp_path / "sealed.pem"
    encryption = serialization.BestAvailableEncryption(b"password")
    sealed.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    authority = Authority(tmp_path)
    user = {"client-certificate": str(authority.issue("client")), "client-key": str(sealed)}
    ca = {"certificate-authority": str(authority.file)}
    with pytest.raises(PermanentError, match="the key must not need a password"):
        _insist(cluster(write(document(user, ca))))


def _insist(found: Cluster) -> None:
    try:
        found.peer({})
    except PermanentError as error:
        raise PermanentError(error.hint) from None


def test_a_certificate_without_its_key_is_none(write: Write) -> None:
    """As without both."""
    assert cluster(write(document({"client-certificate": "x"}))).client is None


# --- which kubeconfig, and pods ----------------------------------------------------


def test_a_kubeconfig_is_found_as_kubectl_does(write: Write, tmp_path: Path) -> None:
    """By the setting, by KUBECONFIG, in the home; files that are not there are passed over."""
    usual = write(document(name="home"), ".kube/config")
    other = write(document(name="other"), "other")
    home = {"HOME": str(tmp_path)}
    assert access(home).way().cluster.host == "home.example"
    listed = {**home, "KUBECONFIG": f"{tmp_path}/none::{other}"}
    assert access(listed).way().cluster.host == "other.example"
    assert access(listed, kubeconfig=str(usual)).way().cluster.host == "home.example"
    assert access(home, context="home").way().cluster.host == "home.example"
    for env in ({}, {"HOME": "/none"}, {"KUBECONFIG": "/none"}):
        with pytest.raises(PermanentError, match="no cluster is known") as caught:
            access(env).way()
        assert "KUBECONFIG" in caught.value.hint


def test_a_pod_is_known_by_its_account(write: Write, tmp_path: Path) -> None:
    """Unless the settings name something else."""
    mounted = tmp_path / "account"
    mounted.mkdir()
    (mounted / "token").write_text("t")
    (mounted / "ca.crt").write_bytes(Authority(tmp_path).file.read_bytes())
    config = write(document())
    env = {"KUBERNETES_SERVICE_HOST": "::1", "KUBECONFIG": str(config)}
    inside = access(env, mounted)
    assert inside.way().cluster.host == "[::1]"
    assert (
        str(access({**env, "KUBERNETES_SERVICE_PORT": "6443"}, mounted).way().cluster.server)
        == "https://[::1]:6443/"
    )
    assert access(env, mounted, kubeconfig=str(config)).way().cluster.host == "one.example"
    assert access(env, mounted, context="one").way().cluster.host == "one.example"
    assert access({"KUBECONFIG": str(config)}, mounted).way().cluster.host == "one.example"
    (mounted / "token").unlink()
    assert access(env, mounted).way().cluster.host == "one.example"


def test_the_way_is_kept_until_its_description_changes(write: Write) -> None:
    """With its connections."""
    config = write(document())
    made = access({"KUBECONFIG": str(config)})
    assert made.way() is made.way()
    first = made.way()
    write(document({"token": "another"}))
    assert made.way() is not first
    assert header(made.way().cluster) == "Bearer another"


def test_a_cluster_in_clear_text_is_told_once(write: Write) -> None:
    """On this host and in private networks it is nobody else's affair."""
    told: list[str] = []
    for server in ("http://127.0.0.1:8001", "http://cluster.example:8080"):
        config = write(document(cluster={"server": server}))
        tools = Tools(FakeClock(), MemoryStore(), {}, told.append)
        made = Access(Options.model_validate({"kubeconfig": str(config)}), tools, kept=1)
        made.way()
        os.utime(config, (1, 1))
        made.way()
    (sentence,) = told
    assert sentence.startswith("cluster.example:8080 is asked without TLS")


def test_it_is_validated_without_asking_anybody(write: Write, tmp_path: Path) -> None:
    """Files that can't be read are found; no server is there."""
    config = write(
        document({"tokenFile": str(tmp_path / "token")}, {"server": "http://127.0.0.1:1"})
    )
    tools = Tools(FakeClock(), MemoryStore())
    made = build(Options.model_validate({"kubeconfig": str(config)}), tools)
    with pytest.raises(PermanentError, match=r"tokenFile of the user one in .*does not exist"):
        made.validate()
    (tmp_path / "token").write_text("t")
    made.validate()
    config.unlink()
    with pytest.raises(PermanentError, match="can't be read"):
        made.validate()


def test_without_the_extra_it_is_said_what_to_install(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pod it is not needed."""
    monkeypatch.setitem(sys.modules, "lightkube.config.kubeconfig", None)
    with pytest.raises(PermanentError, match="the package lightkube is missing") as caught:
        cluster(write(document()))
    assert caught.value.hint == "pip install 'refresher[kubernetes]'"


# --- identities --------------------------------------------------------------------


def test_a_token_file_is_read_when_it_changes(tmp_path: Path) -> None:
    """Or when its token was refused: clocks of file systems are coarse."""
    file = tmp_path / "token"
    file.write_text("a")
    made = TokenFile(file, "token")
    first = made.authorization()
    assert first.reveal() == "Bearer a"
    kept = file.stat()
    file.write_text("b")
    os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert made.authorization() is first
    assert made.authorization(first).reveal() == "Bearer b"
    file.write_text("longer")
    assert made.authorization().reveal() == "Bearer longer"


def test_what_is_fixed_stays() -> None:
    """Also when it is refused."""
    made = Fixed("x", Secret("a"))
    assert made.authorization(Secret("a")) == Secret("a")


# --- plug-ins ----------------------------------------------------------------------

PROGRAM = """#!{python}
import json, os, sys, time
assert json.loads(os.environ["KUBERNETES_EXEC_INFO"])["spec"] == {{"interactive": False}}
assert sys.stdin.read() == ""
with open("{calls}", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + os.environ.get("EXTRA", "") + "\\n")
{body}
"""


@pytest.fixture
def plug(tmp_path: Path, write: Write) -> Callable[..., tuple[Path, Path]]:
    """Return a function that writes a plug-in and a kubeconfig with it."""

    def plug(body: str, **exec_: Any) -> tuple[Path, Path]:
        program, calls = tmp_path / "my-plugin", tmp_path / "calls"
        program.write_text(PROGRAM.format(python=sys.executable, calls=calls, body=body))
        program.chmod(stat.S_IRWXU)
        given = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "./my-plugin",
            "args": ["get-token"],
            "env": [{"name": "EXTRA", "value": "!"}],
            **exec_,
        }
        return write(document({"exec": given})), calls

    return plug


def answer(token: str, **status: str) -> str:
    """Return the code of a plug-in that answers."""
    return f"print(json.dumps({ {'status': {'token': token, **status}} }))"


def test_a_plug_in_gives_a_token(plug: Callable[..., tuple[Path, Path]]) -> None:
    """It is asked once, and again when its token was refused."""
    config, calls = plug(answer("a-token"))
    found = cluster(config)
    assert found.identity.source.startswith("the credential plug-in my-plugin of the user one in ")
    first = found.identity.authorization()
    assert first == Secret("Bearer a-token")
    assert found.identity.authorization() is first
    assert calls.read_text() == "get-token!\n"
    found.identity.authorization(first)
    assert calls.read_text() == "get-token!\n" * 2


def test_a_token_that_ends_is_renewed_before(plug: Callable[..., tuple[Path, Path]]) -> None:
    """Half a minute before it ends."""
    end = ISSUED + timedelta(minutes=15)
    config, calls = plug(answer("a", expirationTimestamp=f"{end:%Y-%m-%dT%H:%M:%SZ}"))
    clock = FakeClock(ISSUED)
    found = Kubeconfig((config,)).cluster({}, clock)
    for seconds in (0, 860, 11):
        clock.advance(seconds)
        found.identity.authorization()
    assert len(calls.read_text().splitlines()) == 2


@pytest.mark.parametrize("end", ["canary", "", "2026-03-01T13:00:00"])
def test_an_end_that_is_none_is_no_fault(plug: Callable[..., tuple[Path, Path]], end: str) -> None:
    """Then a refusal tells; one without a zone is in UTC."""
    config, _ = plug(answer("a", expirationTimestamp=end))
    assert header(Kubeconfig((config,)).cluster({}, FakeClock(ISSUED))) == "Bearer a"


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("print('canary'); sys.exit(3)", RetryableError, r"my-plugin failed \(exit 3\)"),
        ("sys.exit('canary')", RetryableError, r"failed \(exit 1\)"),
        ("print('canary')", PermanentError, "prints no ExecCredential"),
        ("print('[]')", PermanentError, "prints no ExecCredential"),
        ("print('{\"status\": 5}')", PermanentError, "prints no ExecCredential"),
        ("print('{\"status\": {}}')", PermanentError, "gives no token"),
        ('print(\'{"status": {"token": " "}}\')', PermanentError, "gives is no token"),
        ('print(json.dumps({"status": {"token": "a\\nb"}}))', PermanentError, "is no token"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_plug_in_that_fails_is_told(
    plug: Callable[..., tuple[Path, Path]], body: str, kind: type[Exception], words: str
) -> None:
    """Without what it printed."""
    config, _ = plug(body)
    with pytest.raises(kind, match=words) as caught:
        cluster(config).identity.authorization()
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_plug_in_that_is_not_there_is_told(plug: Callable[..., tuple[Path, Path]]) -> None:
    """By its name; it is looked for on the PATH of the environment."""
    config, _ = plug("", command="no-such-plugin")
    with pytest.raises(PermanentError, match="can't be started"):
        cluster(config, PATH="/none").identity.authorization()


def test_a_plug_in_that_hangs_is_given_up(tmp_path: Path) -> None:
    """After a while, and with all that it has started."""
    program, started = tmp_path / "hangs", tmp_path / "started"
    program.write_text(f"#!/bin/sh\nsleep 20 &\necho $! >{started}\nwait\n")
    program.chmod(stat.S_IRWXU)
    made = Plugin((str(program),), "v1", {"PATH": os.environ["PATH"]}, seconds=1.0)
    with pytest.raises(RetryableError, match=r"hangs did not end within 1 s") as caught:
        made.ask()
    assert caught.value.__context__ is None
    deadline = time.monotonic() + 10
    while _runs(int(started.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(process: int) -> bool:
    with suppress(FileNotFoundError):
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


def test_a_plug_in_is_shown_without_its_arguments() -> None:
    """They, and its environment, may be secret."""
    made = Plugin(("/bin/x", "canary"), "v1", {"A": "canary"})
    assert str(made) == "the credential plug-in x"
    assert "A" not in json.dumps(repr(made)).replace("Plugin", "")


# --- proxies -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "env", "expected"),
    [
        ("https://a.example", {}, None),
        ("https://a.example", {"HTTPS_PROXY": "http://p.example:3128"}, ("p.example", 3128)),
        ("https://a.example", {"https_proxy": "p.example"}, ("p.example", 80)),
        ("http://a.example", {"HTTPS_PROXY": "http://p.example"}, None),
        ("https://localhost:6443", {"HTTPS_PROXY": "http://p.example"}, None),
        ("https://127.0.0.1:6443", {"HTTPS_PROXY": "http://p.example"}, None),
        ("https://[::1]:6443", {"HTTPS_PROXY": "http://p.example"}, None),
    ],
    ids=str,
)
def test_the_proxy_of_the_environment_counts(
    server: str, env: dict[str, str], expected: tuple[str, int] | None
) -> None:
    """For what is elsewhere, and for TLS alone."""
    url = parse(server)
    assert url is not None
    assert proxy_for(url, env) == (None if expected is None else Proxy(*expected))


@pytest.mark.parametrize(
    ("server", "listed", "direct"),
    [
        ("https://a.example", "*", True),
        ("https://a.example", "a.example", True),
        ("https://a.example", "A.Example", True),
        ("https://a.b.example", "b.example", True),
        ("https://a.b.example", ".b.example", True),
        ("https://a.b.example", "*.b.example", True),
        ("https://b.example", ".b.example", False),
        ("https://ab.example", "b.example", False),
        ("https://a.example:6443", "a.example:6443", True),
        ("https://a.example:6443", "a.example:443", False),
        ("https://10.0.0.1", "10.0.0.0/8", True),
        ("https://10.0.0.1", "192.168.0.0/16, 10.0.0.1", True),
        ("https://10.0.0.1", "10.0.0.0/x", False),
        ("https://10.0.0.1", "0.0.1", False),
        ("https://a.example", "10.0.0.0/8", False),
        ("https://[fd00::1]:6443", "fd00::/8", True),
        ("https://a.example", " , ", False),
    ],
)
def test_some_are_reached_directly(server: str, listed: str, *, direct: bool) -> None:
    """By host, domain, address and network."""
    url = parse(server)
    assert url is not None
    found = proxy_for(url, {"HTTPS_PROXY": "http://p.example", "NO_PROXY": listed})
    assert (found is None) is direct


def test_the_proxy_of_a_kubeconfig_counts_before_all(write: Write) -> None:
    """`proxy-url` leads to its cluster, whatever the environment says."""
    path = write(document(cluster={"proxy-url": "http://p.example:3128"}))
    env = {"HTTPS_PROXY": "http://q.example", "NO_PROXY": "*"}
    assert cluster(path, **env).proxy == Proxy("p.example", 3128)
    path = write(document(cluster={"proxy-url": "socks5://canary"}))
    with pytest.raises(PermanentError, match=r"proxy-url in .* names no proxy") as caught:
        cluster(path)
    assert "canary" not in str(caught.value)


def test_a_proxy_may_want_a_login() -> None:
    """Which is in no repr."""
    url = parse("https://a.example")
    assert url is not None
    found = proxy_for(url, {"HTTPS_PROXY": "http://ann:can%20ary@p.example:1"})
    assert found is not None
    assert found.authorization is not None
    assert found.authorization.reveal() == "Basic " + base64.b64encode(b"ann:can ary").decode()
    assert "ary" not in repr(found)


@pytest.mark.parametrize(
    "named", ["socks5://canary", "http://", "http://[canary", "http://a:canary"]
)
def test_a_proxy_that_is_none_is_said(named: str) -> None:
    """Without repeating it."""
    url = parse("https://a.example")
    assert url is not None
    with pytest.raises(PermanentError, match="HTTPS_PROXY names no proxy") as caught:
        proxy_for(url, {"HTTPS_PROXY": named})
    assert "canary" not in str(caught.value)
