"""Who asks: keys, accounts, and the project that a request is about."""

import base64
import binascii
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from tests.doubles.rancher import ids
from tests.doubles.rancher.database import Database
from tests.doubles.rancher.errors import ApiError
from tests.doubles.rancher.kinds import PROJECT, Kind
from tests.doubles.rancher.message import Request
from tests.doubles.rancher.rules import Rules

_CHALLENGE: Final = 'Basic realm="Enter API access key and secret key as username and password"'
_BEARER: Final = "x-api-bearer"
ADMIN: Final = 1
"""The number of the first admin, who everybody is where access control is off."""


class KeyKind(StrEnum):
    """What an API key stands for."""

    ENVIRONMENT = "environment"
    """An Environment API Key: acts as its project."""
    AGENT = "agent"
    """What a container with the role `environment` is given: acts as its project, too."""
    AGENT_ADMIN = "environmentAdmin"
    """The same with the role `environmentAdmin`, as system stacks have it: reads secrets."""
    PROJECT_ADMIN = "projectadmin"
    """The key of an account of that kind: reads secrets."""
    ACCOUNT = "user"
    """An Account API Key of a user, who is a member of some projects."""
    ADMIN = "admin"
    """An Account API Key of an admin."""


_PERSONS: Final = frozenset({KeyKind.ACCOUNT, KeyKind.ADMIN})
_READ_SECRETS: Final = frozenset({KeyKind.AGENT_ADMIN, KeyKind.PROJECT_ADMIN})


@dataclass
class Key:
    """An API key. `account` is whom it acts as, `token` stands for a login of the same account."""

    kind: KeyKind
    account: int
    access: str = field(default_factory=lambda: secrets.token_hex(10).upper())
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(30))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(30))
    projects: frozenset[int] = frozenset()
    active: bool = True

    @property
    def pair(self) -> tuple[str, str]:
        """The access key and the secret key, as Basic takes them."""
        return self.access, self.secret

    @property
    def person(self) -> bool:
        """Whether it acts as somebody who is no project."""
        return self.kind in _PERSONS


@dataclass(frozen=True)
class Caller:
    """Who asks. `project` is None outside of any."""

    key: Key
    project: int | None

    @property
    def account(self) -> int:
        """The account that the request acts as."""
        return self.key.account if self.project is None else self.project

    @property
    def account_kind(self) -> str:
        """The kind of that account."""
        if self.project is None or self.key.kind is KeyKind.PROJECT_ADMIN:
            return str(self.key.kind)
        return "project"

    @property
    def is_admin(self) -> bool:
        """Whether this is an admin outside of any project."""
        return self.key.kind is KeyKind.ADMIN and self.project is None

    @property
    def reads_secrets(self) -> bool:
        """Whether GET shows passwords."""
        return self.key.kind in _READ_SECRETS

    def methods(self, kind: Kind) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what may be asked of the collection and of a resource of a type."""
        if kind.writable and self.project is not None:
            return ("GET", "POST"), ("GET", "PUT", "DELETE")
        if kind.name == "setting" and self.is_admin:
            return ("GET",), ("GET", "PUT")
        return ("GET",), ("GET",)


class Gate:
    """Knows the keys."""

    def __init__(self, rules: Rules, database: Database) -> None:
        self._rules = rules
        self._database = database
        self._keys: dict[str, Key] = {}
        self._anybody = Key(KeyKind.ADMIN, ADMIN, access="")

    def add(self, key: Key) -> Key:
        """Know a key from now on."""
        self._keys[key.access] = key
        return key

    def drop(self, key: Key) -> None:
        """Know it no longer, as when the container that had it is gone."""
        self._keys.pop(key.access, None)

    def name(self, request: Request) -> str:
        """Return the access key that came along, right or wrong, or nothing."""
        return (_basic(request) or ("", ""))[0]

    def target(self, request: Request) -> str:
        """Return the project that a request names or whose key it bears, or nothing."""
        if request.project:
            return request.project
        key = self._keys.get(self.name(request))
        return "" if key is None or key.person else ids.shown(PROJECT, key.account)

    def admit(self, request: Request) -> Caller:
        """Return who asks. Raises `ApiError` 401 without a valid key, 403 for a closed project."""
        key, named = self._identify(request)
        asked = request.project or named
        if asked:
            return Caller(key, self._enter(key, asked))
        return Caller(key, None if key.person else key.account)

    def may_enter(self, key: Key, project: int) -> bool:
        """Say whether a key may act in a project."""
        if key.person:
            return key.kind is KeyKind.ADMIN or project in key.projects
        return key.account == project

    def _identify(self, request: Request) -> tuple[Key, str]:
        """Return the key and the project that its form names."""
        if not self._rules.access_control:
            return self._anybody, ""
        user, password = _basic(request) or ("", "")
        key, project = self._keys.get(user), ""
        if user.lower().startswith(_BEARER):
            project = user.partition("=")[2]
            key = next((one for one in self._keys.values() if one.token == password), None)
        elif key is not None and key.secret != password:
            key = None
        if key is None or not self._alive(key):
            quiet = request.headers.get("x-api-no-challenge") == "true"
            headers = {} if quiet else {"WWW-Authenticate": _CHALLENGE}
            raise ApiError(HTTPStatus.UNAUTHORIZED, headers=headers)
        return key, project

    def _alive(self, key: Key) -> bool:
        project = self._database.projects.get(key.account)
        return key.active and (key.person or (project is not None and project.state == "active"))

    def _enter(self, key: Key, asked: str) -> int:
        text = ids.parsed(asked)
        if not text:
            raise ApiError(HTTPStatus.FORBIDDEN)
        number = ids.number(asked)
        if number is None:
            message = f"projectId header format is incorrect {asked}"
            raise ApiError(HTTPStatus.BAD_REQUEST, "InvalidFormat", message=message)
        project = self._database.projects.get(number)
        if project is None or project.state != "active" or not self.may_enter(key, number):
            raise ApiError(HTTPStatus.FORBIDDEN)
        return number


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None
