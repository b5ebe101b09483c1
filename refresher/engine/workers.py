"""Calls that may hang, run so that they hold nobody else up."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, Generic, Protocol, TypeVar

from refresher.errors import RetryableError

T = TypeVar("T")

_MOST_ABANDONED: Final = 3
_MOST_RISKED: Final = 13


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of one call: a value, or the error that it ended with."""

    value: T | None = None
    error: Exception | None = None

    def get(self) -> T:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # a call that returns None has T = None


def attempt(call: Callable[[], T]) -> Answer[T]:
    """Make a call here and now, and return what came of it."""
    try:
        return Answer(value=call())
    except Exception as error:  # noqa: BLE001 - an answer like any other: the caller sorts it
        return Answer(error=error)


def no_more(_name: str, /) -> float:
    """Give a call whose time is over no further seconds."""
    return 0.0


class Workers(Protocol):
    """Runs calls side by side."""

    def run(
        self,
        calls: Mapping[str, Callable[[], T]],
        seconds: float,
        more: Callable[[str], float] = no_more,
    ) -> Mapping[str, Answer[T]]:
        """Run all calls at once and return the answer of each, after `seconds` at the latest.

        A call that has not ended by then is answered with a `RetryableError` and left
        to itself, unless `more` gives it further seconds.
        """
        ...

    def stream(
        self, calls: Mapping[str, Callable[[], T]], at_once: int, seconds: float, total: float
    ) -> Iterator[Mapping[str, Answer[T]]]:
        """Run calls in their order, `at_once` side by side; yield the answers as they come.

        Each may take `seconds`, and is then answered as in `run`. After `total`
        seconds none is begun, those under way are given up, and the others have no
        answer at all.
        """
        ...

    def mutex(self) -> AbstractContextManager[object]:
        """Return a lock between calls that run side by side."""
        ...


class ThreadWorkers:
    """Runs each call on a thread of its own, which never keeps the process from ending.

    A call that hangs for good costs its thread. When three of one name hang, the
    name is answered with an error at once, until one of them ends. A further
    thread is risked after a quarter of an hour, then after twice as long, and so
    on, up to sixteen: trying goes on, and threads do not run out.
    """

    def __init__(self, *, patience: float = 900.0) -> None:
        """Start with no thread. `patience` is the time in seconds between risked threads."""
        self._abandoned: Counter[str] = Counter()
        self._risked: dict[str, float] = {}
        self._patience = patience
        self._lock = threading.Lock()

    def run(
        self,
        calls: Mapping[str, Callable[[], T]],
        seconds: float,
        more: Callable[[str], float] = no_more,
    ) -> Mapping[str, Answer[T]]:
        """See `Workers.run`."""
        answers: dict[str, Answer[T]] = {}
        for some in self._stream(calls, len(calls), seconds, float("inf"), more):
            answers.update(some)
        return {name: answers[name] for name in calls}

    def stream(
        self, calls: Mapping[str, Callable[[], T]], at_once: int, seconds: float, total: float
    ) -> Iterator[Mapping[str, Answer[T]]]:
        """See `Workers.stream`."""
        return self._stream(calls, at_once, seconds, total, no_more)

    def _stream(
        self,
        calls: Mapping[str, Callable[[], T]],
        at_once: int,
        seconds: float,
        total: float,
        more: Callable[[str], float],
    ) -> Iterator[Mapping[str, Answer[T]]]:
        waiting = deque(_Job(name, call, seconds) for name, call in calls.items())
        ended: SimpleQueue[_Job[T]] = SimpleQueue()
        under_way: dict[_Job[T], float] = {}
        end = time.monotonic() + min(total, threading.TIMEOUT_MAX)
        while True:
            answers: dict[str, Answer[T]] = {}
            while waiting and len(under_way) < at_once and time.monotonic() < end:
                job = waiting.popleft()
                job.seconds = min(seconds, end - time.monotonic())
                refused = self._start(job, ended)
                if refused is None:
                    under_way[job] = time.monotonic() + job.seconds
                else:
                    answers[job.name] = Answer(error=refused)
            if not answers:
                if not under_way:
                    return
                _await_one(ended, under_way)
                answers = self._collect(under_way, more)
            yield answers

    def mutex(self) -> AbstractContextManager[object]:
        """See `Workers.mutex`."""
        return threading.Lock()

    def _start(self, job: "_Job[T]", ended: "SimpleQueue[_Job[T]]") -> RetryableError | None:
        """Begin the call, or return why it can't be begun."""
        if not self._may_start(job.name):
            return _stuck(job.name)
        work = threading.Thread(target=self._work, args=(job, ended), name=job.name, daemon=True)
        try:
            work.start()
        except RuntimeError:
            return _crowded(job.name)
        return None

    def _may_start(self, name: str) -> bool:
        now = time.monotonic()
        with self._lock:
            extra = self._abandoned[name] - _MOST_ABANDONED
            patience = self._patience * 2.0 ** max(extra, 0)
            waiting = now - self._risked.get(name, now) < patience
            if extra >= _MOST_RISKED or (extra >= 0 and waiting):
                return False
            self._risked[name] = now
            return True

    def _work(self, job: "_Job[T]", ended: "SimpleQueue[_Job[T]]") -> None:
        try:
            answer = attempt(job.call)
        except BaseException as error:  # noqa: BLE001 - SystemExit ends no thread of ours
            answer = Answer(error=RuntimeError(type(error).__name__))
        with self._lock:
            job.answer = answer
            if job.abandoned:
                self._abandoned[job.name] -= 1
        ended.put(job)

    def _collect(
        self, under_way: "dict[_Job[T], float]", more: Callable[[str], float]
    ) -> dict[str, Answer[T]]:
        """Take what has ended and what has no time left out of `under_way`, with its answer."""
        now = time.monotonic()
        answers: dict[str, Answer[T]] = {}
        with self._lock:
            for job, deadline in tuple(under_way.items()):
                if job.answer is None and now >= deadline and (extra := more(job.name)) > 0:
                    job.seconds += extra
                    under_way[job] = now + extra
                elif job.answer is None and now >= deadline:
                    job.abandoned = True
                    self._abandoned[job.name] += 1
                    job.answer = Answer(error=_late(job.name, job.seconds))
                if job.answer is not None:
                    answers[job.name] = job.answer
                    del under_way[job]
        return answers


class _Job(Generic[T]):
    """A call that has `seconds` from its beginning."""

    def __init__(self, name: str, call: Callable[[], T], seconds: float) -> None:
        self.name = name
        self.call = call
        self.seconds = seconds
        self.answer: Answer[T] | None = None
        self.abandoned = False


def _await_one(ended: "SimpleQueue[_Job[T]]", under_way: "Mapping[_Job[T], float]") -> None:
    """Wait until a call has ended, or the first of those under way has no time left."""
    left = min(under_way.values()) - time.monotonic()
    with suppress(Empty):
        ended.get(timeout=min(max(left, 0.0), threading.TIMEOUT_MAX))
        while True:
            ended.get_nowait()


def _late(name: str, seconds: float) -> RetryableError:
    return RetryableError(f"{name}: no answer within {seconds:.3g} s")


def _crowded(name: str) -> RetryableError:
    return RetryableError(
        f"{name}: the system starts no more threads",
        hint="raise the limit of processes (pids.max of a container, ulimit -u)",
    )


def _stuck(name: str) -> RetryableError:
    return RetryableError(
        f"{name}: {_MOST_ABANDONED} earlier calls still hang",
        hint="whatever it talks to accepts connections and never answers",
    )
