"""Who asks: users, and the bearer tokens that they come with.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from refresher.ports import Clock
from tests.doubles.kubernetes.statuses import unauthorized

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
MASTERS = "system:masters"


@dataclass(frozen=True)
class User:
    """A user and the groups."""

    name: str
    groups: tuple[str, ...] = (AUTHENTICATED,)


ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))
ADMIN = User("kubernetes-admin", (MASTERS, AUTHENTICATED))


def service_account(namespace: str, name: str) -> User:
    """Return the user that a service account is."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return User(f"system:serviceaccount:{namespace}:{name}", groups)


@dataclass(frozen=True)
class _Known:
    user: User
    until: datetime | None


@dataclass
class Gate:
    """Knows the tokens. `anonymous` lets those in who bring none (--anonymous-auth)."""

    clock: Clock
    anonymous: bool = True
    _tokens: dict[str, _Known] = field(default_factory=dict, repr=False)

    def issue(self, user: User, seconds: float | None = None) -> str:
        """Return a new token, good for so many seconds, or for ever."""
        token = secrets.token_urlsafe(48)
        until = None if seconds is None else self.clock.now() + timedelta(seconds=seconds)
        self._tokens[token] = _Known(user, until)
        return token

    def revoke(self, token: str) -> None:
        """Take a token no longer."""
        del self._tokens[token]

    def identify(self, authorization: str) -> User:
        """Return who asks. Raises `ApiError` 401 for a token that is unknown or over."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            if self.anonymous:
                return ANONYMOUS
            raise unauthorized()
        known = self._tokens.get(token.strip())
        if known is None or (known.until is not None and self.clock.now() >= known.until):
            raise unauthorized()
        return known.user
