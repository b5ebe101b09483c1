"""The daemon as a process: started, signalled, reloaded, stopped, and as process 1."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import requires
from tests.doubles.aws import AwsDouble
from tests.doubles.aws_faults import hang
from tests.end_to_end.service import Service, eventually

_SETTINGS = """
store: refresher.db
log_format: json
providers:
  hub: {{type: static, registries: [{registry}], username: acme, password_file: password}}
sinks:
  docker: {{type: docker-config, path: config.json}}
"""


class Daemon:
    """`refresher run` on the settings of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "password").write_text("first")
        self.write("registry.example")

    def write(self, registry: str) -> None:
        """Write good settings for one registry."""
        (self.folder / "refresher.yaml").write_text(_SETTINGS.format(registry=registry))

    @contextmanager
    def running(
        self, *before: str, env: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """Run it, with the words of `before` in front of the command."""
        command = [*before, sys.executable, "-m", "refresher", "run"]
        process = subprocess.Popen(
            [*command, "--config", str(self.folder / "refresher.yaml")],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def auths(self) -> dict[str, Any]:
        """Return what docker would read."""
        try:
            auths: dict[str, Any] = json.loads((self.folder / "config.json").read_text())["auths"]
        except FileNotFoundError:
            return {}
        return auths


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """Give a daemon that is not yet running."""
    return Daemon(tmp_path)


def _eventually(condition: Callable[[], object]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.04)
    raise AssertionError("it never came true")


def test_a_hangup_reads_the_settings_again(daemon: Daemon) -> None:
    """New settings are taken up; wrong ones are told, and the old ones stay in use."""
    with daemon.running() as process:
        _eventually(lambda: "registry.example" in daemon.auths())
        daemon.write("not a registry")
        process.send_signal(signal.SIGHUP)
        log = process.stderr
        assert log is not None
        _eventually(lambda: "reload-failed" in log.readline())
        daemon.write("new.example")
        process.send_signal(signal.SIGHUP)
        _eventually(lambda: "new.example" in daemon.auths())
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def test_a_reload_tells_what_only_a_restart_can_change(tmp_path: Path) -> None:
    """What is taken up at once, and what is as it was, is not mentioned."""
    service = Service(tmp_path)
    provider = "hub: {type: static, registries: [r.example], username: u, password: pass-word}"
    service.configure(provider)
    with service.running() as process:
        eventually(lambda: service.told("started"))
        service.configure(provider, store="other.db", listen="127.0.0.1:0", drift_interval=60)
        process.send_signal(signal.SIGHUP)
        eventually(lambda: service.told("reloaded"))
    told = [event for event in service.told("notice") if "restart" in event["detail"]]
    assert [(event["detail"], event["level"]) for event in told] == [
        ("store, listen: changed, and not in use before a restart", "warning")
    ]


def test_a_changed_password_file_is_taken_up_by_itself(daemon: Daemon) -> None:
    """No signal is needed for a rotated secret."""
    with daemon.running():
        _eventually(lambda: "registry.example" in daemon.auths())
        before = daemon.auths()
        (daemon.folder / "password").write_text("second one")
        _eventually(lambda: daemon.auths() != before)


def test_it_stops_as_process_1(daemon: Daemon) -> None:
    """The kernel gives process 1 no default handlers; ours are there."""
    namespace = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    able = (
        shutil.which("unshare")
        and subprocess.run([*namespace, "true"], check=False).returncode == 0
    )
    requires("unshare", package="util-linux", available=bool(able))
    with daemon.running(*namespace) as process:
        _eventually(lambda: "registry.example" in daemon.auths())
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        started = time.monotonic()
        os.kill(int(child), signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - started < 5


def test_it_stops_in_time_while_a_provider_hangs(daemon: Daemon) -> None:
    """An endpoint that never answers does not keep the process."""
    host = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
    with AwsDouble() as aws:
        aws.fail(hang(), times=9)
        (daemon.folder / "refresher.yaml").write_text(
            f"store: memory\nproviders: {{prod: {{type: ecr, registries: [{host}]}}}}\n"
            "sinks: {docker: {type: docker-config, path: config.json}}\n"
        )
        with daemon.running(env=aws.environment()) as process:
            _eventually(lambda: aws.calls() == 1)
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
            assert time.monotonic() - started < 5


def test_a_frozen_daemon_catches_up(daemon: Daemon) -> None:
    """Stopped past a renewal, it renews at once when it goes on, and drops nothing."""
    host = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
    with AwsDouble() as aws:
        aws.answers.lifetime = 6.0
        (daemon.folder / "refresher.yaml").write_text(
            f"store: memory\nproviders: {{prod: {{type: ecr, registries: [{host}]}}}}\n"
            "sinks: {docker: {type: docker-config, path: config.json}}\n"
        )
        with daemon.running(env=aws.environment()) as process:
            _eventually(lambda: aws.calls() == 1 and host in daemon.auths())
            process.send_signal(signal.SIGSTOP)
            time.sleep(7)
            calls = aws.calls()
            process.send_signal(signal.SIGCONT)
            _eventually(lambda: aws.calls() > calls)
