"""Servers that are slow, hang, break off or are not who they say; proxies; keys that rotate."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from refresher.clock import SystemClock
from refresher.errors import PermanentError, RetryableError
from refresher.model.credential import Secret
from refresher.model.plan import Absent, Opaque
from refresher.ports import Tools
from refresher.sinks.rancher import Options, RancherSink, build
from refresher.sinks.rancher.connections import Connections
from refresher.sinks.rancher.server import parse
from refresher.sinks.rancher.talk import Talk, Timeouts
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock
from tests.doubles.certificates import Authority
from tests.doubles.rancher import Key, RancherDouble
from tests.doubles.rancher.faults import hang, reset, slow
from tests.doubles.registry import Tunnel, free_port
from tests.sinks.rancher.conftest import (
    QUAY,
    SECRET,
    MakeSink,
    busy,
    changes,
    refused,
    sink,
    stored,
    written,
)

AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make a private authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def serving(authority: Authority, **certificate: Any) -> Iterator[tuple[RancherDouble, Key]]:
    """Serve a Rancher over TLS, with one environment and its keys."""
    with RancherDouble(authority.server(**certificate)) as rancher:
        project = rancher.add_project()
        rancher.add_credential(rancher.add_registry(project, QUAY), "ann", "old")
        yield rancher, rancher.environment_key(project)


def content(made: RancherSink) -> object:
    """Return what the one environment holds."""
    return made.read([QUAY])["1a5"]


# --- TLS ---------------------------------------------------------------------------


def test_a_private_authority_is_a_setting(authority: Authority) -> None:
    """It counts besides the usual ones, or in their place where a variable names it."""
    with serving(authority) as (rancher, key):
        options = {"url": rancher.url, "environments": "1a5"}
        reason = refused(content(sink(options, key.pair, FakeClock())))
        assert "by an authority that is not known here" in reason
        assert "name the authority's file in ca_file" in reason
        own = sink({**options, "ca_file": str(authority.file)}, key.pair, FakeClock())
        assert content(own) == {QUAY: Opaque("ann")}
        assert written(own.write("1a5", changes())) == ()
        for name in AUTHORITIES:
            env = {name: str(authority.file)}
            assert content(sink(options, key.pair, FakeClock(), **env)) == {QUAY: Opaque("AWS")}


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ({"days": -1}, "has ended"),
        ({"starts": 1, "days": 2}, "is not valid yet"),
        ({"name": "other.example"}, "is for another name"),
    ],
)
def test_a_wrong_certificate_is_told_apart(
    authority: Authority, certificate: dict[str, Any], words: str
) -> None:
    """What is wrong decides who has to act."""
    with serving(authority, **certificate) as (rancher, key):
        options = {"url": rancher.url, "environments": "1a5", "ca_file": str(authority.file)}
        assert words in refused(content(sink(options, key.pair, FakeClock())))
        assert rancher.asked() == []


def test_an_authority_that_changes_comes_into_use(authority: Authority, tmp_path: Path) -> None:
    """Within half a minute, without a restart; until then nothing is read anew."""
    file = tmp_path / "ca.pem"
    file.write_bytes(Authority(tmp_path, "another authority").file.read_bytes())
    clock = FakeClock()
    with serving(authority) as (rancher, key):
        options = {"url": rancher.url, "environments": "1a5", "ca_file": str(file)}
        made = sink(options, key.pair, clock)
        assert "not known here" in refused(content(made))
        file.write_bytes(authority.file.read_bytes())
        clock.advance(31)
        assert content(made) == {QUAY: Opaque("ann")}
        file.write_text("nothing")
        assert content(made) == {QUAY: Opaque("ann")}
        clock.advance(31)
        assert "ca_file names no certificate authorities" in refused(content(made))


def test_a_server_without_tls_is_told(make: MakeSink, rancher: RancherDouble) -> None:
    """The wrong scheme is the usual reason."""
    url = rancher.url.replace("http:", "https:")
    reason = busy(content(make(url=url, environments="1a5")))
    assert "TLS" in reason
    assert "if it speaks plain HTTP, write http:// in url" in reason


# --- proxies -----------------------------------------------------------------------


def test_a_proxy_is_used_as_the_environment_says(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections through it are kept open, and bounded, too."""
    with serving(authority) as (rancher, key), Tunnel(int(rancher.host.partition(":")[2])) as way:
        server = authority.server("rancher.example")
        with RancherDouble(server) as far, Tunnel(int(far.host.partition(":")[2])) as tunnel:
            project = far.add_project()
            far.add_credential(far.add_registry(project, QUAY), "ann", "old")
            pair = far.environment_key(project).pair
            options = {"url": "https://rancher.example", "ca_file": str(authority.file)}
            monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
            made = sink(options, pair, FakeClock())
            assert content(made) == {QUAY: Opaque("ann")}
            assert written(made.write(project, changes())) == ()
        monkeypatch.setenv("HTTPS_PROXY", way.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        options = {"url": rancher.url, "ca_file": str(authority.file)}
        assert content(sink(options, key.pair, FakeClock())) == {QUAY: Opaque("ann")}


def test_a_proxy_that_is_away_is_told(make: MakeSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variables to look at; its password is not repeated."""
    monkeypatch.setenv("HTTP_PROXY", f"http://user:canary@127.0.0.1:{free_port()}")
    reason = busy(content(make(url="http://rancher.example:8080", environments="1a5")))
    assert "the proxy for rancher.example:8080 can't be reached" in reason
    assert "HTTPS_PROXY, HTTP_PROXY and NO_PROXY" in reason
    assert "canary" not in reason


# --- time --------------------------------------------------------------------------


QUICK = Timeouts(0.3, 0.3, 0.8)


def real(rancher: RancherDouble, timeouts: Timeouts = QUICK, **options: Any) -> RancherSink:
    """Return a sink with the keys of an admin and the clock of this host."""
    pair = rancher.admin_key().pair
    names = {"access_key": pair[0], "secret_key_env": "SECRET", "url": rancher.url}
    made = Options.model_validate({**names, **options})
    return RancherSink(made, Tools(SystemClock(), MemoryStore(), {"SECRET": pair[1]}), timeouts)


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_server_that_hangs_costs_a_bounded_time(
    rancher: RancherDouble, project: str, method: str
) -> None:
    """A call has a limit, and so have all of them together; what was not kept is told."""
    rancher.add_credential(rancher.add_registry(project, QUAY), "ann", "old")
    rancher.fail(hang(), None, method=method)
    begun = time.monotonic()
    assert "did not answer in time" in busy(
        real(rancher, environments=project).write(project, changes())
    )
    assert time.monotonic() - begun < 2
    assert stored(rancher, "1c1") == ("ann", "old")


def test_one_that_hangs_hides_no_other(rancher: RancherDouble) -> None:
    """Nor do many: those that time was left for are told, and come first the next time."""
    projects = [rancher.add_project(f"number {number}") for number in range(6)]
    for project in projects[:4]:
        rancher.fail(hang(), None, project=project)
    made = real(rancher, environments=projects, create=True, concurrency=1)
    begun = time.monotonic()
    held = made.read([QUAY])
    assert time.monotonic() - begun < 2
    assert list(held) == projects
    assert "did not answer in time" in busy(held[projects[0]])
    assert "others took all the time" in busy(held[projects[5]])
    for _ in range(2):
        held = made.read([QUAY])
        assert held[projects[5]] == {QUAY: Absent()}
        assert held[projects[4]] == {QUAY: Absent()}


def test_a_server_that_drips_costs_a_bounded_time(project: str) -> None:
    """Each byte comes in time, and the answer never."""
    with _dripping() as port:
        given = {"url": f"http://127.0.0.1:{port}", "environments": project, "access_key": "a"}
        options = Options.model_validate({**given, "secret_key_env": "SECRET"})
        tools = Tools(SystemClock(), MemoryStore(), {"SECRET": "b"})
        begun = time.monotonic()
        assert "did not answer in time" in busy(content(RancherSink(options, tools, QUICK)))
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


def test_what_is_slow_and_in_time_is_good(rancher: RancherDouble, project: str) -> None:
    """No limit is so tight that a busy server fails it."""
    rancher.add_credential(rancher.add_registry(project, QUAY), "ann", "old")
    rancher.fail(slow(0.2), None)
    made = real(rancher, Timeouts(), environments=project)
    assert written(made.write(project, changes())) == ()


def test_a_time_that_is_over_begins_no_call(rancher: RancherDouble, project: str) -> None:
    """By the clock that the sink was given."""
    clock = FakeClock()
    line = Connections(parse(rancher.url), None, {}, clock).line()
    key = Secret("Basic x")
    with Talk(parse(rancher.url), line, key, clock, Timeouts(whole=5.0)) as talking:
        clock.advance(5)
        assert talking.is_over
        with pytest.raises(RetryableError, match="did not answer in time"):
            talking.ask("GET", f"/projects/{project}")
    assert rancher.asked() == []


# --- connections -------------------------------------------------------------------


@pytest.mark.parametrize("applied", [True, False])
def test_a_connection_that_breaks_is_busy(
    rancher: RancherDouble, project: str, make: MakeSink, *, applied: bool
) -> None:
    """Whether the write was kept is seen by the next one."""
    rancher.add_credential(rancher.add_registry(project, QUAY), "ann", "old")
    rancher.fail(reset(applied=applied), method="PUT")
    made = make(environments=project)
    assert "can't be reached, or broke off" in busy(made.write(project, changes()))
    assert stored(rancher, "1c1") == (("AWS", SECRET) if applied else ("ann", "old"))
    assert written(made.write(project, changes())) == ()


def test_a_server_that_restarts_is_found_again(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """Connections that were kept open are dead then, which is no fault."""
    made = make(create=True)
    assert content(made) == {QUAY: Absent()}
    with rancher.down():
        pass
    assert content(made) == {QUAY: Absent()}
    assert written(made.write(project, changes())) != ()


def test_connections_are_kept_for_a_while(make: MakeSink, clock: FakeClock) -> None:
    """One serves many operations; after half a minute, or when a clock jumps back, a new one."""
    made = make(create=True)
    made.read([QUAY])
    line = made._connections.line()
    made.read([QUAY])
    assert made._connections.line() is line
    clock.advance(30)
    assert made._connections.line() is not line
    clock.advance(-60)
    assert 0 <= clock.monotonic() - made._connections.line().born < 30


# --- keys --------------------------------------------------------------------------


def test_rotated_keys_are_used_at_once(
    rancher: RancherDouble, project: str, clock: FakeClock, tmp_path: Path
) -> None:
    """Key files are read anew by each operation."""
    old, new = rancher.environment_key(project), rancher.environment_key(project)
    files = {"access_key_file": tmp_path / "access", "secret_key_file": tmp_path / "secret"}
    options = Options.model_validate({"url": rancher.url, "create": True, **files})
    made = build(options, Tools(clock, MemoryStore()))
    with pytest.raises(PermanentError, match="access_key_file does not exist"):
        made.read([QUAY])
    for key in (old, new):
        for path, text in zip(files.values(), key.pair, strict=True):
            path.write_text(f"{text}\n")
        assert made.read([QUAY]) == {project: {QUAY: Absent()}}
        rancher.revoke(old)
    assert {asked.who for asked in rancher.asked()} == {old.access, new.access}


def test_keys_that_are_none_are_refused(
    rancher: RancherDouble, project: str, clock: FakeClock
) -> None:
    """A pair in one place, or a variable that is not set."""
    options = {"url": rancher.url, "environments": project}
    reason = refused(content(sink(options, ("canary:key", "secret"), clock)))
    assert "the access key holds a colon" in reason
    assert "canary" not in reason
    unset = {**options, "secret_key_env": "NOT_SET"}
    made = sink(unset, ("access", "secret"), clock)
    assert "secret_key_env names an environment variable that is not set" in refused(content(made))
    assert rancher.asked() == []
