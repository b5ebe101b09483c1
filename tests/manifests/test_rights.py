"""The settings that are installed work, and with the rights beside them: no less, and no more."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from refresher.sinks.kubernetes import Options
from refresher.sinks.kubernetes.rules import Rule, needed
from tests.doubles.aws import AwsDouble, without_aws
from tests.doubles.kubernetes import KubernetesDouble
from tests.manifests.conftest import DIFFERENT
from tests.manifests.rendering import Document, as_manifest, granted, of_kind, settings, workload

ECR = "123456789012.dkr.ecr.us-west-2.amazonaws.com"


def home(documents: list[Document]) -> str:
    """Return the namespace that the pod is in."""
    return str(workload(documents)["metadata"]["namespace"])


def wanted(documents: list[Document]) -> Mapping[str, tuple[Rule, ...]]:
    """Return what the sink says that it needs, by namespace."""
    given: dict[str, Any] = yaml.safe_load(settings(documents))
    (sink,) = given["sinks"].values()
    options = Options.model_validate({key: sink[key] for key in sink if key != "type"})
    registries = [each for one in given["providers"].values() for each in one["registries"]]
    chosen = options.chosen(home(documents))
    return needed(chosen, set(options.secret.all(registries)), options.accounts)


def test_the_roles_are_what_the_settings_need(documents: list[Document]) -> None:
    """In every namespace that they are needed in, and nowhere else."""
    expected = {
        where: [as_manifest(each) for each in rules] for where, rules in wanted(documents).items()
    }
    assert dict(granted(documents)) == expected


def test_every_role_is_bound(documents: list[Document]) -> None:
    """To a role of the same kind, name and namespace."""
    roles = {
        (each["kind"], each["metadata"]["name"], each["metadata"].get("namespace"))
        for each in of_kind(documents, "Role", "ClusterRole")
    }
    bound = {
        (
            each["roleRef"]["kind"],
            each["roleRef"]["name"],
            each["metadata"].get("namespace"),
        )
        for each in of_kind(documents, "RoleBinding", "ClusterRoleBinding")
    }
    assert roles == bound


class Site:
    """A cluster in which the documents were applied, and AWS."""

    def __init__(self, documents: list[Document], aws: AwsDouble, folder: Path) -> None:
        self.kube = KubernetesDouble()
        self.home = home(documents)
        self.targets = [each or self.home for each in wanted(documents)]
        for name in {self.home, *self.targets}:
            self.kube.add_namespace(name)
            self.kube.add_service_account("web", name)
        self._documents, self._aws, self._folder = documents, aws, folder

    def grant(self) -> None:
        """Apply the roles and their bindings."""
        for each in self._documents:
            if each["kind"].startswith(("Role", "ClusterRole")):
                self.kube.roles.apply(each)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command as the pod does, with its settings as they are."""
        file = self._folder / "refresher.yaml"
        file.write_text(settings(self._documents))
        (account,) = of_kind(self._documents, "ServiceAccount")
        token = self.kube.account(account["metadata"]["name"], self.home)
        config = self._folder / "kubeconfig"
        config.unlink(missing_ok=True)
        self.kube.kubeconfig(config, token, namespace=self.home)
        around = without_aws(os.environ)
        # Where the tests run in a pod, its own cluster is none of theirs.
        around.pop("KUBERNETES_SERVICE_HOST", None)
        env = {
            **around,
            **self._aws.environment(),
            "KUBECONFIG": str(config),
            "HUB_PASSWORD": "a-password",
        }
        return subprocess.run(
            [sys.executable, "-m", "refresher", words[0], "--config", str(file), *words[1:]],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def site(documents: list[Document], tmp_path: Path) -> Iterator[Site]:
    """Start the doubles, and grant nothing yet."""
    with AwsDouble() as aws:
        made = Site(documents, aws, tmp_path)
        with made.kube:
            yield made


@DIFFERENT
def test_a_run_with_these_settings_and_rights_supplies_the_namespaces(
    site: Site, documents: list[Document]
) -> None:
    """First makes, then repairs what somebody changed; nothing was forbidden, all was needed."""
    site.grant()
    done = site.run("once")
    assert done.returncode == 0, done.stdout + done.stderr
    name = "registry-credentials"
    for namespace in site.targets:
        secret = site.kube.secret(name, namespace)
        assert secret is not None
        assert ECR in secret[".dockerconfigjson"].decode()
        assert name in site.kube.pull_secrets("default", namespace)
    site.kube.set_secret(name, site.targets[0], {".dockerconfigjson": b'{"auths":{}}'})
    done = site.run("once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {each.status for each in site.kube.asked()} <= {200, 201}
    used = {(each.verb, each.resource) for each in site.kube.asked()}
    given = {
        (verb, resource)
        for _, rules in granted(documents)
        for rule in rules
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }
    # `get` is for writes that meet another one.
    assert given - used == {("get", "secrets"), ("get", "serviceaccounts")}
    assert site.kube.secret(name, "kube-system") is None


@DIFFERENT
def test_check_finds_nothing_with_these_rights_and_tells_of_them_without(site: Site) -> None:
    """A person who installs can ask before and after."""
    assert "may not" in site.run("check").stdout
    site.grant()
    done = site.run("check")
    assert done.returncode == 0, done.stdout + done.stderr
