"""`check` and `plan` where the store can't be used: neither says that all is well."""

import socket
from pathlib import Path

import pytest

from refresher.cli import main


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Return a settings file that lacks its store, with a provider and a file to write."""
    (tmp_path / "password").write_text("canary-pass-word\n")
    file = tmp_path / "refresher.yaml"
    file.write_text(
        "providers:\n  hub: {type: static, registries: [r.example], username: ann,"
        " password_file: password, expires_at: never}\n"
        "sinks:\n  docker: {type: docker-config, path: config.json}\n"
    )
    return file


def _with(settings: Path, extra: str) -> None:
    settings.write_text(settings.read_text() + extra)


def _closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_a_store_that_can_be_used_is_no_finding(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is not there yet is not made, and one that is there is read."""
    _with(settings, "store: deep/down/refresher.db\n")
    assert main(["check", "--config", str(settings)]) == 0
    assert not (settings.parent / "deep").exists()
    assert main(["once", "--config", str(settings)]) == 0
    assert main(["check", "--config", str(settings)]) == 0
    assert "no findings" in capsys.readouterr().out


def test_a_server_that_is_away_is_a_finding(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong port shows before the daemon runs; offline nobody is asked."""
    pytest.importorskip("psycopg")
    _with(settings, f"store: postgresql://ann@127.0.0.1:{_closed_port()}/x\n")
    assert main(["check", "--config", str(settings)]) == 1
    output = capsys.readouterr().out
    assert "store: the store postgresql://ann@127.0.0.1:" in output
    assert "hint: start the server" in output
    assert main(["check", "--offline", "--config", str(settings)]) == 0


def test_a_file_that_is_no_database_is_a_finding(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told once, also where a sink writes to the same store."""
    (settings.parent / "refresher.db").write_text("no database at all, " * 100)
    _with(settings, "  page: {type: store}\nstore: refresher.db\n")
    assert main(["check", "--offline", "--config", str(settings)]) == 1
    output = capsys.readouterr().out
    assert output.count("refresher.db") == 1


def test_a_path_where_no_file_can_be_made_is_a_finding(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The directory that is in the way is named."""
    _with(settings, "store: password/refresher.db\n")
    assert main(["check", "--offline", "--config", str(settings)]) == 1
    output = capsys.readouterr().out
    assert f"{settings.parent / 'password'} is no directory that this user can write to" in output
    assert "hint: set store to another path" in output


def test_a_plan_without_its_store_has_failed(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would be done can't be told, and `once` could not record it."""
    _with(settings, "store: refresher.db\nstore_key_file: nowhere\n")
    assert main(["once", "--config", str(settings)]) == 1
    capsys.readouterr()
    assert main(["plan", "--config", str(settings)]) == 1
    assert "error: store_key_file does not exist" in capsys.readouterr().err
