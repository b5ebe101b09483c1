"""One Google access token, by whatever identity: asked for once, checked, with its true end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from refresher.errors import PermanentError, RefresherError, RetryableError
from refresher.model.credential import UNKNOWN, Expiry, Secret
from refresher.net.trust import named_authorities
from refresher.ports import Clock
from refresher.providers.google import adc, source
from refresher.providers.google.answer import Answer
from refresher.providers.google.config import Identity, Rules, identity
from refresher.providers.google.file import parse
from refresher.providers.google.http import Transport
from refresher.providers.google.identity import Wanted, google_credentials
from refresher.providers.google.reach import refuse_bad_authorities
from refresher.secretfile import read_bytes


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, with its times by the issuer's clock."""

    secret: Secret
    issued_at: datetime
    expires_at: Expiry
    answered_at: datetime | None


def find_identity(key_file: Path | None, rules: Rules, env: Mapping[str, str]) -> Identity | None:
    """Return the identity of `key_file` or of the environment; None for the metadata server.

    Reads and checks its file (not that of its subject tokens) and asks nobody.
    Raises `PermanentError` if there is none, or if it can't be used.
    """
    place = adc.find(key_file, env)
    if place is None:
        return None
    raw = read_bytes(place.path, place.setting)
    return identity(parse(raw, f"{place.setting} {place.path}"), rules)


def authorities(ca_file: Path | None, env: Mapping[str, str]) -> str | bool:
    """Return the file of certificate authorities to trust; True for those that come with requests.

    `ca_file` rules; then the variables that HTTP clients read. Raises
    `PermanentError` for a file that holds none.
    """
    for setting, path in [("ca_file", str(ca_file or "")), *named_authorities(env)]:
        if path:
            refuse_bad_authorities(path, setting)
            return path
    return True


def obtain(
    asked: Identity | None, wanted: Wanted, clock: Clock, deadline: float, *, verify: str | bool
) -> Token:
    """Return a new access token, obtained within `deadline` seconds by one attempt.

    Raises `RetryableError`, `PermanentError` or `ClockError`; none holds
    anything of what was sent or answered.
    """
    from refresher.net.session import Session  # noqa: PLC0415 - 110 ms

    # google-auth would wait for ever at a pipe.
    fault, federated = source.file_fault(asked), source.outside(asked)
    if fault is not None and federated is not None:
        raise source.no_token(federated, str(fault))
    with Session() as session:
        transport = Transport(session, clock, deadline, verify=verify)
        credentials = _made(asked, wanted, deadline)
        failure = _failure(credentials, transport) if credentials else None
    if credentials is None:
        raise _unusable(asked)
    if failure is not None:
        _refuse(failure, asked, transport)
    return _token(credentials, transport.last, clock)


# An error of google-auth holds answers, so none may be the context of ours.


def _made(asked: Identity | None, wanted: Wanted, deadline: float) -> Any:
    try:
        return google_credentials(asked, wanted, deadline)
    except Exception:  # noqa: BLE001 - google-auth raises whatever its parsing meets
        return None


def _failure(credentials: Any, transport: Transport) -> type[Exception] | None:
    """Refresh the credentials, and return the class of google-auth's error, if there was one."""
    try:
        credentials.refresh(transport)
    except RefresherError:
        raise
    except Exception as error:  # noqa: BLE001 - the same
        return type(error)
    return None


def _refuse(failure: type[Exception], asked: Identity | None, transport: Transport) -> NoReturn:
    from google.auth import exceptions  # noqa: PLC0415 - it is loaded by now: it raised the error

    of_the_file = (exceptions.InvalidResource, exceptions.InvalidType, exceptions.InvalidValue)
    federated = source.outside(asked)
    if issubclass(failure, of_the_file):
        raise _unusable(asked)
    if federated is not None and not transport.exchanged:
        raise source.no_token(federated)
    if transport.last is None:
        raise _unusable(asked)
    transport.last.token_end()
    raise _no_token(transport.last.host)


def _unusable(asked: Identity | None) -> PermanentError:
    what = asked.what if asked else "the metadata server's identity"
    return PermanentError(
        f"google-auth can't use {what}", hint="create the file again, as Google's tools write it"
    )


def _token(credentials: Any, last: Answer | None, clock: Clock) -> Token:
    text = credentials.token
    if last is None:
        # Another universe's service account signs its own token, and asks nobody.
        expiry = credentials.expiry
        end = UNKNOWN if expiry is None else expiry.replace(tzinfo=UTC)
        return Token(_secret(text, "google-auth"), clock.now(), end, None)
    end = last.token_end()
    return Token(_secret(text, last.host), last.server_now, end, last.date)


def _secret(text: object, host: str) -> Secret:
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or not text:
        raise _no_token(host)
    return Secret(text)


def _no_token(host: str) -> RetryableError:
    return RetryableError(
        f"{host} answered with something that is no token",
        hint="check whether a proxy or firewall answers in its place",
    )
