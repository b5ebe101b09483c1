"""The README's snippets are run as they stand."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import refresher
from refresher.ports import Tools
from refresher.settings import parse
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock

README_FILE = Path(__file__).parents[1] / "README.md"
README = README_FILE.read_text()


def _snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def namespace(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Run the provider, the sink and the single run."""
    names: dict[str, Any] = {}
    for snippet in _snippets("python")[:3]:
        exec(snippet, names)  # noqa: S102 - the README is ours
    assert capsys.readouterr().out == "True robot\n"
    return names


def test_a_custom_provider_feeds_a_custom_sink_once(namespace: dict[str, Any]) -> None:
    """Ten lines each are enough for a whole run."""
    assert namespace["sink"]["registry.example"].username == "robot"


def test_a_custom_provider_feeds_a_custom_sink_as_a_daemon(namespace: dict[str, Any]) -> None:
    """The same engine runs for good."""
    namespace["sink"].clear()
    daemon = refresher.Daemon(namespace["engine"])
    thread = threading.Thread(target=daemon.run)
    thread.start()
    for _ in range(500):
        if namespace["sink"]:
            break
        threading.Event().wait(0.01)
    daemon.stop()
    thread.join(10)
    assert namespace["sink"]["registry.example"].username == "robot"


def test_a_plug_in_builds_from_its_options(namespace: dict[str, Any]) -> None:
    """Options and build are all that an entry point needs."""
    exec(_snippets("python")[4], namespace)  # noqa: S102 - the README is ours
    options = namespace["Options"](registries=["HTTPS://Other.Example/v2/"])
    provider = namespace["build"](options, Tools(FakeClock(), MemoryStore()))
    assert provider.fetch(30).registries == ("other.example",)


def test_the_settings_are_valid() -> None:
    """The example is accepted as it stands."""
    (text,) = _snippets("yaml")
    settings = parse(text, "README.md", Path("/"), {"HOME": "/root"})
    assert set(settings.providers) == {"prod", "gcr", "hub"}


def test_a_plug_in_is_found_by_its_entry_point(tmp_path: Path) -> None:
    """An installed package's provider is used from a settings file like a built-in one."""
    snippets = _snippets("python")
    (tmp_path / "acme_vault.py").write_text(snippets[0] + snippets[4])
    info = tmp_path / "acme_vault-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-vault\nVersion: 1.0\n")
    entry = re.search(r'\[project\.entry-points\."(.+?)"\]\n(.+?)\n', _snippets("toml")[0])
    assert entry is not None
    group, line = entry.groups()
    (info / "entry_points.txt").write_text(f"[{group}]\n{line.replace(chr(34), '')}\n")
    settings = tmp_path / "refresher.yaml"
    settings.write_text(
        "store: memory\n"
        "providers: {mine: {type: vault, registries: [registry.example]}}\n"
        "sinks: {docker: {type: docker-config, path: config.json}}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "refresher", "once", "--config", str(settings)],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{README_FILE.parent}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "registry.example" in (tmp_path / "config.json").read_text()
