"""Create, update, patch, apply, delete: from a document to a write.

k8s.io/apiserver: pkg/endpoints/handlers/{create,update,patch,delete}.go.
"""

from http import HTTPStatus
from typing import Any, Final

from tests.doubles.kubernetes import decoding, identity, ownership, patches
from tests.doubles.kubernetes.admission import Admission
from tests.doubles.kubernetes.keeping import Attempt, Keeper
from tests.doubles.kubernetes.kinds import NAMESPACE, Kind
from tests.doubles.kubernetes.message import Body, Options
from tests.doubles.kubernetes.statuses import (
    ApiError,
    Verbatim,
    bad_request,
    forbidden,
    invalid_object,
    invalid_value,
    not_found,
)
from tests.doubles.kubernetes.storage import Key, Storage, Stored

_IMMORTAL: Final = frozenset({"default", "kube-system", "kube-public"})
Written = tuple[Stored, list[str]]
"""What is stored now, or would be, and the fields that were dropped."""


class Writer:
    """Changes what is kept."""

    def __init__(self, storage: Storage, admission: Admission, keeper: Keeper) -> None:
        self._storage = storage
        self._admission = admission
        self._keeper = keeper

    def create(self, kind: Kind, namespace: str, document: Any, options: Options) -> Written:
        """Add an object."""
        body, dropped = decoding.typed(kind, document, strict=options.strict)
        identity.place(kind, body, namespace)
        if "resourceVersion" in body["metadata"]:
            message = "resourceVersion should not be set on objects to be created"
            raise ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "", message)
        attempt = Attempt.of(kind, (namespace, ""), options)
        with self._storage.lock:
            return self._keeper.add(attempt, decoding.defaulted(kind, body)), dropped

    def update(
        self, kind: Kind, key: Key, document: Any, options: Options, subresource: str = ""
    ) -> Written:
        """Replace an object."""
        body, dropped = _fitting(kind, key, document, strict=options.strict)
        attempt = Attempt.of(kind, key, options, part=subresource)
        versioned = "resourceVersion" in body["metadata"]
        with self._storage.lock:
            old = self._storage.get(kind, key)
            if old is None:
                if kind.create_on_update and not versioned:
                    return self._keeper.add(attempt, body), dropped
                raise not_found(kind, key[1])
            if not versioned and not kind.unconditional:
                field, why = "metadata.resourceVersion", "must be specified for an update"
                flaw = invalid_value(field, Verbatim("0x0"), why)
                raise invalid_object(kind, key[1], [flaw])
            return self._keeper.replace(attempt, old, body), dropped

    def patch(
        self,
        kind: Kind,
        key: Key,
        media_type: str,
        patch: Any,
        options: Options,
        *,
        subresource: str = "",
    ) -> Written:
        """Change an object by a patch, or apply it."""
        if media_type == patches.APPLY:
            attempt = Attempt.of(kind, key, options, "Apply", subresource)
            return self._apply(attempt, patch)
        attempt = Attempt.of(kind, key, options, part=subresource)
        with self._storage.lock:
            old = self._storage.get(kind, key)
            if old is None:
                raise not_found(kind, key[1])
            whole = {"kind": kind.name, "apiVersion": kind.api_version, **old.copy()}
            changed = patches.patched(media_type, whole, patch)
            body, dropped = _fitting(kind, key, changed, strict=options.strict)
            return self._keeper.replace(attempt, old, body), dropped

    def delete(self, kind: Kind, key: Key, document: Any, options: Options) -> Stored:
        """Remove an object, or begin to: what has finalizers stays until they are gone."""
        with self._storage.lock:
            old = self._storage.get(kind, key)
            if old is None:
                raise not_found(kind, key[1])
            identity.meet(kind, old, document)
            if kind is NAMESPACE and key[1] in _IMMORTAL:
                why = "this namespace may not be deleted"
                raise forbidden("", kind.resource, key[1], why)
            attempt = Attempt.of(kind, key, options)
            self._admission.admit(attempt.review("DELETE", old.copy()))
            if options.dry_run:
                return old
            if kind is NAMESPACE or old.body["metadata"].get("finalizers"):
                return self._keeper.doom(kind, key, old)
            return self._keeper.remove(kind, key)

    def finish(self, namespace: str) -> None:
        """Remove a namespace and all that it holds."""
        with self._storage.lock:
            self._keeper.finish(namespace)

    def _apply(self, attempt: Attempt, document: Any) -> Written:
        kind, key = attempt.kind, attempt.key
        if not isinstance(document, dict) or not {"apiVersion", "kind"} <= document.keys():
            raise bad_request("invalid object type: /, Kind=")
        wanted, dropped = decoding.typed(kind, document, strict=True)
        identity.place(kind, wanted, key[0])
        identity.name_as(wanted, key[1])
        if "managedFields" in wanted["metadata"]:
            raise bad_request("metadata.managedFields must be nil")
        with self._storage.lock:
            old = self._storage.get(kind, key)
            if old is None:
                body = decoding.defaulted(kind, {**wanted, "metadata": dict(wanted["metadata"])})
                return self._keeper.add(attempt, body, wanted=wanted), dropped
            live = old.copy()
            managed = ownership.applied(
                live, wanted, attempt.owner, self._keeper.now(), force=attempt.options.force
            )
            version = wanted["metadata"].get("resourceVersion")
            if version is not None:
                live["metadata"]["resourceVersion"] = version
            return self._keeper.replace(attempt, old, live, managed), dropped


def _fitting(kind: Kind, key: Key, document: Any, *, strict: bool) -> tuple[Body, list[str]]:
    """Return an object that fits its URL, and the fields that were dropped."""
    body, dropped = decoding.typed(kind, document, strict=strict)
    identity.place(kind, body, key[0])
    identity.name_as(body, key[1])
    return decoding.defaulted(kind, body), dropped
