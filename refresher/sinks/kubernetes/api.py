"""The resources of the core API, one call each."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from refresher.errors import RetryableError
from refresher.sinks.kubernetes.choice import Query
from refresher.sinks.kubernetes.faults import GoneError, Scene, fault, unreadable
from refresher.sinks.kubernetes.talk import MERGE, Answer, Talk, TooLargeError

PAGE: Final = 500
"""How many objects are asked for at a time, as kubectl does."""

_FEWER: Final = 20
"""By how much fewer are asked for where they are too large for one answer."""

_CORE: Final = "/api/v1"
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_GOOD: Final = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
_SELECTORS: Final = "metadata.name="

Object = Mapping[str, Any]
"""An object with its `metadata`."""


class Api:
    """Reads and writes; every answer that is no good one is raised, as `faults` sorts them."""

    def __init__(self, talk: Talk) -> None:
        """Ask by one operation."""
        self._talk = talk

    @property
    def is_over(self) -> bool:
        """Whether there is no time left."""
        return self._talk.is_over

    def list(self, resource: str, namespace: str, query: Query) -> Iterator[Object]:
        """Yield the objects of a namespace, of all for "", page by page.

        Raises `RetryableError` or `PermanentError`.
        """
        name = query.get("fieldSelector", "").removeprefix(_SELECTORS)
        scene = Scene("list", resource, namespace, name)
        token, seen, limit = "", set[str](), PAGE
        while True:
            page = {"limit": str(limit), **query} | ({"continue": token} if token else {})
            try:
                document = self._page(scene, _path(resource, namespace), page)
            except TooLargeError:
                # A few huge Secrets that somebody gave our name would keep all others unread.
                if limit == 1:
                    raise
                limit = max(limit // _FEWER, 1)
                continue
            items = document.get("items")
            if items:
                yield from items
            token = _continued(document)
            if not token:
                return
            if token in seen:
                raise unreadable(scene, self._talk)
            seen.add(token)

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        """Return an object, None if it is not there. Raises as `list`."""
        scene = Scene("get", resource, namespace, name)
        try:
            return self._object(scene, self._talk.ask("GET", _path(resource, namespace, name)))
        except GoneError:
            return None

    def create(self, resource: str, namespace: str, body: Object) -> Object:
        """Make an object and return it. Raises `ConflictError` if it is there, and as `list`."""
        scene = Scene("create", resource, namespace, body["metadata"]["name"])
        return self._object(scene, self._talk.ask("POST", _path(resource, namespace), body=body))

    def update(self, resource: str, namespace: str, body: Object) -> Object:
        """Replace an object and return it.

        Raises `ConflictError` if it is no longer of the version in `body`, `GoneError` if it is
        not there, and as `list`.
        """
        name = body["metadata"]["name"]
        path = _path(resource, namespace, name)
        return self._object(
            Scene("update", resource, namespace, name), self._talk.ask("PUT", path, body=body)
        )

    def patch(self, resource: str, namespace: str, name: str, patch: Object) -> Object:
        """Change an object by a merge patch and return it. Raises as `update`."""
        path = _path(resource, namespace, name)
        answer = self._talk.ask("PATCH", path, body=patch, media=MERGE)
        return self._object(Scene("patch", resource, namespace, name), answer)

    def delete(self, resource: str, namespace: str, body: Object) -> None:
        """Remove an object, if it is still the one in `body`, of that version.

        What has finalizers goes when they are done. Raises as `update`.
        """
        metadata = body["metadata"]
        name = metadata["name"]
        # https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/
        unchanged = {each: metadata[each] for each in ("uid", "resourceVersion")}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": unchanged}
        answer = self._talk.ask("DELETE", _path(resource, namespace, name), body=options)
        self._good(Scene("delete", resource, namespace, name), answer)

    def may(self, verb: str, resource: str, namespace: str, name: str) -> bool:
        """Tell whether we may do something, by a SelfSubjectAccessReview. Raises as `list`."""
        wanted = {"verb": verb, "resource": resource, "namespace": namespace, "name": name}
        attributes = {key: text for key, text in wanted.items() if text}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        scene = Scene("create", "selfsubjectaccessreviews")
        document = self._good(scene, self._talk.ask("POST", _REVIEWS, body=body))
        status = document.get("status")
        return isinstance(status, dict) and status.get("allowed") is True

    def _page(self, scene: Scene, path: str, query: Query) -> Mapping[str, Any]:
        answer = self._talk.ask("GET", path, query)
        if answer.status == HTTPStatus.GONE and "continue" in query:
            return self._after_gone(scene, answer)
        document = self._good(scene, answer)
        items = document.get("items")
        # Something else that is taken for an empty list would have everything made anew.
        if not str(document.get("kind")).endswith("List") or not (
            items is None or (isinstance(items, list) and all(map(_is_object, items)))
        ):
            raise unreadable(scene, self._talk)
        return document

    def _after_gone(self, scene: Scene, answer: Answer) -> Mapping[str, Any]:
        """Return a page without objects, with the token that goes on from here.

        The list took so long that the server forgot how things were at its beginning. What follows
        is how they are now (api-concepts, "Retrieving large results sets in chunks").
        """
        document = answer.document or {}
        if not _continued(document):
            raise RetryableError(f"{scene.what}: the list changed while it was read")
        return {"metadata": document["metadata"]}

    def _object(self, scene: Scene, answer: Answer) -> Object:
        document = self._good(scene, answer)
        if not _is_object(document) or document["metadata"].get("name") != scene.name:
            raise unreadable(scene, self._talk)
        return document

    def _good(self, scene: Scene, answer: Answer) -> Mapping[str, Any]:
        if answer.status not in _GOOD:
            raise fault(scene, answer, self._talk)
        if answer.document is None:
            raise unreadable(scene, self._talk)
        return answer.document


def _path(resource: str, namespace: str, name: str = "") -> str:
    parts = [_CORE, *(("namespaces", quote(namespace, safe="")) if namespace else ()), resource]
    return "/".join((*parts, quote(name, safe="")) if name else parts)


def _is_object(found: object) -> bool:
    if not isinstance(found, dict) or not isinstance(found.get("metadata"), dict):
        return False
    return isinstance(found["metadata"].get("name"), str)


def _continued(document: Mapping[str, Any]) -> str:
    metadata = document.get("metadata")
    token = metadata.get("continue") if isinstance(metadata, dict) else None
    return token if isinstance(token, str) else ""
