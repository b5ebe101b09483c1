"""The server's global settings that make a credential useless there.

Source: https://rancher.com/docs/rancher/v1.6/en/environments/registries/, and the code where it
says more: both are applied when a container is made, and compared exactly.
"""

from collections.abc import Collection, Iterator

from refresher.errors import RefresherError
from refresher.model.address import DOCKER_HUB
from refresher.sinks.rancher.api import Api
from refresher.sinks.rancher.steps import spelling


def advice(api: Api, registries: Collection[str]) -> Iterator[str]:
    """Yield what stands in the way of images of `registries`; only an admin's keys see it."""
    try:
        allowed = _items(api.setting("registry.whitelist"))
        default = api.setting("registry.default").strip()
    except RefresherError:
        return
    for registry in registries:
        name = spelling(registry)
        if allowed and name not in allowed:
            yield _unlisted(name, allowed)
    if default and DOCKER_HUB in registries and default != spelling(DOCKER_HUB):
        yield (
            f"registry.default is {default!r}: images that name no registry come from there, and "
            f"not from {spelling(DOCKER_HUB)}"
        )


def _items(text: str) -> frozenset[str]:
    return frozenset(filter(None, (item.strip() for item in text.split(","))))


def _unlisted(name: str, allowed: Collection[str]) -> str:
    reason = f"registry.whitelist does not hold {name}, so Rancher refuses its images"
    similar = next((each for each in allowed if each.lower() == name.lower()), None)
    return f"{reason}: it holds {similar}, and the case counts" if similar else reason
