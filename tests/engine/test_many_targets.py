"""Many targets of one sink: side by side, each for itself, the neediest first."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from refresher.engine.bookkeeping import rank
from refresher.engine.engine import Engine, Pass
from refresher.model.credential import NEVER, UNKNOWN
from refresher.model.lease import Failure
from refresher.model.plan import Delivery
from refresher.ports import Busy, Change, Limits, Outcome
from refresher.store.memory import MemoryRecords
from refresher.testing import FakeClock
from tests.fakes import Issuer, Shelf

TARGETS = tuple(f"target-{number}" for number in range(9))


class Wide(Shelf):
    """A shelf that may be written side by side. `during` is called in each write, with the target.

    `most` is how many writes there were at one time, `order` that in which they began.
    """

    def __init__(self, at_once: int, *targets: str) -> None:
        super().__init__(*(targets or TARGETS))
        self.limits = Limits(at_once)
        self.during: Callable[[str], object] = str
        self.order: list[str] = []
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def write(self, target: str, changes: Sequence[Change]) -> Outcome:
        """See `refresher.ports.Sink`."""
        with self._lock:
            self.order.append(target)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            self.during(target)
            return super().write(target, changes)
        finally:
            with self._lock:
                self._now -= 1


class Stand:
    """One provider and a wide sink."""

    def __init__(self, sink: Shelf) -> None:
        self.clock = FakeClock()
        self.issuer = Issuer(self.clock)
        self.sink = sink
        self.records = MemoryRecords()
        self.engine = Engine(
            {"prod": self.issuer}, {"wide": sink}, records=self.records, clock=self.clock
        )

    def recorded(self) -> list[str]:
        """Return the targets that are recorded as written."""
        known = self.records.deliveries("prod").items()
        return sorted(place[1] for place, each in known if each.written and not each.failure)


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_as_many_are_written_at_once_as_the_sink_can_bear(at_once: int) -> None:
    """No more, and no less while there are enough of them."""
    sink = Wide(at_once)
    full = threading.Barrier(at_once)
    seen: list[str] = []

    def meet(target: str) -> None:
        seen.append(target)
        if len(seen) <= at_once:
            full.wait(10)

    sink.during = meet
    stand = Stand(sink)
    assert stand.engine.renew("prod").ok
    assert sink.most == at_once
    assert sorted(sink.order) == sorted(TARGETS)
    assert stand.issuer.calls == 1


def test_targets_take_turns_where_a_sink_says_nothing() -> None:
    """A sink of somebody else's may never have thought of it."""
    sink = Wide(1)
    del sink.limits
    stand = Stand(sink)
    assert stand.engine.renew("prod").ok
    assert sink.most == 1


def test_what_was_written_is_recorded_while_others_are_written() -> None:
    """A process that is killed in the middle goes on where it was."""
    sink = Wide(1)
    stand = Stand(sink)
    at_the_time: list[list[str]] = []
    sink.during = lambda _: at_the_time.append(stand.recorded())
    stand.engine.renew("prod")
    assert at_the_time == [sorted(sink.order[:number]) for number in range(len(TARGETS))]


def test_a_target_that_hangs_holds_up_no_other() -> None:
    """The others are written and recorded; it alone is busy, and what it does later is doubted."""
    sink = Wide(2)
    sink.opaque = True
    release, ended = threading.Event(), threading.Event()

    def hang(target: str) -> None:
        if target == "target-3" and not release.is_set():
            release.wait(10)
            ended.set()

    sink.during = hang
    stand = Stand(sink)
    report = stand.engine.renew("prod", Pass(end=stand.clock.monotonic() + 1))
    assert [step.target for step in report.steps if not step.ok] == ["target-3"]
    (busy,) = (step.outcome for step in report.steps if not step.ok)
    assert isinstance(busy, Busy)
    assert "no answer" in busy.reason
    assert len(stand.recorded()) == len(TARGETS) - 1
    release.set()
    assert ended.wait(10)
    stand.clock.advance(600)
    assert stand.engine.renew("prod").ok
    assert sink.order[-1] == "target-3"
    assert stand.recorded() == sorted(TARGETS)


def test_a_pass_that_has_no_time_left_begins_no_write() -> None:
    """What it did is recorded; the next one does the others, without another fetch."""
    sink = Wide(1)
    stand = Stand(sink)
    begun = threading.Event()

    def take_long(target: str) -> None:
        if target == sink.order[0]:
            begun.wait(0.3)

    sink.during = take_long
    now = stand.clock.monotonic()
    report = stand.engine.renew("prod", Pass(end=now + 0.2))
    assert not report.ok
    late = [step.outcome for step in report.steps if not step.ok]
    assert all(isinstance(outcome, Busy) for outcome in late)
    assert len(late) == len(TARGETS)
    stand.clock.advance(60)
    assert stand.engine.renew("prod").ok
    assert stand.issuer.calls == 1


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TROUBLE = Failure("locked", NOON, 1, NOON)
NEEDS = {
    "new": (),
    "unknown end": (Delivery(expires=UNKNOWN),),
    "two registries, one ends first": (
        Delivery(expires=NOON + timedelta(hours=5)),
        Delivery(expires=NOON + timedelta(hours=1)),
    ),
    "soon": (Delivery(expires=NOON + timedelta(hours=2)),),
    "late": (Delivery(expires=NOON + timedelta(hours=9)),),
    "never": (Delivery(expires=NEVER),),
    "failed and new": (Delivery(failure=TROUBLE),),
    "failed and soon": (Delivery(expires=NOON, failure=TROUBLE), Delivery(expires=NEVER)),
}


def test_the_neediest_come_first_and_the_failing_last() -> None:
    """What holds nothing has no time to lose, and what failed before may take long again."""
    ranks = [rank(known) for known in NEEDS.values()]
    assert ranks == sorted(ranks)


def test_targets_are_written_in_the_order_of_need() -> None:
    """Whatever order the sink tells them in."""
    sink = Wide(1, "broken", "fine", "new")
    stand = Stand(sink)
    new = sink.content.pop("new")
    sink.faults["broken"] = Busy("locked")
    stand.engine.renew("prod")
    del sink.faults["broken"]
    sink.content["new"] = new
    sink.order.clear()
    stand.clock.advance(7 * 3600)
    assert stand.engine.renew("prod").ok
    assert sink.order == ["new", "fine", "broken"]


def test_a_sink_has_room_for_one() -> None:
    """With less than that nothing would ever be written."""
    with pytest.raises(ValueError, match="0"):
        Limits(0)
