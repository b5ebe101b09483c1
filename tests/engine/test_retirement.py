"""The end of a sink."""

from collections.abc import Collection
from datetime import UTC, datetime

import pytest

from refresher.engine.retirement import Retirement, alone
from refresher.engine.workers import ThreadWorkers
from refresher.errors import LockTimeoutError
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import Busy, Limits, Outcome, Place, Refused, Written
from refresher.store.memory import MemoryLock, MemoryRecords

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Shops:
    """A sink that takes back as it is told."""

    def __init__(self, **outcomes: Outcome | Exception) -> None:
        self.outcomes = outcomes
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.limits = Limits(2)

    def retire(self, target: str, registries: Collection[str]) -> Outcome:
        """Return or raise what the target's part is."""
        self.asked.append((target, tuple(registries)))
        outcome = self.outcomes[target]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def records(*places: Place, provider: str = "hub") -> MemoryRecords:
    """Return records of some deliveries."""
    made = MemoryRecords()
    made.save_lease(provider, Lease())
    made.save_deliveries(provider, dict.fromkeys(places, Delivery()))
    return made


def test_what_is_done_is_forgotten_and_nothing_else() -> None:
    """What other sinks hold, and what could not be removed, stays recorded."""
    places = [("pods", "a", "r"), ("pods", "b", "r"), ("pods", "c", "r"), ("docker", "a", "r")]
    kept = records(*places)
    kept.save_lease("old", Lease())
    kept.save_deliveries("old", {("pods", "a", "former"): Delivery()})
    shops = Shops(a=Written(), b=Busy("later"), c=Refused("never"))
    retirement = Retirement("pods", shops, kept)
    assert retirement.places == {"hub": tuple(places[:3]), "old": (("pods", "a", "former"),)}
    outcomes = retirement.run("abc", ["r"], ThreadWorkers())
    assert outcomes == shops.outcomes
    retirement.forget(outcomes)
    assert sorted(shops.asked) == [("a", ("r",)), ("b", ("r",)), ("c", ("r",))]
    assert retirement.places == {"hub": tuple(places[1:3])}
    assert places[3] in kept.deliveries("hub")


def test_a_fault_of_a_sink_is_one_targets() -> None:
    """It is told as a failure, and hides no other."""
    shops = Shops(a=ValueError("secret"), b=Written())
    outcomes = Retirement("pods", shops, records(("pods", "a", "r"))).run("ab", [], ThreadWorkers())
    assert outcomes["b"] == Written()
    assert isinstance(outcomes["a"], Refused)
    assert "secret" not in outcomes["a"].reason


def test_other_runs_wait() -> None:
    """Each provider's lock is held, and free again afterwards."""
    lock = MemoryLock()
    with alone(lock, ["b", "a"], 0.0):
        for name in ("a", "b"):
            with pytest.raises(LockTimeoutError), lock.hold(name, 0.0):
                pass
    with lock.hold("b", 0.0):
        with pytest.raises(LockTimeoutError), alone(lock, ["a", "b"], 0.0):
            pass
        with lock.hold("a", 0.0):
            pass
