"""Credentials, and the wrapper that keeps their secrets out of every output."""

import hmac
import threading
import weakref
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final, Self

from refresher.errors import PermanentError
from refresher.model.address import canonical

_MASK: Final = "***"
_DELETE: Final = 0x7F
_FIRST_SURROGATE: Final = 0xD800
_LAST_SURROGATE: Final = 0xDFFF

_live: "weakref.WeakValueDictionary[int, Secret]" = weakref.WeakValueDictionary()
# Re-entrant: a signal handler may log, and so ask for the secrets, while its thread makes one.
_live_lock: Final = threading.RLock()


class Secret:
    """Text that must not be seen: shows `***` wherever it is printed, formatted or pickled.

    >>> Secret("hunter2")
    Secret('***')
    >>> f"{Secret('hunter2')}"
    '***'
    >>> Secret("hunter2").reveal()
    'hunter2'
    """

    __slots__ = ("__weakref__", "_text")

    def __init__(self, text: str) -> None:
        """Wrap `text`, and make it known to the redactor for as long as this object lives."""
        self._text = text
        with _live_lock:
            _live[id(self)] = self

    def reveal(self) -> str:
        """Return the text. The one way out: call it only where the secret is sent or stored."""
        return self._text

    def __str__(self) -> str:
        """Return `***`."""
        return _MASK

    def __repr__(self) -> str:
        """Return `Secret('***')`."""
        return f"Secret({_MASK!r})"

    def __format__(self, spec: str) -> str:
        """Return `***`, padded or aligned as any text."""
        return format(_MASK, spec)

    def __reduce__(self) -> tuple[type["Secret"], tuple[str]]:
        """Pickle as a masked secret: a pickle is an output like any other."""
        return Secret, (_MASK,)

    def __copy__(self) -> Self:
        """Return the object itself: it does not change."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return the object itself: it does not change."""
        return self

    def __eq__(self, other: object) -> bool:
        """Compare two secrets in constant time."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self._text), _bytes(other.reveal()))

    def __hash__(self) -> int:
        """Hash by the text, so that equal secrets are equal keys."""
        return hash(self._text)


def _bytes(text: str) -> bytes:
    # An environment variable that is no UTF-8 arrives with surrogates; an error
    # about them would carry the text.
    return text.encode("utf-8", "surrogatepass")


def live_secrets() -> list[Secret]:
    """Return every `Secret` that is alive in this process, for the redactor."""
    with _live_lock:
        return list(_live.values())


class Unending(Enum):
    """An expiry that is no time."""

    NEVER = "never"
    """Declared to have no end."""
    UNKNOWN = "unknown"
    """Nobody said when it ends."""


NEVER: Final = Unending.NEVER
UNKNOWN: Final = Unending.UNKNOWN

Expiry = datetime | Unending


@dataclass(frozen=True, slots=True)
class Credential:
    """One secret and every registry that it serves.

    `registries` are addresses in any spelling and are kept in canonical form
    (see `refresher.model.address`), without repetition. `issued_at` and `expires_at` are aware
    datetimes by the issuer's clock, kept in UTC; `expires_at` may also be `NEVER` or
    `UNKNOWN`. `answered_at` is the issuer's clock at the moment of its answer
    (the `Date` header), where there is one: it tells a wrong local clock from a
    short-lived credential.

    Raises `PermanentError` for what no client could use: no registry, no user
    name, a colon in the user name (RFC 7617, section 2), an empty secret,
    control characters, text that can't be encoded; and for a time without a zone.
    """

    registries: tuple[str, ...]
    username: str
    secret: Secret
    _: KW_ONLY
    email: str | None = None
    issued_at: datetime
    expires_at: Expiry
    answered_at: datetime | None = None

    def __post_init__(self) -> None:
        """Bring the registries to canonical form and refuse what no client could use."""
        object.__setattr__(self, "registries", _canonical_set(self.registries))
        if not self.registries:
            raise PermanentError("a credential names no registry that it is for")
        refuse_username(self.username, self.registries[0])
        refuse_secret(self.secret, self.registries[0])
        for name in ("issued_at", "expires_at", "answered_at"):
            object.__setattr__(self, name, _in_utc(name, getattr(self, name)))


def refuse_username(username: str, registry: str) -> None:
    """Raise `PermanentError` for a user name that can't be sent to `registry`."""
    if not username:
        raise PermanentError(f"the credential for {registry} has no user name")
    if ":" in username:
        raise PermanentError(
            f"the user name for {registry} contains a colon",
            hint="a user name with a colon can't be sent by HTTP Basic authentication",
        )
    refuse_control_characters(username, f"the user name for {registry}")


def refuse_secret(secret: Secret, registry: str) -> None:
    """Raise `PermanentError` for a secret that can't be sent to `registry`."""
    if not secret.reveal():
        raise PermanentError(f"the secret for {registry} is empty")
    refuse_control_characters(secret.reveal(), f"the secret for {registry}")


def refuse_control_characters(text: str, what: str) -> None:
    """Raise `PermanentError` if `text` can't be sent, naming the position of the fault only.

    RFC 7617, section 2: user-id and password must not contain control characters.
    Nor may they hold what stands for bytes that are no UTF-8 (half a surrogate pair).
    """
    for position, character in enumerate(text):
        if ord(character) < ord(" ") or ord(character) == _DELETE:
            raise PermanentError(
                f"{what} has a control character at position {position}",
                hint="write the value again without line breaks, tabs and other control characters",
            )
        if _FIRST_SURROGATE <= ord(character) <= _LAST_SURROGATE:
            raise PermanentError(
                f"{what} has a character that is no text at position {position}",
                hint="write the value again in UTF-8",
            )


def _canonical_set(registries: Iterable[str]) -> tuple[str, ...]:
    if isinstance(registries, str):
        raise PermanentError(
            "the registries of a credential are one text, not a collection",
            hint='write ("registry.example",) for a single registry',
        )
    return tuple(dict.fromkeys(canonical(registry) for registry in registries))


def _in_utc(name: str, moment: Expiry | None) -> Expiry | None:
    if not isinstance(moment, datetime):
        return moment
    if moment.utcoffset() is None:
        raise PermanentError(
            f"{name} of a credential has no time zone",
            hint="give aware datetimes, for example datetime.now(UTC)",
        )
    # Two moments of one local zone are compared without its summer time.
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PermanentError(f"{name} of a credential is beyond the calendar") from None
