"""What is kept: objects, one revision over all of them, and the changes of late.

Objects never change once they are stored; a write stores another one. So readers need no copy,
and what was read at a revision can be read again as long as the changes since then are kept.
"""

import json
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Final, cast

from tests.doubles.kubernetes.kinds import KINDS, Kind
from tests.doubles.kubernetes.message import Body, encoded

_KEPT_LISTS: Final = 8
Key = tuple[str, str]
"""The namespace, empty for types without one, and the name."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object. `body` is not to be changed; it lacks the kind and apiVersion."""

    body: Body = field(repr=False)
    revision: int
    content: bytes = field(repr=False)

    @classmethod
    def of(cls, body: Body, revision: int) -> "Stored":
        """Give an object the revision that it is stored with."""
        body["metadata"]["resourceVersion"] = str(revision)
        return cls(body, revision, encoded(body))

    def copy(self) -> Body:
        """Return a body that may be changed."""
        return cast("Body", json.loads(self.content))


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one object. `last` is a deleted one with the revision of its end."""

    revision: int
    kind: Kind
    key: Key
    before: Stored | None
    after: Stored | None
    last: Stored | None = None


Channel = SimpleQueue[Change | None]
"""Brings changes to a watch; None asks it to look around."""


@dataclass(eq=False)
class Subscription:
    """A watch: everything of a type, or of one namespace."""

    kind: Kind
    namespace: str
    channel: Channel = field(default_factory=SimpleQueue)
    ending: str = ""
    bookmark: bool = False

    def nudge(self, *, ending: str = "", bookmark: bool = False) -> None:
        """Ask for an end (`end` or `cut`) or for a bookmark."""
        self.ending, self.bookmark = ending or self.ending, bookmark or self.bookmark
        self.channel.put(None)


class Compacted(Exception):  # noqa: N818 - said of a revision, not of a fault
    """The changes since a revision are not kept."""


class Storage:
    """All objects. Hold `lock` from reading what a write is based on until it is stored."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.revision = 1
        self.compacted = 1
        self._tables: dict[Kind, dict[str, dict[str, Stored]]] = {kind: {} for kind in KINDS}
        self._changes: deque[Change] = deque()
        self._lists: OrderedDict[tuple[Kind, str, int], list[tuple[Key, Stored]]] = OrderedDict()
        self._subscriptions: dict[tuple[Kind, str], list[Subscription]] = {}

    def get(self, kind: Kind, key: Key) -> Stored | None:
        """Return an object."""
        return self._tables[kind].get(key[0], {}).get(key[1])

    def count(self, kind: Kind, namespace: str) -> int:
        """Return how many objects of a type a namespace has."""
        return len(self._tables[kind].get(namespace, ()))

    def put(self, kind: Kind, key: Key, body: Body, *, history: int) -> Stored:
        """Store an object as the next revision, and keep at most `history` changes."""
        self.revision += 1
        after = Stored.of(body, self.revision)
        table = self._tables[kind].setdefault(key[0], {})
        before, table[key[1]] = table.get(key[1]), after
        self._publish(Change(self.revision, kind, key, before, after), history)
        return after

    def remove(self, kind: Kind, key: Key, *, history: int) -> Stored:
        """Remove an object, and return it with the revision of its end."""
        self.revision += 1
        before = self._tables[kind][key[0]].pop(key[1])
        last = Stored.of(before.copy(), self.revision)
        self._publish(Change(self.revision, kind, key, before, None, last), history)
        return last

    def listed(self, kind: Kind, namespace: str, revision: int) -> list[tuple[Key, Stored]]:
        """Return what there was at a revision, in order; "" is every namespace.

        Raises `Compacted` for a revision that is too old.
        """
        wanted = (kind, namespace, revision)
        with self.lock:
            if revision < self.compacted:
                raise Compacted
            if wanted not in self._lists:
                self._lists[wanted] = self._at(kind, namespace, revision)
                if len(self._lists) > _KEPT_LISTS:
                    self._lists.popitem(last=False)
            return self._lists[wanted]

    def subscribe(
        self, kind: Kind, namespace: str, since: int | None
    ) -> tuple[Subscription, list[Change], int]:
        """Follow the changes after a revision, and return those that there were already.

        The last value is the revision up to which they go. None is a start with what there is.
        Raises `Compacted` for a revision that is too old.
        """
        with self.lock:
            if since is not None and since < self.compacted:
                raise Compacted
            subscription = Subscription(kind, namespace)
            self._subscriptions.setdefault((kind, namespace), []).append(subscription)
            if since is None:
                now = self.listed(kind, namespace, self.revision)
                begun = [Change(one.revision, kind, key, None, one) for key, one in now]
            else:
                begun = [
                    change
                    for change in self._since(since)
                    if change.kind is kind and namespace in {"", change.key[0]}
                ]
            return subscription, begun, self.revision

    def unsubscribe(self, subscription: Subscription) -> None:
        """Follow no longer."""
        with self.lock:
            self._subscriptions[(subscription.kind, subscription.namespace)].remove(subscription)

    def subscriptions(self, kind: Kind | None = None) -> list[Subscription]:
        """Return the watches of a type, or all."""
        with self.lock:
            return [
                one
                for (of, _), some in self._subscriptions.items()
                for one in some
                if kind in {None, of}
            ]

    def compact(self) -> None:
        """Forget all changes: older lists and watches can't be continued."""
        with self.lock:
            self.compacted = self.revision
            self._changes.clear()
            self._lists.clear()

    def _at(self, kind: Kind, namespace: str, revision: int) -> list[tuple[Key, Stored]]:
        tables = self._tables[kind]
        chosen: Iterable[tuple[str, dict[str, Stored]]] = (
            [(namespace, tables.get(namespace, {}))] if namespace else tables.items()
        )
        there = {(where, name): one for where, table in chosen for name, one in table.items()}
        for change in reversed(self._since(revision)):
            if change.kind is kind and namespace in {"", change.key[0]}:
                if change.before is None:
                    there.pop(change.key, None)
                else:
                    there[change.key] = change.before
        return sorted(there.items(), key=lambda item: item[0])

    def _since(self, revision: int) -> list[Change]:
        since = []
        for change in reversed(self._changes):
            if change.revision <= revision:
                break
            since.append(change)
        since.reverse()
        return since

    def _publish(self, change: Change, history: int) -> None:
        self._changes.append(change)
        while len(self._changes) > history:
            self.compacted = self._changes.popleft().revision
        for namespace in {"", change.key[0]}:
            for subscription in self._subscriptions.get((change.kind, namespace), ()):
                subscription.channel.put(change)
