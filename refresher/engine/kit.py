"""What every part of a pass works with."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from refresher.engine.ledger import Ledger
from refresher.engine.workers import Answer, Workers, no_more
from refresher.ports import Clock, Events

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kit:
    """The seams of an engine: records, time, threads, randomness, observation.

    `draw` gives random numbers in [0, 1).
    """

    ledger: Ledger
    clock: Clock
    workers: Workers
    draw: Callable[[], float]
    events: Events

    def run(
        self,
        what: str,
        calls: Mapping[str, Callable[[], T]],
        seconds: float,
        more: Callable[[str], float] = no_more,
    ) -> Mapping[str, Answer[T]]:
        """Run calls side by side, and return their answers by name; see `Workers.run`.

        `what` tells calls of one name apart: a sink that hangs is no provider of the
        same name that hangs, and a plan is no pass.
        """
        named = {f"{what} {name}": call for name, call in calls.items()}
        cut = len(what) + 1
        answers = self.workers.run(named, seconds, lambda long: more(long[cut:]))
        return {name: answers[f"{what} {name}"] for name in calls}

    def stream(
        self,
        what: str,
        calls: Mapping[str, Callable[[], T]],
        at_once: int,
        seconds: float,
        total: float,
    ) -> Iterator[Mapping[str, Answer[T]]]:
        """Run calls, some at once, and yield their answers as they come; see `Workers.stream`."""
        names = {f"{what} {name}": name for name in calls}
        named = {long: calls[name] for long, name in names.items()}
        for answers in self.workers.stream(named, at_once, seconds, total):
            yield {names[long]: answer for long, answer in answers.items()}
