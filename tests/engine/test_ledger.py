"""Records that bridge an outage of the store."""

from datetime import UTC, datetime

import pytest

from refresher.engine.engine import Engine
from refresher.engine.ledger import Ledger
from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import Place
from refresher.testing import EventLog, FakeClock
from tests.fakes import FlakyRecords, Issuer, Shelf

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


def test_a_reader_does_not_undo_what_was_saved_meanwhile() -> None:
    """A health check that reads while the store goes away leaves the newer lease in memory."""

    class Slow(FlakyRecords):
        def lease(self, provider: str) -> Lease:
            found = super().lease(provider)
            if not self.down:
                self.down = True
                ledger.save_lease(provider, Lease(username="newer"))
            return found

    ledger = Ledger(Slow(), EventLog())
    ledger.lease("prod")
    assert ledger.lease("prod").username == "newer"


def test_a_secret_that_the_store_has_seen_keeps_its_fingerprint_during_an_outage(
    records: FlakyRecords,
) -> None:
    """Else every place would seem to hold somebody else's credential."""
    ledger = Ledger(records, EventLog())
    known = ledger.fingerprint("AWS", Secret("known"))
    records.down = True
    assert ledger.fingerprint("AWS", Secret("known")) == known
    stranger = ledger.fingerprint("AWS", Secret("stranger"))
    assert ledger.fingerprint("AWS", Secret("stranger")) == stranger != known


def test_a_key_that_cannot_be_opened_is_told_once_and_the_rest_is_recorded() -> None:
    """The records are there, and only the key of their fingerprints is not."""

    class Keyless(FlakyRecords):
        keyless = True

        def fingerprint(self, username: str, secret: Secret) -> bytes:
            if self.keyless:
                raise PermanentError("no key", hint="give it back")
            return super().fingerprint(username, secret)

    records, events = Keyless(), EventLog()
    ledger = Ledger(records, events)
    made = [ledger.fingerprint("u", Secret("s")) for _ in range(3)]
    ledger.save_lease("prod", Lease(username="u", fingerprint=made[0]))
    assert [(each.name, each.detail, each.hint) for each in events.seen] == [
        ("records-failed", "no key", "give it back")
    ]
    assert records.lease("prod").username == "u"
    records.keyless = False
    ledger.save_lease("prod", ledger.lease("prod"))
    assert records.lease("prod").fingerprint == records.fingerprint("u", Secret("s"))
    assert ledger.lease("prod").fingerprint == ledger.fingerprint("u", Secret("s")) == made[0]


def test_the_fingerprints_in_memory_are_bounded(records: FlakyRecords) -> None:
    """The latest are kept."""
    ledger = Ledger(records, EventLog())
    made = [ledger.fingerprint("AWS", Secret(f"secret {number}")) for number in range(1000)]
    records.down = True
    assert ledger.fingerprint("AWS", Secret("secret 999")) == made[999]
    assert ledger.fingerprint("AWS", Secret("secret 0")) != made[0]


def test_after_an_outage_a_newer_lease_brings_its_deliveries() -> None:
    """Another process went on meanwhile: what this one remembers of the places is old."""
    records = FlakyRecords()
    ledger = Ledger(records, EventLog())
    ledger.save_lease("prod", Lease(username="old", received=datetime(2026, 1, 1, tzinfo=UTC)))
    records.down = True
    ledger.save_deliveries("prod", {PLACE: Delivery(b"old")})
    records.down = False
    newer = Lease(username="new", received=datetime(2026, 1, 2, tzinfo=UTC))
    records.save_lease("prod", newer)
    records.save_deliveries("prod", {PLACE: Delivery(b"new")})
    ledger.catch_up("prod")
    assert ledger.lease("prod") == records.lease("prod") == newer
    assert ledger.deliveries("prod") == records.deliveries("prod") == {PLACE: Delivery(b"new")}


def test_a_renewal_during_an_outage_is_no_drift_afterwards() -> None:
    """Fingerprints that were made while the store was away become the store's own."""
    clock, records, shelf, events = FakeClock(), FlakyRecords(), Shelf(), EventLog()
    issuer = Issuer(clock)
    engine = Engine({"prod": issuer}, {"shelf": shelf}, records=records, clock=clock, events=events)
    engine.renew("prod")
    records.down = True
    clock.advance(7 * 3600)
    engine.renew("prod")
    records.down = False
    writes = len(shelf.writes)
    for _ in range(6):
        clock.advance(300)
        assert engine.renew("prod").ok
    assert len(shelf.writes) == writes
    assert "drift" not in events.names()
    assert issuer.calls == 2
