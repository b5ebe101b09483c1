"""The registry page's rows, as people see them: registries with their credentials, no secret.

The model is Rancher 1.x's (https://rancher.com/docs/rancher/v1.6/en/environments/registries/).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from refresher.errors import PermanentError
from refresher.model.credential import UNKNOWN, Expiry, refuse_control_characters

DEFAULT_ENVIRONMENT: Final = "default"
"""The environment that is always there."""

_LONGEST_NAME: Final = 255


class RowState(StrEnum):
    """Whether a registry or a credential is used. What is removed stays as history."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    REMOVED = "removed"


class Preference(StrEnum):
    """Which of a registry's active credentials is in use.

    Rancher 1.x documents the most recently added one; its code takes the oldest.
    """

    NEWEST = "newest"
    OLDEST = "oldest"


PREFERENCE: Final = "registry.credential"
"""The setting that names the preference; the newest one is meant where it names none."""


@dataclass(frozen=True, slots=True)
class RegisteredCredential:
    """A credential of a registry: everything but its secret."""

    id: int
    username: str
    state: RowState
    created: datetime
    updated: datetime
    email: str | None = None
    issued_at: datetime | None = None
    expires_at: Expiry = UNKNOWN


@dataclass(frozen=True, slots=True)
class Registered:
    """A registry of an environment with its credentials, the most recently added first."""

    id: int
    environment: str
    address: str
    state: RowState
    created: datetime
    credentials: tuple[RegisteredCredential, ...] = ()

    def in_use(self, preference: Preference = Preference.NEWEST) -> RegisteredCredential | None:
        """Return the credential that pulls get, None if nothing is in use."""
        if self.state is not RowState.ACTIVE:
            return None
        active = [each for each in self.credentials if each.state is RowState.ACTIVE]
        return _first(active, preference)


@dataclass(frozen=True, slots=True)
class Environment:
    """A set of registries under one name; `registries` counts those that are not removed."""

    name: str
    created: datetime
    registries: int = 0


def refuse_environment(name: str) -> None:
    """Raise `PermanentError` for a name that no environment can have."""
    if not name or name != name.strip() or len(name) > _LONGEST_NAME:
        raise PermanentError(
            f"the name of an environment has 1 to {_LONGEST_NAME} characters, no blank at its ends",
            hint="choose another name",
        )
    refuse_control_characters(name, "the name of the environment")


def _first(
    active: Sequence[RegisteredCredential], preference: Preference
) -> RegisteredCredential | None:
    if not active:
        return None
    return active[0] if preference is Preference.NEWEST else active[-1]
