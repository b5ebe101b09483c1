"""Fingerprints that go on while the store is away."""

import os
import threading
from collections.abc import Callable
from typing import Final

from refresher.errors import RefresherError
from refresher.model.credential import Secret
from refresher.ports import Records
from refresher.store.fingerprint import KEY_BYTES, fingerprint

_MOST: Final = 256

_Pair = tuple[str, Secret]


class Fingerprints:
    """The store's fingerprints, and our own of what it could not be asked about.

    A secret keeps the one that it had first, until this process ends: with another
    one it would seem to be another secret, in the middle of a pass. The store is
    told its own, see `stored` and `ours`.
    """

    def __init__(self, records: Records, tell: Callable[[RefresherError | None], None]) -> None:
        """Ask `records` while they answer, and tell each time whether they do."""
        self._records = records
        self._tell = tell
        self._key = os.urandom(KEY_BYTES)
        self._known: dict[_Pair, bytes] = {}
        self._own: dict[_Pair, bytes] = {}
        self._pairs: dict[bytes, _Pair] = {}
        self._ours: dict[bytes, bytes] = {}
        self._guard = threading.Lock()

    def of(self, username: str, secret: Secret) -> bytes:
        """Return the fingerprint by which both go in this process. Never fails."""
        pair = username, secret
        own = self._own.get(pair)
        if own is not None:
            return own
        try:
            made = self._records.fingerprint(username, secret)
        except RefresherError as error:
            self._tell(error)
            return self._known.get(pair) or self._make(pair)
        self._tell(None)
        with self._guard:
            self._known.pop(pair, None)
            self._known[pair] = made
            if len(self._known) > _MOST:
                del self._known[next(iter(self._known))]
        return made

    @property
    def differ(self) -> bool:
        """Whether something goes by another fingerprint here than in the store."""
        return bool(self._ours)

    def stored(self, ours: bytes | None) -> bytes | None:
        """Return the store's fingerprint of what goes by `ours`; that one while there is none."""
        pair = self._pairs.get(ours) if ours else None
        if pair is None or ours is None:
            return ours
        try:
            made = self._records.fingerprint(*pair)
        except RefresherError:
            # Its key may be the only thing that is away, and what else is recorded is worth it.
            return ours
        self._ours[made] = ours
        return made

    def ours(self, stored: bytes | None) -> bytes | None:
        """Return what the store's fingerprint goes by in this process."""
        return self._ours.get(stored, stored) if stored else stored

    def _make(self, pair: _Pair) -> bytes:
        made = fingerprint(self._key, *pair)
        with self._guard:
            self._pairs[made] = pair
            self._own[pair] = made
        return made
