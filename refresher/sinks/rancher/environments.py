"""Which environments the settings mean, and what the server calls them."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from refresher.errors import PermanentError
from refresher.ports import Refused
from refresher.sinks.rancher.api import PROJECTS, Api, shown
from refresher.sinks.rancher.names import Names
from refresher.sinks.rancher.options import ALL, ID, Options
from refresher.sinks.rancher.talk import Talk

_OPEN: Final = frozenset({"active", "updating-active"})
_PERSONS: Final = frozenset({"admin", "user", "readonly", "readAdmin", "superadmin", ""})
"""Kinds of account that are no environment (X-API-Account-Kind)."""

Found = Mapping[str, str | Refused]
"""Targets: the id of an environment with its name, or what was written with why it is none."""


class Environments:
    """The environments of a sink. Safe to use from several threads."""

    def __init__(self, options: Options) -> None:
        """Take the settings; nobody is asked yet."""
        self._wanted = options.environments
        if options.url.environment:
            self._wanted = (options.url.environment,)
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}

    def __str__(self) -> str:
        """Return what the settings say."""
        if self._wanted is None:
            return "the environment of the keys"
        return self._wanted if isinstance(self._wanted, str) else ", ".join(sorted(self._wanted))

    @property
    def of_the_keys(self) -> bool:
        """Whether the keys alone say which environment is meant."""
        return self._wanted is None

    @property
    def known(self) -> dict[str, str]:
        """The targets that can be told without asking, with their names."""
        with self._lock:
            return dict(self._names) | {each: self._names.get(each, "") for each in self._fixed}

    def name(self, environment: str) -> str:
        """Return what the server last called an environment, or nothing."""
        with self._lock:
            return self._names.get(environment, "")

    def learn(self, names: Mapping[str, str]) -> None:
        """Remember what the server calls some of the environments."""
        with self._lock:
            self._names.update(names)

    def find(self, talk: Talk) -> Found:
        """Return the targets. The server is asked only if the settings hold no ids alone.

        Raises `RetryableError` or `PermanentError` if they can't be told.
        """
        if self._fixed:
            return self.known
        api = Api(talk)
        rows = [row for row in api.rows(PROJECTS, all="true") if ID.fullmatch(row["id"])]
        if self._wanted is None:
            found: Found = _own(talk, api, rows)
        elif isinstance(self._wanted, str):
            found = {row["id"]: shown(row.get("name")) for row in rows if _is_open(row)}
        else:
            found = dict(_named(each, rows) for each in self._wanted)
        with self._lock:
            self._names = {each: name for each, name in found.items() if isinstance(name, str)}
        return found

    @property
    def _fixed(self) -> Iterable[str]:
        """The ids in the settings, if there is nothing else in them."""
        wanted = self._wanted
        if wanted is None or isinstance(wanted, str):
            return ()
        return wanted if all(map(ID.fullmatch, wanted)) else ()


def _own(talk: Talk, api: Api, rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    names = {row["id"]: shown(row.get("name")) for row in rows}
    own = api.account
    if own in names:
        return {own: names[own]}
    if ID.fullmatch(own) and api.account_kind not in _PERSONS:
        return {own: ""}
    raise PermanentError(
        "the keys are those of a person, not of an environment",
        hint=f"use an Environment API Key, or {_choice(talk.names)}",
    )


def _choice(names: Names) -> str:
    """Return what else says which environments the keys of a person are for."""
    if names.environments:
        return f"name the environments to supply in {names.environments}, or write {ALL} there"
    return f"end {names.url} with /v2-beta/projects/ and the id of the environment"


def _is_open(row: Mapping[str, Any]) -> bool:
    return row.get("state") in _OPEN


def _named(wanted: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, str | Refused]:
    """Return the environment that `wanted` means: by its id, else by its name."""
    fitting = [row for row in rows if row["id"] == wanted]
    fitting = fitting or [row for row in rows if row.get("name") == wanted]
    if not fitting:
        return wanted, Refused(
            f"there is no environment {wanted} that the keys may enter: correct environments, "
            "or make the owner of the keys a member of it"
        )
    if len(fitting) > 1:
        ids = ", ".join(row["id"] for row in fitting)
        return wanted, Refused(f"several environments are called {wanted}: name one of {ids}")
    row = fitting[0]
    if not _is_open(row):
        return row["id"], Refused(f"the environment {wanted} is not active: activate it in Rancher")
    return row["id"], shown(row.get("name"))
