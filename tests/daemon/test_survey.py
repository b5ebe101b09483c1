"""What a daemon says of the places before it has looked at them."""

import threading
from collections.abc import Collection

from refresher.daemon import Daemon
from refresher.engine.engine import Engine
from refresher.model.lease import State
from refresher.ports import Held
from refresher.store.memory import MemoryRecords
from tests.daemon.running import Offset, eventually, running
from tests.fakes import Issuer, Shelf


class Gated(Shelf):
    """A shelf that is read when its gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = threading.Event()

    def read(self, registries: Collection[str]) -> Held:
        """Wait, then read."""
        self.opened.wait(10)
        return super().read(registries)


def test_records_alone_make_nobody_ready() -> None:
    """After a restart a place counts as pending until it was looked at: it may be empty now."""
    clock, records = Offset(), MemoryRecords()
    issuer, shelf = Issuer(clock), Gated()
    shelf.opened.set()
    engine = Engine({"prod": issuer}, {"shelf": shelf}, records=records, clock=clock)
    engine.renew("prod")
    shelf.content["shelf"].clear()
    shelf.opened.clear()
    again = Engine({"prod": issuer}, {"shelf": shelf}, records=records, clock=clock)
    daemon = Daemon(again, clock=clock, tick=0.05)
    assert [each.state for each in daemon.survey().places] == [State.PENDING]
    with running(daemon):
        assert [each.state for each in daemon.survey().places] == [State.PENDING]
        shelf.opened.set()
        eventually(lambda: [each.state for each in daemon.survey().places] == [State.FRESH])
    assert shelf.secrets() != [""]


def test_what_is_worse_than_fresh_is_said_at_once() -> None:
    """A dead credential needs no look."""
    clock, records = Offset(), MemoryRecords()
    issuer = Issuer(clock, life=2.0)
    engine = Engine({"prod": issuer}, {"shelf": Shelf()}, records=records, clock=clock)
    engine.renew("prod")
    clock.shift = 10
    again = Engine({"prod": issuer}, {"shelf": Shelf()}, records=records, clock=clock)
    assert [each.state for each in Daemon(again, clock=clock).survey().places] == [State.DEAD]
