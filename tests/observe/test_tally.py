"""Events, counted."""

from concurrent.futures import ThreadPoolExecutor

from refresher.observe.tally import Tally
from refresher.ports import Event, EventName
from refresher.testing import FakeClock


def _at(name: EventName, target: str = "config.json", provider: str = "hub") -> Event:
    return Event(name, provider=provider, sink="docker", target=target, registries=("a.example",))


def test_each_provider_has_its_own_counts() -> None:
    """What one provider does is not counted for another."""
    tally = Tally(FakeClock())
    for provider, times in (("hub", 2), ("prod", 1)):
        for _ in range(times):
            tally.emit(Event(EventName.FETCHED, provider=provider))
    counts = [tally.count(EventName.FETCHED, name) for name in ("hub", "prod", "other")]
    assert counts == [2, 1, 0]


def test_a_repair_is_a_write_after_drift() -> None:
    """At the same place: a renewal elsewhere repairs nothing, and a second write no more."""
    tally = Tally(FakeClock())
    tally.emit(_at(EventName.DRIFT))
    tally.emit(_at(EventName.WRITTEN, "other.json"))
    tally.emit(_at(EventName.BUSY))
    assert tally.repairs("hub") == 0
    tally.emit(_at(EventName.WRITTEN))
    tally.emit(_at(EventName.WRITTEN))
    assert tally.repairs("hub") == 1


def test_the_age_of_a_success_does_not_mind_a_moved_clock() -> None:
    """It is told by the monotonic clock; the same credential again is a success too."""
    clock = FakeClock()
    tally = Tally(clock)
    tally.emit(Event(EventName.FETCH_FAILED, provider="hub"))
    assert tally.success_age("hub") is None
    for name in (EventName.FETCHED, EventName.UNCHANGED):
        tally.emit(Event(name, provider="hub"))
        clock.advance(30)
        clock.jump(-86_400)
        assert tally.success_age("hub") == 30


def test_it_counts_from_many_threads() -> None:
    """No event is lost when several passes end at once."""
    tally = Tally(FakeClock())
    event = Event(EventName.WRITTEN, provider="hub")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tally.emit, [event] * 2000))
    assert tally.count(EventName.WRITTEN, "hub") == 2000
