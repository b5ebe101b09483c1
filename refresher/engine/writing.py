"""Write the targets of one sink, as many at once as it can bear."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from refresher.engine.bookkeeping import rank
from refresher.engine.kit import Kit
from refresher.engine.report import Step
from refresher.engine.results import Results, failed
from refresher.model.credential import Credential
from refresher.ports import Busy, Change, HasLimits, Limits, Outcome, Refused, Sink, Written

_WRITE_SECONDS: Final = 60.0
"""How long a write may take. Sinks bound their own calls; this is for those that fail to."""


@dataclass(slots=True)
class Writer:
    """Writes to `sink` and hands what came of each target to `results`.

    A target that hangs is given up alone. When its write comes to an end after
    all, nobody knows what it has undone, and that is recorded.
    """

    sink: Sink
    kit: Kit
    results: Results
    is_abandoned: Callable[[], bool]
    _late: set[str] = field(default_factory=set)

    def write(
        self, steps: tuple[Step, ...], credential: Credential | None, end: float
    ) -> tuple[Step, ...]:
        """Make the writes among `steps`, and return all with what came of them.

        None is begun after the moment `end` of the engine's monotonic clock.
        """
        by_target: dict[str, list[Step]] = {}
        for step in steps:
            if step.is_write:
                by_target.setdefault(step.target, []).append(step)
        if credential is None:
            reason = "the credential is not at hand, and a new one could not be fetched"
            outcomes: dict[str, Outcome] = dict.fromkeys(by_target, Busy(reason))
        else:
            outcomes = self._write_all(by_target, credential, end)
        return tuple(_with_outcome(step, outcomes) for step in steps)

    def _write_all(
        self, by_target: Mapping[str, list[Step]], credential: Credential, end: float
    ) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        calls = {
            target: functools.partial(self._write_target, target, by_target[target], credential)
            for target in self._in_order(by_target)
        }
        limits = self.sink.limits if isinstance(self.sink, HasLimits) else Limits()
        left = max(end - self.kit.clock.monotonic(), 0.0)
        name = f"write {self.results.sink}"
        for answers in self.kit.stream(name, calls, limits.at_once, _WRITE_SECONDS, left):
            ended: list[Step] = []
            for target, answer in answers.items():
                if answer.error is not None:
                    self._late.add(target)
                outcomes[target] = answer.get() if answer.error is None else failed(answer.error)
                ended += [_with_outcome(step, outcomes) for step in by_target[target]]
            self.results.add(ended)
        return dict.fromkeys(by_target, _NOT_BEGUN) | outcomes

    def _in_order(self, targets: Iterable[str]) -> list[str]:
        """Return the targets in the order in which they are written."""
        known = self.results.known()
        return sorted(targets, key=lambda target: rank(known.get(target, [])))

    def _write_target(self, target: str, writes: Sequence[Step], credential: Credential) -> Outcome:
        if self.is_abandoned():
            return _NOT_BEGUN
        changes = [Change(step.registry, credential) for step in writes]
        try:
            outcome: object = self.sink.write(target, changes)
        except Exception as error:  # noqa: BLE001 - one target's fault never touches another
            outcome = failed(error)
        if target in self._late or self.is_abandoned():
            self.results.distrust(writes)
        if isinstance(outcome, (Written, Busy, Refused)):
            return outcome
        return Refused("the sink did not say what came of the write")


_NOT_BEGUN: Final = Busy("it was not begun in time: others took too long")


def _with_outcome(step: Step, outcomes: Mapping[str, Outcome]) -> Step:
    if not step.is_write:
        return step
    return replace(step, outcome=outcomes[step.target])
