"""Which engines are on a host, and what is in their files."""

import os
from pathlib import Path

import pytest

from refresher.errors import PermanentError
from refresher.model.insecure import listing
from refresher.registry.engines.engine import Engine, authorities_in, authorities_of_host, engines
from tests.doubles.certificates import Authority


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Give the root of a host with nothing on it."""
    return tmp_path / "host"


def seen(root: Path, **env: str) -> list[str]:
    """Return the names of the engines on a host."""
    return [each.name for each in engines({"PATH": "", **env}, root)]


def program(folder: Path, name: str) -> str:
    """Install a program, and return the PATH that leads to it."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    return str(folder)


def test_a_host_without_engines_has_none(host: Path) -> None:
    """As a container that only runs this program."""
    assert seen(host) == []
    assert seen(host, HOME=str(host / "home/ann"), PATH=str(host / "bin")) == []


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ("etc/docker/", "docker"),
        ("home/ann/.config/docker/daemon.json", "docker (rootless)"),
        ("home/ann/.config/docker/certs.d/", "docker (rootless)"),
        ("etc/containers/certs.d/", "podman"),
    ],
)
def test_engines_are_known_by_their_files(host: Path, there: str, name: str) -> None:
    """Each by those that it alone has."""
    path = host / there
    (path if there.endswith("/") else path.parent).mkdir(parents=True)
    if not there.endswith("/"):
        path.write_text("{}")
    assert seen(host, HOME=str(host / "home/ann")) == [name]


@pytest.mark.parametrize(("command", "name"), [("dockerd", "docker"), ("podman", "podman")])
def test_engines_are_known_by_their_programs(
    host: Path, tmp_path: Path, command: str, name: str
) -> None:
    """There may be no settings at all."""
    assert seen(host, PATH=program(tmp_path / "bin", command)) == [name]


def test_the_clients_settings_are_no_engine(host: Path) -> None:
    """`~/.docker` is docker's client, and so is a program of that name alone."""
    (host / "home/.docker").mkdir(parents=True)
    (host / "home/.config/docker").mkdir(parents=True)
    assert seen(host, HOME=str(host / "home"), PATH=program(host / "bin", "docker")) == []


def test_the_users_directory_may_be_elsewhere(host: Path) -> None:
    """XDG_CONFIG_HOME counts where it is a whole path."""
    (host / "config/docker/certs.d").mkdir(parents=True)
    (made,) = engines({"PATH": "", "XDG_CONFIG_HOME": str(host / "config")}, host)
    assert made.settings == host / "config/docker/daemon.json"
    assert made.usual == host / "config/docker/certs.d"
    assert engines({"PATH": "", "XDG_CONFIG_HOME": "config", "HOME": str(host)}, host) == ()


def test_podman_takes_the_first_directory_of_a_registry(host: Path) -> None:
    """The one below the home, else the host's, else docker's; one is made in the host's."""
    home = host / "home"
    (host / "etc/containers/certs.d").mkdir(parents=True)
    env = {"PATH": "", "HOME": str(home), "XDG_CONFIG_HOME": str(host / "config")}
    (podman,) = engines(env, host)
    assert podman.settings is None
    assert podman.directory("r.example:5000") == host / "etc/containers/certs.d/r.example:5000"
    for place in ("etc/docker", "etc/containers", "home/.config/containers"):
        directory = host / place / "certs.d/r.example:5000"
        directory.mkdir(parents=True)
        assert podman.directory("r.example:5000") == directory


def test_authorities_are_the_files_that_end_with_crt(host: Path) -> None:
    """Whatever they are called; client certificates and keys are none."""
    directory = host / "r.example:5000"
    directory.mkdir(parents=True)
    first, second = (Authority(_made(host / name), name) for name in ("one", "two"))
    (directory / "ca.crt").write_bytes(first.file.read_bytes())
    (directory / "corp.crt").write_bytes(second.file.read_bytes())
    (directory / "client.cert").write_bytes(second.file.read_bytes())
    (directory / "client.key").write_bytes(b"")
    engine = Engine("docker", (host,), host)
    found = engine.authorities("r.example:5000")
    assert [path.name for path in found] == ["ca.crt", "corp.crt"]
    assert found[directory / "ca.crt"] == authorities_in(first.file)
    assert engine.authorities("r.example") == {}


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True)
    return directory


@pytest.mark.parametrize("kind", ["place", "directory", "file"])
def test_what_may_not_be_read_is_named(powerless: Path, kind: str) -> None:
    """The path, and what the system says."""
    directory = powerless / "r.example"
    directory.mkdir()
    (directory / "ca.crt").write_text("x")
    path = {"place": powerless, "directory": directory, "file": directory / "ca.crt"}[kind]
    path.chmod(0)
    engine = Engine("docker", (powerless,), powerless)
    with pytest.raises(PermanentError, match=rf"{directory}.* can't be read: Permission denied"):
        engine.authorities("r.example")
    assert engines({"PATH": "", "HOME": str(path)}, path) == ()
    path.chmod(0o700)


def test_a_directory_holds_what_its_files_do(host: Path) -> None:
    """As OpenSSL takes one for ca_file."""
    authority = Authority(_made(host), "one")
    assert authorities_in(authority.file.parent) == authorities_in(authority.file)


def test_a_host_has_authorities_of_its_own(host: Path) -> None:
    """Debian's and Red Hat's files are known; without any there are none."""
    assert authorities_of_host(host) == frozenset()
    authority = Authority(_made(host), "one")
    for place in ("etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/certs/ca-certificates.crt"):
        (host / place).parent.mkdir(parents=True)
        (host / place).write_bytes(authority.file.read_bytes())
        assert authorities_of_host(host) == authorities_in(authority.file)
    (host / place).unlink()
    (host / place).symlink_to("/proc/self/mem")
    assert isinstance(authorities_of_host(host), frozenset)


def test_the_settings_of_docker_are_read(host: Path) -> None:
    """A missing file lists nothing."""
    settings = _made(host) / "daemon.json"
    engine = Engine("docker", (host,), host, settings)
    assert engine.insecure() == listing([])
    settings.write_text('{"insecure-registries": ["10.0.0.0/8", "r.example:5000"]}')
    assert engine.insecure() == listing(["10.0.0.0/8", "r.example:5000"])
    assert Engine("podman", (host,), host).insecure() == listing([])


@pytest.mark.parametrize("text", ["{", "[]", '{"insecure-registries": ["a/b"]}'])
def test_malformed_settings_are_named(host: Path, text: str) -> None:
    """With what comes of them."""
    settings = _made(host) / "daemon.json"
    settings.write_text(text)
    with pytest.raises(PermanentError, match=rf"^{settings} (is no|holds)") as caught:
        Engine("docker", (host,), host, settings).insecure()
    assert "docker won't start" in caught.value.hint


@pytest.mark.parametrize("kind", ["directory", "link to nowhere", "link to itself"])
def test_settings_that_are_no_file_are_named(host: Path, kind: str) -> None:
    """Nothing hangs, and nothing is guessed."""
    settings = _made(host) / "daemon.json"
    if kind == "directory":
        settings.mkdir()
    else:
        settings.symlink_to(settings if kind == "link to itself" else host / "nowhere")
    with pytest.raises(PermanentError, match=rf"^{settings} can't be read"):
        Engine("docker", (host,), host, settings).insecure()


def test_a_pipe_is_not_waited_for(host: Path) -> None:
    """It says nothing, and so lists nothing."""
    settings = _made(host) / "daemon.json"
    os.mkfifo(settings)
    assert Engine("docker", (host,), host, settings).insecure() == listing([])
