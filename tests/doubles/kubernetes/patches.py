"""Patches: JSON merge patch, strategic merge patch, JSON patch.

RFC 7386, RFC 6902, and https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/.
Which lists a strategic merge patch merges, and by which key, is said by the types: `secrets` of a
ServiceAccount by `name`, `ownerReferences` by `uid`, `finalizers` as a set. `imagePullSecrets` of a
ServiceAccount is "Atomic: will be replaced during a merge", other than that of a Pod
(https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/service-account-v1/).
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from tests.doubles.kubernetes.message import Body
from tests.doubles.kubernetes.statuses import ApiError, bad_request

MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
APPLY: Final = "application/apply-patch+yaml"
_MERGED: Final = {("secrets",): "name", ("metadata", "ownerReferences"): "uid"}
_SETS: Final = frozenset({("metadata", "finalizers")})
_FROM_SET: Final = "$deleteFromPrimitiveList/"


def patched(media_type: str, body: Body, patch: Any) -> Body:
    """Return a patched object; `body` may be changed. Raises `ApiError` 400, 415 or 422."""
    apply = _KINDS.get(media_type)
    if apply is None:
        message = (
            "the body of the request was in an unknown format - accepted media types include: "
            f"{JSON_PATCH}, {MERGE}, {APPLY}, {STRATEGIC}"
        )
        code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        raise ApiError(code, "UnsupportedMediaType", message)
    changed = apply(body, patch)
    if not isinstance(changed, dict) or not isinstance(changed.get("metadata", {}), dict):
        raise _rejected()
    return changed


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged


def _strategic(target: Any, patch: Any, path: tuple[str, ...] = ()) -> Any:
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {name: value for name, value in patch.items() if name != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        below = (*path, name)
        if name.startswith(_FROM_SET):
            field = name.removeprefix(_FROM_SET)
            merged[field] = [one for one in merged.get(field, []) if one not in value]
        elif name.startswith("$"):
            continue
        elif value is None:
            merged.pop(name, None)
        elif isinstance(value, list) and below in _MERGED:
            merged[name] = _merged_list(merged.get(name) or [], value, _MERGED[below])
        elif isinstance(value, list) and below in _SETS:
            held = merged.get(name) or []
            merged[name] = held + [one for one in value if one not in held]
        else:
            merged[name] = _strategic(merged.get(name), value, below)
    return merged


def _merged_list(held: list[Body], changes: list[Any], key: str) -> list[Body]:
    if {"$patch": "replace"} in changes:
        return [one for one in changes if one != {"$patch": "replace"}]
    merged = {one.get(key): one for one in held}
    for change in changes:
        if not isinstance(change, dict) or key not in change:
            raise bad_request(f"map: {change} does not contain declared merge key: {key}")
        if change.get("$patch") == "delete":
            merged.pop(change[key], None)
        else:
            merged[change[key]] = _strategic(merged.get(change[key]), change)
    return list(merged.values())


def _json_patch(body: Any, patch: Any) -> Any:
    if not isinstance(patch, list):
        raise bad_request("error decoding patch: json: cannot unmarshal object into Go value")
    holder = {"": body}
    try:
        for step in patch:
            _STEPS[step["op"]](holder, step)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError):
        raise _rejected() from None
    return holder[""]


def _parts(pointer: str) -> list[str]:
    """Return the names of a pointer (RFC 6901), below a holder with the whole document."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]


def _at(holder: Any, pointer: str) -> tuple[Any, Any]:
    """Return what holds a value, and the key or index of the value."""
    *above, last = _parts(pointer)
    for name in above:
        holder = holder[int(name)] if isinstance(holder, list) else holder[name]
    if isinstance(holder, list):
        return holder, len(holder) if last == "-" else int(last)
    return holder, last


def _add(holder: Any, step: Body) -> None:
    _put(holder, step["path"], step["value"])


def _put(holder: Any, pointer: str, value: Any) -> None:
    where, key = _at(holder, pointer)
    if isinstance(where, list):
        if key > len(where):
            raise IndexError
        where.insert(key, value)
    else:
        where[key] = value


def _remove(holder: Any, step: Body) -> None:
    where, key = _at(holder, step["path"])
    del where[key]


def _replace(holder: Any, step: Body) -> None:
    where, key = _at(holder, step["path"])
    where[key]
    where[key] = step["value"]


def _move(holder: Any, step: Body) -> None:
    where, key = _at(holder, step["from"])
    value = where[key]
    del where[key]
    _put(holder, step["path"], value)


def _copy(holder: Any, step: Body) -> None:
    where, key = _at(holder, step["from"])
    _put(holder, step["path"], where[key])


def _test(holder: Any, step: Body) -> None:
    where, key = _at(holder, step["path"])
    if where[key] != step["value"]:
        raise ValueError


_STEPS: Final = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
_KINDS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    MERGE: _merge,
    STRATEGIC: _strategic,
    JSON_PATCH: _json_patch,
}


def _rejected() -> ApiError:
    """Return what handlers/patch.go says of a JSON patch that can't be carried out."""
    message = "the server rejected our request due to an error in our request"
    return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, details={})
