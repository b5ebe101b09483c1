"""What a database does with rows that nobody wrote here."""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from refresher.store.session import Row

_log: Final = logging.getLogger(__name__)

T = TypeVar("T")


class Decoding:
    """Reads rows of the database at `place`, and warns of each one that can't be read, once."""

    def __init__(self, place: object) -> None:
        """Take the place as warnings name it."""
        self._place = place
        self._told: set[str] = set()

    def decoded(self, what: str, decode: Callable[[Row], T], row: Row) -> T | None:
        """Return what `row` stands for, None if `decode` raises `ValueError`.

        Somebody edited it by hand then. It counts as absent, so that the next
        write repairs it; a warning names it as `what`, once.
        """
        try:
            return decode(row)
        except ValueError:
            self._tell(f"the store {self._place}: {what} can't be read, and counts as absent")
            return None

    def _tell(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            _log.warning(message)
