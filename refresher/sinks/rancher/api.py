"""The resources of one environment, or of a server as a whole, in Rancher's API.

URLs are made of ids alone. The links in answers are not followed: behind a proxy
they often name another scheme or host, and the keys would go there.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from refresher.errors import PermanentError
from refresher.sinks.rancher.faults import Scene, fault, unreadable
from refresher.sinks.rancher.rows import ID
from refresher.sinks.rancher.talk import Answer, Talk

REGISTRIES: Final = "registries"
CREDENTIALS: Final = "registrycredentials"
PROJECTS: Final = "projects"

_PAGE: Final = "1000"
"""How many rows are asked for at a time; the documentation allows as many."""

_LONGEST_NAME: Final = 64
_GOOD: Final = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)


class Api:
    """Reads and writes; every answer that is no good one is raised.

    `name` is what the server calls the environment, as soon as it has said so.
    """

    def __init__(self, talk: Talk, environment: str = "", name: str = "") -> None:
        """Take the environment's id; without one the account of the keys is meant."""
        self._talk = talk
        self._scope = f"/{PROJECTS}/{environment}" if environment else ""
        self._environment = environment
        self.name = name
        self.account = ""
        self.account_kind = ""

    @property
    def label(self) -> str:
        """The environment, as people know it."""
        if not self._environment:
            return "any environment"
        return labelled(self._environment, self.name)

    def rows(self, kind: str, **query: str) -> Iterator[Mapping[str, Any]]:
        """Yield every resource of a kind that is not removed, over all pages.

        Raises `RetryableError` or `PermanentError`.
        """
        scene, marker, seen = self._scene(f"the list of {kind}"), "", set[str]()
        while True:
            page = {"limit": _PAGE, **query} | ({"marker": marker} if marker else {})
            document = self._listed(scene, self._talk.ask("GET", f"{self._scope}/{kind}", page))
            yield from document["data"]
            following = _following(document)
            if following is None:
                return
            marker = following
            if not marker or marker in seen:
                raise unreadable(scene)
            seen.add(marker)

    def change(self, kind: str, row: str, what: str, body: Mapping[str, str]) -> None:
        """Change fields of a resource. Raises as `rows`, and `MovedError`."""
        self._good(what, self._talk.ask("PUT", f"{self._scope}/{kind}/{row}", body=body))

    def make(self, kind: str, what: str, body: Mapping[str, str]) -> str:
        """Add a resource and return its id, nothing if there is none. Raises as `change`.

        The answer repeats the secret, so nothing else is taken from it.
        """
        answer = self._talk.ask("POST", f"{self._scope}/{kind}", body=body)
        self._good(what, answer)
        made = str((answer.document or {}).get("id"))
        return made if ID.fullmatch(made) else ""

    def act(self, kind: str, row: str, what: str, action: str) -> None:
        """Do what a resource offers. Raises as `change`."""
        path = f"{self._scope}/{kind}/{row}"
        self._good(what, self._talk.ask("POST", path, {"action": action}))

    def setting(self, name: str) -> str:
        """Return a global setting. Raises as `change`; only an admin's keys find it."""
        what = f"the setting {name}"
        answer = self._talk.ask("GET", f"/settings/{name}")
        self._good(what, answer)
        value = (answer.document or {}).get("value")
        return value if isinstance(value, str) else ""

    def _listed(self, scene: Scene, answer: Answer) -> Mapping[str, Any]:
        if answer.status == HTTPStatus.NOT_FOUND:
            raise self._no_rancher(scene)
        self._good(scene.what, answer)
        document = answer.document or {}
        data = document.get("data")
        whole = isinstance(data, list) and all(map(_is_resource, data))
        # Something else that is taken for an empty list would have everything made anew.
        if document.get("type") != "collection" or not whole:
            raise unreadable(scene)
        self._learn(answer.headers)
        return document

    def _learn(self, headers: Mapping[str, str]) -> None:
        self.account = headers.get("X-API-Account-Id", "")
        self.account_kind = headers.get("X-API-Account-Kind", "")
        if self.account == self._environment:
            self.name = shown(headers.get("X-API-Account-Name", "")) or self.name

    def _good(self, what: str, answer: Answer) -> None:
        if answer.status not in _GOOD:
            raise fault(self._scene(what), answer, self._talk.clock)
        if answer.document is None:
            raise unreadable(self._scene(what))

    def _no_rancher(self, scene: Scene) -> PermanentError:
        if self._talk.is_rancher_2():
            return PermanentError(
                f"{scene.host} is a server of Rancher 2, which keeps credentials in Kubernetes",
                hint="write them with a kubernetes sink, to secrets of type "
                "kubernetes.io/dockerconfigjson",
            )
        return PermanentError(
            f"{scene.host} has no API of Rancher 1",
            hint=f"check {scene.names.url}; Rancher must be 1.2 or newer",
        )

    def _scene(self, what: str) -> Scene:
        return Scene(self._talk.server.host, self.label, what, self._talk.names)


def _is_resource(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("id"), str)


def labelled(environment: str, name: str) -> str:
    """Return an environment as people know it: by its name, and by its id."""
    return f"environment {name} ({environment})" if name else f"environment {environment}"


def shown(name: object) -> str:
    """Return a name that a server gave, if it can be shown; else nothing."""
    text = name if isinstance(name, str) else ""
    return text if text.isprintable() and len(text) <= _LONGEST_NAME else ""


def _following(document: Mapping[str, Any]) -> str | None:
    """Return the marker of the next page, None after the last, nothing if it can't be told."""
    pagination = document.get("pagination")
    if not isinstance(pagination, dict):
        return None
    following = pagination.get("next")
    if not following:
        return "" if pagination.get("partial") is True else None
    try:
        markers = parse_qs(urlsplit(str(following)).query).get("marker", [])
    except ValueError:
        return ""
    return markers[0] if markers else ""
