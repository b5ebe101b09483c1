"""`refresher check` on authorities: those of the settings, and what engines need."""

from pathlib import Path

import pytest

from refresher.cli import main
from tests.doubles.certificates import Authority
from tests.doubles.scripted import Scripted, asks, pair


class Site:
    """A folder with settings, a home in which docker runs without root, and `check` in it."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.folder = folder
        self.settings = folder / "refresher.yaml"
        self.docker = folder / "config" / "docker"
        (self.docker / "certs.d").mkdir(parents=True)
        self._capsys = capsys
        # Whatever engine is on this host: of its settings these tests say nothing.
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))

    def check(self, extra: str, *words: str, registry: str = "r.example:5000") -> tuple[int, str]:
        """Check settings with one registry; return the exit code and what is told of it."""
        self.settings.write_text(
            f"store: memory\nproviders:\n  hub: {{type: static, registries: ['{registry}'], "
            "username: ann, password: pass-word, expires_at: never}\n"
            f"sinks: {{docker: {{type: docker-config, path: docker.json}}}}\n{extra}\n"
        )
        code = main(["check", "--config", str(self.settings), *words])
        lines = self._capsys.readouterr().out.splitlines()
        others = tuple(f"{each}: {registry}" for each in ("docker", "podman"))
        return code, "\n".join(line for line in lines if not line.startswith(others))


@pytest.fixture
def site(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Site:
    """Give a folder, with docker's in it."""
    return Site(tmp_path, capsys, monkeypatch)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make a private authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


def test_an_authority_that_docker_lacks_is_a_finding_until_it_is_there(
    site: Site, authority: Authority
) -> None:
    """The hint is the command that puts it there."""
    trust = f"trust: {{'r.example:5000': {{ca_file: {authority.file}}}}}"
    code, out = site.check(trust, "--offline")
    target = site.docker / "certs.d/r.example:5000/ca.crt"
    assert code == 1
    assert f"docker (rootless): r.example:5000: there is no {target} with" in out
    assert f"hint: install -D -m 0644 {authority.file} {target}" in out
    target.parent.mkdir()
    target.write_bytes(authority.file.read_bytes())
    out = site.check(trust, "--offline")[1]
    assert f"docker (rootless): r.example:5000: its authority is in {target.parent}" in out


def test_an_insecure_registry_that_docker_does_not_list_is_a_finding(site: Site) -> None:
    """Until it is listed."""
    trust = "trust: {'r.example:5000': {insecure: true}}"
    code, out = site.check(trust, "--offline")
    assert code == 1
    assert f"insecure-registries in {site.docker / 'daemon.json'} does not cover it" in out
    (site.docker / "daemon.json").write_text('{"insecure-registries": ["r.example:5000"]}')
    assert "is asked for no TLS" in site.check(trust, "--offline")[1]


def test_malformed_settings_of_docker_are_a_finding(site: Site) -> None:
    """Whatever is configured: docker does not start with them."""
    (site.docker / "daemon.json").write_text("{")
    code, out = site.check("", "--offline")
    assert code == 1
    assert f"docker (rootless): {site.docker / 'daemon.json'} is no JSON at line 1" in out


@pytest.mark.parametrize("setting", ["verify", "trust", "trust alone"])
def test_a_missing_authority_of_the_settings_is_a_finding(site: Site, setting: str) -> None:
    """With the name of the file, and nobody is asked: it is a setting to repair."""
    missing = site.folder / "missing.pem"
    text = {
        "verify": "verify: {mode: login, ca_file: missing.pem}",
        "trust": "verify: login\ntrust: {'r.example:5000': {ca_file: missing.pem}}",
        "trust alone": "trust: {'r.example:5000': {ca_file: missing.pem}}",
    }[setting]
    code, out = site.check(text)
    assert code == 2
    subjects = {"verify": "hub", "trust": "hub, trust", "trust alone": "trust"}
    assert out.startswith(f"{subjects[setting]}: ")
    assert f"{missing} does not exist" in out
    assert len([line for line in out.splitlines() if "missing.pem" in line]) == 1


def test_trust_counts_when_credentials_are_tried(site: Site, authority: Authority) -> None:
    """By `verify`, whatever its mode."""
    scripts = {"/v2/": asks("Basic", pair("ann", "pass-word"))}
    with Scripted(scripts, authority.server()) as server:
        code, out = site.check("verify: login", registry=server.host)
        assert code == 1
        assert "by an authority that is not known here" in out
        trust = f"verify: login\ntrust: {{'{server.host}': {{ca_file: {authority.file}}}}}"
        assert "by an authority" not in site.check(trust, registry=server.host)[1]
