"""The container engines of this host: where they keep what they trust, and what is there.

| engine | authorities of a registry | registries without TLS |
|---|---|---|
| docker | `/etc/docker/certs.d/HOST:PORT/*.crt` | `/etc/docker/daemon.json` |
| docker (rootless) | `~/.config/docker/certs.d` | `~/.config/docker/daemon.json` |
| podman | `~/.config/containers/certs.d`, else `/etc/containers/certs.d`, else docker's | |

The authorities of the host count for all. Where podman goes without TLS
(registries.conf) is not looked at. Sources: moby/moby, daemon/pkg/registry/registry.go;
containers-certs.d(5); Go, crypto/x509/root_linux.go.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError
from refresher.model import insecure
from refresher.model.certificates import certificates
from refresher.model.insecure import Insecure

_LARGEST: Final = 16 * 1024 * 1024
"""Bytes. The authorities of a whole distribution have 220,000."""

_HOST: Final = (
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/ca-bundle.pem",
    "etc/pki/tls/cacert.pem",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/ssl/cert.pem",
)
_AUTHORITY: Final = ".crt"

Authorities = frozenset[bytes]
"""Certificates, each in DER."""


class UnreadableError(PermanentError):
    """This user may not see what is there."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine.

    `directories` hold those of registries; the first one there is counts, and `usual` is where
    it would be made. `settings` is the daemon.json, None for an engine that has none, and
    `reload` the command to have it read again.
    """

    name: str
    directories: tuple[Path, ...]
    usual: Path
    settings: Path | None = None
    reload: str = ""

    def directory(self, registry: str) -> Path:
        """Return the directory that counts for a registry, or would if it were made."""
        places = [each / registry for each in self.directories]
        return next(filter(_is_directory, places), self.usual / registry)

    def authorities(self, registry: str) -> Mapping[Path, Authorities]:
        """Return what is in each file of authorities for a registry, none without a directory.

        Raises `PermanentError`, which names the file, if it can't be read.
        """
        files = _files(self.directory(registry))
        return {file: authorities_in(file) for file in files if file.suffix == _AUTHORITY}

    def insecure(self) -> Insecure:
        """Return the registries that it asks for no TLS.

        Raises `PermanentError`, which names the file, if that can't be told.
        """
        if self.settings is None or not os.path.lexists(self.settings):
            return Insecure()
        try:
            return insecure.parse(_read(self.settings))
        except ValueError as error:
            raise PermanentError(
                f"{self.settings} {error}", hint=f"repair it: {self.name} won't start with it"
            ) from None


def engines(env: Mapping[str, str], root: Path = Path("/")) -> tuple[Engine, ...]:
    """Return the engines that are on this host, as far as can be seen below `root`."""
    docker, containers = root / "etc/docker", root / "etc/containers"
    config = _config_home(env)
    found = []
    if _is_directory(docker) or _installed("dockerd", env):
        found.append(_docker("docker", docker, "systemctl reload docker"))
    own = config / "docker"
    if os.path.lexists(own / "daemon.json") or _is_directory(own / "certs.d"):
        found.append(_docker("docker (rootless)", own, "systemctl --user reload docker"))
    usual = containers / "certs.d"
    if _is_directory(usual) or _installed("podman", env):
        # podman looks below the home whatever XDG_CONFIG_HOME is (docker_client.go, homeCertDir).
        home = Path(env.get("HOME") or "/", ".config/containers/certs.d")
        places = (home, usual, docker / "certs.d")
        found.append(Engine("podman", places, usual))
    return tuple(found)


def authorities_of_host(root: Path = Path("/")) -> Authorities:
    """Return the authorities that every program of this host trusts; none if they can't be read."""
    file = next((root / each for each in _HOST if os.path.lexists(root / each)), None)
    try:
        return frozenset() if file is None else authorities_in(file)
    except PermanentError:
        return frozenset()


def authorities_in(path: Path) -> Authorities:
    """Return the certificates in a PEM file, or in the files of a directory.

    Raises `PermanentError`, which names the file, if one can't be read.
    """
    files = _files(path) if _is_directory(path) else [path]
    return frozenset().union(*(certificates(_read(file)) for file in files))


def _docker(name: str, directory: Path, reload: str) -> Engine:
    registries = directory / "certs.d"
    return Engine(name, (registries,), registries, directory / "daemon.json", reload)


def _config_home(env: Mapping[str, str]) -> Path:
    # XDG Base Directory Specification 0.8: a relative path is invalid and must be ignored.
    given = Path(env.get("XDG_CONFIG_HOME", ""))
    return given if given.is_absolute() else Path(env.get("HOME") or "/", ".config")


def _installed(program: str, env: Mapping[str, str]) -> bool:
    return shutil.which(program, path=env.get("PATH", "")) is not None


def _is_directory(path: Path) -> bool:
    # Unlike that of a Path it raises nothing where this user may not look.
    return os.path.isdir(path)  # noqa: PTH112


def _files(directory: Path) -> list[Path]:
    """Return what is in a directory but for directories, nothing where there is none."""
    try:
        names = sorted(os.listdir(directory))  # noqa: PTH208 - the same
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unread(directory, error) from None
    return [path for name in names if not _is_directory(path := directory / name)]


def _read(path: Path) -> bytes:
    try:
        # Non-blocking: a pipe in its place would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            # A file object that is refused, as for a directory, would not close the descriptor.
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(_LARGEST)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unread(path, error) from None


def _unread(path: Path, error: OSError) -> UnreadableError:
    return UnreadableError(
        f"{path} can't be read: {error.strerror}", hint="let this user read it, or look yourself"
    )
