"""Where the daemon listens, and what is served there."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from refresher.cli import main
from refresher.cli.listening import listen_address, listening
from refresher.clock import SystemClock
from refresher.errors import SettingsError
from refresher.model.listen import VARIABLE, ListenAddress
from refresher.model.standing import Survey
from refresher.observe.tally import Tally
from refresher.ports import EventName
from refresher.testing import EventLog, FakeClock
from tests.observe.web.serving import LOOPBACK, ask, eventually


class Watched:
    """A daemon that is well."""

    def stalled(self) -> str:
        """Tell of progress."""
        return ""

    def survey(self) -> Survey:
        """Tell of nothing to supply."""
        return Survey(FakeClock().now(), {}, ())


@pytest.mark.parametrize(
    ("option", "setting", "env", "port"),
    [
        (None, None, {}, None),
        (None, None, {VARIABLE: ""}, None),
        (None, None, {VARIABLE: "off"}, None),
        (None, None, {VARIABLE: ":3"}, 3),
        (None, ":2", {VARIABLE: ":3"}, 2),
        (None, "off", {VARIABLE: ":3"}, None),
        (None, ":2", {VARIABLE: "nonsense"}, 2),
        (":1", ":2", {VARIABLE: ":3"}, 1),
        ("off", ":2", {VARIABLE: ":3"}, None),
    ],
    ids=[
        "nothing",
        "empty-variable",
        "variable-off",
        "variable",
        "settings",
        "settings-off",
        "variable-unread",
        "option",
        "option-off",
    ],
)
def test_the_option_comes_first_then_the_settings_then_the_environment(
    option: str | None, setting: str | None, env: Mapping[str, str], port: int | None
) -> None:
    """Whoever says off ends the search; by default nothing listens."""
    address = listen_address(option, setting, env)
    assert address == (None if port is None else ListenAddress("", port))


def test_a_wrong_variable_is_named() -> None:
    """With what is wrong with it."""
    with pytest.raises(SettingsError, match=f"{VARIABLE}: is a port alone"):
        listen_address(None, None, {VARIABLE: "8080"})


@pytest.mark.parametrize("how", ["option", "settings", "variable"])
def test_a_wrong_address_ends_the_command_before_it_begins(
    how: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With exit code 2 and a message that says what to write, and never what was written."""
    settings = tmp_path / "refresher.yaml"
    settings.write_text("store: memory\n" + ("listen: canary\n" if how == "settings" else ""))
    if how == "variable":
        monkeypatch.setenv(VARIABLE, "canary")
    words = ["--listen", "canary"] if how == "option" else []
    assert main(["run", "--config", str(settings), *words]) == 2
    err = capsys.readouterr().err
    assert "has no port: write host:port, :port or off" in err
    assert "canary" not in err


def test_nothing_is_served_by_default() -> None:
    """Nothing is told either."""
    events = EventLog()
    clock = SystemClock()
    with listening(None, Watched(), tally=Tally(clock), events=events, clock=clock):
        pass
    assert events.seen == []


def test_health_and_metrics_are_served_while_the_daemon_runs() -> None:
    """At the paths that are documented, and no longer."""
    events = EventLog()
    clock = SystemClock()
    tally, address = Tally(clock), ListenAddress(LOOPBACK, 0)
    with listening(address, Watched(), tally=tally, events=events, clock=clock):
        eventually(lambda: events.seen)
        port = int(events.seen[0].detail.rpartition(":")[2])
        for path in ("/healthz", "/readyz", "/ping", "/metrics"):
            assert ask(port, path)[0] == 200
        assert ask(port, "/")[0] == 404
    assert events.names() == [EventName.LISTENING]
    with pytest.raises(ConnectionRefusedError):
        ask(port, "/ping")
