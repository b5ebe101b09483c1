"""Get and list, in pages and as of a resourceVersion.

https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
"""

import base64
import json
from bisect import bisect_right
from typing import Any, Final

from tests.doubles.kubernetes import selectors
from tests.doubles.kubernetes.kinds import Kind
from tests.doubles.kubernetes.message import Answer, Request, encoded
from tests.doubles.kubernetes.rules import Rules
from tests.doubles.kubernetes.statuses import (
    ApiError,
    bad_request,
    expired,
    forbidden_value,
    invalid_options,
    not_found,
    too_large_version,
)
from tests.doubles.kubernetes.storage import Compacted, Key, Storage, Stored

_VERSION: Final = "meta.k8s.io/v1"
_LATEST: Final = -1
_LIST_GONE: Final = "The resourceVersion for the provided list is too old."
_PAGE_GONE: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can "
    "start a new list without the continue parameter, or use the continue token in this response "
    "to retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)
"""k8s.io/apiserver, pkg/storage/etcd3/errors.go."""
_Listed = list[tuple[Key, Stored]]


class Reader:
    """Shows what is kept."""

    def __init__(self, storage: Storage, rules: Rules) -> None:
        self._storage = storage
        self._rules = rules

    def get(self, kind: Kind, key: Key) -> Stored:
        """Return an object. Raises `ApiError` 404."""
        stored = self._storage.get(kind, key)
        if stored is None:
            raise not_found(kind, key[1])
        return stored

    def has(self, kind: Kind, key: Key) -> bool:
        """Say whether an object is there."""
        return self._storage.get(kind, key) is not None

    def list(self, kind: Kind, namespace: str, request: Request) -> Answer:
        """Return a page of a list, or all of it."""
        query = request.query
        test, limit = selectors.chosen(kind, query), request.number("limit")
        after = None
        if query.get("continue"):
            if query.get("resourceVersion") not in {None, "", "0"}:
                message = "specifying resource version is not allowed when using continue"
                raise bad_request(message)
            revision, after, listed = self._continued(kind, namespace, query["continue"])
        else:
            revision = self._revision(request, limit)
            listed = self._at(kind, namespace, revision)
        if query.get("resourceVersion") == "0" and not self._rules.limit_any:
            limit = 0
        start = bisect_right(listed, after, key=lambda item: item[0]) if after else 0
        page, more, left = _page(listed, start, limit, test)
        metadata: dict[str, Any] = {"resourceVersion": str(revision)}
        if more:
            metadata["continue"] = _token(revision, page[-1][0])
            if test is None:
                metadata["remainingItemCount"] = left
        return _answer(kind, metadata, [stored.content for _, stored in page])

    def _revision(self, request: Request, limit: int) -> int:
        """Return the revision that is asked for (meta/internalversion/validation)."""
        asked, match = request.number("resourceVersion"), request.query.get("resourceVersionMatch")
        field = "resourceVersionMatch"
        if match and not request.query.get("resourceVersion"):
            why = f"{field} is forbidden unless resourceVersion is provided"
            raise invalid_options("ListOptions", forbidden_value(field, why))
        if match == "Exact" and not asked:
            why = f'{field} "Exact" is forbidden for resourceVersion "0"'
            raise invalid_options("ListOptions", forbidden_value(field, why))
        current = self._storage.revision
        if asked > current:
            raise too_large_version(asked, current)
        exact = match == "Exact" or (limit and asked and not match)
        return asked if exact else current

    def _at(self, kind: Kind, namespace: str, revision: int) -> _Listed:
        try:
            return self._storage.listed(kind, namespace, revision)
        except Compacted:
            raise expired(_LIST_GONE) from None

    def _continued(self, kind: Kind, namespace: str, token: str) -> tuple[int, Key, _Listed]:
        revision, after = _read(token)
        if revision == _LATEST:
            revision = self._storage.revision
        try:
            return revision, after, self._storage.listed(kind, namespace, revision)
        except Compacted:
            raise expired(_PAGE_GONE, **{"continue": _token(_LATEST, after)}) from None


def _page(
    listed: _Listed, start: int, limit: int, test: selectors.Test | None
) -> tuple[_Listed, bool, int]:
    """Return a page, whether there is more, and how many are left where nothing is selected."""
    if test is None:
        end = start + limit if limit else len(listed)
        return listed[start:end], end < len(listed), len(listed) - end
    page: _Listed = []
    for item in listed[start:] if start else listed:
        if test(item[1].body):
            if limit and len(page) == limit:
                return page, True, 0
            page.append(item)
    return page, False, 0


def _answer(kind: Kind, metadata: dict[str, Any], contents: list[bytes]) -> Answer:
    """Join the items, which have no kind and no apiVersion in a list."""
    head = {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": metadata}
    content = encoded(head)[:-1] + b',"items":[' + b",".join(contents) + b"]}"
    return Answer(200, content)


def _token(revision: int, key: Key) -> str:
    """Return a continue token (k8s.io/apiserver, pkg/storage/continue.go)."""
    start = "/".join(filter(None, key)) + "\0"
    document = {"v": _VERSION, "rv": revision, "start": start}
    return base64.urlsafe_b64encode(encoded(document)).decode().rstrip("=")


def _read(token: str) -> tuple[int, Key]:
    try:
        document = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        version, revision, start = (document[name] for name in ("v", "rv", "start"))
        namespace, _, name = start.rstrip("\0").rpartition("/")
        if version == _VERSION and isinstance(revision, int):
            return revision, (namespace, name)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise _bad_token()


def _bad_token() -> ApiError:
    return bad_request("continue key is not valid")
