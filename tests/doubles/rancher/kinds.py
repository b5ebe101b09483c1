"""The types of resource: names, ids, fields, and what their schemas say of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

_SAME: Final = ("eq", "ne", "null", "notnull")
_MODIFIERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "string": (*_SAME, "prefix", "like", "notlike"),
        "enum": _SAME,
        "reference": _SAME,
        "date": (*_SAME, "lt", "lte", "gt", "gte"),
    }
)


@dataclass(frozen=True)
class Field:
    """One field: who may set it when, and what a value must be.

    `column` tells that it is a column of the database, and so a filter; a password is none.
    """

    name: str
    type: str = "string"
    create: bool = False
    update: bool = False
    required: bool = False
    nullable: bool = True
    min_length: int | None = None
    max_length: int | None = None
    column: bool = False
    target: str = ""

    @property
    def modifiers(self) -> tuple[str, ...]:
        """What may follow the name in a filter."""
        return _MODIFIERS.get(self.type, ()) if self.column else ()

    @property
    def shown_type(self) -> str:
        """The type as a schema writes it."""
        return f"reference[{self.target}]" if self.target else self.type


@dataclass(frozen=True)
class Kind:
    """One type. `filters` are modifiers by name; who may write at all may write `writable`."""

    name: str
    plural: str
    prefix: str
    base: str
    fields: tuple[Field, ...] = ()
    links: tuple[str, ...] = ()
    writable: bool = False
    by_name: Mapping[str, Field] = field(init=False)
    filters: Mapping[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        filters = {one.name: one.modifiers for one in self.fields if one.modifiers}
        object.__setattr__(self, "by_name", {one.name: one for one in self.fields})
        object.__setattr__(self, "filters", dict(sorted(filters.items())))


_COLUMNS: Final = (
    Field("id", "reference", column=True),
    Field("name", create=True, update=True, max_length=255, column=True),
    Field("description", create=True, update=True, max_length=1024),
    Field("state", "enum", column=True),
    Field("kind", column=True),
    Field("uuid", column=True),
    Field("accountId", "reference", column=True, target="account"),
    Field("created", "date", column=True),
    Field("removed", "date", column=True),
    Field("removeTime", "date", column=True),
)

REGISTRY: Final = Kind(
    "registry",
    "registries",
    "1sp",
    "storagePool",
    (
        *_COLUMNS,
        # It lives in a JSON column, and so it is no filter.
        Field("serverAddress", create=True, required=True, nullable=False, min_length=1),
        Field("driverName", column=True),
        Field("externalId", column=True),
        Field("volumeAccessMode"),
        Field("blockDevicePath"),
        Field("volumeCapabilities", "array[string]"),
    ),
    ("account", "credentials"),
    writable=True,
)

EMAIL: Final = Field("email", create=True, update=True, nullable=False, min_length=1)
"""Known to /v1, and to servers from before 2017-03-20, which ask for it."""

CREDENTIAL: Final = Kind(
    "registryCredential",
    "registryCredentials",
    "1c",
    "credential",
    (
        *_COLUMNS,
        Field(
            "registryId",
            "reference",
            create=True,
            required=True,
            nullable=False,
            column=True,
            target="registry",
        ),
        Field("publicValue", create=True, update=True, max_length=4096, column=True),
        Field("secretValue", "password", create=True, update=True, max_length=4096, column=True),
    ),
    ("account", "registry"),
    writable=True,
)

PROJECT: Final = Kind(
    "project",
    "projects",
    "1a",
    "account",
    (
        Field("id", "reference", column=True),
        Field("name", column=True),
        Field("uuid", column=True),
        Field("description"),
        Field("state", "enum"),
        Field("kind"),
        Field("created", "date"),
    ),
    ("registries", "registryCredentials"),
)

SETTING: Final = Kind(
    "setting",
    "settings",
    "",
    "setting",
    (
        Field("id"),
        Field("name"),
        Field("value", update=True),
        Field("activeValue"),
        Field("inDb", "boolean"),
        Field("source"),
    ),
)

SCHEMA: Final = Kind("schema", "schemas", "", "schema")

KINDS: Final = (REGISTRY, CREDENTIAL, PROJECT, SETTING, SCHEMA)

_BY_SPELLING: Final = MappingProxyType(
    {name.lower(): kind for kind in KINDS for name in (kind.name, kind.plural)}
)


def named(text: str) -> Kind | None:
    """Return the type of a path segment: singular or plural, in any case."""
    return _BY_SPELLING.get(text.lower())
