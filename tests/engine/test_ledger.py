"""Records that bridge an outage of the store."""

from datetime import UTC, datetime

import pytest

from refresher.engine.ledger import Ledger
from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import Place
from refresher.testing import EventLog
from tests.fakes import FlakyRecords

PLACE: Place = ("sink", "target", "registry.example")


@pytest.fixture
def records() -> FlakyRecords:
    """Give records that can be taken down."""
    return FlakyRecords()


def test_what_is_written_during_an_outage_is_read_during_it(records: FlakyRecords) -> None:
    """Lease and deliveries are remembered, and each fault is told with its remedy."""
    events = EventLog()
    ledger = Ledger(records, events)
    records.down = True
    ledger.save_lease("prod", Lease(username="new"))
    ledger.save_deliveries("prod", {PLACE: Delivery(b"f")})
    assert ledger.lease("prod").username == "new"
    assert ledger.deliveries("prod") == {PLACE: Delivery(b"f")}
    assert set(events.names()) == {"records-failed"}
    assert events.seen[0].hint == "bring it back"


def test_what_was_known_before_an_outage_is_still_known(records: FlakyRecords) -> None:
    """The last reading stands in for the store."""
    ledger = Ledger(records, EventLog())
    ledger.save_lease("prod", Lease(username="old"))
    ledger.save_deliveries("prod", {PLACE: Delivery(b"f")})
    records.down = True
    assert ledger.lease("prod").username == "old"
    assert ledger.deliveries("prod") == {PLACE: Delivery(b"f")}


def test_an_empty_memory_gives_empty_answers(records: FlakyRecords) -> None:
    """A process that starts during an outage begins as if nothing were recorded."""
    records.down = True
    ledger = Ledger(records, EventLog())
    assert ledger.lease("prod") == Lease()
    assert ledger.deliveries("prod") == {}


def test_fingerprints_go_on_during_an_outage(records: FlakyRecords) -> None:
    """Equal secrets stay equal and different ones different, whatever the store does."""
    ledger = Ledger(records, EventLog())
    records.down = True
    one = ledger.fingerprint("u", Secret("one"))
    assert one == ledger.fingerprint("u", Secret("one"))
    assert one != ledger.fingerprint("u", Secret("two"))
    assert ledger.fingerprint("a", Secret("bc")) != ledger.fingerprint("ab", Secret("c"))


def test_what_an_outage_left_unsaved_is_saved_when_the_store_is_back(records: FlakyRecords) -> None:
    """The store catches up with the memory, and does not put it back in time."""
    ledger = Ledger(records, EventLog())
    old: Place = ("sink", "old", "registry.example")
    ledger.save_lease("prod", Lease(username="old"))
    ledger.save_deliveries("prod", {PLACE: Delivery(b"old"), old: Delivery(b"old")})
    records.down = True
    ledger.save_lease("prod", Lease(username="new"))
    ledger.save_deliveries("prod", {PLACE: Delivery(b"new")})
    ledger.forget("prod", [old])
    records.down = False
    assert ledger.lease("prod").username == "new"
    ledger.catch_up("prod")
    ledger.catch_up("prod")
    assert records.lease("prod").username == "new"
    assert records.deliveries("prod") == {PLACE: Delivery(b"new")}


def test_what_another_process_obtained_during_the_outage_is_not_overwritten(
    records: FlakyRecords,
) -> None:
    """The newer lease wins, also over one that never obtained anything."""
    ledger = Ledger(records, EventLog())
    records.down = True
    ledger.save_lease("prod", Lease(username="failed"))
    records.down = False
    theirs = Lease(username="theirs", received=datetime(2026, 3, 1, tzinfo=UTC))
    records.save_lease("prod", theirs)
    ledger.catch_up("prod")
    assert records.lease("prod") == theirs
    assert ledger.lease("prod") == theirs


def test_an_outage_is_told_once(records: FlakyRecords) -> None:
    """The log is no place for a drum roll; a new outage is told again."""
    events = EventLog()
    ledger = Ledger(records, events)
    for _ in range(2):
        records.down = True
        for _ in range(5):
            ledger.lease("prod")
        records.down = False
        ledger.lease("prod")
    assert events.names() == ["records-failed"] * 2
