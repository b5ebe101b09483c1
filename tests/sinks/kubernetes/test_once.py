"""Whole runs: from Amazon ECR to Kubernetes, as a person or a cron job starts them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.doubles.aws import AwsDouble, without_aws
from tests.doubles.kubernetes import KubernetesDouble, rule
from tests.observe.canary import forms, leaks
from tests.sinks.kubernetes import keyring
from tests.sinks.kubernetes.cluster import Cluster

ECR = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
_SETTINGS = """
store: refresher.db
log_level: debug
providers:
  prod: {{type: ecr, registries: [{registry}]}}
sinks:
  kubernetes:
    type: kubernetes
    kubeconfig: {kubeconfig}
    namespaces: "{namespaces}"
    service_accounts: default
"""


class Site:
    """A folder with settings, AWS, and a cluster with two namespaces."""

    def __init__(self, folder: Path, aws: AwsDouble, cluster: Cluster) -> None:
        self.folder = folder
        self.aws = aws
        self.cluster = cluster
        self.names = [cluster.add(name) for name in ("a", "b")]
        self.settle(cluster.kubeconfig, cluster.all)

    def settle(self, kubeconfig: Path, namespaces: str) -> None:
        """Write the settings."""
        settings = _SETTINGS.format(registry=ECR, kubeconfig=kubeconfig, namespaces=namespaces)
        (self.folder / "refresher.yaml").write_text(settings)

    @property
    def env(self) -> Mapping[str, str]:
        """The environment of a process."""
        return {**without_aws(os.environ), **self.aws.environment()}

    def run(self, command: str, *words: str, code: int = 0) -> str:
        """Run a command and return what it printed."""
        config = ["--config", str(self.folder / "refresher.yaml")]
        done = subprocess.run(
            [sys.executable, "-m", "refresher", command, *config, *words],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def site(tmp_path: Path, cluster: Cluster) -> Iterator[Site]:
    """Start the doubles."""
    with AwsDouble() as aws:
        yield Site(tmp_path, aws, cluster)


def test_a_token_comes_to_where_pods_pull(site: Site) -> None:
    """One call for two namespaces; the second run finds nothing to do, a repair needs none."""
    printed = site.run("once")
    (token,) = site.aws.answers.passwords
    for name in site.names:
        secret = site.cluster.secret(name)
        assert secret is not None
        assert keyring.pulled(secret, f"{ECR}/app") == [("AWS", token)]
        assert site.cluster.pulls(name) == ["refresher"]
    versions = [site.cluster.version(name) for name in site.names]
    printed += site.run("once")
    assert [site.cluster.version(name) for name in site.names] == versions
    site.cluster.delete_secret(site.names[0])
    printed += site.run("once") + site.run("status") + site.run("check")
    assert site.cluster.password(site.names[0], ECR) == token
    # One by `once`, and one by `check`, which asks every provider.
    assert site.aws.calls("GetAuthorizationToken") == 2
    assert [what for what, form in forms(token).items() if leaks(printed, form)] == []


def test_no_namespace_is_a_failure(site: Site) -> None:
    """A person who mistyped it finds out at once."""
    site.settle(site.cluster.kubeconfig, f"{site.cluster.prefix}-zz-*")
    printed = site.run("once", "--timeout", "2", code=1)
    assert f"matches {site.cluster.prefix}-zz-*" in printed
    assert "correct namespaces" in printed


def test_missing_rights_are_told(site: Site, kube: KubernetesDouble) -> None:
    """By the run, and by `check` with what to add."""
    rules = [
        rule(["list"], ["namespaces"]),
        rule(["list"], ["secrets", "serviceaccounts"]),
    ]
    config = kube.kubeconfig(site.folder / "account", kube.account("refresher", "tools", rules))
    site.settle(config, site.cluster.all)
    printed = site.run("once", "--timeout", "2", code=1)
    who = "system:serviceaccount:tools:refresher"
    assert f"{who} may not create secrets refresher in namespace {site.names[0]}" in printed
    printed = site.run("check", code=1)
    assert "resourceNames: [refresher], verbs: [get, update]}" in printed
