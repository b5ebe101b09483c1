"""`refresher manifest rbac`: what it prints, and what it refuses."""

from pathlib import Path

import pytest
import yaml

from refresher.cli import main

_HUB = "{type: static, registries: [r.example], username: ann, password_file: password}"
_SETTINGS = """
store: postgresql://nobody@127.0.0.1:1/nothing
providers:
  hub: {hub}
sinks: {{{sinks}}}
"""


class Command:
    """The command over some settings."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = folder / "refresher.yaml"
        self._capsys = capsys

    def settle(self, *sinks: str, hub: str = _HUB) -> None:
        """Write settings with these sinks."""
        self.file.write_text(_SETTINGS.format(hub=hub, sinks=", ".join(sinks)))

    def run(self, *words: str) -> tuple[int, str, str]:
        """Return the exit code and what was printed."""
        code = main(["manifest", "rbac", *words, "--config", str(self.file)])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err


@pytest.fixture
def rbac(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Give the command."""
    return Command(tmp_path, capsys)


def test_the_manifest_is_yaml_as_people_write_it(rbac: Command) -> None:
    """Nobody is asked for it: neither the store nor the cluster, and no file but the settings."""
    rbac.settle("pods: {type: kubernetes, kubeconfig: missing, namespaces: [shop]}")
    code, out, err = rbac.run("--namespace", "tools")
    assert (code, err) == (0, "")
    assert (
        out
        == """\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: refresher.tools
  namespace: shop
rules:
- apiGroups:
  - ''
  resources:
  - secrets
  verbs:
  - create
- apiGroups:
  - ''
  resources:
  - secrets
  resourceNames:
  - refresher
  verbs:
  - get
  - list
  - update
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: refresher.tools
  namespace: shop
subjects:
- kind: ServiceAccount
  name: refresher
  namespace: tools
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: refresher.tools
"""
    )


def test_the_own_namespace_is_the_one_that_is_given(rbac: Command) -> None:
    """A sink without namespaces means it."""
    rbac.settle("pods: {type: kubernetes}")
    documents = list(yaml.safe_load_all(rbac.run("--service-account", "me")[1]))
    assert {each["metadata"]["namespace"] for each in documents} == {"refresher"}
    assert documents[1]["subjects"][0]["name"] == "me"


def test_secrets_of_registries_are_named(rbac: Command) -> None:
    """By what the providers that feed the sink serve."""
    rbac.settle('pods: {type: kubernetes, secret: "p-{registry}"}')
    role = next(iter(yaml.safe_load_all(rbac.run()[1])))
    assert role["rules"][1]["resourceNames"] == ["p-r.example"]


def test_secrets_of_unknown_registries_can_not_be_named(rbac: Command) -> None:
    """A role for some of them would let a run fail later."""
    rbac.settle(
        'pods: {type: kubernetes, secret: "p-{registry}"}',
        hub="{type: ecr, region: us-west-2}\n  more: " + _HUB,
    )
    code, out, err = rbac.run()
    assert (code, out) == (2, "")
    assert "refresher.yaml:6: sinks.pods.secret: is one for each registry" in err
    assert "those of hub are not known" in err
    assert "hint: name the registries of those providers" in err


def test_without_a_sink_of_kubernetes_there_is_nothing_to_say(rbac: Command) -> None:
    """It is an error, and no empty manifest."""
    rbac.settle("docker: {type: docker-config, path: docker.json}")
    code, out, err = rbac.run()
    assert (code, out) == (2, "")
    assert "there is no sink of the type kubernetes" in err


def test_clusters_are_kept_apart(rbac: Command) -> None:
    """A manifest is for one of them."""
    rbac.settle(
        "one: {type: kubernetes, namespaces: a}",
        "two: {type: kubernetes, namespaces: b, context: far}",
    )
    code, out, err = rbac.run()
    assert (code, out) == (2, "")
    assert "one, two are in several clusters" in err
    assert "--sink" in err
    code, out, _ = rbac.run("--sink", "two")
    assert code == 0
    assert {each["metadata"]["namespace"] for each in yaml.safe_load_all(out)} == {"b"}


@pytest.mark.parametrize(
    "words",
    [["--sink", "pod"], ["--namespace", "a b"], ["--service-account", "A"], ["more"]],
    ids=lambda words: words[0],
)
def test_wrong_words_are_refused(rbac: Command, words: list[str]) -> None:
    """Before anything is printed."""
    rbac.settle("pods: {type: kubernetes}")
    code, out, err = rbac.run(*words)
    assert (code, out) == (2, "")
    assert err
