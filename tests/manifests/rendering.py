"""Manifests as the tools of Kubernetes make them, and what they mean."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from refresher.sinks.kubernetes.rules import Rule
from tests.conftest import requires

Document = dict[str, Any]
CONFIG: Final = Path(__file__).parents[2] / "config"
KUSTOMIZE: Final = CONFIG / "kubernetes"
CHART: Final = CONFIG / "helm" / "refresher"
NAMESPACE: Final = "tools"
RELEASE: Final = "pulls"
_OF_THE_CLUSTER: Final = ("ClusterRole", "ClusterRoleBinding")


def needs(tool: str) -> str:
    """Return a tool, which Debian has no recent package of; skip where it is missing."""
    requires(tool, available=shutil.which(tool) is not None)
    return tool


def printed(*words: str) -> str:
    """Insist that a tool does its work, and return what it printed."""
    done = _ran(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_they_stand(folder: Path) -> list[Document]:
    """Return the documents of a plain kustomization, without any tool."""
    own = yaml.safe_load((folder / "kustomization.yaml").read_text())
    texts = [(folder / each).read_text() for each in own["resources"]]
    for made in own["configMapGenerator"]:
        data = {each: (folder / each).read_text() for each in made["files"]}
        head = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": made["name"]}}
        texts.append(yaml.safe_dump({**head, "data": data}))
    return sent("\n---\n".join(texts))


def kustomized(folder: Path) -> list[Document]:
    """Return the documents of a kustomization, as `kubectl apply -n tools -k` sends them."""
    return sent(printed(needs("kubectl"), "kustomize", str(folder)))


def composed(folder: Path, components: Sequence[str]) -> list[Document]:
    """Return the documents of the base with components, with a new folder for people's own."""
    there = os.path.relpath(KUSTOMIZE.resolve(), folder.resolve())
    own = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": [f"{there}/base"],
        "components": [f"{there}/components/{each}" for each in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(own))
    return kustomized(folder)


def templating(*words: str) -> "subprocess.CompletedProcess[str]":
    """Return what `helm install -n tools` would send, or what it objects to."""
    return _ran(needs("helm"), "template", RELEASE, str(CHART), "-n", NAMESPACE, *words)


def sent(text: str) -> list[Document]:
    """Return documents, each in the namespace that it comes to."""
    documents = [each for each in yaml.safe_load_all(text) if each is not None]
    for each in documents:
        if each["kind"] not in _OF_THE_CLUSTER:
            each["metadata"].setdefault("namespace", NAMESPACE)
    return documents


def of_kind(documents: Sequence[Document], *kinds: str) -> list[Document]:
    """Return the documents of some kinds."""
    return [each for each in documents if each["kind"] in kinds]


def pod_template(workload: Document) -> Document:
    """Return the pod template of a Deployment or a CronJob."""
    spec: Document = workload["spec"]
    if workload["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    found: Document = spec["template"]
    return found


def workload(documents: Sequence[Document]) -> Document:
    """Return the one document that makes pods."""
    (found,) = of_kind(documents, "Deployment", "CronJob")
    return found


def settings(documents: Sequence[Document]) -> str:
    """Return the settings that the pod finds, as text."""
    (found,) = of_kind(documents, "ConfigMap")
    assert list(found["data"]) == ["refresher.yaml"]
    text: str = found["data"]["refresher.yaml"]
    return text


def granted(documents: Sequence[Document]) -> Iterator[tuple[str, list[Document]]]:
    """Yield where something is allowed, "" for everywhere, and the rules."""
    for role in of_kind(documents, "Role", "ClusterRole"):
        yield role["metadata"].get("namespace", ""), role["rules"]


def as_manifest(rule: Rule) -> Document:
    """Return a rule as roles hold it."""
    made: Document = {"apiGroups": [""], "resources": [rule.resource], "verbs": list(rule.verbs)}
    return {**made, "resourceNames": list(rule.names)} if rule.names else made


def _ran(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, capture_output=True, text=True, check=False)
