"""A request taken apart, and an answer before it is sent."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tests.doubles.rancher.errors import ApiError
from tests.doubles.rancher.kinds import Kind, named

VERSIONS: Final = ("v1", "v2-beta")
_SCOPED: Final = 4
"""/v2-beta/projects/1a5/registries: so many parts make `projects/1a5` a scope."""


@dataclass(frozen=True)
class Request:
    """What came in. `headers` are in lower case, `origin` is the scheme and host that was asked.

    `scope` is the project in the path, `rest` what follows the version and the scope.
    """

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    origin: str = ""
    client: str = "127.0.0.1"
    version: str = ""
    scope: str = ""
    rest: tuple[str, ...] = ()
    query: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls, method: str, target: str, headers: dict[str, str], body: bytes, origin: str
    ) -> "Request":
        """Take the path apart as Cattle's ApiRequestParser does."""
        url = urlsplit(target)
        parts = [part for part in url.path.split("/") if part]
        scope = ""
        if len(parts) >= _SCOPED and parts[1].lower() == "projects":
            scope = parts[2]
            del parts[1:3]
        return cls(
            method,
            target,
            headers,
            body,
            origin,
            version=parts[0] if parts else "",
            scope=scope,
            rest=tuple(parts[1:]),
            query=tuple(parse_qsl(url.query, keep_blank_values=True)),
        )

    @property
    def path(self) -> str:
        """The path without the query."""
        return urlsplit(self.target).path

    @property
    def url(self) -> str:
        """The whole URL without the query."""
        return self.origin + self.path

    @property
    def project(self) -> str:
        """The project that the request names: in the path, a header or the query."""
        return self.scope or self.headers.get("x-api-project-id") or self.parameter("projectId")

    @property
    def kind(self) -> Kind | None:
        """The type that the path names."""
        return named(self.rest[0]) if self.rest else None

    @property
    def id(self) -> str | None:
        """The id in the path."""
        return self.rest[1] if len(self.rest) > 1 else None

    @property
    def link(self) -> str | None:
        """The link in the path."""
        return self.rest[2] if len(self.rest) > 2 else None

    @property
    def action(self) -> str | None:
        """The action of a POST."""
        return self.parameter("action") or None if self.method == "POST" else None

    @property
    def base(self) -> str:
        """The URL that those of answers begin with."""
        scope = f"/projects/{self.scope}" if self.scope else ""
        return f"{self.origin}/{self.version or VERSIONS[-1]}{scope}"

    def parameter(self, name: str) -> str:
        """Return the first value of a query parameter, or nothing."""
        return next((value for key, value in self.query if key == name), "")

    def values(self) -> dict[str, Any]:
        """Return the fields of a JSON body. Raises `ApiError` for text that is not JSON."""
        try:
            body = json.loads(self.body) if self.body else {}
        except ValueError:
            raise ApiError(HTTPStatus.BAD_REQUEST, "InvalidBodyContent") from None
        return body if isinstance(body, dict) else {}


@dataclass(frozen=True)
class Answer:
    """What goes out: a document, or text with its type."""

    status: int
    document: object = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    content_type: str = "application/json; charset=utf-8"

    def encoded(self) -> bytes:
        """Return the body. Slashes are escaped, as Cattle's JSON writer does."""
        if self.text is not None:
            return self.text.encode()
        return json.dumps(self.document, separators=(",", ":")).replace("/", "\\/").encode()
