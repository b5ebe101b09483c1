"""docker's `config.json` and podman's `auth.json`: one file, one target.

The file is shared with people and their tools, so nothing but our entries changes,
an entry that is right already is not written again, and a file that can't be parsed, or
that no client would load with our entries in it, is left as it is. docker and podman
don't lock: after a write the file is read again, and a lost entry is put back. A login
that had read the file before our write and saves it later still wins; the engine's next
look at the target repairs that.
"""

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from refresher.errors import PermanentError
from refresher.model import authdocument
from refresher.model.authkeys import Format
from refresher.model.credential import Credential
from refresher.model.dockerconfig import Merged, holdings, merge
from refresher.model.jsontext import MalformedError
from refresher.model.plan import Absent, Holding, Value
from refresher.options import Options as BaseOptions
from refresher.options import SettingsPath
from refresher.ports import Busy, Change, Held, Outcome, Refused, Tools, Written
from refresher.sinks.faults import outcome
from refresher.sinks.files import ChangedError, Seen
from refresher.sinks.privatefile import How, PrivateFile

_T = TypeVar("_T")

_WRITES: Final = 4  # the first, and three more on a conflict
_OWNER: Final = 0o600
_SHARED: Final = 0o666


def _octal(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return int(value, 8)
    except ValueError:
        raise ValueError('is no mode: write it in octal, for example "0640"') from None


def _sensible_mode(mode: int) -> int:
    writers = (mode & 0o022) << 1
    if mode & ~_SHARED or mode & _OWNER != _OWNER or writers & ~mode:
        raise ValueError('must let the owner read and write, and nobody execute: "0600", "0640"')
    return mode


Mode = Annotated[
    int,
    BeforeValidator(_octal),
    AfterValidator(_sensible_mode),
    WithJsonSchema({"type": "string", "pattern": "^(0o?)?[0-7]{3}$"}),
]
"""Permission bits, written in octal."""


class Options(BaseOptions):
    """Where the file is, whose format it has, and how it is written.

    Without `path` it is the file that the client itself would write. `mode` is that
    of a new file (0600); an existing one loses what `mode` does not allow and gains nothing.
    """

    path: SettingsPath | None = None
    format: Format = Format.DOCKER
    mode: Mode | None = None
    write: How = How.AUTO


class DockerConfig:
    """A sink of one file; the target's name is its path as configured."""

    def __init__(self, file: PrivateFile, fmt: Format = Format.DOCKER) -> None:
        """Take the file and whose format it has."""
        self._file = file
        self._format = fmt
        self._target = str(file.path)

    def __repr__(self) -> str:
        """Return the type, the path and the format."""
        return f"{type(self).__name__}({self._target!r}, {self._format.value!r})"

    def read(self, registries: Collection[str]) -> Held:
        """Return what a client of the file finds for each registry.

        An entry that `credsStore` or `credHelpers` shadows is `Foreign`; one that can't be
        used, or that stands in a file with a looser mode than is set, is `Absent`. A file
        that can't be read, or that a client could not load, is `Busy` or `Refused`.
        """
        return {self._target: self._told(lambda: self._read(registries))}

    def write(self, target: str, changes: Sequence[Change]) -> Outcome:
        """Put the credentials into the file.

        Where no client would find some of them (`credsStore`, `credHelpers`, a path in
        docker's format), the others are written and the answer is `Refused`, which names
        those: so none is lost, and none is claimed. `read` tells the two apart afterwards.
        """
        if target != self._target:
            return Refused(f"{target} is no target of this sink, which writes {self._target}")
        wanted = {change.registry: change.credential for change in changes}
        return self._told(lambda: self._write(wanted))

    def occupies(self) -> str:
        """Return the file, whatever links lead to it."""
        return f"file {os.path.realpath(self._file.path)}"

    def validate(self) -> None:
        """Raise `PermanentError` if the file could not be written, or is open to others."""
        try:
            seen = self._file.look()
            obstacles = (*self._file.obstacles(seen), *self._file.notes(seen))
        except OSError as error:
            obstacles = (outcome(error, self._file.path).reason,)
        if obstacles:
            raise PermanentError("; ".join(obstacles))

    def _told(self, work: Callable[[], _T]) -> _T | Busy | Refused:
        try:
            return work()
        except MalformedError as flaw:
            place = f"{self._target}:{flaw.line}:{flaw.column}"
            return Refused(f"{place}: {flaw}; the file is left as it is, {flaw.hint}")
        except OSError as error:
            return outcome(error, self._file.path)

    def _read(self, registries: Collection[str]) -> Mapping[str, Holding]:
        try:
            return self._holdings(registries)
        except MalformedError:
            # Another run may be writing in place; it holds the lock.
            with self._file.locked():
                return self._holdings(registries)

    def _holdings(self, registries: Collection[str]) -> Mapping[str, Holding]:
        seen = self._file.look()
        found = holdings(authdocument.read(seen.data), registries, self._format)
        if not self._file.is_loose(seen):
            return found
        # The write that follows changes the mode alone where the content is right.
        return {name: Absent() if isinstance(held, Value) else held for name, held in found.items()}

    def _write(self, wanted: Mapping[str, Credential]) -> Outcome:
        merged: Merged | None = None
        notes: tuple[str, ...] = ()
        with self._file.locked():
            for writes_left in range(_WRITES, -1, -1):
                seen = self._file.look()
                if merged is None or seen.data != merged.data:
                    merged = merge(authdocument.read(seen.data), wanted, self._format)
                    if merged.data is not None:
                        notes = self._put(seen, merged) if writes_left else ()
                        continue
                self._file.tighten(seen)
                return self._answer(merged, notes or self._file.notes(seen))
        return Busy(f"{self._target}: another program keeps changing it")

    def _put(self, seen: Seen, merged: Merged) -> tuple[str, ...]:
        try:
            written = self._file.put(seen, merged.data or b"")
        except ChangedError:
            return ()
        return (*merged.notes, *written, *self._file.notes(seen))

    def _answer(self, merged: Merged, notes: tuple[str, ...]) -> Written | Refused:
        if not merged.refused:
            return Written(notes)
        reasons = "; ".join(merged.refused.values())
        return Refused(f"{self._target}: {reasons}")


def default_path(fmt: Format, env: Mapping[str, str], *, user: int, platform: str) -> Path:
    """Return the file that the client itself writes when nobody names one.

    `user` is the numeric user, `platform` is `sys.platform`. Sources: "Configuration
    files" in docs.docker.com/reference/cli/docker; containers-auth.json(5).

    Raises `PermanentError` if a variable is missing or names a directory that is not there.
    """
    if fmt is Format.DOCKER:
        directory = env.get("DOCKER_CONFIG")
        return (
            Path(directory) if directory else _existing(env, "HOME") / ".docker"
        ) / "config.json"
    if env.get("REGISTRY_AUTH_FILE"):
        return Path(env["REGISTRY_AUTH_FILE"])
    below = Path("containers", "auth.json")
    if platform != "linux":
        return _existing(env, "HOME") / ".config" / below
    if env.get("XDG_RUNTIME_DIR"):
        return _existing(env, "XDG_RUNTIME_DIR") / below
    return Path("/run/containers", str(user), "auth.json")


def _existing(env: Mapping[str, str], name: str) -> Path:
    value = env.get(name)
    if not value:
        problem = f"{name} is not set"
    elif not Path(value).is_dir():
        problem = f"{name} is {value}, and there is no such directory"
    else:
        return Path(value)
    raise PermanentError(
        f"the docker-config sink can't tell where its file is: {problem}",
        hint=f"set path, or {name}",
    )


def build(options: Options, tools: Tools) -> DockerConfig:
    """Return the sink. Raises `PermanentError` if there is no path and none can be told."""
    path = options.path or default_path(
        options.format, tools.env, user=os.getuid(), platform=sys.platform
    )
    return DockerConfig(PrivateFile(path, options.mode, options.write), options.format)
