"""The kinds of option that plug-ins share: durations, paths, registries, variables."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from refresher.errors import RefresherError
from refresher.model import pathtext
from refresher.model.address import canonical

_DURATION: Final = re.compile(
    r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+(?:\.[0-9]+)?)s?)?"
)
_UNITS: Final = (86_400.0, 3_600.0, 60.0, 1.0)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CENTURY: Final = 36_525 * 86_400.0  # far beyond it, moments can't be computed


class Options(BaseModel):
    """The base of every plug-in's options: frozen, unknown names are errors, inputs stay hidden."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        # Most kinds of option in a process are never used: build a validator when one is.
        defer_build=True,
    )


def _seconds(value: object) -> object:
    # YAML's `yes` and `on` are booleans, which pass for the number 1.
    text = "" if isinstance(value, bool) else value
    if not isinstance(text, str):
        return value
    match = _DURATION.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ValueError("is no duration: write seconds, or for example 90s, 45m, 6h, 1d12h")
    return sum(
        float(part) * unit for part, unit in zip(match.groups(), _UNITS, strict=True) if part
    )


def _sensible(value: float) -> float:
    if not value > 0:
        raise ValueError("must be longer than 0 seconds")
    return _possible(value)


def _possible(value: float) -> float:
    if not value >= 0:
        raise ValueError("must be 0 seconds or longer")
    if value > _CENTURY:
        raise ValueError("must be shorter than 100 years")
    return value


def from_settings_file(path: Path, info: ValidationInfo) -> Path:
    """Return `path` with `~` as the home, and a relative one below the settings file.

    The validation context gives `directory` (of the settings file, without
    symbolic links) and `env` (whose `HOME` is the home; without it the user
    database is asked). Refuses a text that is no path, and never repeats it:
    it may be the secret that the file should hold.
    """
    defect = pathtext.defect(str(path))
    if defect:
        raise ValueError(defect)
    context: Mapping[str, Any] = info.context or {}
    home = context.get("env", {}).get("HOME")
    if home and path.parts[:1] == ("~",):
        path = Path(home, *path.parts[1:])
    try:
        expanded = path.expanduser()
    except RuntimeError:
        raise ValueError("starts with ~, and there is no such home directory") from None
    if "directory" not in context or expanded.is_absolute():
        return expanded
    return Path(os.path.normpath(context["directory"] / expanded))


def _not_empty(value: object) -> object:
    # To pathlib, "" is the current directory.
    if isinstance(value, str) and not value.strip():
        raise ValueError(pathtext.defect(value))
    return value


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError("is no name of an environment variable: write letters, digits and _ alone")
    return name


def _registry(text: str) -> str:
    try:
        return canonical(text)
    except RefresherError as error:
        # The hint alone: the message repeats the text, and that may be a misplaced password.
        raise ValueError(f"is no registry address that can be used: {error.hint}") from None


Duration = Annotated[float, BeforeValidator(_seconds), AfterValidator(_sensible)]
"""Seconds, written as a number or like `45m`, `6h` or `1d12h`."""

Delay = Annotated[float, BeforeValidator(_seconds), AfterValidator(_possible)]
"""Seconds, written like a duration; 0 is none."""

SettingsPath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(from_settings_file)]
"""A path: `~` is the home, and a relative one starts at the settings file."""

VariableName = Annotated[str, AfterValidator(_variable)]
"""The name of an environment variable (POSIX.1-2017, Base Definitions, 3.235)."""

Registry = Annotated[str, AfterValidator(_registry)]
"""A registry address in any spelling, kept in canonical form."""
