"""What a run tells of its targets, where one thing concerns many registries."""

from pathlib import Path

import pytest

from refresher.cli import main
from tests.doubles.rancher import RancherDouble

REGISTRIES = ("a.example", "b.example", "c.example")


@pytest.fixture
def settings(tmp_path: Path, rancher: RancherDouble) -> Path:
    """Return settings that feed three registries to one environment, which holds the first one."""
    project = rancher.add_project("production")
    rancher.add_credential(rancher.add_registry(project, REGISTRIES[0]), "ann", "old")
    key = rancher.environment_key(project)
    file = tmp_path / "refresher.yaml"
    (tmp_path / "secret").write_text(key.secret)
    file.write_text(
        "store: refresher.db\n"
        "providers:\n"
        f"  hub: {{type: static, registries: [{', '.join(REGISTRIES)}], username: ann,"
        " password: canary-pass-word, expires_at: 2099-01-01T00:00:00Z}\n"
        "sinks:\n"
        f"  rancher: {{type: rancher, url: {rancher.url}, create: true,"
        f" access_key: {key.access}, secret_key_file: secret}}\n"
    )
    return file


@pytest.fixture
def rancher() -> RancherDouble:
    """Return a server that is started by who needs it."""
    return RancherDouble()


def test_what_a_target_did_is_told_once(
    settings: Path, rancher: RancherDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    """However many registries it holds, and with each result that it is told for."""
    with rancher:
        assert main(["once", "--config", str(settings)]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "made the registry" in line]
    (line,) = told
    assert line.startswith("  rancher: updated, created: environment production")


def test_what_a_target_suffers_is_told_once(
    settings: Path, rancher: RancherDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that takes no keys is one fault, and not one for each registry."""
    (settings.parent / "secret").write_text("wrong")
    with rancher:
        assert main(["once", "--config", str(settings), "--timeout", "3"]) == 1
    output = capsys.readouterr().out
    assert output.count("does not take the keys") == 1
    assert output.count("refused  ") == len(REGISTRIES)


def test_what_a_server_suffers_is_told_once(
    settings: Path, rancher: RancherDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its environments are counted, and the table names them."""
    rancher.add_project("staging")
    key = rancher.admin_key()
    text = settings.read_text().replace("create: true", "create: true, environments: all")
    access = text.split("access_key: ")[1].split(",")[0]
    settings.write_text(text.replace(access, key.access))
    (settings.parent / "secret").write_text(key.secret)
    with rancher:
        assert main(["once", "--config", str(settings)]) == 0
        capsys.readouterr()
        (settings.parent / "secret").write_text("wrong")
        assert main(["once", "--config", str(settings), "--timeout", "3"]) == 1
    output = capsys.readouterr().out
    assert output.count("does not take the keys") == 1
    assert "  rancher (2 targets): refused: " in output
