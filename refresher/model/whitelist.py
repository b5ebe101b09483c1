"""The settings of the registry page: where images may come from, and whose credential is used.

They are Rancher 1.x's, for all environments at once
(https://rancher.com/docs/rancher/v1.6/en/configuration/settings/), and one of our own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self

from refresher.errors import PermanentError
from refresher.model.address import parse
from refresher.model.nearest import nearest
from refresher.model.pageaddress import HUB, is_hub, nameable
from refresher.model.registered import PREFERENCE, Preference

DEFAULT: Final = "registry.default"
"""The registry of images that name none; empty is Docker Hub."""

WHITELIST: Final = "registry.whitelist"
"""A list, with commas, of the registries that images may come from; empty is all."""

CREDENTIAL: Final = PREFERENCE
"""Which active credential of a registry is in use, a `Preference`; empty is the newest."""

_AS_IMAGES_BEGIN: Final = (
    "give addresses as images begin with them, for example registry.example:5000"
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A value as it is kept, and what a person should know of it."""

    value: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageSettings:
    """What the settings say. An empty whitelist allows everything."""

    default: str = ""
    whitelist: tuple[str, ...] = ()
    preference: Preference = Preference.NEWEST

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Self:
        """Return what `settings` say by name; what was never accepted counts as not set."""
        preference = settings.get(CREDENTIAL)
        oldest = preference == Preference.OLDEST
        return cls(
            settings.get(DEFAULT, "").strip(),
            _items(settings.get(WHITELIST, "")),
            Preference.OLDEST if oldest else Preference.NEWEST,
        )

    def allows(self, registry: str) -> bool:
        """Tell whether an image of `registry`, as the image spells it, may be used.

        The comparison is exact. Docker Hub may also be listed as `HUB`, whatever name
        of it the image has.
        """
        if not self.whitelist or registry in self.whitelist:
            return True
        return is_hub(registry) and HUB in self.whitelist


def accept(name: str, value: str) -> Accepted:
    """Return what to keep for a new `value` of the setting `name`.

    Raises `PermanentError` for an unknown name, and for a value with a part that
    could never match an image.
    """
    known = _ACCEPT.get(name)
    if known is None:
        raise PermanentError(
            f"{name!r} is no setting{nearest(name, NAMES)}", hint=f"known are {', '.join(NAMES)}"
        )
    return known(value.strip())


def _default(value: str) -> Accepted:
    if value:
        _refuse_useless(value, DEFAULT)
    return Accepted(value)


def _whitelist(value: str) -> Accepted:
    items = _items(value)
    if value and not items:
        raise PermanentError(
            f"{WHITELIST} lists nothing but commas",
            hint="give addresses, or an empty value to allow every registry",
        )
    for item in items:
        _refuse_useless(item, WHITELIST)
    return Accepted(",".join(items), tuple(_whitelist_notices(items)))


def _whitelist_notices(items: tuple[str, ...]) -> list[str]:
    notices = [
        f"{item} allows only images that are written with it: Docker Hub's address is {HUB}"
        for item in items
        if is_hub(item) and item != HUB and HUB not in items
    ]
    notices += [
        f"{item} allows only images that are written in the same case"
        for item in items
        if item != item.lower() and not is_hub(item)
    ]
    if items and not any(map(is_hub, items)):
        notices.append(f"images of Docker Hub are no longer allowed: list {HUB} to allow them")
    return notices


def _credential(value: str) -> Accepted:
    known = [str(preference) for preference in Preference]
    if value and value not in known:
        raise PermanentError(
            f"{CREDENTIAL} can't be {value!r}{nearest(value, known)}",
            hint=f"give {' or '.join(known)}: the credential that was added last, or first",
        )
    return Accepted(value)


def _refuse_useless(address: str, setting: str) -> None:
    """Raise `PermanentError` for what no image begins with."""
    try:
        what = _uselessness(address)
    except PermanentError as error:
        raise PermanentError(f"{setting}: {error}", hint=_AS_IMAGES_BEGIN) from None
    if what:
        raise PermanentError(
            f"{setting}: {address!r} {what}, and matches no image", hint=_AS_IMAGES_BEGIN
        )


def _uselessness(address: str) -> str:
    if parse(address).path:
        return "has a path"
    if "://" in address:
        return "has a scheme"
    if "/" in address:
        return "has a slash"
    # Docker takes such a name for a user of Docker Hub.
    return "" if nameable(address) else "has neither a dot nor a port"


def _items(value: str) -> tuple[str, ...]:
    items = (item.strip() for item in value.split(","))
    return tuple(dict.fromkeys(item for item in items if item))


_ACCEPT: Final[Mapping[str, Callable[[str], Accepted]]] = MappingProxyType(
    {DEFAULT: _default, WHITELIST: _whitelist, CREDENTIAL: _credential}
)

NAMES: Final = tuple(_ACCEPT)
"""The names of all settings."""
