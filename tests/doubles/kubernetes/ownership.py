"""Who owns which field: managedFields, and server-side apply.

https://kubernetes.io/docs/reference/using-api/server-side-apply/ and k8s.io/apimachinery,
pkg/util/managedfields. Fields are followed down to maps and structs; every list is owned as a
whole, as imagePullSecrets is ("atomic"), though the real server follows `secrets`,
`ownerReferences` and `finalizers` entry by entry.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from tests.doubles.kubernetes.message import Body
from tests.doubles.kubernetes.statuses import ApiError

Path = tuple[str, ...]
_MAP: Final = "."
"""The map itself, beside its entries."""
_MAPS: Final = frozenset({("data",), ("metadata", "labels"), ("metadata", "annotations")})
_SYSTEM: Final = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "managedFields",
        "selfLink",
    }
)


@dataclass(frozen=True)
class Owner:
    """A field manager, and how it writes: Update or Apply."""

    manager: str
    operation: str
    api_version: str
    subresource: str = ""

    def said(self) -> str:
        """Return the owner as conflicts name it (managedfields/internal/conflict.go)."""
        part = f' with subresource "{self.subresource}"' if self.subresource else ""
        using = f" using {self.api_version}" if self.operation == "Update" else ""
        return f'"{self.manager}"{part}{using}'


@dataclass(frozen=True)
class _Entry:
    time: str
    paths: frozenset[Path]


_Entries = dict[Owner, _Entry]


def leaves(body: Body) -> dict[Path, Any]:
    """Return the fields that can be owned, with their values."""
    found: dict[Path, Any] = {}
    for name, value in body.items():
        if name == "metadata":
            for inner, held in value.items():
                if inner not in _SYSTEM:
                    _collect((name, inner), held, found)
        else:
            _collect((name,), value, found)
    return found


def _collect(path: Path, value: Any, found: dict[Path, Any]) -> None:
    if not isinstance(value, dict):
        found[path] = value
        return
    if path in _MAPS:
        found[(*path, _MAP)] = None
    for name, held in value.items():
        _collect((*path, name), held, found)


def updated(old: Body | None, new: Body, owner: Owner, now: str) -> list[dict[str, Any]]:
    """Return managedFields after a write that says all: what it changed is its owner's now."""
    before, after = leaves(old) if old else {}, leaves(new)
    entries = _read(old)
    changed = {path for path, value in after.items() if before.get(path, _NONE) != value}
    gone = before.keys() - after.keys()
    for one, entry in list(entries.items()):
        entries[one] = _Entry(entry.time, entry.paths - gone - changed)
    if changed:
        mine = entries.get(owner, _Entry(now, frozenset()))
        entries[owner] = _Entry(now, mine.paths | changed)
    return _written(entries)


def applied(
    live: Body, wanted: Body, owner: Owner, now: str, *, force: bool
) -> list[dict[str, Any]]:
    """Change `live` to what an applier wants, and return its managedFields.

    Raises `ApiError` 409 where others own what would change, unless forced.
    """
    entries, there, asked = _read(live), leaves(live), leaves(wanted)
    differing = {path for path, value in asked.items() if there.get(path, _NONE) != value}
    conflicts = [
        (one, path)
        for one, entry in entries.items()
        if one != owner
        for path in sorted(entry.paths & differing)
    ]
    if conflicts and not force:
        raise _conflict(conflicts)
    mine = entries.pop(owner, _Entry(now, frozenset()))
    others = frozenset().union(*(entry.paths for entry in entries.values()))
    for path in sorted(mine.paths - asked.keys() - others, reverse=True):
        _drop(live, path)
    for path in asked:
        _set(live, path, asked[path])
    entries = {one: _Entry(held.time, held.paths - differing) for one, held in entries.items()}
    same = mine.paths == asked.keys() and not differing
    entries[owner] = _Entry(mine.time if same else now, frozenset(asked))
    return _written(entries)


_NONE: Final = object()


def _set(body: Body, path: Path, value: Any) -> None:
    for name in path[:-1]:
        body = body.setdefault(name, {})
    if path[-1] != _MAP:
        body[path[-1]] = value


def _drop(body: Body, path: Path) -> None:
    """Remove a field; a map goes when it is empty and nobody owns it."""
    *parents, last = path
    for name in parents[:-1] if last == _MAP else parents:
        body = body.get(name, {})
    if last != _MAP:
        body.pop(last, None)
    elif not body.get(parents[-1]):
        body.pop(parents[-1], None)


def _conflict(conflicts: list[tuple[Owner, Path]]) -> ApiError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {owner.said()}",
            "field": _dotted(path),
        }
        for owner, path in conflicts
    ]
    if len(causes) == 1:
        only = causes[0]
        message = f"Apply failed with 1 conflict: {only['message']}: {only['field']}"
    else:
        lines = []
        for said in sorted({owner.said() for owner, _ in conflicts}):
            lines.append(f"conflicts with {said}:")
            lines += [f"- {_dotted(path)}" for one, path in conflicts if one.said() == said]
        message = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
    return ApiError(HTTPStatus.CONFLICT, "Conflict", message, details={"causes": causes})


def _dotted(path: Path) -> str:
    shown = path[:-1] if path[-1] == _MAP else path
    return "".join(f".{name}" for name in shown)


def _read(body: Body | None) -> _Entries:
    entries = {}
    for entry in (body or {"metadata": {}})["metadata"].get("managedFields", ()):
        owner = Owner(
            entry["manager"],
            entry["operation"],
            entry["apiVersion"],
            entry.get("subresource", ""),
        )
        paths = frozenset(_paths(entry["fieldsV1"], ()))
        entries[owner] = _Entry(entry["time"], paths)
    return entries


def _paths(tree: Mapping[str, Any], above: Path) -> Iterator[Path]:
    for name, below in tree.items():
        path = (*above, name.removeprefix("f:"))
        if below:
            yield from _paths(below, path)
        else:
            yield path


def _written(entries: _Entries) -> list[dict[str, Any]]:
    written = []
    for owner, entry in entries.items():
        if not entry.paths:
            continue
        tree: dict[str, Any] = {}
        for path in sorted(entry.paths):
            node = tree
            for name in path:
                node = node.setdefault(name if name == _MAP else f"f:{name}", {})
        part = {"subresource": owner.subresource} if owner.subresource else {}
        written.append(
            {
                "manager": owner.manager,
                "operation": owner.operation,
                "apiVersion": owner.api_version,
                "time": entry.time,
                "fieldsType": "FieldsV1",
                "fieldsV1": tree,
                **part,
            }
        )
    return sorted(written, key=lambda entry: (entry["operation"], entry["time"]))
