"""The options of a `rancher` sink."""

import re
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from refresher.errors import PermanentError
from refresher.model.credential import refuse_control_characters
from refresher.options import Options as BaseOptions
from refresher.options import SettingsPath, VariableName
from refresher.sinks.rancher.server import Server, parse

ALL: Final = "all"
"""What `environments` says for every environment that the key may enter."""

ID: Final = re.compile(r"1a[0-9]+")
"""The id of an environment, as in its URL."""

_ACCESS: Final = ("access_key_file", "access_key_env", "access_key")
_SECRET: Final = ("secret_key_file", "secret_key_env")


class Several(StrEnum):
    """What to do where a registry has more than one active credential.

    Rancher's code uses the oldest one for a new container, its documentation says
    the newest; a container keeps the one that it was created with.
    """

    OLDEST = "oldest"
    """Supply the oldest one, and deactivate the others."""
    NEWEST = "newest"
    """Supply the newest one, and deactivate the others."""
    ALL = "all"
    """Supply all of them, and deactivate none."""


def _server(value: object) -> Server:
    if isinstance(value, Server):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text")  # noqa: TRY004 - pydantic's protocol
    return parse(value)


def _access_key(text: str) -> str:
    if not text or ":" in text:
        raise ValueError("is no access key: it is empty, or holds a colon")
    try:
        refuse_control_characters(text, "it")
    except PermanentError as error:
        raise ValueError(str(error)) from None
    return text


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) and value != ALL else value


def _named(environments: "Literal['all'] | tuple[str, ...]") -> Literal["all"] | tuple[str, ...]:
    if environments == ALL or ALL in environments:
        return ALL
    if not environments or not all(each.strip() for each in environments):
        raise ValueError(f"must name at least one environment, by id or name, or be {ALL}")
    return tuple(dict.fromkeys(each.strip() for each in environments))


ServerUrl = Annotated[Server, PlainValidator(_server), WithJsonSchema({"type": "string"})]
"""The URL of a Rancher server, see `refresher.sinks.rancher.server.parse`."""

Environments = Annotated[
    Literal["all"] | tuple[str, ...], BeforeValidator(_listed), AfterValidator(_named)
]
"""Ids or names of environments, or `all`."""


class Options(BaseOptions):
    """Which server, with which keys, and which of its environments are supplied how.

    Exactly one of the `access_key` settings and one of the `secret_key` settings is given.
    """

    url: ServerUrl
    """`http://rancher.example:8080`, with or without `/v2-beta/projects/1a5` and the like."""
    access_key_file: SettingsPath | None = None
    access_key_env: VariableName | None = None
    access_key: Annotated[str, AfterValidator(_access_key)] | None = None
    secret_key_file: SettingsPath | None = None
    secret_key_env: VariableName | None = None
    environments: Environments | None = None
    """By default the environment that `url` names, else the one that the key belongs to."""
    create: bool = False
    """Whether a registry or a credential that is missing is made."""
    activate: bool = False
    """Whether a registry or a credential that somebody has deactivated is activated."""
    several: Several = Several.OLDEST
    ca_file: SettingsPath | None = None
    """Certificate authorities, trusted besides the usual ones."""
    concurrency: Annotated[int, Field(ge=1, le=32)] = 8
    """How many environments are read at a time."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for names in (_ACCESS, _SECRET):
            given = [name for name in names if getattr(self, name) is not None]
            if len(given) != 1:
                found = " and ".join(given) or "none"
                raise ValueError(f"exactly one of {', '.join(names)} is needed, here: {found}")
        scope = self.url.environment
        if scope and self.environments not in (None, (scope,)):
            raise ValueError(f"url names the environment {scope}, and environments names others")
        return self
