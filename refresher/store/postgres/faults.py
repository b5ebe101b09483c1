"""What goes wrong with a database on a server, in our words.

The server's own words are never repeated: they quote rows (`DETAIL: Failing row
contains ...`), and a server that is not the right one may say anything, also the
password that it was just given.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import psycopg

from refresher.errors import PermanentError, RefresherError, StoreError
from refresher.store.postgres.connection import SilenceError
from refresher.store.postgres.refusals import SLOTS, why_refused
from refresher.store.postgres.turns import CrowdedError

_ROOM: Final = ("has no room: its disk is full", "free some space; nothing was changed")
_SLOTS: Final = ("takes no more connections", SLOTS)
_WAITED: Final = (
    "is locked by another process",
    "end what holds it open for so long (pg_stat_activity)",
)
_SLOW: Final = ("took too long", "look at the server's load; nothing was changed")
_STANDBY: Final = (
    "is read-only, as a standby server is",
    "name the primary server, or every server and target_session_attrs=read-write",
)
_RESTARTED: Final = (
    "ended the connection, as at a restart",
    "the next call connects anew; what was being written may be there or not",
)
_OUT: Final = ("has used up its memory or another of its limits", "look at the server's log")
_DISK: Final = ("can't read or write its own files", "look at the server's log and its disk")
_CROSSED: Final = ("was written by another client at that moment", "the next call tries again")
_OURS: Final[Mapping[type[psycopg.Error], tuple[str, str]]] = {
    SilenceError: (
        "gives no answer",
        "look whether the server is stopped or overloaded, and at the network",
    ),
    CrowdedError: ("took too long for other calls of this process", _SLOW[1]),
}
_HEALED_BY_TIME: Final[Mapping[str, tuple[str, str]]] = {
    "08": _RESTARTED,
    "25006": _STANDBY,
    "25P0": _RESTARTED,
    "40": _CROSSED,
    "53100": _ROOM,
    "53300": _SLOTS,
    "53": _OUT,
    "55P03": _WAITED,
    "57014": _SLOW,
    "57P": _RESTARTED,
    "58": _DISK,
}
"""By error code, or what it begins with (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

_RIGHTS: Final = (
    "does not let this user do that",
    "give the user CREATE on the database, or make it the owner of the schema refresher",
)
_TEXT: Final = ("can't hold a text with the character NUL", "write the value again, without it")
_DAMAGED: Final = ("is damaged", "look at the server's log, and restore a backup")
_HEALED_BY_PEOPLE: Final[Mapping[str, tuple[str, str]]] = {
    "22021": _TEXT,
    "22P05": _TEXT,
    "42501": _RIGHTS,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}

_CODE: Final = re.compile(r"[0-9A-Z]{5}")


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn the faults of the database at `where` into `StoreError` or `PermanentError`."""
    try:
        yield
    except psycopg.Error as error:
        raise explain(error, where) from None
    except UnicodeEncodeError:
        # Without its cause, which carries the whole text: that may be a secret.
        raise PermanentError(
            f"the store {where} can't hold text that is no valid Unicode",
            hint="write the value again, in UTF-8",
        ) from None


def explain(error: psycopg.Error, where: str) -> RefresherError:
    """Return what an error of psycopg means for the store at `where`."""
    ours = _OURS.get(type(error))
    if ours:
        return StoreError(f"the store {where} {ours[0]}", hint=ours[1])
    code = error.sqlstate or ""
    healed = _by_code(_HEALED_BY_TIME, code)
    if healed:
        return StoreError(f"the store {where} {healed[0]}", hint=healed[1])
    repaired = _by_code(_HEALED_BY_PEOPLE, code)
    if repaired:
        return PermanentError(f"the store {where} {repaired[0]}", hint=repaired[1])
    if _CODE.fullmatch(code):
        return PermanentError(
            f"the store {where} holds what this version can't read or write (SQLSTATE {code})",
            hint="restore a backup, or set store to another database; it was left as it is",
        )
    if isinstance(error, psycopg.DataError):
        # psycopg itself refuses this one, so there is no code.
        return PermanentError(f"the store {where} {_TEXT[0]}", hint=_TEXT[1])
    return why_refused(error, where)


def _by_code(known: Mapping[str, tuple[str, str]], code: str) -> tuple[str, str] | None:
    fits = (words for begin, words in known.items() if code.startswith(begin))
    return next(fits, None) if code else None
