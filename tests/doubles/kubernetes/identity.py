"""Which metadata an object may have, and what a write must match."""

from collections.abc import Iterable
from typing import Any, Final

from tests.doubles.kubernetes.kinds import NAMESPACE, Kind
from tests.doubles.kubernetes.message import Body
from tests.doubles.kubernetes.statuses import Flaw, bad_request, conflict, invalid_object
from tests.doubles.kubernetes.storage import Key, Stored

_KEPT: Final = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generateName",
)


def place(kind: Kind, body: Body, namespace: str) -> None:
    """Put an object into the namespace of the URL. Raises `ApiError` 400 if it names another."""
    metadata = body["metadata"]
    if not kind.namespaced:
        metadata.pop("namespace", None)
    elif metadata.setdefault("namespace", namespace) != namespace:
        message = "the namespace of the provided object does not match the namespace sent on the "
        raise bad_request(f"{message}request")


def name_as(body: Body, name: str) -> None:
    """Give an object the name of the URL. Raises `ApiError` 400 if it names another."""
    given = body["metadata"].setdefault("name", name)
    if given != name:
        message = f"the name of the object ({given}) does not match the name on the URL ({name})"
        raise bad_request(message)


def insist(kind: Kind, name: str, flaws: Iterable[Flaw]) -> None:
    """Raise `ApiError` 422 if there are flaws."""
    listed = list(flaws)
    if listed:
        raise invalid_object(kind, name, listed)


def same(kind: Kind, key: Key, given: str, kept: str) -> None:
    """Raise `ApiError` 409 if a write is about another object of that name."""
    if given == kept:
        return
    where = f"/registry/{kind.resource}/{'/'.join(filter(None, key))}"
    raise conflict(
        kind,
        key[1],
        f"StorageError: invalid object, Code: 4, Key: {where}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {given}, "
        f"UID in object meta: {kept}",
    )


def carry(kind: Kind, body: Body, old: Body, subresource: str) -> None:
    """Keep what no client may change."""
    for field in _KEPT:
        body["metadata"].pop(field, None)
        if field in old["metadata"]:
            body["metadata"][field] = old["metadata"][field]
    if kind is not NAMESPACE:
        return
    changed = {"status": "status", "finalize": "spec"}.get(subresource)
    for part in {"spec", "status"} - {changed}:
        body[part] = old[part]
    if changed:
        body.setdefault(changed, {})
        # A subresource changes its part alone (pkg/registry/core/namespace/strategy.go).
        body["metadata"].clear()
        body["metadata"].update(old["metadata"])


def held(kind: Kind, body: Body) -> bool:
    """Say whether finalizers keep a deleted object."""
    finalizers = body["metadata"].get("finalizers")
    return bool(finalizers or (kind is NAMESPACE and body["spec"].get("finalizers")))


def meet(kind: Kind, old: Stored, document: Any) -> None:
    """Insist on the preconditions of a DELETE (rest/delete.go)."""
    demanded = (document or {}).get("preconditions") or {}
    metadata = old.body["metadata"]
    for field, said, end in (
        ("uid", "UID", "deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "modified"),
    ):
        wanted, held = demanded.get(field), metadata[field]
        if wanted is not None and wanted != held:
            raise conflict(
                kind,
                metadata["name"],
                f"the {said} in the precondition ({wanted}) does not match the {said} in record "
                f"({held}). The object might have been {end}",
            )
