"""Pulls: which credential a host uses for an image."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from tests.doubles.rancher.database import Database
from tests.doubles.rancher.errors import ApiError
from tests.doubles.rancher.kinds import CREDENTIAL, REGISTRY
from tests.doubles.rancher.rows import Row
from tests.doubles.rancher.rules import Choice, Rules

DOCKER_HUB: Final = "index.docker.io"

Accepts = Callable[[str, tuple[str, str] | None], bool]
"""Says for an address and a user name with a password, or nothing, whether a registry lets pull."""


class How(StrEnum):
    """How a pull ended."""

    CREDENTIAL = "credential"
    ANONYMOUS = "anonymous"
    PRESENT = "present"
    """The image was there already: nobody was asked."""
    FAILED = "failed"


@dataclass
class Instance:
    """A container. It keeps the credential that it was created with, for life."""

    project: int
    image: str
    server: str
    credential: int | None
    present: bool = False


@dataclass(frozen=True)
class Pull:
    """A pull: where from, what was tried, how it ended."""

    server: str
    credential: tuple[str, str] | None
    how: How


def server_of(image: str) -> str | None:
    """Return the registry that an image names, as Cattle's DockerImage reads it."""
    first, slash, _ = image.removeprefix("docker:").partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named else None


class Pulls:
    """The scheduler and the agents. Takes the database's lock itself."""

    def __init__(self, rules: Rules, database: Database) -> None:
        self._rules = rules
        self._database = database

    def create(self, project: int, image: str) -> Instance:
        """Create a container. Raises `ApiError` for an image from where none may come."""
        with self._database.lock:
            text = image.removeprefix("docker:")
            default = self._database.settings.get("registry.default", "").strip()
            if server_of(text) is None and default:
                text = f"{default}/{text}"
            self._check(server_of(image) or default or DOCKER_HUB)
            server = server_of(text) or DOCKER_HUB
            used = self._lookup(project, server)
            return Instance(project, text, server, used.number if used else None)

    def pull(self, instance: Instance, accepts: Accepts) -> Pull:
        """Pull an instance's image, where it is not there yet."""
        with self._database.lock:
            row = self._database.get(CREDENTIAL, instance.credential)
            pair = _pair(row) if row else None
        if instance.present:
            return Pull(instance.server, pair, How.PRESENT)
        how = _try(instance.server, pair, accepts)
        instance.present = how is not How.FAILED
        return Pull(instance.server, pair, how)

    def _check(self, server: str) -> None:
        text = self._database.settings.get("registry.whitelist", "")
        allowed = {item.strip() for item in text.split(",") if item.strip()}
        if allowed and server not in allowed:
            raise ApiError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "InvalidOption",
                message="The provided registry is not whitelisted",
            )

    def _lookup(self, project: int, server: str) -> Row | None:
        """Return the credential for a new container (DockerImageCredentialLookup)."""
        for registry in self._database.of_project(REGISTRY, project):
            if registry.state != "active":
                continue
            if registry.fields["serverAddress"].lower() == server.lower():
                credentials = self._database.credentials_of(registry)
                active = [row for row in credentials if row.state == "active"]
                newest = self._rules.choice is Choice.NEWEST
                return (active[-1] if newest else active[0]) if active else None
        return None


def _pair(row: Row) -> tuple[str, str]:
    return row.fields.get("publicValue") or "", row.fields.get("secretValue") or ""


def _try(server: str, pair: tuple[str, str] | None, accepts: Accepts) -> How:
    """Try the credential, then nobody's name, as the agent does (core/image/image.go)."""
    if pair is not None and accepts(server, pair):
        return How.CREDENTIAL
    return How.ANONYMOUS if accepts(server, None) else How.FAILED
