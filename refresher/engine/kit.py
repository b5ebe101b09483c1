"""What every part of a pass works with."""

from collections.abc import Callable
from dataclasses import dataclass

from refresher.engine.ledger import Ledger
from refresher.engine.workers import Workers
from refresher.ports import Clock, Events


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
