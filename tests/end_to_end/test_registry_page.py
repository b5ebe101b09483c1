"""People and the daemon at one store: what one does, the other respects."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_SETTINGS = """
store: store/refresher.db
providers:
  hub: {type: static, registries: [docker.io, quay.io], username: robot, password_file: password}
sinks:
  store: {type: store}
"""


class Site:
    """A folder with settings, in which commands run as processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "refresher.yaml").write_text(_SETTINGS)
        self.rotate("canary-first-password")

    def rotate(self, password: str) -> None:
        """Give the provider another password."""
        (self.folder / "password").write_text(password)

    def run(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command in the folder."""
        return subprocess.run(
            [sys.executable, "-m", "refresher", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def do(self, *words: str, stdin: str = "") -> str:
        """Run a command that succeeds; return what it printed."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def document(self, *words: str) -> Any:
        """Return the document that a command prints, whatever its exit code."""
        return json.loads(self.run(*words, "--output", "json").stdout)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give a folder with one provider that feeds the store."""
    return Site(tmp_path)


def test_what_the_daemon_put_is_on_the_page(site: Site) -> None:
    """Docker Hub has the page's name there, and both are in use."""
    site.do("once")
    found = site.document("registry", "list")["registries"]
    assert [each["address"] for each in found] == ["index.docker.io", "quay.io"]
    assert {each["in_use"]["username"] for each in found} == {"robot"}
    assert site.document("resolve", "ubuntu")["credential"]["username"] == "robot"
    assert json.loads(site.do("get", "docker.io"))["Secret"] == "canary-first-password"


def test_a_registry_that_a_person_deactivated_stays_so(site: Site) -> None:
    """The daemon tells of it, changes nothing there, and supplies the others and it again later."""
    site.do("once")
    site.do("registry", "deactivate", "quay")
    site.rotate("canary-second-password")
    done = site.run("once")
    assert done.returncode == 1
    assert "quay.io" in done.stdout
    assert site.document("resolve", "quay.io/app")["reason"] == "inactive"
    assert site.document("resolve", "ubuntu")["reason"] is None
    site.do("registry", "activate", "quay")
    site.do("once")
    assert site.document("resolve", "quay.io/app")["reason"] is None
    assert "canary" not in done.stdout + done.stderr


def test_a_person_replaces_the_daemon_at_a_registry(site: Site) -> None:
    """A credential that is added by hand is in use until the daemon supplies its own again."""
    site.do("once")
    words = ("registry", "credential", "add", "dockerhub", "--username", "acme")
    site.do(*words, "--password-stdin", stdin="canary-by-hand")
    assert site.document("resolve", "ubuntu")["credential"]["username"] == "acme"


def test_the_whitelist_and_the_default_registry_hold_for_images(site: Site) -> None:
    """As on Rancher's page, from one process to the next."""
    site.do("once")
    site.do("setting", "set", "registry.whitelist", "quay.io")
    assert site.document("resolve", "ubuntu")["reason"] == "not-whitelisted"
    site.do("setting", "set", "registry.default", "quay.io")
    assert site.document("resolve", "ubuntu")["registry"] == "quay.io"
    assert site.document("resolve", "docker.io/ubuntu")["reason"] == "not-whitelisted"
