"""Which registry an image comes from, and why it gets no credential there."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from refresher.model.image import ImageReference, named_registry
from refresher.model.pageaddress import HUB, look_up
from refresher.model.registered import Registered, RegisteredCredential, RowState
from refresher.model.whitelist import WHITELIST, PageSettings

_SHOWN: Final = 10
"""So many addresses of a whitelist are told."""


class Reason(StrEnum):
    """Why an image gets no credential."""

    NOT_WHITELISTED = "not-whitelisted"
    NO_ENVIRONMENT = "no-environment"
    NO_REGISTRY = "no-registry"
    INACTIVE = "inactive"
    NO_ACTIVE_CREDENTIAL = "no-active-credential"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Request:
    """What an image asks for.

    `registry` is the registry that its text names, else the default one, as it is
    written there; `address` is what to look up in the store.
    """

    image: ImageReference
    registry: str
    address: str

    @classmethod
    def of(cls, text: str, settings: PageSettings) -> Self:
        """Read an image as `docker run` does, with the default registry of the settings.

        Raises `PermanentError` for text that is no image.
        """
        default = settings.default or HUB
        image = ImageReference.parse(text, default=default)
        return cls(image, named_registry(text) or default, look_up(image.domain))


@dataclass(frozen=True, slots=True)
class Unresolved:
    """An image that gets no credential, and why, in words for a person too."""

    image: ImageReference
    registry: str
    reason: Reason
    sentence: str


def choose(
    request: Request,
    settings: PageSettings,
    environment: str,
    registered: Registered | None,
    now: datetime,
) -> RegisteredCredential | Unresolved:
    """Return the credential that `request` gets at `now`, or why it gets none.

    `registered` is the registry at the address of the request in the environment.
    """
    where = f"registry {request.address} of environment {environment}"

    def because(reason: Reason, sentence: str) -> Unresolved:
        return Unresolved(request.image, request.address, reason, sentence)

    if not settings.allows(request.registry):
        listed = ", ".join(settings.whitelist[:_SHOWN])
        more = f" and {rest} more" if (rest := len(settings.whitelist) - _SHOWN) > 0 else ""
        return because(
            Reason.NOT_WHITELISTED,
            f"registry {request.registry} is not in {WHITELIST}: {listed}{more}",
        )
    if registered is None:
        return because(
            Reason.NO_REGISTRY, f"environment {environment} has no registry {request.address}"
        )
    if registered.state is not RowState.ACTIVE:
        return because(Reason.INACTIVE, f"{where} is inactive")
    credential = registered.in_use(settings.preference)
    if credential is None:
        return because(Reason.NO_ACTIVE_CREDENTIAL, f"{where} has no active credential")
    if isinstance(credential.expires_at, datetime) and credential.expires_at <= now:
        ended = f"the credential of {credential.username} ended at {_moment(credential.expires_at)}"
        return because(Reason.EXPIRED, f"{where}: {ended}")
    return credential


def _moment(when: datetime) -> str:
    # As stored: the last hours of the calendar can't be told in another offset.
    return when.isoformat(" ", "seconds")
