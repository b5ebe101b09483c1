"""For authors of plug-ins: contract suites to inherit, and a clock to push.

    from refresher.testing import ProviderContract

    class TestVault(ProviderContract):
        def make_provider(self):
            return Vault("http://127.0.0.1:8200")

pytest runs every inherited test. They need no network beyond what the made
object itself asks for.
"""

import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from refresher.model.address import canonical
from refresher.model.credential import NEVER, Credential, Secret
from refresher.model.plan import Absent, Holding, Opaque, Value
from refresher.ports import Busy, Change, Event, Provider, Refused, Retires, Sink, Written

NASTY_SECRETS: Final = (
    "p:a:s:s",
    " leading and trailing ",
    'quote " and backslash \\ and slash /',
    "snowman \N{SNOWMAN} and \N{PILE OF POO}",
    "percent %41 plus + equals = ampersand &",
    "x" * 3000,
    '{"type": "service_account", "private_key": "-----BEGIN\\n"}',
)
"""Secrets that real registries hand out or that people choose, hard to store well."""


class FakeClock:
    """A clock that stands still until it is pushed. Waiting pushes it."""

    def __init__(self, now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        """Start at `now`, with the monotonic clock at 1000 seconds."""
        self._now = now
        self._monotonic = 1000.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the wall clock."""
        return self._now

    def monotonic(self) -> float:
        """Return the monotonic clock."""
        return self._monotonic

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Push the clock by `seconds` unless `stop` is set."""
        if not stop.is_set():
            self.advance(seconds)
        return stop.is_set()

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Move the wall clock alone, as an operator or NTP does; negative moves it back."""
        with self._lock:
            self._now += timedelta(seconds=seconds)


class EventLog:
    """Keeps every event, in order, in `seen`."""

    def __init__(self) -> None:
        """Start empty."""
        self.seen: list[Event] = []

    def emit(self, event: Event) -> None:
        """Keep the event."""
        self.seen.append(event)

    def names(self) -> list[str]:
        """Return the names of the events, in order."""
        return [event.name for event in self.seen]


class ProviderContract(ABC):
    """What every provider must do. Inherit it and supply `make_provider`."""

    @abstractmethod
    def make_provider(self) -> Provider:
        """Return a provider that works."""

    def test_it_answers_with_a_live_credential(self) -> None:
        """A working provider answers with registries, a user name, a secret, an end to come."""
        credential = self.make_provider().fetch(30)
        assert isinstance(credential, Credential)
        assert all(registry == canonical(registry) for registry in credential.registries)
        if isinstance(credential.expires_at, datetime):
            assert credential.expires_at > credential.issued_at

    def test_it_can_be_asked_again(self) -> None:
        """A second fetch serves the same registries: a renewal never changes the places."""
        provider = self.make_provider()
        assert provider.fetch(30).registries == provider.fetch(30).registries

    def test_it_shows_no_secret(self) -> None:
        """Neither the provider nor its credential prints the secret, before or after a fetch."""
        provider = self.make_provider()
        secret = provider.fetch(30).secret.reveal()
        assert secret not in repr(provider)
        assert secret not in repr(provider.fetch(30))


class SinkContract(ABC):
    """What every sink must do. Inherit it and supply `make_sink`.

    `make_sink` is called once per test and returns a sink whose targets are
    empty. `registry` and `neighbour` may be overridden where the sink is picky.
    """

    registry = "registry.example:5000"
    neighbour = "neighbour.example"
    username = "AWS"

    @abstractmethod
    def make_sink(self) -> Sink:
        """Return a sink over empty targets."""

    def credential(self, secret: str, *registries: str) -> Credential:
        """Return a credential for `registries`, by default for `registry`."""
        now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        return Credential(
            registries or (self.registry,),
            self.username,
            Secret(secret),
            issued_at=now,
            expires_at=NEVER,
        )

    def put(self, sink: Sink, secret: str, registry: str | None = None) -> None:
        """Write one secret at one registry of every target, and insist that it worked."""
        registry = registry or self.registry
        for target in sink.read([registry]):
            change = Change(registry, self.credential(secret, registry))
            outcome = sink.write(target, [change])
            assert isinstance(outcome, Written), outcome

    def held(self, sink: Sink, registry: str | None = None) -> list[Holding]:
        """Return what each target holds for one registry, and insist that it can be read."""
        registry = registry or self.registry
        holdings = []
        for target, content in sink.read([registry]).items():
            assert not isinstance(content, (Busy, Refused)), f"{target}: {content}"
            holdings.append(content[registry])
        return holdings

    def test_it_names_its_targets_before_anything_is_there(self) -> None:
        """An empty target is there, and says that it holds nothing."""
        held = self.held(self.make_sink())
        assert held
        assert all(holding == Absent() for holding in held)

    def test_what_was_written_is_held(self) -> None:
        """After a write each target holds the user name and, where it can be read, the secret."""
        sink = self.make_sink()
        self.put(sink, "first-secret")
        for holding in self.held(sink):
            assert _matches(holding, self.username, "first-secret")

    def test_a_second_write_replaces_the_first(self) -> None:
        """A renewed secret takes the place of the old one."""
        sink = self.make_sink()
        self.put(sink, "first-secret")
        self.put(sink, "second-secret")
        for holding in self.held(sink):
            assert _matches(holding, self.username, "second-secret")

    def test_nasty_secrets_come_back_unchanged(self) -> None:
        """Colons, quotes, spaces, other scripts and length survive the place that holds them."""
        for secret in NASTY_SECRETS:
            sink = self.make_sink()
            self.put(sink, secret)
            for holding in self.held(sink):
                assert _matches(holding, self.username, secret)

    def test_neighbours_are_left_alone(self) -> None:
        """A write at one registry changes nothing at another."""
        sink = self.make_sink()
        self.put(sink, "neighbour-secret", self.neighbour)
        self.put(sink, "our-secret")
        for holding in self.held(sink, self.neighbour):
            assert _matches(holding, self.username, "neighbour-secret")

    def test_one_write_serves_several_registries(self) -> None:
        """All changes of one call are there afterwards."""
        sink = self.make_sink()
        both = self.credential("shared-secret", self.registry, self.neighbour)
        for target in sink.read(both.registries):
            changes = [Change(registry, both) for registry in both.registries]
            assert isinstance(sink.write(target, changes), Written)
        for registry in both.registries:
            for holding in self.held(sink, registry):
                assert _matches(holding, self.username, "shared-secret")

    def test_threads_do_not_lose_each_others_writes(self) -> None:
        """Writes at different registries from several threads all arrive."""
        sink = self.make_sink()
        registries = [f"registry-{number}.example" for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda registry: self.put(sink, "thread-secret", registry), registries))
        for registry in registries:
            for holding in self.held(sink, registry):
                assert _matches(holding, self.username, "thread-secret")

    def test_it_shows_no_secret(self) -> None:
        """Neither the sink nor what it says of its targets prints a secret."""
        sink = self.make_sink()
        self.put(sink, "canary-secret-in-sink")
        assert "canary-secret-in-sink" not in repr(sink)
        assert "canary-secret-in-sink" not in repr(sink.read([self.registry]))


class RetiringSink(Sink, Retires, Protocol):
    """A sink that also takes back what it wrote."""


class RetiresContract(SinkContract):
    """What every sink must do that also takes back what it wrote."""

    @abstractmethod
    def make_sink(self) -> RetiringSink:
        """Return a sink over empty targets."""

    def retire(self, sink: RetiringSink, *registries: str) -> None:
        """Retire every target, by default for `registry` alone, and insist that it worked."""
        those = registries or (self.registry,)
        for target in sink.read(those):
            outcome = sink.retire(target, those)
            assert isinstance(outcome, Written), outcome

    def test_what_was_written_is_gone_once_it_is_retired(self) -> None:
        """All registries of every target."""
        sink, both = self.make_sink(), (self.registry, self.neighbour)
        for registry in both:
            self.put(sink, "old-secret", registry)
        self.retire(sink, *both)
        for registry in both:
            assert all(holding == Absent() for holding in self.held(sink, registry))

    def test_targets_can_be_retired_again_and_empty(self) -> None:
        """Nothing of ours is no failure."""
        sink = self.make_sink()
        self.retire(sink)
        self.put(sink, "old-secret")
        self.retire(sink)
        self.retire(sink)
        assert all(holding == Absent() for holding in self.held(sink))

    def test_what_is_retired_can_be_written_again(self) -> None:
        """Whoever goes on feeding a sink puts it all back."""
        sink = self.make_sink()
        self.put(sink, "old-secret")
        self.retire(sink)
        self.put(sink, "new-secret")
        for holding in self.held(sink):
            assert _matches(holding, self.username, "new-secret")


def _matches(holding: Holding, username: str, secret: str) -> bool:
    match holding:
        case Value():
            return holding.username == username and holding.secret == Secret(secret)
        case Opaque():
            return holding.username in ("", username)
        case _:
            return False
