"""Whole runs: from Amazon ECR to Rancher, as a person or a cron job starts them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.doubles.aws import AwsDouble, without_aws
from tests.doubles.rancher import How, Key, RancherDouble
from tests.observe.canary import forms, leaks

ECR = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
_SETTINGS = """
store: refresher.db
log_level: debug
providers:
  prod: {{type: ecr, registries: [{registry}]}}
sinks:
  rancher:
    type: rancher
    url: {url}
    access_key_file: access
    secret_key_file: secret
    environments: [production, staging]
    create: true
"""


class Site:
    """A folder with settings, AWS, and a Rancher with two environments."""

    def __init__(self, folder: Path, aws: AwsDouble, rancher: RancherDouble) -> None:
        self.folder = folder
        self.aws = aws
        self.rancher = rancher
        self.projects = [rancher.add_project("production"), rancher.add_project("staging")]
        self.key: Key = rancher.account_key(*self.projects)
        for name, text in zip(("access", "secret"), self.key.pair, strict=True):
            (folder / name).write_text(text)
        settings = _SETTINGS.format(registry=ECR, url=f"{rancher.url}/v1")
        (folder / "refresher.yaml").write_text(settings)

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
def site(tmp_path: Path) -> Iterator[Site]:
    """Start the doubles."""
    with AwsDouble() as aws, RancherDouble() as rancher:
        yield Site(tmp_path, aws, rancher)


def test_a_token_comes_to_where_containers_pull(site: Site) -> None:
    """One call for two environments; the second run finds nothing to do, a repair needs none."""
    registry = site.rancher.add_registry(site.projects[0], ECR)
    credential = site.rancher.add_credential(registry, "AWS", "ended")
    instance = site.rancher.create_instance(site.projects[0], f"{ECR}/app")
    printed = site.run("once")
    (token,) = site.aws.answers.passwords
    assert site.rancher.pull_again(instance).credential == ("AWS", token)
    for project in site.projects:
        pull = site.rancher.pull(project, f"{ECR}/app")
        assert (pull.how, pull.credential) == (How.CREDENTIAL, ("AWS", token))
    assert site.rancher.credential(credential).state == "active"
    site.rancher.forget()

    printed += site.run("once")
    assert site.rancher.writes() == 0
    assert site.aws.calls("GetAuthorizationToken") == 1

    printed += site.run("status") + site.run("check")
    assert site.rancher.writes() == 0
    for text in (token, site.key.secret):
        assert [what for what, form in forms(text).items() if leaks(printed, form)] == []


def test_check_tells_what_stands_in_the_way(site: Site) -> None:
    """With the keys of an admin: a list of registries without ours."""
    site.rancher.set_setting("registry.whitelist", "quay.io")
    admin = site.rancher.admin_key()
    for name, text in zip(("access", "secret"), admin.pair, strict=True):
        (site.folder / name).write_text(text)
    printed = site.run("check", code=1)
    assert f"rancher: {site.rancher.host}: registry.whitelist does not hold {ECR}" in printed


def test_what_needs_a_person_is_told(site: Site) -> None:
    """An environment that lost its registry's credential fails alone."""
    site.run("once")
    rows = map(site.rancher.credential, ("1c1", "1c2"))
    (row,) = (row for row in rows if f"1a{row.project}" == site.projects[0])
    site.rancher.set_state(row, "inactive")
    printed = site.run("once", code=1)
    assert (
        f"the credential 1c{row.number} is inactive: "
        "activate it in Rancher, or set activate: true" in printed
    )
    assert site.rancher.pull(site.projects[1], f"{ECR}/app").how is How.CREDENTIAL
