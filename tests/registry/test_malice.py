"""Servers that mean harm, are broken or slow: the credential goes nowhere else, time is kept."""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from refresher.clock import SystemClock
from refresher.ports import Judgement, Verdict
from refresher.registry.policy import Policy
from refresher.registry.verifier import RegistryVerifier
from refresher.testing import FakeClock
from tests.doubles.certificates import Authority
from tests.doubles.registry import Tunnel, free_port
from tests.doubles.scripted import Asked, Reply, Script, Scripted, asks, pair, reply
from tests.observe.canary import forms, leaks
from tests.registry.conftest import PASSWORD, USER, Try, credential, policy

BASIC = pair(USER, PASSWORD)
API = "/v2/"


@pytest.fixture
def server(authority: Authority) -> Iterator[Scripted]:
    """Start the registry."""
    with Scripted(context=authority.server()) as running:
        yield running


@pytest.fixture
def other(authority: Authority) -> Iterator[Scripted]:
    """Start another server, with a good certificate, that takes whatever comes."""
    scripts = {path: reply(200, {"token": "T"}) for path in ("/token", API, "/v2", "/")}
    with Scripted(scripts, authority.server()) as running:
        yield running


# --- other places ------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("when", ["at first", "with the credential", "at the realm"])
def test_a_redirect_takes_the_credential_nowhere(
    server: Scripted, other: Scripted, attempt: Try, status: int, when: str
) -> None:
    """Another port is another place."""
    away = reply(status, Location=f"{other.url}{API}")
    with_credential = asks(f'Bearer realm="{server.url}/token"')
    scripts: dict[str, dict[str, Script]] = {
        "at first": {API: away},
        "with the credential": {API: lambda asked: away if asked.authorization else reply_basic},
        "at the realm": {API: with_credential, "/token": away},
    }
    server.scripts = scripts[when]
    made = attempt(server.host)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert "redirects to another place" in made.reason
    assert other.seen == []


reply_basic = reply(401, WWW_Authenticate="Basic")


@pytest.mark.parametrize(
    "location",
    [
        "http://{host}/v2/",
        "https://user:pass@{host}/v2/",
        "//evil.example/v2/",
        "https://{host}\\@evil.example/",
        "https://[",
        "ftp://{host}/",
    ],
)
def test_a_strange_redirect_is_not_followed(server: Scripted, attempt: Try, location: str) -> None:
    """Another scheme, a user name, or no URL at all."""
    server.scripts[API] = reply(307, Location=location.format(host=server.host))
    assert attempt(server.host).verdict is Verdict.INCONCLUSIVE
    assert len(server.seen) == 1


def test_a_redirect_at_home_is_followed(server: Scripted, attempt: Try) -> None:
    """The same scheme, host and port: the credential was meant for it."""
    server.scripts = {
        API: reply(307, Location="/v2/really/"),
        "/v2/really/": asks("Basic", BASIC),
    }
    assert attempt(server.host).verdict is Verdict.ACCEPTED


def test_redirects_in_a_circle_end(server: Scripted, attempt: Try) -> None:
    """Three are enough for anybody."""
    server.scripts[API] = reply(302, Location=API)
    made = attempt(server.host)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert "in a circle" in made.reason
    assert len(server.seen) == 4


@pytest.mark.parametrize(
    "realm",
    [
        "https://169.254.169.254/latest/meta-data/",
        "http://169.254.169.254/latest/meta-data/",
        "https://metadata@169.254.169.254/",
        "https://[::ffff:169.254.169.254]/",
        "https://2852039166/",
        "http://{other}/token",
        "https://{other}/token",
        "https://{server}@{other}/token",
        "https://localhost:{port}/token",
        "file:///etc/passwd",
        "https://{server}\\@{other}/token",
    ],
)
def test_a_realm_of_this_network_gets_nothing(
    server: Scripted, other: Scripted, attempt: Try, realm: str
) -> None:
    """A registry does not choose which host of ours is sent a credential, or any request."""
    port = other.host.rpartition(":")[2]
    named = realm.format(other=other.host, server=server.host, port=port)
    quoted = named.replace("\\", "\\\\")
    server.scripts[API] = asks(f'Bearer realm="{quoted}",service="s"')
    made = attempt(server.host)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert f"{server.host} names a token server that is not asked: its realm" in made.reason
    assert other.seen == []
    assert server.authorizations() == [None]


