"""Watches.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes and
k8s.io/apiserver, pkg/endpoints/handlers/watch.go, pkg/storage/cacher/cache_watcher.go.
"""

import math
import threading
import time
from collections.abc import Generator, Iterator
from queue import Empty
from typing import Any, Final

from tests.doubles.kubernetes import selectors
from tests.doubles.kubernetes.kinds import Kind
from tests.doubles.kubernetes.message import Answer, Request, encoded
from tests.doubles.kubernetes.rules import Rules
from tests.doubles.kubernetes.statuses import (
    ApiError,
    expired,
    forbidden_value,
    invalid_options,
)
from tests.doubles.kubernetes.storage import Change, Compacted, Storage, Stored, Subscription

_GLANCE: Final = 1.0
"""Seconds after which a watch that has nothing to say looks whether its client is still there."""
_DEFAULT_TIMEOUT: Final = 1800.0
"""--min-request-timeout of the server: watches end after that at the earliest."""
_END_OF_INITIAL: Final = {"k8s.io/initial-events-end": "true"}


class Cut(Exception):  # noqa: N818 - not a fault of the double
    """The connection of a watch is to break."""


class Watches:
    """Opens watches, and ends them."""

    def __init__(self, storage: Storage, rules: Rules, released: threading.Event) -> None:
        self._storage = storage
        self._rules = rules
        self._released = released

    def open(self, kind: Kind, namespace: str, request: Request) -> Answer:
        """Return an answer that streams changes."""
        test = selectors.chosen(kind, request.query)
        initial = _initial(request)
        asked = request.query.get("resourceVersion", "")
        number = request.number("resourceVersion")
        try:
            since = None if initial or not number else number
            opened = self._storage.subscribe(kind, namespace, since)
        except Compacted:
            error = expired(f"too old resource version: {asked} ({self._storage.compacted})")
            if self._rules.gone_as_status:
                raise error from None
            return Answer(200, stream=_alone(_line("ERROR", encoded(error.document()))))
        stream = Stream(self._storage, self._rules, self._released, request, test)
        return Answer(200, stream=stream.chunks(*opened, ended=initial))


class Stream:
    """One watch."""

    def __init__(
        self,
        storage: Storage,
        rules: Rules,
        released: threading.Event,
        request: Request,
        test: selectors.Test | None,
    ) -> None:
        self._storage = storage
        self._rules = rules
        self._released = released
        self._gone = request.gone
        self._test = test
        self._bookmarks = request.flag("allowWatchBookmarks")
        self._until = time.monotonic() + (request.number("timeoutSeconds") or _DEFAULT_TIMEOUT)

    def chunks(
        self, subscription: Subscription, begun: list[Change], revision: int, *, ended: bool
    ) -> Generator[bytes, None, None]:
        """Yield nothing, and then the events, until the time is over or somebody ends it."""
        try:
            yield b""
            for change in begun:
                yield from self._event(change)
            if ended:
                yield self._bookmark(subscription.kind, revision, _END_OF_INITIAL)
            yield from self._follow(subscription)
        finally:
            self._storage.unsubscribe(subscription)

    def _follow(self, subscription: Subscription) -> Iterator[bytes]:
        marked = time.monotonic()
        while not self._released.is_set():
            now = time.monotonic()
            pause = min(_GLANCE, self._until - now, marked + self._rules.bookmarks - now)
            try:
                change = subscription.channel.get(timeout=max(pause, 0.0))
            except Empty:
                change = None
            if change is not None:
                yield from self._event(change)
                continue
            if subscription.ending == "cut":
                raise Cut
            now = time.monotonic()
            if subscription.ending or now >= self._until or self._gone():
                return
            if self._bookmarks and (subscription.bookmark or now >= marked + self._rules.bookmarks):
                yield from self._mark(subscription)
            marked = now if now >= marked + self._rules.bookmarks else marked

    def _mark(self, subscription: Subscription) -> Iterator[bytes]:
        """Yield a bookmark, if all that happened until its revision was told."""
        if self._rules.watch_delay == math.inf:
            return
        with self._storage.lock:
            told, revision = subscription.channel.empty(), self._storage.revision
        if told:
            subscription.bookmark = False
            yield self._bookmark(subscription.kind, revision, {})

    def _event(self, change: Change) -> Iterator[bytes]:
        """Yield what a change is to one who sees a part of all objects."""
        was = self._sees(change.before)
        sees = self._sees(change.after)
        if not was and not sees:
            return
        if self._rules.watch_delay == math.inf or (
            self._rules.watch_delay and self._released.wait(self._rules.watch_delay)
        ):
            return
        shown = change.after if sees else change.last
        if shown is None:
            assert change.before is not None
            shown = Stored.of(change.before.copy(), change.revision)
        type_ = ("MODIFIED" if was else "ADDED") if sees else "DELETED"
        yield _line(type_, change.kind.whole(shown.content))

    def _sees(self, stored: Stored | None) -> bool:
        return stored is not None and (self._test is None or self._test(stored.body))

    def _bookmark(self, kind: Kind, revision: int, annotations: dict[str, str]) -> bytes:
        metadata: dict[str, Any] = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        return _line("BOOKMARK", kind.whole(encoded({"metadata": metadata})))


def _alone(line: bytes) -> Generator[bytes, None, None]:
    yield b""
    yield line


def _initial(request: Request) -> bool:
    """Say whether a list is streamed first (KEP-3157). Raises `ApiError` 422."""
    match, sends = request.query.get("resourceVersionMatch"), "sendInitialEvents" in request.query
    if match and not sends:
        raise _forbidden(
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        )
    if not sends or not request.flag("sendInitialEvents"):
        return False
    if match != "NotOlderThan":
        raise _forbidden("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
    return True


def _forbidden(why: str) -> ApiError:
    return invalid_options("ListOptions", forbidden_value("resourceVersionMatch", why))


def _line(type_: str, content: bytes) -> bytes:
    return b'{"type":"%s","object":%s}\n' % (type_.encode(), content)
