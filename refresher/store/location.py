"""What a location may be, and where the store is when the settings don't say."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError
from refresher.store.serverurl import is_server, server_defect

MEMORY: Final = "memory"
"""The location of a store that ends with its process."""

_GIVEN: Final = "STATE_DIRECTORY"
"""Where systemd tells a service to keep its state (systemd.exec, StateDirectory=)."""

SYSTEM_DIRECTORY: Final = Path("/var/lib/refresher")
"""Where a service keeps its state (Filesystem Hierarchy Standard 3.0, section 5.8)."""

_FILE: Final = "refresher.db"

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def location_defect(location: str) -> str:
    """Return what is wrong with a location, nothing for a path, a server and `memory`.

    What SQLite itself would take for something else than a path is refused too
    (https://www.sqlite.org/uri.html): whoever writes it expects no file of that
    name. The location is never repeated: a URL may hold a password.
    """
    if is_server(location):
        return server_defect(location)
    if _URL.match(location):
        return "is a URL of no server that is supported: name a file, postgresql://..., or memory"
    if location.startswith(":memory:"):
        return "is SQLite's name for a store in memory: write memory"
    if location.startswith("file:"):
        return "is a file: URI: name the file alone"
    if not location:
        return "is empty: name a file on a local disk, or memory"
    return "holds a control character: name a file" if "\0" in location else ""


def file_of(location: str) -> Path:
    """Return the file that a path leads to.

    Raises `PermanentError` for the home of an unknown user.
    """
    try:
        # Every spelling of one database must lead to the same locks.
        return Path(os.path.realpath(Path(location).expanduser()))
    except RuntimeError:
        raise PermanentError(
            "store: the value names the home of an unknown user", hint="write the whole path"
        ) from None


def writing_defect(path: Path) -> str:
    """Return why a store at `path` can't be written, `""` if it can. Nothing is made."""
    if path.is_file():
        return "" if os.access(path, os.W_OK) else f"{path} can't be written by this user"
    nearest = _nearest(path)
    if _writable(nearest):
        return ""
    return f"{nearest} is no directory that this user can write to, so {path} can't be made"


def default_location(env: Mapping[str, str], system: Path = SYSTEM_DIRECTORY) -> str:
    """Return the first location that can be written to.

    The first directory in `STATE_DIRECTORY`; else `system` if it exists; else
    the user's state directory, which may be missing (`XDG_STATE_HOME`, by default
    `~/.local/state`); else `memory`, and then the caller owes a person a warning:
    every start fetches anew.
    """
    given = Path(env.get(_GIVEN, "").partition(":")[0])
    if given.is_absolute() and _writable(_nearest(given)):
        return str(given / _FILE)
    if system.is_dir() and _writable(system):
        return str(system / _FILE)
    state = _state_home(env)
    if state is not None and _writable(_nearest(state / "refresher")):
        return str(state / "refresher" / _FILE)
    return MEMORY


def _state_home(env: Mapping[str, str]) -> Path | None:
    # XDG Base Directory Specification 0.8: a relative path is invalid and must be ignored.
    home = Path(env.get("HOME", ""))
    for directory in (Path(env.get("XDG_STATE_HOME", "")), home / ".local" / "state"):
        if directory.is_absolute():
            return directory
    return None


def _nearest(path: Path) -> Path:
    while not os.path.lexists(path):
        path = path.parent
    return path


def _writable(path: Path) -> bool:
    return path.is_dir() and os.access(path, os.W_OK | os.X_OK)
