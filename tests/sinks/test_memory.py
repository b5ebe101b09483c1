"""The sink that keeps credentials in the process."""

import pytest
from pydantic import ValidationError

from refresher.ports import Refused, Tools
from refresher.sinks.memory import MemorySink, Options, build
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock, SinkContract


class TestContract(SinkContract):
    """One target."""

    def make_sink(self) -> MemorySink:
        """Return the sink as a library makes it."""
        return MemorySink()


class TestContractOfSeveralTargets(SinkContract):
    """Two targets."""

    def make_sink(self) -> MemorySink:
        """Return the sink as the settings make it."""
        options = Options(targets=("one", "two"))
        return build(options, Tools(FakeClock(), MemoryStore()))

    def test_targets_are_apart(self) -> None:
        """A write at one target is not seen at another."""
        sink = self.make_sink()
        self.put(sink, "first")
        before = sink.holdings
        assert list(before) == ["one", "two"]
        assert before["one"][self.registry].username == "AWS"
        assert isinstance(sink.write("three", []), Refused)
        assert sink.holdings == before

    def test_holdings_are_a_copy(self) -> None:
        """What was read does not change under the reader."""
        sink = self.make_sink()
        before = sink.holdings
        self.put(sink, "first")
        assert not before["one"]
        assert sink.holdings["one"]


def test_the_settings_need_nothing() -> None:
    """Without settings there is one target."""
    assert list(build(Options(), Tools(FakeClock(), MemoryStore())).holdings) == ["memory"]


@pytest.mark.parametrize("targets", [(), ("",), ("one", "")], ids=["none", "empty", "one empty"])
def test_targets_need_names(targets: tuple[str, ...]) -> None:
    """A sink without targets, or with one without a name, is refused by the settings."""
    with pytest.raises(ValidationError, match="at least one target"):
        Options(targets=targets)
