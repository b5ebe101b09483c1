"""Lists: filters, order and pages."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from tests.doubles.rancher import ids
from tests.doubles.rancher.kinds import Kind
from tests.doubles.rancher.message import Request
from tests.doubles.rancher.rules import Rules

_NO_ROW: Final = -1
"""What a reference that can't be read is compared with: it matches nothing."""


@dataclass(frozen=True)
class Condition:
    """What a field must be. As in SQL, null is neither equal to a value nor different from it."""

    modifier: str
    value: Any

    def holds(self, actual: Any) -> bool:
        """Say whether a field of this value passes."""
        if self.modifier in {"null", "notnull"}:
            return (actual is None) is (self.modifier == "null")
        if actual is None or self.value is None:
            return False
        return _COMPARISONS[self.modifier](actual, self.value)

    def document(self) -> dict[str, object]:
        """Return the condition as answers repeat it."""
        return {"modifier": self.modifier, "value": str(self.value)}


def _like(actual: Any, pattern: Any) -> bool:
    parts = (re.escape(part) for part in str(pattern).split("%"))
    return re.fullmatch(".*".join(parts), str(actual), re.DOTALL) is not None


_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda actual, value: actual == value,
    "ne": lambda actual, value: actual != value,
    "prefix": lambda actual, value: str(actual).startswith(str(value)),
    "like": _like,
    "notlike": lambda actual, value: not _like(actual, value),
    "lt": lambda actual, value: actual < value,
    "lte": lambda actual, value: actual <= value,
    "gt": lambda actual, value: actual > value,
    "gte": lambda actual, value: actual >= value,
}

Conditions = dict[str, list[Condition]]


def conditions(kind: Kind, query: Iterable[tuple[str, str]]) -> Conditions:
    """Return what a query asks of each field.

    Names and modifiers that are unknown are ignored. A name that is repeated must hold for each
    value; of two modifiers on one field the last wins.
    """
    filters = kind.filters
    found: dict[str, tuple[str, list[Condition]]] = {}
    for key, value in query:
        name, modifier = key, "eq"
        if name not in filters:
            name, _, modifier = key.rpartition("_")
        if modifier not in filters.get(name, ()):
            continue
        before, kept = found.get(name, ("", []))
        condition = Condition(modifier, _converted(kind.by_name[name].type, value))
        found[name] = (modifier, [*(kept if before == modifier else []), condition])
    return {name: kept for name, (_, kept) in found.items()}


def _converted(kind: str, value: str) -> Any:
    if kind == "reference":
        number = ids.number(value)
        return _NO_ROW if number is None else number
    if kind == "date":
        return _moment(value)
    return value


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def matches(wanted: Conditions, value: Callable[[str], Any]) -> bool:
    """Say whether something passes, whose fields `value` gives."""
    return all(condition.holds(value(name)) for name, kept in wanted.items() for condition in kept)


@dataclass(frozen=True)
class Page:
    """A part of a list, and how the list goes on."""

    start: int
    limit: int

    @classmethod
    def of(cls, request: Request, rules: Rules) -> "Page":
        """Read `limit` and `marker`; nonsense is as if they were not there."""
        limit = _integer(request.parameter("limit"), rules.default_limit)
        if limit <= 0 or limit > rules.max_limit:
            limit = rules.max_limit
        marker = request.parameter("marker")
        start = _integer(marker[1:], 0) if marker.startswith("m") else 0
        return cls(max(start, 0), limit)

    def document(self, request: Request, total: int) -> dict[str, object]:
        """Return `pagination` for a list that has `total` elements before it is cut."""
        partial = self.start + self.limit < total
        marker = ("marker", f"m{self.start + self.limit}")
        return {
            "first": None,
            "previous": None,
            "next": with_query(request, marker) if partial else None,
            "limit": self.limit,
            "total": None,
            "partial": partial,
        }


def with_query(request: Request, *parameters: tuple[str, str]) -> str:
    """Return the URL of a request with some parameters replaced."""
    replaced = {name for name, _ in parameters}
    kept = [pair for pair in request.query if pair[0] not in replaced]
    return f"{request.url}?{urlencode([*kept, *parameters])}"


def _integer(text: str, otherwise: int) -> int:
    try:
        return int(text)
    except ValueError:
        return otherwise


def order(kind: Kind, request: Request) -> tuple[str, bool] | None:
    """Return the field to sort by and whether from the end, None for the order of the ids."""
    name = request.parameter("sort")
    if name not in kind.filters:
        return None
    return name, request.parameter("order").strip().lower() == "desc"
