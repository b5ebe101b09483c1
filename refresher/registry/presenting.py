"""A credential, presented to its registry in the way that the registry asks for."""

import base64
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from refresher.errors import PermanentError, RefresherError, RetryableError
from refresher.model.credential import Credential, Secret
from refresher.net import url
from refresher.net.url import Url
from refresher.registry import challenge, realm, token
from refresher.registry.challenge import BASIC, BEARER, Challenge
from refresher.registry.client import Answer, Client
from refresher.registry.policy import Policy

API: Final = "/v2/"
OK: Final = 200
UNAUTHORIZED: Final = 401
DENIED: Final = frozenset({UNAUTHORIZED, 403})

_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Denied:
    """The credential was turned away; `reason` says where."""

    reason: str


class Presenter:
    """Presents one credential at one registry, `host[:port]`.

    `open` tells that the registry asks nobody for a login, as far as is known,
    `taken` that it or its token server has taken the credential.
    """

    def __init__(self, client: Client, host: str, policy: Policy, credential: Credential) -> None:
        """Ask nobody yet."""
        self.open = False
        self.taken = False
        self._client = client
        self._host = host
        self._policy = policy
        self._basic = _basic(credential)
        self._scheme = "https"
        self._challenge = Challenge(BASIC)

    def knock(self) -> None:
        """Learn, without the credential, what the registry asks for.

        Raises `RefresherError` if that can't be learnt.
        """
        answer = self._reach()
        self.open = answer.status == OK
        if not self.open:
            self._challenge = self._asked(answer)

    def ask(
        self, method: str, path: str, *, scope: str = "", accept: str = "*/*"
    ) -> Answer | Denied:
        """Return the registry's answer to the credential, or who turned it away before.

        `scope` is what a token is asked for; without one it proves the login alone.
        """
        authorization = self._authorization(scope)
        if isinstance(authorization, Denied):
            return authorization
        answer = self._client.ask(
            method, self._url(path), authorization=authorization, accept=accept
        )
        if self.open and answer.status == UNAUTHORIZED:
            # Nobody had asked for Basic. If it is a token that is wanted, it is asked for now.
            self._challenge, self.open = self._asked(answer), False
            if self._challenge.scheme == BEARER:
                return self.ask(method, path, scope=scope, accept=accept)
        self.taken = self.taken or (answer.status == OK and not self.open)
        return answer

    def _reach(self) -> Answer:
        try:
            return self._client.ask("GET", self._url(API))
        except RefresherError:
            if not self._policy.is_insecure(self._host):
                raise
        self._scheme = "http"
        return self._client.ask("GET", self._url(API))

    def _asked(self, answer: Answer) -> Challenge:
        if answer.status != UNAUTHORIZED:
            raise unclear(self._host, answer.status)
        chosen = challenge.choose(answer.challenges)
        if chosen is None:
            raise PermanentError(
                f"{self._host} asks for a login in no way that is known",
                hint="check what answers in its place: its WWW-Authenticate header is missing or "
                "malformed",
            )
        return chosen

    def _authorization(self, scope: str) -> Secret | Denied:
        if self._challenge.scheme == BASIC:
            return self._basic
        where = self._realm(self._challenge.params["realm"])
        names = {"service": self._challenge.params.get("service", ""), "scope": scope}
        answer = self._client.ask(
            "GET", _with_query(where, names), authorization=self._basic, whole=True
        )
        server = f"the token server {realm.shown(where)}"
        if answer.status in DENIED:
            return Denied(f"{server} answers {answer.status} to the credential")
        if answer.status != OK:
            raise unclear(server, answer.status)
        made = token.read(answer.body)
        if isinstance(made, token.Granted):
            self.taken = True
            return Secret(f"Bearer {made.token.reveal()}")
        if made.refused:
            return Denied(f"{server} {made.reason}")
        raise RetryableError(f"{server} {made.reason}", hint="check what answers in its place")

    def _realm(self, text: str) -> Url:
        where = url.parse(text)
        insecure = where is not None and self._policy.is_insecure(where.authority)
        trusted = (*self._policy.realms, *self._policy.insecure)
        defect = realm.defect(text, self._host, insecure=insecure, trusted=trusted)
        if defect or where is None:
            raise PermanentError(f"{self._host} names a token server that is not asked: {defect}")
        return where

    def _url(self, path: str) -> Url:
        made = url.parse(f"{self._scheme}://{self._host}{path}")
        if made is None:
            raise PermanentError(f"{self._host} can't be asked: it makes no URL")
        return made


def unclear(who: str, status: int) -> RetryableError:
    """Return the error that stands for a status which says nothing about a credential."""
    if status == _TOO_MANY:
        return RetryableError(f"{who} asks to slow down ({status})")
    if status >= _SERVER_ERROR:
        return RetryableError(f"{who} fails ({status})")
    what = "does not know what it is asked for" if status == _NOT_FOUND else "gives no clear answer"
    return RetryableError(f"{who} {what} ({status})")


def _basic(credential: Credential) -> Secret:
    # UTF-8, as all clients of registries send it (RFC 7617, section 2.1).
    pair = f"{credential.username}:{credential.secret.reveal()}"
    return Secret(f"Basic {base64.b64encode(pair.encode()).decode()}")


def _with_query(where: Url, names: dict[str, str]) -> Url:
    query = urlencode({name: value for name, value in names.items() if value})
    if not query:
        return where
    rest = f"{where.rest}{'&' if '?' in where.rest else '?'}{query}"
    return Url(where.scheme, where.host, where.port, rest)
