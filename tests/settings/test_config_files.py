"""The files in config/ work as they stand."""

import re
from pathlib import Path

import pytest
import yaml

from refresher.options import Options
from refresher.plugins import BUILT_IN, Kind, find
from refresher.settings import load
from refresher.settings.frame import FRAMES, Frame, names_of
from refresher.settings.verifying import VerifyFrame
from refresher.store.memory import MemoryRecords, MemoryStore
from refresher.testing import EventLog, FakeClock
from refresher.wiring import Wiring, wire

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "config").glob("*.yaml"))


def wired(path: Path, home: Path) -> Wiring:
    """Return what is built of a settings file, for a user without an environment."""
    env = {"HOME": str(home)}
    return wire(
        load(path, env),
        clock=FakeClock(),
        store=MemoryStore(),
        env=env,
        events=EventLog(),
        fingerprint=MemoryRecords().fingerprint,
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_can_be_wired(path: Path, tmp_path: Path) -> None:
    """An example that is copied gives providers, sinks and routes at once."""
    built = wired(path, tmp_path)
    assert built.sources
    assert built.sinks
    assert built.routes


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_means_the_same_to_other_readers(path: Path) -> None:
    """An editor's YAML check sees nothing wrong."""
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_the_quickstart_runs_in_a_fresh_clone(tmp_path: Path) -> None:
    """Its password is in the repository, and what it writes is where git does not look."""
    built = wired(ROOT / "config" / "quickstart.yaml", tmp_path)
    credential = built.sources["sample"].provider.fetch(1)
    assert credential.registries == ("registry.example:5000",)
    assert "sample" in credential.secret.reveal()
    assert built.sources["sample"].terms.max_age is not None
    assert list(built.sinks["docker"].read([])) == [str(ROOT / "quickstart/docker/config.json")]
    store = load(ROOT / "config" / "quickstart.yaml", {}).store
    assert store == str(ROOT / "quickstart" / "refresher.db")
    assert "/quickstart/" in (ROOT / ".gitignore").read_text().splitlines()


def test_full_yaml_shows_every_setting() -> None:
    """A setting that is not shown there is one that nobody finds."""
    text = (ROOT / "config" / "full.yaml").read_text()
    shown = set(re.findall(r"^ *(?:# )?(\w+):", text, re.MULTILINE))
    options = {
        name
        for kind in Kind
        for type_name in BUILT_IN[kind]
        for name in names_of(find(kind, type_name).options)
    }
    models: list[type[Options]] = [Frame, VerifyFrame, *FRAMES.values()]
    frame = {name for model in models for name in names_of(model)}
    assert (options | frame) - shown == set()


def test_full_yaml_uses_every_built_in_type(tmp_path: Path) -> None:
    """It is the tour of what there is."""
    made = load(ROOT / "config" / "full.yaml", {"HOME": str(tmp_path)})
    for kind, plugs in ((Kind.PROVIDER, made.providers), (Kind.SINK, made.sinks)):
        assert {plug.plugin.name for plug in plugs.values()} == set(BUILT_IN[kind])