def test_a_realm_that_is_named_in_the_settings_is_asked(
    server: Scripted, other: Scripted, attempt: Try
) -> None:
    """A company's token server has a private address, and somebody vouches for it."""
    server.scripts[API] = asks(f'Bearer realm="{other.url}/token"', "Bearer T")
    assert attempt(server.host, realms=(other.host,)).verdict is Verdict.ACCEPTED
    assert other.authorizations() == [BASIC]


def test_netrc_and_cookies_are_not_used(
    server: Scripted, attempt: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What other programs keep for a host does not get into the question."""
    netrc = Path(os.environ["HOME"]) / ".netrc"
    netrc.write_text("machine 127.0.0.1 login bob password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server.scripts[API] = asks("Basic", BASIC, granted=reply(200))
    usual = server.scripts[API]
    assert callable(usual)

    def with_cookie(asked: Asked) -> Reply:
        made = usual(asked)
        return Reply(made.status, (*made.headers, ("Set-Cookie", "a=b")), made.body)

    server.scripts[API] = with_cookie
    assert attempt(server.host).verdict is Verdict.ACCEPTED
    assert server.authorizations() == [None, BASIC]
    assert all("cookie" not in asked.headers for asked in server.seen)


# --- time and size -----------------------------------------------------------------

SLOW = {
    "hangs": Reply(hang=True),
    "drips its head": Reply(401, (("WWW-Authenticate", "Basic"), ("X", "y" * 2000)), drip=True),
}


def _asking(server: Scripted) -> dict[str, Any]:
    return {API: asks(f'Bearer realm="{server.url}/token"', "Bearer T")}


def _in_time(attempt: Try, host: str, deadline: float = 0.4, **names: Any) -> Judgement:
    begun = time.monotonic()
    made = attempt(host, deadline=deadline, **names)
    assert time.monotonic() - begun < deadline + 2
    return made


@pytest.mark.parametrize("slow", SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("path", [API, "/token"])
def test_a_slow_server_costs_the_deadline(
    server: Scripted, attempt: Try, path: str, slow: Reply
) -> None:
    """Whoever hangs or drips, and wherever: the check ends in time and in its own thread."""
    server.scripts = {**_asking(server), path: slow}
    made = _in_time(attempt, server.host)
    assert made == Judgement(Verdict.INCONCLUSIVE, f"{server.host} did not answer in time")


def test_a_token_that_drips_costs_the_deadline(server: Scripted, attempt: Try) -> None:
    """Each byte comes in time, and all of them would not."""
    body = b'{"token": "' + b"x" * 2000 + b'"}'
    server.scripts = {**_asking(server), "/token": Reply(body=body, drip=True)}
    assert "in time" in _in_time(attempt, server.host).reason


@pytest.mark.parametrize("status", [200, 302, 401, 500])
def test_an_endless_body_is_not_read(server: Scripted, attempt: Try, status: int) -> None:
    """Nothing but a token's answer has a body that matters."""
    headers = (("Location", "https://evil.example/"), ("WWW-Authenticate", "Basic"))
    server.scripts[API] = Reply(status, headers, b"x" * 1000, endless=True)
    made = _in_time(attempt, server.host, deadline=5.0)
    assert "in time" not in made.reason


def test_an_endless_token_is_cut(server: Scripted, attempt: Try) -> None:
    """A mebibyte is more than any token has."""
    server.scripts = {**_asking(server), "/token": Reply(body=b" " * 1000, endless=True)}
    made = attempt(server.host)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert "more than 1048576 bytes" in made.reason


def test_a_handshake_that_never_comes_about_is_cut(attempt: Try) -> None:
    """A server that accepts and says nothing is slow, too."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        made = _in_time(attempt, f"127.0.0.1:{mute.getsockname()[1]}")
    assert "did not answer in time" in made.reason


@pytest.mark.parametrize("deadline", [-1.0, 0.0])
def test_no_time_asks_nobody(server: Scripted, attempt: Try, deadline: float) -> None:
    """What is over begins nothing."""
    made = attempt(server.host, deadline=deadline)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert server.seen == []


def test_the_time_is_that_of_the_clock(server: Scripted, authority: Authority) -> None:
    """A clock that is pushed ends a check as well."""
    clock = FakeClock()

    def late(asked: Asked) -> Reply:
        clock.advance(11)
        return reply(401, WWW_Authenticate="Basic") if asked else reply()

    server.scripts[API] = late
    verifier = RegistryVerifier(policy(ca_files=(authority.file,)), clock, {})
    made = verifier.verify(server.host, credential(), 10)
    assert "in time" in made.reason
    assert server.authorizations() == [None]


def test_threads_and_connections_are_let_go(server: Scripted, attempt: Try) -> None:
    """A check that is over leaves nothing behind."""
    server.scripts = _asking(server) | {"/token": reply(200, {"token": "T"})}
    attempt(server.host)

    def held() -> tuple[int, int]:
        ours = [each for each in threading.enumerate() if "process_request" not in each.name]
        return len(ours), len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - one call counts them

    before = held()
    for _ in range(5):
        attempt(server.host)
    for _ in range(50):
        if held() <= before:
            break
        time.sleep(0.02)
    assert held() <= before


BROKEN = {
    "cut off": b"HTTP/1.1 200",
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "no status": b"HTTP/1.1 abc def\r\n\r\n",
    "a huge head": b"HTTP/1.1 401 x\r\nWWW-Authenticate: " + b"a" * 100_000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 401 x\r\n" + b"WWW-Authenticate: x\r\n" * 500 + b"\r\n",
    "junk headers": b'HTTP/1.1 401 x\r\nWWW-Authenticate: \xff\x00\x0b,="\r\n: x\r\n\r\n',
    "a bad length": b"HTTP/1.1 401 x\r\nContent-Length: -5\r\n\r\n",
    "bad chunks": b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("path", [API, "/token"])
def test_what_is_no_http_tells_nothing(
    server: Scripted, attempt: Try, path: str, raw: bytes
) -> None:
    """A broken answer is no refusal, and no error either."""
    granting = raw.replace(b"401", b"200") if path == "/token" else raw
    server.scripts = {**_asking(server), path: Reply(raw=granting)}
    made = attempt(server.host)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert made.reason.isprintable()
    assert len(made.reason) < 300


# --- TLS, and nobody there ---------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "days", "reason"),
    [
        pytest.param("127.0.0.1", (-9, -2), "has ended; renew it there", id="expired"),
        pytest.param("127.0.0.1", (2, 9), "is not valid yet; check the clock", id="too early"),
        pytest.param("other.example", (-1, 9), "is for another name", id="another name"),
        pytest.param("127.0.0.2", (-1, 9), "is for another name", id="another address"),
    ],
)
def test_a_bad_certificate_is_told_by_its_kind(
    authority: Authority, attempt: Try, name: str, days: tuple[int, int], reason: str
) -> None:
    """Expired, too early and for somebody else are kept apart."""
    with Scripted({}, authority.server(name, starts=days[0], days=days[1])) as server:
        made = attempt(server.host)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert f"the certificate of {server.host} {reason}" in made.reason
    assert server.seen == []


def test_an_unknown_authority_names_the_setting(server: Scripted, attempt: Try) -> None:
    """What to do about a private authority is said where it is met."""
    made = attempt(server.host, ca_files=())
    assert made.verdict is Verdict.INCONCLUSIVE
    assert "by an authority that is not known here" in made.reason
    assert "verify.ca_file" in made.reason
    assert server.seen == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_variables_of_http_clients_count(
    server: Scripted, authority: Authority, tmp_path: Path, variable: str
) -> None:
    """They name authorities in the place of the public ones; `ca_file` adds to either."""
    server.scripts[API] = asks("Basic", BASIC)
    other = Authority(tmp_path, "another authority")
    for policy_files, env in (
        ((), {variable: str(authority.file)}),
        ((other.file,), {variable: str(authority.file)}),
        ((authority.file,), {variable: str(other.file)}),
        ((other.file, authority.file), {}),
    ):
        verifier = RegistryVerifier(policy(ca_files=policy_files), SystemClock(), env)
        assert verifier.verify(server.host, credential(), 10).verdict is Verdict.ACCEPTED
    aws = {"AWS_CA_BUNDLE": str(authority.file)}
    made = RegistryVerifier(policy(), SystemClock(), aws).verify(server.host, credential(), 10)
    assert made.verdict is Verdict.INCONCLUSIVE


def test_the_environment_of_the_process_is_not_asked_for_authorities(
    server: Scripted, attempt: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the verifier was given rules."""
    server.scripts[API] = asks("Basic", BASIC)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    assert attempt(server.host).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----"])
@pytest.mark.parametrize("how", ["ca_file", "variable"])
def test_bad_authorities_are_told_before_anybody_is_asked(
    server: Scripted, tmp_path: Path, content: bytes | None, how: str
) -> None:
    """A missing or malformed file is named by its setting."""
    path = tmp_path / "canary.pem"
    if content is not None:
        path.write_bytes(content)
    asked = policy(ca_files=(path,) if how == "ca_file" else ())
    env = {} if how == "ca_file" else {"SSL_CERT_FILE": str(path)}
    made = RegistryVerifier(asked, SystemClock(), env).verify(server.host, credential(), 10)
    name = "verify.ca_file" if how == "ca_file" else "SSL_CERT_FILE"
    assert made.reason.startswith(f"{name} names no certificate authorities")
    assert server.seen == []


def test_a_pipe_holds_no_authorities(server: Scripted, tmp_path: Path, attempt: Try) -> None:
    """It would be waited for, for ever."""
    os.mkfifo(tmp_path / "pipe")
    made = attempt(server.host, ca_files=(tmp_path / "pipe",))
    assert "names no certificate authorities" in made.reason


def test_authorities_are_read_again_each_time(
    server: Scripted, authority: Authority, tmp_path: Path
) -> None:
    """A renewed file counts from the next check on, and a directory is taken as well."""
    server.scripts[API] = asks("Basic", BASIC)
    path = tmp_path / "ca.pem"
    (tmp_path / "other").mkdir()
    path.write_bytes(Authority(tmp_path / "other", "old").file.read_bytes())
    (tmp_path / "certs").mkdir()
    asked = policy(ca_files=(path, tmp_path / "certs"))
    verifier = RegistryVerifier(asked, SystemClock(), {})
    assert verifier.verify(server.host, credential(), 10).verdict is Verdict.INCONCLUSIVE
    path.write_bytes(authority.file.read_bytes())
    assert verifier.verify(server.host, credential(), 10).verdict is Verdict.ACCEPTED


def test_plain_http_is_not_spoken_unless_it_is_asked_for(attempt: Try) -> None:
    """A registry without TLS is told as such, and nothing is sent to it."""
    with Scripted({API: asks("Basic", BASIC)}) as plain:
        made = attempt(plain.host)
        assert made.verdict is Verdict.INCONCLUSIVE
        assert f"TLS with {plain.host} can't be set up" in made.reason
        assert "verify.insecure" in made.reason
        assert all(asked.authorization is None for asked in plain.seen)
        assert attempt(plain.host, insecure=(plain.host,)).verdict is Verdict.ACCEPTED


def test_an_insecure_registry_may_have_any_certificate(server: Scripted, attempt: Try) -> None:
    """TLS is tried first; whose certificate it is does not matter, and no library warns again."""
    server.scripts = _asking(server) | {"/token": reply(200, {"token": "T"})}
    made = attempt(server.host, ca_files=(), insecure=(server.host,))
    assert made.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("secure", [False, True], ids=["HTTP", "any certificate"])
@pytest.mark.parametrize("named", [False, True], ids=["not named", "named"])
def test_what_is_insecure_is_named_host_by_host(
    server: Scripted, attempt: Try, tmp_path: Path, *, secure: bool, named: bool
) -> None:
    """That the registry is insecure says nothing about its token server."""
    context = Authority(tmp_path).server() if secure else None
    with Scripted({"/token": reply(200, {"token": "T"})}, context) as realm:
        server.scripts[API] = asks(f'Bearer realm="{realm.url}/token"', "Bearer T")
        made = attempt(server.host, insecure=(server.host, *([realm.host] if named else [])))
        assert made.verdict is (Verdict.ACCEPTED if named else Verdict.INCONCLUSIVE)
        assert realm.authorizations() == ([BASIC] if named else [])


def test_a_realm_of_an_unknown_authority_gets_nothing(
    server: Scripted, attempt: Try, tmp_path: Path
) -> None:
    """Its certificate is looked at like the registry's."""
    with Scripted({"/token": reply(200, {"token": "T"})}, Authority(tmp_path).server()) as realm:
        server.scripts[API] = asks(f'Bearer realm="{realm.url}/token"', "Bearer T")
        made = attempt(server.host, realms=(realm.host,))
        assert f"the certificate of {realm.host} is by an authority" in made.reason
        assert realm.seen == []


def test_a_closed_port_and_an_unknown_name_are_told(attempt: Try) -> None:
    """Who can't be asked is named, with the reason."""
    closed = f"127.0.0.1:{free_port()}"
    made = attempt(closed)
    assert made == Judgement(
        Verdict.INCONCLUSIVE, f"{closed} can't be reached: it refuses connections"
    )
    unknown = attempt("registry.nowhere.invalid")
    assert unknown.verdict is Verdict.INCONCLUSIVE
    assert "the name registry.nowhere.invalid" in unknown.reason
    insecure = attempt(closed, insecure=(closed,))
    assert insecure.verdict is Verdict.INCONCLUSIVE


def test_docker_hub_is_asked_where_it_lives(
    authority: Authority, attempt: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By any of its names, through a proxy as the environment has it."""
    context = authority.server("registry-1.docker.io")
    with (
        Scripted({API: asks("Basic", BASIC)}, context) as hub,
        Tunnel(int(hub.host.rpartition(":")[2])) as tunnel,
    ):
        monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
        assert attempt("docker.io").verdict is Verdict.ACCEPTED
        assert hub.seen[0].headers["host"] == "registry-1.docker.io"
        unchecked = {"ca_files": (), "insecure": ("any.example",)}
        assert attempt("any.example", **unchecked).verdict is Verdict.ACCEPTED


def test_a_broken_proxy_is_named_without_its_password(
    attempt: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its URL may hold one."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:canary-password@127.0.0.1:{free_port()}")
    made = attempt("registry.example")
    assert "the proxy for registry.example can't be reached" in made.reason
    assert "canary" not in made.reason


# --- never raises, never tells -----------------------------------------------------


def test_a_fault_of_its_own_is_no_verdict() -> None:
    """Whatever goes wrong says nothing about the credential; nothing is raised."""
    for wrong in (None, object()):
        made = RegistryVerifier(wrong, SystemClock(), {}).verify(  # type: ignore[arg-type]
            "registry.example", credential(), 1
        )
        assert made.verdict is Verdict.INCONCLUSIVE
        assert "the verifier has a fault of its own" in made.reason
    made = RegistryVerifier(Policy(), SystemClock(), {}).verify("no address", credential(), 1)
    assert made.verdict is Verdict.INCONCLUSIVE


def _scenes(server: Scripted, other: Scripted) -> dict[str, dict[str, Any]]:
    asking = _asking(server)
    return {
        "accepted": {API: asks("Basic", BASIC)},
        "refused": {API: asks("Basic")},
        "echo": dict.fromkeys((API, "/token"), _echo),
        "token": asking | {"/token": reply(200, {"token": "canary-token-of-the-realm"})},
        "echoed token": asking | {"/token": _echo},
        "redirect": {API: lambda asked: reply(302, Location=f"{other.url}/{asked.authorization}")},
        "hang": asking | {"/token": Reply(hang=True)},
        "broken": asking | {"/token": Reply(raw=b"HTTP/1.1 200 " + BASIC.encode())},
    }


def _echo(asked: Asked) -> Reply:
    said = asked.authorization or ""
    headers = {"WWW_Authenticate": f'Basic realm="{said}"', "Location": f"/{said}"}
    return reply(403 if asked.authorization else 401, {"token": f"{said} x"}, **headers)


SCENES = ["accepted", "refused", "echo", "token", "echoed token", "redirect", "hang", "broken"]


@pytest.mark.parametrize("name", SCENES)
def test_the_credential_is_nowhere_to_be_seen(
    server: Scripted,
    other: Scripted,
    attempt: Try,
    *,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    name: str,
) -> None:
    """Neither judgement nor log, not even at DEBUG, nor an error shows any form of it."""
    caplog.set_level(logging.DEBUG)
    server.scripts = _scenes(server, other)[name]
    made = attempt(server.host, f"{server.host}/team/app:1", deadline=0.6)
    shown = "\n".join([repr(made), caplog.text, *capfd.readouterr()])
    assert caplog.records
    for form in (*forms(PASSWORD, USER).values(), USER, "canary-token-of-the-realm"):
        assert leaks(shown, form) == []


@pytest.mark.parametrize("form", ["password-of-ann", "PASSWORD-of-ANN"])
def test_a_registry_that_names_the_credential_is_not_repeated(
    server: Scripted, attempt: Try, form: str
) -> None:
    """It knows it from earlier checks, and could have it written to a log."""
    server.scripts[API] = asks(f'Bearer realm="http://{form}.example/token"')
    made = attempt(server.host, password="password-of-ann")
    assert made == Judgement(Verdict.INCONCLUSIVE, "the registry's answer repeats the credential")


def test_a_short_password_blanks_no_reason(server: Scripted, attempt: Try) -> None:
    """`a` is in every sentence."""
    server.scripts[API] = asks("Basic")
    assert "answers 401" in attempt(server.host, password="a").reason
