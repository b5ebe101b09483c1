"""How credentials are tried before they are placed: `verify` at the top, and in routes.

    verify: login
    verify: {mode: pull, images: [registry.example/team/app:1.0], ca_file: corp.pem}

The one at the top is the default of routes; what a route's own leaves out is
taken from it. A provider of several routes is tried as the strictest says.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from refresher.errors import RefresherError
from refresher.model.address import canonical, parse
from refresher.model.image import ImageReference
from refresher.options import Options, Registry, SettingsPath
from refresher.ports import Route
from refresher.registry.policy import Mode, Policy
from refresher.settings.tree import FieldPath


def _host(address: str) -> str:
    if parse(address).path:
        raise ValueError("is more than a host: write host or host:port alone")
    return address


def _image(text: str) -> str:
    try:
        _ = ImageReference.parse(text).registry
    except RefresherError as error:
        # The hint alone: the message repeats the text.
        raise ValueError(f"is no image reference: {error.hint}") from None
    return text


class VerifyFrame(Options):
    """`verify`, as it is written. `insecure` and `realms` are `host` or `host:port`."""

    mode: Mode
    images: tuple[Annotated[str, AfterValidator(_image)], ...] | None = None
    ca_file: SettingsPath | None = None
    insecure: tuple[Annotated[Registry, AfterValidator(_host)], ...] | None = None
    realms: tuple[Annotated[Registry, AfterValidator(_host)], ...] | None = None

    def policy(self, default: Policy) -> Policy:
        """Return what this says, and `default` where it says nothing."""
        images = None if self.images is None else tuple(map(ImageReference.parse, self.images))
        return Policy(
            self.mode,
            default.images if images is None else images,
            default.ca_files if self.ca_file is None else (self.ca_file,),
            default.insecure if self.insecure is None else self.insecure,
            default.realms if self.realms is None else self.realms,
        )


@dataclass(frozen=True, slots=True)
class Check:
    """A route, and how its credentials are tried; `at` is where that is, or would be, written."""

    route: Route
    policy: Policy
    at: FieldPath


def policies(checks: Sequence[Check]) -> dict[str, Policy]:
    """Return how each provider's credentials are tried, leaving out those that are not."""
    names = dict.fromkeys(name for check in checks for name in check.route.providers)
    made = {
        name: Policy.strictest(each.policy for each in checks if name in each.route.providers)
        for name in names
    }
    return {name: policy for name, policy in made.items() if policy.mode is not Mode.OFF}


def unproved(
    checks: Sequence[Check], registries: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Check, str]]:
    """Yield what to say of each check that should pull, and has no image of some registries.

    `registries` are those of each provider, as far as they are known from the settings.
    """
    merged = policies(checks)
    for check in checks:
        if check.policy.mode is Mode.PULL:
            missing = _without_image(check.route.providers, merged, registries)
            if missing:
                yield check, _needs_images(missing)


def _needs_images(missing: Sequence[str]) -> str:
    return (
        f"mode pull needs an image of every registry, and there is none at {', '.join(missing)}: "
        f"name one that the credential may pull, for example {missing[0]}/team/app:1.0"
    )


def _without_image(
    providers: Iterable[str], merged: Mapping[str, Policy], registries: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    missing = (
        registry
        for name in providers
        for registry in registries.get(name, ())
        if _lacks_image(merged[name], registry)
    )
    return tuple(dict.fromkeys(missing))


def _lacks_image(policy: Policy, registry: str) -> bool:
    try:
        return not policy.images_at(canonical(registry))
    except RefresherError:
        return False  # It is no address: another package's options may hold anything.
