"""A store that goes away and comes back in the middle of a pass."""

import threading
import time
from collections.abc import Collection, Mapping, Sequence

import pytest

from refresher.engine.engine import Engine, Pass
from refresher.engine.ledger import Ledger
from refresher.model.plan import Delivery
from refresher.ports import Change, Held, Outcome, Place
from refresher.testing import EventLog, FakeClock
from tests.fakes import FlakyRecords, Issuer, Shelf

WAIT = 10.0
COUNT = 8


class First(Shelf):
    """A shelf that brings the store back when it is written."""

    def __init__(self, records: FlakyRecords) -> None:
        super().__init__("first")
        self._records = records

    def write(self, target: str, changes: Sequence[Change]) -> Outcome:
        """See `refresher.ports.Sink`."""
        self._records.down = False
        return super().write(target, changes)


class Second(Shelf):
    """A shelf that is not read before something is recorded, of the first one that is."""

    def __init__(self, records: FlakyRecords) -> None:
        super().__init__("second")
        self._records = records

    def read(self, registries: Collection[str]) -> Held:
        """See `refresher.ports.Sink`."""
        end = time.monotonic() + WAIT
        while self._records.down or not self._records.deliveries("prod"):
            assert time.monotonic() < end
            time.sleep(0.01)
        return super().read(registries)


@pytest.mark.parametrize("opaque", [False, True])
def test_a_store_that_comes_back_in_a_pass_keeps_no_place_from_it(*, opaque: bool) -> None:
    """The credential has one fingerprint throughout: all get it, by one call, and keep it."""
    clock, records = FakeClock(), FlakyRecords()
    issuer, sinks = Issuer(clock), {"first": First(records), "second": Second(records)}
    for sink in sinks.values():
        sink.opaque = opaque
    engine = Engine({"prod": issuer}, sinks, records=records, clock=clock, events=EventLog())
    records.down = True
    assert engine.renew("prod").ok
    assert [sink.secrets() for sink in sinks.values()] == [["secret-number-1"]] * 2
    for _ in range(3):
        clock.advance(300)
        assert engine.renew("prod", Pass(patient=True)).ok
    assert issuer.calls == 1
    assert [len(sink.writes) for sink in sinks.values()] == [1, 1]


@pytest.mark.parametrize("opaque", [False, True])
def test_the_next_process_knows_what_was_obtained_during_an_outage(*, opaque: bool) -> None:
    """What is recorded is the store's own fingerprint, in the lease and of every place."""
    clock, records = FakeClock(), FlakyRecords()
    issuer, sinks = Issuer(clock), {"first": First(records), "second": Second(records)}
    records.down = True
    Engine({"prod": issuer}, sinks, records=records, clock=clock).renew("prod")
    made = records.lease("prod").fingerprint
    held = sinks["first"].content["first"]["registry.example"]
    assert made == records.fingerprint(held.username, held.secret)
    assert {each.fingerprint for each in records.deliveries("prod").values()} == {made}
    for sink in sinks.values():
        sink.opaque = opaque
    assert Engine({"prod": issuer}, sinks, records=records, clock=clock).renew("prod").ok
    assert issuer.calls == 1
    assert [len(sink.writes) for sink in sinks.values()] == [1, 1]


class Slow(FlakyRecords):
    """Records that take their time to save, some calls more than others."""

    def save_deliveries(self, provider: str, deliveries: Mapping[Place, Delivery]) -> None:
        """Save after a while."""
        self._check()
        time.sleep(len(deliveries) / 500)
        super().save_deliveries(provider, deliveries)


def test_threads_that_save_while_the_store_comes_back_lose_nothing() -> None:
    """Each place is in the store as it was saved last, and in memory, too."""
    records = Slow()
    ledger = Ledger(records, EventLog())
    records.down = True
    together = threading.Barrier(COUNT)

    def save(number: int) -> None:
        place: Place = ("sink", f"target-{number}", "registry.example")
        ledger.save_deliveries("prod", {place: Delivery(repairs=1)})
        together.wait(WAIT)
        records.down = False
        time.sleep(number / 200)
        ledger.save_deliveries("prod", {place: Delivery(repairs=2)})

    threads = [threading.Thread(target=save, args=(number,)) for number in range(COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    ledger.catch_up("prod")
    expected = {
        ("sink", f"target-{number}", "registry.example"): Delivery(repairs=2)
        for number in range(COUNT)
    }
    assert records.deliveries("prod") == expected
    assert ledger.deliveries("prod") == expected
