"""A user name and a password that a person or another system keeps up to date.

The password file is read again at every fetch, so a rotated one is used as
soon as its change is seen. An environment variable can't change while the
process lives.
"""

import base64
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, PlainValidator, WithJsonSchema, model_validator

from refresher.errors import PermanentError
from refresher.model.credential import (
    NEVER,
    UNKNOWN,
    Credential,
    Expiry,
    Secret,
    refuse_control_characters,
)
from refresher.options import Options as BaseOptions
from refresher.options import Registry, SettingsPath, VariableName
from refresher.ports import Tools
from refresher.secretfile import secret_from_env, secret_from_file, secret_from_text

_SOURCES: Final = ("password_file", "password_env", "password")
_LONGEST_EMAIL: Final = 320
"""Characters: 64 before the @, 255 after it (RFC 5321, section 4.5.3.1)."""


def _secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text: put it in quotes")  # noqa: TRY004 - pydantic's protocol
    try:
        return secret_from_text(value, "the password")
    except PermanentError as error:
        raise ValueError(str(error)) from None


def _expiry(value: object) -> Expiry:
    if value == NEVER.value or value is NEVER:
        return NEVER
    if value is UNKNOWN:
        return UNKNOWN
    moment = _moment(value)
    if moment.utcoffset() is None:
        raise ValueError(
            "has no time zone: write YYYY-MM-DDThh:mm:ssZ, or +02:00 in the place of Z"
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no time that can be reckoned with: write never") from None


def _moment(value: object) -> datetime:
    # YAML itself makes dates and times of unquoted ones.
    if isinstance(value, datetime):
        return value
    text = value.isoformat() if isinstance(value, date) else value
    try:
        return datetime.fromisoformat(str(text).strip())
    except ValueError:
        raise ValueError("is no time: write YYYY-MM-DDThh:mm:ssZ, or never") from None


def _at_least_one(registries: tuple[str, ...]) -> tuple[str, ...]:
    if not registries:
        raise ValueError("is empty: name at least one registry, for example docker.io")
    return registries


def _user_name(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    if ":" in text:
        raise ValueError("contains a colon, which HTTP Basic authentication can't send")
    return _sendable(text)


def _email(text: str) -> str:
    if len(text) > _LONGEST_EMAIL:
        raise ValueError(f"is longer than {_LONGEST_EMAIL} characters")
    return _sendable(text)


def _sendable(text: str) -> str:
    try:
        refuse_control_characters(text, "it")
    except PermanentError as error:
        raise ValueError(str(error)) from None
    return text


InlineSecret = Annotated[
    Secret, PlainValidator(_secret), WithJsonSchema({"type": "string", "writeOnly": True})
]
"""A secret in the settings themselves; it is never shown, not even in an error about it."""

ExpiryTime = Annotated[Expiry, PlainValidator(_expiry), WithJsonSchema({"type": "string"})]
"""A time with its zone (ISO 8601), or `never`."""


class Options(BaseOptions):
    """One user name and one password for any number of registries.

    Exactly one of `password_file`, `password_env` and `password` is given. A
    `password_file` is watched; without `expires_at` the end is unknown.
    """

    registries: Annotated[tuple[Registry, ...], AfterValidator(_at_least_one)]
    username: Annotated[str, AfterValidator(_user_name)]
    password_file: SettingsPath | None = None
    password_env: VariableName | None = None
    password: InlineSecret | None = None
    email: Annotated[str, AfterValidator(_email)] | None = None
    expires_at: ExpiryTime = UNKNOWN

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"exactly one of {', '.join(_SOURCES)} is needed, here: {found}")
        return self


class Static:
    """A provider of what the settings, a file or the environment say."""

    def __init__(self, options: Options, tools: Tools) -> None:
        """Take the options, and the clock and the environment of `tools`."""
        self._options = options
        self._tools = tools
        self._encoded_said = False

    def fetch(self, deadline: float) -> Credential:  # noqa: ARG002 - local, so it takes no time
        """Return the credential as it stands now.

        Raises `PermanentError` if the password can't be read, or if the
        settings say that it has ended.
        """
        options, now = self._options, self._tools.clock.now()
        self._refuse_ended(now)
        password = self._password()
        self._say_encoded(password)
        return Credential(
            options.registries,
            options.username,
            password,
            email=options.email,
            issued_at=now,
            expires_at=options.expires_at,
        )

    @property
    def registries(self) -> tuple[str, ...]:
        """The registries that the credential serves."""
        return self._options.registries

    def inputs(self) -> Iterable[Path]:
        """Return the password file, if there is one."""
        return [self._options.password_file] if self._options.password_file else []

    def validate(self) -> None:
        """Raise `PermanentError` if there is no usable password now."""
        self.fetch(0)

    def _password(self) -> Secret:
        options = self._options
        if options.password is not None:
            return options.password
        if options.password_env is not None:
            return secret_from_env(options.password_env, self._tools.env, "password_env")
        # The options insist on one source, so there is a file.
        return secret_from_file(options.password_file or Path(), "password_file")

    def _say_encoded(self, password: Secret) -> None:
        """Tell once that a document was encoded on its way here: registries want it as it is."""
        if self._encoded_said or self._options.username == "_json_key_base64":
            return
        if _is_encoded_document(password.reveal()):
            self._encoded_said = True
            self._tools.notify(
                f"the password for {self._options.registries[0]} is the base64 of a JSON document: "
                "most registries want the document itself; for a Google key use type gcr"
            )

    def _refuse_ended(self, now: datetime) -> None:
        end = self._options.expires_at
        if isinstance(end, datetime) and end <= now:
            raise PermanentError(
                f"the password for {self._options.registries[0]} has ended: expires_at is "
                f"{end:%Y-%m-%d %H:%M:%S} UTC",
                hint="renew the password, then write its new end to expires_at",
            )


def _is_encoded_document(text: str) -> bool:
    try:
        return isinstance(json.loads(base64.b64decode(text, validate=True)), dict)
    except (ValueError, RecursionError):
        return False


def build(options: Options, tools: Tools) -> Static:
    """Return the provider; a password in the settings file itself is warned about."""
    if options.password is not None:
        tools.notify(
            f"the password for {options.registries[0]} stands in the settings: "
            "move it to a file and name that in password_file"
        )
    return Static(options, tools)
