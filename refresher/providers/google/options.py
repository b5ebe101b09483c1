"""The options of the `gcr` provider, and which way in they choose."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ValidationInfo, field_validator

from refresher.options import Options as BaseOptions
from refresher.options import Registry, SettingsPath
from refresher.providers.google.hosts import CLOUD_PLATFORM, GOOGLE, HOST, Trust


class Auth(StrEnum):
    """What is presented to the registry."""

    JSON_KEY = "json-key"
    JSON_KEY_BASE64 = "json-key-base64"
    ACCESS_TOKEN = "access-token"  # noqa: S105 - the name of a way in


_EMAIL: Final = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+\Z")
_LONGEST_EMAIL: Final = 320
"""Characters: 64 before the @, 255 after it (RFC 5321, section 4.5.3.1)."""

_FOR_TOKENS: Final = ("allow_executables", "ca_file", "iam_endpoint", "impersonate", "scopes")


def _at_least_one(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("is empty: name at least one")
    return values


def _email(text: str) -> str:
    if len(text) > _LONGEST_EMAIL or not _EMAIL.match(text):
        raise ValueError("is no e-mail address of a service account")
    return text


def _host(text: str) -> str:
    if not HOST.match(text.lower()):
        raise ValueError("is no host name: write it alone, without https:// and port")
    return text.lower()


Host = Annotated[str, AfterValidator(_host)]


class Options(BaseOptions):
    """Registries of one Google identity.

    `auth` is `json-key` where there is a `key_file`, else `access-token`. An
    access token is asked for as the identity in `key_file`, else as the
    environment's (Application Default Credentials), on behalf of the service
    account `impersonate`. `universe_domain` is another one in a sovereign
    cloud. `trusted_hosts` may be named by a credential file besides Google's,
    and `allow_executables` lets it run a program. `ca_file` holds certificate
    authorities.
    """

    # A validator sees the fields above its own.
    registries: Annotated[tuple[Registry, ...], AfterValidator(_at_least_one)]
    key_file: SettingsPath | None = None
    auth: Auth | None = None
    universe_domain: Host = GOOGLE
    trusted_hosts: tuple[Host, ...] = ()
    scopes: Annotated[tuple[str, ...], AfterValidator(_at_least_one)] = (CLOUD_PLATFORM,)
    impersonate: Annotated[str, AfterValidator(_email)] | None = None
    iam_endpoint: str | None = None
    allow_executables: bool = False
    ca_file: SettingsPath | None = None

    @property
    def way(self) -> Auth:
        """Return `auth`, or what follows from the rest where it is not given."""
        return _way(self.auth, self.key_file)

    @property
    def trust(self) -> Trust:
        """Return which hosts a credential file may name."""
        return Trust(self.universe_domain, self.trusted_hosts)

    @field_validator("auth")
    @classmethod
    def _keys_need_a_file(cls, auth: Auth | None, info: ValidationInfo) -> Auth | None:
        if auth not in (None, Auth.ACCESS_TOKEN) and info.data.get("key_file", ...) is None:
            raise ValueError(f"is {auth}, which needs key_file")
        return auth

    @field_validator(*_FOR_TOKENS)
    @classmethod
    def _only_for_tokens(cls, value: Any, info: ValidationInfo) -> Any:
        if {"auth", "key_file"} <= info.data.keys():
            way = _way(info.data["auth"], info.data["key_file"])
            if way is not Auth.ACCESS_TOKEN:
                raise ValueError(f"is for auth: access-token, here it is {way}")
        return value

    @field_validator("iam_endpoint")
    @classmethod
    def _secrets_may_go_there(cls, url: str | None, info: ValidationInfo) -> str | None:
        known = {"universe_domain", "trusted_hosts"} <= info.data.keys()
        if url is None or not known:
            return url
        if not Trust(info.data["universe_domain"], info.data["trusted_hosts"]).accepts(url):
            # The URL may hold a password anywhere.
            raise ValueError("must be an https URL at a host of Google, or one in trusted_hosts")
        return url


def _way(auth: Auth | None, key_file: Path | None) -> Auth:
    return auth or (Auth.JSON_KEY if key_file else Auth.ACCESS_TOKEN)
