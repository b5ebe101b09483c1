"""Which namespaces and which service accounts the settings mean. Pure, and asks nobody."""

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DEFAULT: Final = "default"
"""The service account that Kubernetes makes in every namespace, and that pods use by default."""

_WILD: Final = re.compile(r"[*?\[]")

Query = Mapping[str, str]
"""Parameters of a LIST."""


def is_pattern(name: str) -> bool:
    """Tell whether a name is a pattern (`*`, `?`, `[...]`)."""
    return _WILD.search(name) is not None


def named(name: str) -> Query:
    """Return what selects the object of one name; a role can allow that by `resourceNames`."""
    return {"fieldSelector": f"metadata.name={name}"}


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Those that fit one of `names` or `regex`, where any is given, and `labels`, and no `exclude`.

    Patterns are matched from end to end. `labels` is a selector that the server applies.
    """

    names: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()
    labels: str = ""
    exclude: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return what the settings say, in an order of its own."""
        parts = {
            "": sorted(self.names),
            "regex ": sorted(self.regex),
            "labels ": filter(None, [self.labels]),
            "all but ": sorted(self.exclude),
        }
        return ", ".join(f"{what}{each}" for what, given in parts.items() for each in given)

    @property
    def literal(self) -> tuple[str, ...]:
        """The names that are no patterns, but for those that are excluded."""
        return tuple(each for each in self.names if not is_pattern(each) and self._allows(each))

    @property
    def fixed(self) -> tuple[str, ...]:
        """The namespaces, if the settings alone tell which they are; else nothing."""
        if self.regex or self.labels or any(map(is_pattern, self.names)):
            return ()
        return self.literal

    @property
    def query(self) -> Query:
        """What the list of namespaces is asked for by."""
        return {"labelSelector": self.labels} if self.labels else {}

    def fits(self, name: str) -> bool:
        """Tell whether a namespace is meant, as far as its name tells."""
        wanted = any(fnmatch.fnmatchcase(name, each) for each in self.names) or any(
            re.fullmatch(each, name) for each in self.regex
        )
        return (wanted or not (self.names or self.regex)) and self._allows(name)

    def _allows(self, name: str) -> bool:
        return not any(fnmatch.fnmatchcase(name, each) for each in self.exclude)


@dataclass(frozen=True, slots=True)
class Accounts:
    """The service accounts whose `imagePullSecrets` are kept: by name, by labels, all, or none."""

    names: tuple[str, ...] = ()
    labels: str = ""
    everyone: bool = False

    def __bool__(self) -> bool:
        """Tell whether any may be meant."""
        return bool(self.queries)

    @property
    def queries(self) -> tuple[Query, ...]:
        """The lists that together hold those that are meant."""
        if self.everyone:
            return ({},)
        if self.labels:
            return ({"labelSelector": self.labels},)
        return tuple(map(named, self.names))

    @property
    def awaited(self) -> str:
        """The account that each namespace has sooner or later, if it is meant; else nothing."""
        return DEFAULT if self.everyone or DEFAULT in self.names else ""
