"""Which providers feed which sinks, as the settings say it, and what is wrong with that."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import Final

from refresher.errors import Problem
from refresher.ports import Route
from refresher.settings.tree import Node, field_name
from refresher.settings.wording import nearest

_ENDS: Final = (("from", "providers"), ("to", "sinks"))


def every(providers: Collection[str], sinks: Collection[str]) -> tuple[Route, ...]:
    """Return the routes of settings that name none: every provider feeds every sink."""
    return (Route(tuple(providers), tuple(sinks)),) if providers and sinks else ()


def strangers(position: int, root: Node, route: Route) -> Iterator[Problem]:
    """Yield the names in a route that no provider or sink of the settings has."""
    for (end, section), names in zip(_ENDS, (route.providers, route.sinks), strict=True):
        there = root.items().get(section, Node({}))
        if not there.is_mapping():
            continue  # what is wrong with it has been said
        known = there.items()
        for index, name in enumerate(names):
            if name not in known:
                path, node = root.follow(("routes", position, end, index))
                what = f"names none of the {section}{nearest(name, known)}"
                yield Problem(what, field_name(path), node.line)


def idle(root: Node, routes: Sequence[Route]) -> Iterator[Problem]:
    """Yield the providers that feed no sink and the sinks that no provider feeds."""
    fed = set(chain.from_iterable(route.sinks for route in routes))
    feeding = set(chain.from_iterable(route.providers for route in routes))
    ways = (
        ("providers", feeding, "feeds no sink: add one, name it in a route, or take it out"),
        ("sinks", fed, "no provider feeds it: add one, name it in a route, or take it out"),
    )
    for section, used, message in ways:
        for name, node in root.items().get(section, Node(None)).items().items():
            if name not in used:
                yield Problem(message, field_name((section, name)), node.line)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Registry number `index` of `provider` is fed to `sink` by `other`, too."""

    provider: str
    index: int
    other: str
    sink: str

    def __str__(self) -> str:
        """Return what to say of it; the registry is named by its field."""
        return (
            f"provider {self.other} feeds the same registry to the sink {self.sink}, "
            "and each would undo the other's work"
        )


def conflicts(
    routes: Iterable[Route], registries: Mapping[str, Sequence[str]]
) -> Iterator[Conflict]:
    """Yield every registry that two providers feed to the same sink.

    `registries` are those of each provider, in canonical form.
    """
    owners: dict[tuple[str, str], str] = {}
    for route in routes:
        for provider, sink in product(route.providers, route.sinks):
            for index, registry in enumerate(registries.get(provider, ())):
                owner = owners.setdefault((sink, registry), provider)
                if owner != provider:
                    yield Conflict(provider, index, owner, sink)
