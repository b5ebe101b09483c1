"""A credential file for access tokens, of any kind that Google knows: checked before use.

What each kind holds: https://google.aip.dev/auth/4110 and the pages after it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.providers.google.file import CredentialFile, Kind
from refresher.providers.google.hosts import Trust
from refresher.providers.google.key import (
    refuse_other_kinds,
    refuse_other_universe,
    service_account_key,
)

_IMPERSONATION_URL: Final = "service_account_impersonation_url"
_PRINCIPAL: Final = re.compile(r"/serviceAccounts/([^/:?]+@[^/:?]+):generateAccessToken\Z")
# Documented with the prefix (IAM Credentials API, generateAccessToken); gcloud writes it without.
_DELEGATE: Final = re.compile(
    r"(?:projects/-/serviceAccounts/)?(?:[A-Za-z0-9._-]+@[A-Za-z0-9.-]+|[0-9]{1,30})\Z"
)
_SERVER_URLS: Final = ("token_url", "token_info_url", "revoke_url", _IMPERSONATION_URL)
# Not regional_cred_verification_url: that request is signed for AWS, and Google sends it.
_SOURCE_URLS: Final = ("url", "region_url", "imdsv2_session_token_url")
_SWITCH: Final = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a credential file may do: which hosts it may name, and whether it may run programs."""

    trust: Trust
    executables: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """A credential file that has passed every check.

    `secrets` are those in it, known to the redactor while this object lives.
    `principal`, `delegates` and `source` are set for an impersonation: whom, by
    way of which service accounts, and as whom.
    """

    kind: Kind
    what: str
    fields: Mapping[str, object] = field(repr=False)
    secrets: tuple[Secret, ...] = field(repr=False)
    notices: tuple[str, ...] = ()
    principal: str = ""
    source: "Identity | None" = None
    delegates: tuple[str, ...] = ()


def identity(file: CredentialFile, rules: Rules) -> Identity:
    """Return the identity that `file` describes.

    Raises `PermanentError` for a kind that gives no access token, for another
    cloud than that of `rules`, for missing fields and for URLs at hosts that
    are not trusted. Asks nobody.
    """
    refuse_other_universe(file, rules.trust)
    match file.kind:
        case Kind.AUTHORIZED_USER | Kind.EXTERNAL_USER:
            return _person(file, rules)
        case Kind.EXTERNAL:
            return _external(file, rules)
        case Kind.IMPERSONATED:
            return _impersonated(file, rules)
        case _:
            return _service_account(file, rules)


def _service_account(file: CredentialFile, rules: Rules) -> Identity:
    refuse_other_kinds(file)
    key = service_account_key(file, rules.trust)
    return Identity(Kind.SERVICE_ACCOUNT, file.what, key.fields, key.secrets, key.notices)


def _person(file: CredentialFile, rules: Rules) -> Identity:
    names = ("client_id", "client_secret", "refresh_token")
    values = [file.text(name) for name in names]
    _refuse_untrusted(file, file.fields, ("token_uri", *_SERVER_URLS), rules.trust)
    known = tuple(Secret(value) for value in values[1:])
    return Identity(file.kind, file.what, file.fields, known, file.notices)


def _external(file: CredentialFile, rules: Rules) -> Identity:
    for name in ("audience", "subject_token_type", "token_url"):
        file.text(name)
    _refuse_untrusted(file, file.fields, _SERVER_URLS, rules.trust)
    source = file.fields.get("credential_source")
    if not isinstance(source, dict):
        raise PermanentError(f"{file.what} has no credential_source")
    _refuse_untrusted(file, source, _SOURCE_URLS, rules.trust)
    if "executable" in source and not rules.executables:
        raise PermanentError(
            f"{file.what} names a program to run (credential_source.executable)",
            hint=f"if you trust the file, set allow_executables: true and {_SWITCH}=1",
        )
    _refuse_no_text(file, source)
    known = (Secret(file.text("client_secret")),) if "client_secret" in file.fields else ()
    return Identity(Kind.EXTERNAL, file.what, file.fields, known, file.notices)


def _refuse_no_text(file: CredentialFile, source: Mapping[str, object]) -> None:
    # google-auth would take a number for a file that is open already.
    program = source.get("executable")
    command = program.get("command", "") if isinstance(program, dict) else ""
    for name, value in (("file", source.get("file", "")), ("executable.command", command)):
        if not isinstance(value, str):
            raise PermanentError(f"credential_source.{name} in {file.what} is no text")


def _impersonated(file: CredentialFile, rules: Rules) -> Identity:
    url = file.text(_IMPERSONATION_URL)
    _refuse_untrusted(file, file.fields, (_IMPERSONATION_URL,), rules.trust)
    principal = _PRINCIPAL.search(url)
    if principal is None:
        raise PermanentError(f"{file.what} has a {_IMPERSONATION_URL} that names no account")
    inner = file.fields.get("source_credentials")
    if not isinstance(inner, dict) or inner.get("type") == Kind.IMPERSONATED:
        raise PermanentError(f"{file.what} has no usable source_credentials")
    source = identity(CredentialFile(f"source_credentials in {file.what}", inner), rules)
    notices = file.notices + source.notices
    return Identity(
        Kind.IMPERSONATED,
        file.what,
        file.fields,
        source.secrets,
        notices,
        principal.group(1),
        source,
        _delegates(file),
    )


def _delegates(file: CredentialFile) -> tuple[str, ...]:
    """Return the service accounts between the source and the principal, as they are written."""
    given = file.fields.get("delegates")
    if given is None:
        return ()
    if not isinstance(given, list):
        raise PermanentError(f"{file.what} has delegates that are no list")
    for position, delegate in enumerate(given):
        if not isinstance(delegate, str) or not _DELEGATE.match(delegate):
            raise PermanentError(
                f"{file.what} has no service account at position {position} of delegates",
                hint="write each as its e-mail address, or as projects/-/serviceAccounts/ADDRESS",
            )
    return tuple(given)


def _refuse_untrusted(
    file: CredentialFile, fields: Mapping[str, object], names: tuple[str, ...], trust: Trust
) -> None:
    for name in names:
        value = fields.get(name)
        if value is None:
            continue
        what = f"{name} in {file.what}"
        if not isinstance(value, str):
            raise PermanentError(f"{what} is no text")
        trust.refuse_untrusted(value, what, source=names is _SOURCE_URLS)
