"""A credential that a real registry refuses does not replace one that it takes."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.host import PRIVATE, Host

OLD, NEW = "the old password", "the new password"

SETTINGS = """
store: state/refresher.db
providers:
  hub:
    type: static
    registries: [{registry}]
    username: acme
    password_file: password
sinks:
  file: {{type: docker-config, path: config.json}}
verify: {{mode: login, ca_file: {authority}}}
"""


class Site:
    """Settings, a password file and a config file in one directory, beside a real registry."""

    def __init__(self, host: Host, directory: Path) -> None:
        self._host = host
        self._directory = directory
        (directory / "refresher.yaml").write_text(
            SETTINGS.format(registry=PRIVATE, authority=host.registry.authority.file)
        )

    def give(self, password: str) -> None:
        """Put a password into the file."""
        (self._directory / "password").write_text(password)

    def let_in(self, password: str) -> None:
        """Make the registry take a password, and no other."""
        self._host.registry.let_in("acme", password)

    def once(self) -> tuple[int, str]:
        """Run `refresher once`; return its exit code and all that it said."""
        done = subprocess.run(
            [sys.executable, "-m", "refresher", "once", "--config", "refresher.yaml"],
            cwd=self._directory,
            env={**os.environ, "HTTPS_PROXY": self._host.proxy, "HOME": str(self._host.home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert OLD not in done.stdout + done.stderr
        assert NEW not in done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr

    @property
    def held(self) -> str:
        """The password in the config file."""
        document = json.loads((self._directory / "config.json").read_bytes())
        pair = base64.b64decode(document["auths"][PRIVATE]["auth"]).decode()
        return pair.partition(":")[2]


@pytest.fixture
def site(host: Host, tmp_path: Path) -> Site:
    """A site whose registry takes the old password, and whose config file holds it."""
    made = Site(host, tmp_path)
    made.give(OLD)
    made.let_in(OLD)
    assert made.once()[0] == 0
    assert made.held == OLD
    return made


def test_a_new_password_that_the_registry_refuses_is_held_back(site: Site) -> None:
    """It is said why, the exit code is 1, and clients go on with the old one."""
    site.give(NEW)
    code, said = site.once()
    assert (code, site.held) == (1, OLD)
    assert f"refused by {PRIVATE}" in said
    site.let_in(NEW)
    code, said = site.once()
    assert (code, site.held) == (0, NEW), said


def test_a_first_password_that_is_refused_is_published_and_told(host: Host, tmp_path: Path) -> None:
    """Nothing better is there; the exit code tells that it is no good."""
    site = Site(host, tmp_path)
    site.give(NEW)
    site.let_in(OLD)
    code, said = site.once()
    assert (code, site.held) == (1, NEW)
    assert f"{PRIVATE} refuses the credential" in said


def test_a_password_that_the_registry_takes_no_more_is_reported(site: Site) -> None:
    """Nothing was renewed and nothing drifted, and still the run says that pulls will fail."""
    site.let_in(NEW)
    code, said = site.once()
    assert (code, site.held) == (1, OLD)
    assert f"{PRIVATE} refuses" in said
    site.give(NEW)
    code, said = site.once()
    assert (code, site.held) == (0, NEW), said


def test_a_registry_that_is_away_stops_no_renewal(site: Site, host: Host) -> None:
    """It can't be asked, so the new password is published, with a note."""
    host.registry.stop()
    site.give(NEW)
    code, said = site.once()
    assert (code, site.held) == (0, NEW), said
    assert "it is not known whether" in said
