"""Several observers of one engine."""

from refresher.observe.fanout import Fanout
from refresher.ports import Event
from refresher.testing import EventLog


class Broken:
    """An observer that breaks the contract."""

    def emit(self, event: Event) -> None:
        """Raise."""
        raise RuntimeError(event.name)


def test_everybody_hears_of_everything() -> None:
    """Each observer gets each event, in order."""
    one, two = EventLog(), EventLog()
    fanout = Fanout(one, two)
    fanout.emit(Event("first"))
    fanout.emit(Event("second"))
    assert one.names() == two.names() == ["first", "second"]


def test_an_observer_that_raises_harms_nobody() -> None:
    """Neither the observers behind it, nor whoever tells."""
    log = EventLog()
    Fanout(Broken(), log).emit(Event("first"))
    assert log.names() == ["first"]
