"""What people ask of the registry store: the registry page of Rancher 1.x."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from refresher.model.credential import Secret
from refresher.model.image import ImageReference
from refresher.model.registered import Environment, Registered, RegisteredCredential, RowState
from refresher.model.resolving import Unresolved
from refresher.ports.storage import StoredCredential


@dataclass(frozen=True, slots=True)
class Resolved:
    """What an image is pulled with: the credential in use at `registry`, as the store spells it."""

    image: ImageReference
    registry: str
    credential: StoredCredential


class Registries(Protocol):
    """The registries of every environment, their credentials and the settings of all.

    Addresses are `host[:port]` as the store spells them; every method takes any
    spelling. A change is made whole or not at all, and only where the state that it
    starts from allows it: active to inactive, inactive to active or removed. To set
    the state that is there is no fault, and changes nothing.

    Raises `PermanentError` for an environment, a registry or a credential that is
    not there and for a change that its state does not allow, `StoreError` where
    waiting may help.
    """

    def environments(self) -> Sequence[Environment]:
        """Return all environments by name; `default` is always one of them."""
        ...

    def add_environment(self, name: str) -> Environment:
        """Add an environment. Raises `PermanentError` if there is one of that name."""
        ...

    def remove_environment(self, name: str) -> None:
        """Remove an environment that holds no registry, or only removed ones, and these with it.

        `default` can't be removed.
        """
        ...

    def registries(self, environment: str, *, removed: bool = False) -> Sequence[Registered]:
        """Return the registries of an environment by address; `removed` ones too if asked."""
        ...

    def registry(self, environment: str, address: str) -> Registered:
        """Return the registry with all its credentials that are not removed.

        Raises `PermanentError` for one that is removed too.
        """
        ...

    def add_registry(
        self, environment: str, address: str, credential: StoredCredential | None = None
    ) -> Registered:
        """Add an active registry, and a first credential with it.

        An environment that is not there is added with its first registry, as sinks do.
        Raises `PermanentError` if the environment has the address in any case.
        One that was removed stays as it is; the new one is another.
        """
        ...

    def set_registry(self, environment: str, address: str, state: RowState) -> Registered:
        """Activate, deactivate or remove a registry. Its address can't be changed.

        With a registry go its credentials, and their secrets are erased.
        """
        ...

    def add_credential(
        self, environment: str, address: str, credential: StoredCredential
    ) -> RegisteredCredential:
        """Add an active credential, which is the most recently added one from now on."""
        ...

    def edit_credential(
        self,
        environment: str,
        address: str,
        number: int,
        *,
        username: str | None = None,
        email: str | None = None,
        secret: Secret | None = None,
    ) -> RegisteredCredential:
        """Change what is given in the row of a credential; its age stays.

        An empty e-mail removes it. A new secret or user name makes its expiry unknown.
        """
        ...

    def set_credential(
        self, environment: str, address: str, number: int, state: RowState
    ) -> RegisteredCredential:
        """Activate, deactivate or remove a credential; the secret of a removed one is erased."""
        ...

    def settings(self) -> Mapping[str, str]:
        """Return the settings that are set (`refresher.model.whitelist`), by name."""
        ...

    def set_setting(self, name: str, value: str) -> None:
        """Set a setting; an empty value is its default.

        Raises `PermanentError` as `refresher.model.whitelist.accept` does.
        """
        ...

    def resolve(self, image: str, environment: str, now: datetime) -> Resolved | Unresolved:
        """Return what `docker run image` would pull with at `now`, or why with nothing.

        Raises `PermanentError` for text that is no image.
        """
        ...
