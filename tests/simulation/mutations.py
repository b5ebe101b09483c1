"""Deliberate breaks of the product: the simulation is worth something if it catches each.

Every one is a mistake that people make, put in by replacing a function or a constant.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from refresher.daemon.agenda import Agenda
from refresher.engine import delivery, fetching, renewal, results, supply
from refresher.engine.ledger import Ledger
from refresher.model import arrival, schedule
from refresher.model import lease as leases
from refresher.store.memory import MemoryRecords
from tests.simulation import breaks


@dataclass(frozen=True, slots=True)
class Mutation:
    """One break: where, and what is put there. The rest are worlds that show it."""

    owner: Any
    name: str
    broken: Callable[[Any], Any]
    profile: str = "brisk"
    faults: tuple[str, ...] = ()
    daemons: int = 1
    seeds: tuple[int, ...] = (0, 1)
    calm: float | None = None

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Break the product for the time of the body."""
        whole = self.owner.__dict__[self.name]
        setattr(self.owner, self.name, self.broken(whole))
        try:
            yield
        finally:
            setattr(self.owner, self.name, whole)


MUTATIONS: Final[Mapping[str, Mutation]] = {
    "expiry ignored": Mutation(arrival, "_renew_at", breaks.ignoring_expiry),
    "a failed run is forgotten": Mutation(
        Agenda, "finish", breaks.forgetting_runs, faults=("lock held",)
    ),
    "a late run is dropped": Mutation(
        Agenda, "ask", breaks.dropping_late_runs, faults=("suspended",)
    ),
    "success interval after a failure": Mutation(
        schedule, "retry_after", breaks.success_interval_after_failure, faults=("throttled",)
    ),
    "retries not bounded by what is left": Mutation(
        schedule,
        "retry_after",
        breaks.unbounded_retry,
        faults=("throttled",),
    ),
    "Retry-After obeyed without bound": Mutation(
        schedule, "retry_after", breaks.obedient, faults=("throttled",)
    ),
    "giving up": Mutation(leases, "due", breaks.giving_up, faults=("server error",)),
    "hot loop": Mutation(schedule, "retry_after", breaks.hot, faults=("server error",)),
    "wall clock only": Mutation(
        fetching.Fetcher,
        "_age",
        breaks.wall_clock_only,
        faults=("clock step",),
        seeds=(6, 32, 34),
        calm=2.0,
    ),
    "monotonic clock only": Mutation(
        leases, "_renewal_reason", breaks.monotonic_only, faults=("killed",)
    ),
    "renewed too late": Mutation(schedule, "_HALF", breaks.constant(0.97)),
    "no write after a conflict": Mutation(
        delivery, "or_wait", breaks.never_trying_again, faults=("conflict",)
    ),
    "failures of deliveries forgotten": Mutation(
        results, "book", breaks.forgetting_failures, "daily", ("busy",)
    ),
    "rewriting what is there": Mutation(delivery, "decide", breaks.rewriting),
    "drift unseen": Mutation(
        delivery,
        "decide",
        breaks.blind_to_drift,
        "daily",
        ("deleted", "overwritten"),
    ),
    "an ended token accepted": Mutation(
        arrival, "accept", breaks.accepting_the_dead, faults=("nearly dead", "1970")
    ),
    "skew ignored": Mutation(arrival, "skew", breaks.ignoring_skew, faults=("clock jump",)),
    "older kept for newer": Mutation(Ledger, "save_lease", breaks.worse_for_better),
    "no lock": Mutation(renewal.Renewal, "_hold", breaks.without_lock, daemons=2),
    "no look after the lock": Mutation(
        renewal.Renewal, "make", breaks.without_second_look, daemons=2
    ),
    "fetched per target": Mutation(supply.Supply, "get", breaks.fetching_per_target),
    "one hang blocks all": Mutation(Agenda, "begin", breaks.one_at_a_time, faults=("hanging",)),
    "hangs waited for": Mutation(
        fetching, "_GRACE", breaks.constant(float("inf")), faults=("hanging",)
    ),
    "records kept in memory": Mutation(
        MemoryRecords,
        "save_lease",
        breaks.records_in_memory,
        faults=("killed",),
    ),
}
