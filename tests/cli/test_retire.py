"""`refresher retire`, as far as no cluster is needed."""

from pathlib import Path

import pytest

from refresher.cli import main

_SETTINGS = """
store: refresher.db
providers:
  hub: {type: static, registries: [r.example], username: ann, password_file: password}
sinks:
  docker: {type: docker-config, path: docker.json}
  store: {type: store}
  pods: {type: kubernetes, kubeconfig: missing, namespaces: [shop]}
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Write settings with sinks of several types."""
    (tmp_path / "refresher.yaml").write_text(_SETTINGS)
    return str(tmp_path / "refresher.yaml")


@pytest.mark.parametrize(("name", "kind"), [("docker", "docker-config"), ("store", "store")])
def test_some_sinks_mark_nothing(
    config: str, capsys: pytest.CaptureFixture[str], name: str, kind: str
) -> None:
    """The message says what to do."""
    assert main(["retire", name, "--yes", "--config", config]) == 2
    err = capsys.readouterr().err
    assert f"{name} is of the type {kind}, which does not mark what it writes" in err
    assert "remove that by hand" in err


@pytest.mark.parametrize(
    ("name", "said"),
    [("pod", "did you mean pods?"), ("elsewhere", "known: docker, pods, store")],
)
def test_a_mistyped_name_is_told(
    config: str, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    """With the one that may be meant, or all."""
    assert main(["retire", name, "--yes", "--config", config]) == 2
    err = capsys.readouterr().err
    assert f"the settings have no sink {name}; {said}" in err


def test_a_cluster_that_can_not_be_asked_is_an_error(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is claimed to be retired."""
    assert main(["retire", "pods", "--yes", "--config", config]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "error: " in captured.err
