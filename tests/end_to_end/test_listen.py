"""Health and metrics of a real daemon, from its start to its end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from refresher.cli.listening import listening
from refresher.clock import SystemClock
from refresher.daemon import Daemon
from refresher.engine.engine import Engine
from refresher.model.listen import parse
from refresher.observe.fanout import Fanout
from refresher.observe.tally import Tally
from refresher.ports import EventName
from refresher.testing import EventLog
from tests.fakes import Issuer, Shelf
from tests.observe.web.serving import LOOPBACK, ask

PATHS = ("/ping", "/healthz", "/readyz", "/metrics")
SETTINGS = """
store: {folder}/canary-store.db
log_format: json
providers:
  {provider}:
    type: static
    registries: [registry.example]
    username: canary-user
    password_file: canary-password
    expires_at: 2099-01-01T00:00:00Z
sinks:
  canary-sink: {{type: docker-config, path: canary-config.json}}
"""


class Process:
    """`refresher run --listen` on the settings of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("hub")

    def write(self, provider: str) -> None:
        """Write settings with one provider of that name."""
        text = SETTINGS.format(folder=self.folder, provider=provider)
        (self.folder / "refresher.yaml").write_text(text)

    def supply(self) -> None:
        """Write the password."""
        (self.folder / "canary-password").write_text("canary-secret-of-this-test")

    @contextmanager
    def running(
        self, *words: str, env: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """Run it; what it logs is in `events`."""
        self.events: list[dict[str, str]] = []
        config = str(self.folder / "refresher.yaml")
        with subprocess.Popen(
            [sys.executable, "-m", "refresher", "run", "--config", config, *words],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
        ) as process:
            reader = threading.Thread(target=self._read, args=(process,))
            reader.start()
            try:
                yield process
            finally:
                process.kill()
                reader.join(10)

    def port(self) -> int:
        """Return the port that it listens on, once it does."""
        eventually(lambda: self.named(EventName.LISTENING))
        return int(self.named(EventName.LISTENING)[0]["detail"].rpartition(":")[2])

    def named(self, name: str) -> list[dict[str, str]]:
        """Return the events of that name so far."""
        return [event for event in self.events if event["event"] == name]

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.events.append(json.loads(line))


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """Give a daemon that does not run yet, and has no password yet."""
    return Process(tmp_path)


def eventually(condition: Callable[[], object]) -> None:
    """Wait for up to twenty seconds until the condition holds."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


def values(port: int) -> dict[tuple[str, ...], float]:
    """Return all metrics by name and the values of their labels."""
    status, _, body = ask(port, "/metrics")
    assert status == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def test_health_follows_the_daemon_and_tells_no_secrets(process: Process) -> None:
    """Alive at once, ready when the password is there and delivered, gone when it is stopped."""
    with process.running("--listen", f"{LOOPBACK}:0") as running:
        port = process.port()
        eventually(lambda: process.named(EventName.FETCH_FAILED))
        bodies = [ask(port, path)[2] for path in PATHS]
        assert ask(port, "/ping")[0] == ask(port, "/healthz")[0] == 200
        status, _, reason = ask(port, "/readyz")
        assert status == 503
        assert reason.startswith("hub: pending: ")
        assert values(port)["refresher_fetches_total", "failed", "hub"] >= 1
        process.supply()
        eventually(lambda: ask(port, "/readyz")[0] == 200)
        eventually(lambda: ("refresher_places", "hub", "fresh") in values(port))
        measured = values(port)
        assert measured["refresher_places", "hub", "fresh"] == 1
        assert measured["refresher_writes_total", "written", "hub"] == 1
        assert measured["refresher_credential_expiry_timestamp_seconds", "hub"] == 4_070_908_800
        assert measured["refresher_renewal_due_timestamp_seconds", "hub"] > time.time()
        age = time.time() - measured["refresher_last_success_timestamp_seconds", "hub"]
        assert -1 < age < 30
        bodies += [ask(port, path)[2] for path in PATHS]
        assert "canary" not in "".join(bodies)
        assert str(process.folder) not in "".join(bodies)
        running.send_signal(signal.SIGTERM)
        assert running.wait(5) == 0
        with pytest.raises(ConnectionError):
            ask(port, "/ping")


def test_a_provider_that_a_reload_takes_away_is_gone_from_the_metrics(process: Process) -> None:
    """And its successor is there."""
    process.supply()
    with process.running("--listen", f"{LOOPBACK}:0") as running:
        port = process.port()
        eventually(lambda: ask(port, "/readyz")[0] == 200)
        process.write("successor")
        running.send_signal(signal.SIGHUP)
        eventually(lambda: process.named(EventName.RELOADED))
        eventually(lambda: "successor" in ask(port, "/metrics")[2])
        assert "hub" not in ask(port, "/metrics")[2]
        eventually(lambda: values(port)["refresher_places", "successor", "fresh"] == 1)
        assert ask(port, "/readyz")[0] == 200


def test_a_taken_port_keeps_nobody_from_renewing(process: Process, tmp_path: Path) -> None:
    """It is told, and the daemon does its work; the image's variable is heard."""
    process.supply()
    with process.running("--listen", f"{LOOPBACK}:0"):
        port = process.port()
        (tmp_path / "other").mkdir()
        other = Process(tmp_path / "other")
        other.supply()
        with other.running(env={"REFRESHER_LISTEN": f"{LOOPBACK}:{port}"}) as second:
            eventually(lambda: other.named(EventName.LISTEN_FAILED))
            eventually(lambda: other.named(EventName.WRITTEN))
            (event,) = other.named(EventName.LISTEN_FAILED)
            assert "Address already in use; it is tried again every 60 s" in event["detail"]
            assert event["level"] == "error"
            assert "set listen (or LISTEN_PORT) to another port" in event["hint"]
            assert second.poll() is None


def test_whoever_waited_for_a_port_gets_it_when_the_first_one_ends(process: Process) -> None:
    """However the first one ended."""
    process.supply()
    events, clock = EventLog(), SystemClock()
    tally, shelf = Tally(clock), Shelf()
    told = Fanout(events, tally)
    engine = Engine({"second": Issuer(clock)}, {"shelf": shelf}, clock=clock, events=told)
    daemon = Daemon(engine, clock=clock, events=told)
    thread = threading.Thread(target=daemon.run)
    with process.running("--listen", f"{LOOPBACK}:0") as first:
        port = process.port()
        address = parse(f"{LOOPBACK}:{port}")
        with listening(address, daemon, tally=tally, events=told, clock=clock, retry=0.1):
            thread.start()
            try:
                eventually(lambda: EventName.LISTEN_FAILED in events.names())
                eventually(lambda: shelf.secrets() != [""])
                first.kill()
                eventually(lambda: EventName.LISTENING in events.names())
                eventually(lambda: ask(port, "/readyz")[0] == 200)
                assert ("refresher_places", "second", "fresh") in values(port)
            finally:
                daemon.stop()
                thread.join(10)
