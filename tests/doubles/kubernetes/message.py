"""A request taken apart, and an answer before it is sent."""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from tests.doubles.kubernetes.statuses import ApiError, Flaw, bad_request, invalid_options

JSON: Final = "application/json"
Body = dict[str, Any]
_FALSE: Final = frozenset({"", "0", "false"})


def _nobody_goes() -> bool:
    return False


@dataclass
class Request:
    """What came in. `headers` are in lower case, `gone` says whether the client hung up."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = field(default=b"", repr=False)
    gone: Callable[[], bool] = _nobody_goes

    @classmethod
    def of(
        cls,
        method: str,
        target: str,
        headers: Mapping[str, str],
        content: bytes,
        gone: Callable[[], bool] = _nobody_goes,
    ) -> "Request":
        """Take the target apart. The first of several values of a parameter counts."""
        path, _, query = target.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True) if query else ()
        return cls(method, unquote(path), dict(reversed(list(pairs))), headers, content, gone)

    def flag(self, name: str) -> bool:
        """Return a boolean parameter: what is not 0 or false is true."""
        return name in self.query and self.query[name].lower() not in _FALSE

    def number(self, name: str) -> int:
        """Return a number, 0 by default. Raises `ApiError` 400 for what is none."""
        text = self.query.get(name) or "0"
        try:
            return int(text)
        except ValueError:
            message = f'strconv.ParseInt: parsing "{text}": invalid syntax'
            raise bad_request(message) from None

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters."""
        return self.headers.get("content-type", JSON).partition(";")[0].strip()

    @property
    def agent(self) -> str:
        """The field manager of those who name none: the User-Agent up to the slash."""
        return self.headers.get("user-agent", "").partition("/")[0] or "unknown"


@dataclass(frozen=True)
class Options:
    """What a write comes with: `manager` owns the fields that it sets, `dry_run` keeps nothing."""

    manager: str = "unknown"
    dry_run: bool = False
    force: bool = False
    strict: bool = False
    user: str = ""

    @classmethod
    def of(cls, request: Request, name: str, user: str) -> "Options":
        """Read the parameters. `name` is that of the options: CreateOptions and so on."""
        dry_run = request.query.get("dryRun", "")
        if dry_run not in {"", "All"}:
            flaw = Flaw("FieldValueNotSupported", "dryRun", 'supported values: "All"', dry_run)
            raise invalid_options(name, flaw)
        return cls(
            manager=request.query.get("fieldManager") or request.agent,
            dry_run=bool(dry_run),
            force=request.flag("force"),
            strict=request.query.get("fieldValidation") == "Strict",
            user=user,
        )


@dataclass
class Answer:
    """What goes out: bytes, or a stream of them. `torn` breaks the connection after half of it."""

    status: int
    content: bytes = field(default=b"", repr=False)
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON
    stream: Generator[bytes, None, None] | None = None
    torn: bool = False

    @classmethod
    def of(cls, document: object, status: int = 200, **headers: str) -> "Answer":
        """Return an answer with a document."""
        return cls(status, encoded(document), headers)

    @classmethod
    def refusal(cls, error: ApiError) -> "Answer":
        """Return an answer with a Status."""
        return cls(error.code, encoded(error.document()), error.headers())


def encoded(document: object) -> bytes:
    """Return a document as the server writes it, without spaces."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
