"""`refresher manifest rbac` and `refresher retire`, run by the account that it is for.

Each right of the manifest is taken away in turn: without it a run fails.
"""

import os
import subprocess
import sys
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from refresher.cli import main
from refresher.store import open_store
from tests.cli.terminal import Terminal
from tests.doubles.kubernetes import KubernetesDouble
from tests.doubles.kubernetes.faults import status
from tests.sinks.kubernetes.cluster import Cluster, entry

REGISTRY = "registry.example"
_SETTINGS = """
store: refresher.db
providers:
  hub: {{type: static, registries: [{registry}], username: ann, password_file: password}}
sinks:
  pods:
    type: kubernetes
    kubeconfig: kubeconfig
    namespaces: {namespaces}
    service_accounts: {accounts}
"""

Document = dict[str, Any]
Right = tuple[str, str, str]


class Site:
    """A folder with settings, and a cluster in which the account may do what the manifest says."""

    def __init__(self, folder: Path, cluster: Cluster, kube: KubernetesDouble) -> None:
        self.folder = folder
        self.cluster = cluster
        self.kube = kube
        self.names = [cluster.add(name) for name in ("a", "b")]
        (folder / "password").write_text("new-secret")
        kube.kubeconfig(folder / "kubeconfig", kube.account("refresher", "tools"))

    def settle(self, *, fixed: bool, accounts: str) -> None:
        """Write the settings, with the names of the namespaces or a pattern."""
        namespaces = self.names if fixed else [self.cluster.all]
        text = _SETTINGS.format(registry=REGISTRY, namespaces=namespaces, accounts=accounts)
        (self.folder / "refresher.yaml").write_text(text)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command."""
        return subprocess.run(
            [sys.executable, "-m", "refresher", *words, "--config", "refresher.yaml"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            capture_output=True,
            text=True,
            check=False,
        )

    def call(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
        """Run a command in this process; return its exit code and what it printed."""
        code = main([*words, "--config", str(self.folder / "refresher.yaml")])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    def manifest(self, capsys: pytest.CaptureFixture[str], *words: str) -> list[Document]:
        """Return what is printed for the account."""
        code, out, err = self.call(capsys, "manifest", "rbac", "--namespace", "tools", *words)
        assert code == 0, err
        return list(yaml.safe_load_all(out))

    def apply(self, documents: list[Document], without: Right | None = None) -> None:
        """Apply a manifest, in which one right may be missing."""
        for each in deepcopy(documents):
            for rule in each.get("rules", ()):
                resource, names, verb = without or ("", "", "")
                if (rule["resources"], said(rule)) == ([resource], names):
                    rule["verbs"] = [one for one in rule["verbs"] if one != verb]
            self.kube.roles.apply(each)

    def disturb(self) -> None:
        """Have one namespace to repair, one to begin, and somebody who is faster once each."""
        for where in self.names:
            self.cluster.set_pulls(where, "default", [])
        self.cluster.add_secret(
            self.names[0], {}, metadata={"labels": {"app.kubernetes.io/managed-by": "refresher"}}
        )
        for resource in ("secrets", "serviceaccounts"):
            for verb in ("update", "patch"):
                conflict = status(409, "Conflict", "the object has been modified")
                self.kube.fail(conflict, 1, resource=resource, verb=verb)


@pytest.fixture
def site(tmp_path: Path, cluster: Cluster, kube: KubernetesDouble) -> Site:
    """Give a folder, and a cluster with two namespaces."""
    return Site(tmp_path, cluster, kube)


def said(rule: Document) -> str:
    """Return the names of a rule."""
    return " ".join(rule.get("resourceNames", ()))


SECRETS = [("secrets", "refresher", verb) for verb in ("get", "list", "update")]
CREATE = ("secrets", "", "create")


def accounts(names: str) -> list[Right]:
    """Return the rights that the service accounts of some names need."""
    return [("serviceaccounts", names, verb) for verb in ("get", "list", "patch")]


CASES = {
    "fixed-none": (True, "none", [CREATE, *SECRETS]),
    "fixed-default": (True, "default", [CREATE, *SECRETS, *accounts("default")]),
    "pattern-all": (False, "all", [("namespaces", "", "list"), CREATE, *SECRETS, *accounts("")]),
}


@pytest.mark.parametrize(("fixed", "those", "rights"), CASES.values(), ids=CASES)
def test_the_manifest_gives_what_a_run_needs(
    site: Site, capsys: pytest.CaptureFixture[str], *, fixed: bool, those: str, rights: list[Right]
) -> None:
    """Both namespaces are served, over conflicts, and no other right is given."""
    site.settle(fixed=fixed, accounts=those)
    documents = site.manifest(capsys)
    kinds = {each["kind"] for each in documents}
    assert kinds == ({"Role", "RoleBinding"} if fixed else {"ClusterRole", "ClusterRoleBinding"})
    for document in documents:
        given = [
            (resource, said(rule), verb)
            for rule in document.get("rules", ())
            for resource in rule["resources"]
            for verb in rule["verbs"]
        ]
        assert sorted(given) == (sorted(rights) if given else [])
    site.apply(documents)
    site.disturb()
    done = site.run("once", "--timeout", "10")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in site.names:
        assert site.cluster.password(name, REGISTRY) == "new-secret"
        assert site.cluster.pulls(name) == ([] if those == "none" else ["refresher"])


@pytest.mark.parametrize(
    ("fixed", "those", "without"),
    [
        pytest.param(fixed, those, right, id=f"{name}-{right[2]}-{right[0]}")
        for name, (fixed, those, rights) in CASES.items()
        for right in rights
        if those != "none"
    ],
)
def test_no_right_is_too_many(
    site: Site, capsys: pytest.CaptureFixture[str], *, fixed: bool, those: str, without: Right
) -> None:
    """Without any one of them the run fails, and says which one that is."""
    site.settle(fixed=fixed, accounts=those)
    site.apply(site.manifest(capsys), without)
    site.disturb()
    code, out, err = site.call(capsys, "once", "--timeout", "1")
    assert code == 1, out + err
    resource, _, verb = without
    assert f"system:serviceaccount:tools:refresher may not {verb} {resource}" in out


def test_retiring_needs_one_right_more(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """With it everything goes that a run has made, and nothing else; the records forget it."""
    site.settle(fixed=True, accounts="default")
    site.apply(site.manifest(capsys))
    for where in site.names:
        site.cluster.add_secret(where, {REGISTRY: entry("them", "theirs")}, name="other")
        site.cluster.set_pulls(where, "default", ["other"])
    assert site.call(capsys, "once")[0] == 0
    retire = ("retire", "pods", "--yes")
    code, out, err = site.call(capsys, *retire)
    assert code == 1
    assert f"may not delete secrets refresher in namespace {site.names[0]}" in out
    assert site.names[0] in site.call(capsys, "status")[1]

    assert site.call(capsys, "once")[0] == 0
    site.apply(site.manifest(capsys, "--retire"))
    code, out, err = site.call(capsys, *retire)
    assert code == 0, out + err
    for where in site.names:
        assert f"namespace {where}: deleted Secret refresher" in out
        assert site.cluster.secret(where) is None
        assert site.cluster.pulls(where) == ["other"]
        assert site.cluster.auths(where, "other") == {REGISTRY: entry("them", "theirs")}
    assert "retired 2 of 2 target(s) of pods" in out
    assert "the settings still feed pods" in err
    status_line = site.call(capsys, "status")[1].splitlines()[1]
    assert status_line.split()[1:3] == ["pods", "pending"]
    code, out, err = site.call(capsys, *retire)
    assert (code, out.count("nothing of ours is there")) == (0, 2)


def test_a_person_is_asked(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """After what is to go was said, and who would put it back; without a yes nothing is done."""
    site.settle(fixed=True, accounts="default")
    site.apply(site.manifest(capsys, "--retire"))
    assert site.call(capsys, "once")[0] == 0
    code, out, err = site.call(capsys, "retire", "pods")
    assert (code, out, "give --yes if you are sure" in err) == (2, "", True)
    words = ["retire", "pods", "--config", str(site.folder / "refresher.yaml")]
    question = f"Remove from pods what refresher put into {', '.join(sorted(site.names))}? [y/N]"
    for answer, code in (("n", 1), ("y", 0)):
        assert site.cluster.password(site.names[0], REGISTRY) == "new-secret"
        with Terminal(words, {}) as terminal:
            terminal.wait_for(question)
            assert "warning: the settings still feed pods" in terminal.screen
            terminal.type(f"{answer}\n")
            assert terminal.end() == code
            assert ("nothing is removed" in terminal.screen) == (answer == "n")
    assert site.cluster.secret(site.names[0]) is None


def test_another_run_is_waited_for(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """But not for ever, and then nothing is removed."""
    site.settle(fixed=True, accounts="none")
    site.apply(site.manifest(capsys, "--retire"))
    assert site.call(capsys, "once")[0] == 0
    backend = open_store(str(site.folder / "refresher.db"))
    with closing(backend), backend.lock.hold("hub", 5.0):
        code, out, err = site.call(capsys, "retire", "pods", "--yes", "--lock-timeout", "0")
    assert (code, out) == (3, "")
    assert "hub" in err
    assert site.cluster.password(site.names[0], REGISTRY) == "new-secret"


def test_a_run_puts_it_all_back(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """As the warning says."""
    site.settle(fixed=True, accounts="default")
    site.apply(site.manifest(capsys, "--retire"))
    for command in (["once"], ["retire", "pods", "--yes"], ["once"]):
        code, out, err = site.call(capsys, *command)
        assert code == 0, out + err
    assert site.cluster.password(site.names[0], REGISTRY) == "new-secret"
    assert site.cluster.pulls(site.names[0]) == ["refresher"]
