"""The straight line: due, lock, fetch, check, read, plan, write, record."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from threading import Event as Flag

import pytest

from refresher.engine.engine import Engine, Pass
from refresher.engine.report import Fetch, ProviderReport
from refresher.errors import ClockError, PermanentError, RetryableError
from refresher.model.credential import NEVER, UNKNOWN, Credential, Secret
from refresher.model.lease import Lease, State, Terms
from refresher.model.plan import Value
from refresher.ports import Busy, Refused, Route, Sink, Source
from refresher.store.memory import MemoryLock, MemoryRecords
from refresher.testing import EventLog, FakeClock
from tests.fakes import FileIssuer, FlakyRecords, Issuer, Shelf

PATIENT = Pass(patient=True)


class World:
    """One provider, its sinks, and an engine that can be restarted over the same records."""

    def __init__(self, *sinks: Shelf, issuer: Callable[[FakeClock], Issuer] = Issuer) -> None:
        self.clock = FakeClock()
        self.issuer = issuer(self.clock)
        self.sinks = {f"sink-{number}": sink for number, sink in enumerate(sinks or (Shelf(),))}
        self.records = MemoryRecords()
        self.events = EventLog()
        self.terms = Terms()
        self.settings = ""
        self.restart()

    def restart(self) -> None:
        """Start a new process, so to speak: the records stay, the memory goes."""
        self.engine = Engine(
            {"prod": Source(self.issuer, self.terms, self.settings)},
            self.sinks,
            records=self.records,
            lock=MemoryLock(),
            clock=self.clock,
            events=self.events,
            draw=lambda: 0.5,
        )

    def renew(self, how: Pass = PATIENT) -> ProviderReport:
        """Make a pass."""
        return self.engine.renew("prod", how)

    @property
    def sink(self) -> Shelf:
        """The first sink."""
        return self.sinks["sink-0"]

    @property
    def lease(self) -> Lease:
        """What is recorded."""
        return self.records.lease("prod")


def test_a_first_pass_fetches_once_and_supplies_every_target() -> None:
    """One fetch serves all targets of all sinks, whatever their number."""
    world = World(Shelf("a", "b"), Shelf("c"))
    report = world.renew()
    assert report.ok
    assert report.fetch is Fetch.FETCHED
    assert world.issuer.calls == 1
    assert world.sinks["sink-0"].secrets() == ["secret-number-1", "secret-number-1"]
    assert world.sinks["sink-1"].secrets() == ["secret-number-1"]
    assert {step.word for step in report.steps} == {"created"}


def test_nothing_is_fetched_or_written_before_it_is_due() -> None:
    """A pass in the first half of a credential's life only looks."""
    world = World()
    world.renew()
    world.clock.advance(5 * 3600)
    report = world.renew()
    assert report.fetch is Fetch.NOT_DUE
    assert world.issuer.calls == 1
    assert len(world.sink.writes) == 1
    assert [step.word for step in report.steps] == ["kept"]


def test_it_is_renewed_in_the_middle_of_its_life() -> None:
    """A 12-hour credential is replaced after six hours, in every target."""
    world = World()
    world.renew()
    world.clock.advance(6 * 3600)
    assert world.renew().fetch is Fetch.FETCHED
    assert world.sink.secrets() == ["secret-number-2"]


def test_a_restart_fetches_nothing_while_the_targets_hold_what_was_recorded() -> None:
    """A new process over the same records leaves provider and targets alone."""
    world = World()
    world.renew()
    world.restart()
    report = world.renew()
    assert report.fetch is Fetch.NOT_DUE
    assert (world.issuer.calls, len(world.sink.writes)) == (1, 1)


def test_drift_is_repaired_from_memory() -> None:
    """An entry that vanished is written again without a fetch, and that is told."""
    world = World(Shelf("a", "b"))
    world.renew()
    world.sink.content["b"].clear()
    world.renew()
    assert world.sink.secrets() == ["secret-number-1", "secret-number-1"]
    assert world.issuer.calls == 1
    assert "drift" in world.events.names()


def test_drift_after_a_restart_is_repaired_from_a_readable_sink() -> None:
    """The secret is taken from a place that still holds it, not from the provider."""
    world = World(Shelf(), Shelf())
    world.renew()
    world.sinks["sink-1"].content["shelf"].clear()
    world.restart()
    world.renew()
    assert world.sinks["sink-1"].secrets() == ["secret-number-1"]
    assert world.issuer.calls == 1


def test_drift_after_a_restart_costs_one_fetch_where_nobody_holds_the_secret() -> None:
    """With every readable copy gone, one fetch supplies all sinks alike."""
    world = World(Shelf(), Shelf(), Shelf())
    world.sinks["sink-2"].opaque = True
    world.renew()
    for name in ("sink-0", "sink-1"):
        world.sinks[name].content["shelf"].clear()
    world.restart()
    report = world.renew()
    assert report.fetch is Fetch.FETCHED
    assert world.issuer.calls == 2
    assert [sink.secrets() for sink in world.sinks.values()] == [["secret-number-2"]] * 3


def test_an_opaque_place_is_written_once_per_credential() -> None:
    """A place that shows no secret is kept while the record says that we wrote it."""
    world = World()
    world.sink.opaque = True
    world.renew()
    world.renew()
    assert len(world.sink.writes) == 1
    world.clock.advance(7 * 3600)
    world.renew()
    assert world.sink.secrets() == ["secret-number-2"]


@pytest.mark.parametrize(
    "error",
    [RetryableError("throttled"), PermanentError("denied"), ClockError("skewed", skew=61_200)],
    ids=["retryable", "permanent", "clock"],
)
def test_a_failed_fetch_leaves_the_old_credential_in_place(error: Exception) -> None:
    """Whatever the kind of fault, no place loses what it holds."""
    world = World()
    world.renew()
    world.clock.advance(6 * 3600)
    world.issuer.script = [error]
    report = world.renew()
    assert report.error is error
    assert not report.ok
    assert world.sink.secrets() == ["secret-number-1"]
    assert world.lease.fingerprint is not None
    assert "fetch-failed" in world.events.names()


def test_drift_is_repaired_while_the_provider_fails() -> None:
    """A live credential is put back although a new one can't be had."""
    world = World()
    world.renew()
    world.clock.advance(6 * 3600)
    world.sink.content["shelf"].clear()
    world.issuer.script = [RetryableError("down")]
    world.renew()
    assert world.sink.secrets() == ["secret-number-1"]


def test_a_patient_pass_keeps_to_the_wait_after_a_failure() -> None:
    """The daemon asks again when the wait is over, not at each look."""
    world = World()
    world.issuer.script = [RetryableError("down")]
    world.renew()
    assert world.renew().fetch is Fetch.NOT_DUE
    wake = world.engine.upcoming("prod").wake
    assert wake is not None
    assert timedelta(seconds=1) <= wake - world.clock.now() <= timedelta(seconds=60)
    world.clock.advance(60)
    assert world.renew().fetch is Fetch.FETCHED


def test_an_impatient_pass_tries_at_once_after_a_failure() -> None:
    """A person who repaired something does not wait for a recorded backoff."""
    world = World()
    world.issuer.script = [PermanentError("denied")]
    world.renew()
    assert world.renew(Pass()).fetch is Fetch.FETCHED


def test_failures_grow_the_wait_and_a_success_forgets_them() -> None:
    """Attempts are counted over passes and start anew after a success."""
    world = World()
    for attempt in range(1, 5):
        world.issuer.script = [RetryableError("down")]
        world.renew(Pass())
        assert world.lease.failure is not None
        assert world.lease.failure.attempts == attempt
    world.renew(Pass())
    assert world.lease.failure is None


def test_a_dead_credential_is_written_nowhere() -> None:
    """Past its end, an emptied place stays empty and the alarm is raised."""
    world = World()
    world.renew()
    world.clock.advance(13 * 3600)
    world.sink.content["shelf"].clear()
    world.issuer.script = [RetryableError("down")]
    world.renew()
    assert world.sink.secrets() == [""]
    assert "dead" in world.events.names()
    assert world.lease.state(world.clock.now()) is State.DEAD


def test_an_urgent_credential_raises_the_alarm() -> None:
    """Past the margin a failing renewal is loud."""
    world = World()
    world.renew()
    world.clock.advance(11.5 * 3600)
    world.issuer.script = [RetryableError("down")]
    world.renew()
    assert "urgent" in world.events.names()


@pytest.mark.parametrize("hours_old", [0.001, 24, 24 * 365 * 11], ids=str)
def test_an_answer_that_has_ended_is_refused(hours_old: float) -> None:
    """A provider that hands out dead credentials changes nothing anywhere."""
    world = World()
    world.renew()
    world.clock.advance(6 * 3600)
    ended = world.clock.now() - timedelta(hours=hours_old)
    world.issuer.script = [
        Credential(("registry.example",), "AWS", Secret("dead"), issued_at=ended, expires_at=ended)
    ]
    report = world.renew()
    assert isinstance(report.error, PermanentError)
    assert world.sink.secrets() == ["secret-number-1"]


def test_the_same_credential_again_is_no_failure_and_no_write() -> None:
    """A metadata server that caches is asked again soon; the targets are left alone."""
    world = World()
    first = world.issuer.mint("cached")
    world.issuer.script = [first, first]
    world.renew()
    world.clock.advance(6 * 3600)
    report = world.renew()
    assert report.fetch is Fetch.UNCHANGED
    assert report.ok
    assert len(world.sink.writes) == 1
    wake = world.engine.upcoming("prod").wake
    assert wake is not None
    assert world.clock.now() < wake < first.expires_at  # type: ignore[operator]


def test_one_targets_fault_touches_no_other() -> None:
    """Every other target is written, whatever one answers or raises."""
    for fault in (Busy("locked"), Refused("denied"), RetryableError("x"), KeyError("bug")):
        world = World(Shelf("a", "b", "c"), Shelf())
        world.sink.faults["b"] = fault
        report = world.renew()
        assert not report.ok
        assert world.sink.secrets() == ["secret-number-1", "", "secret-number-1"]
        assert world.sinks["sink-1"].secrets() == ["secret-number-1"]


def test_a_sink_that_cannot_be_read_hides_no_other_sink() -> None:
    """A broken sink is one failure in the report."""
    for fault in (RetryableError("x"), PermanentError("x"), ZeroDivisionError()):
        world = World(Shelf(), Shelf())
        world.sink.read_fault = fault
        report = world.renew()
        assert [step.sink for step in report.steps if not step.ok] == ["sink-0"]
        assert world.sinks["sink-1"].secrets() == ["secret-number-1"]


def test_a_failed_target_is_tried_again_with_its_own_waits() -> None:
    """A target in trouble is woken for, kept to its wait, and supplied from memory."""
    world = World(Shelf("a", "b"))
    world.sink.faults["b"] = Busy("locked")
    world.renew()
    assert [step.word for step in world.renew().steps] == ["kept", "waiting"]
    wake = world.engine.upcoming("prod").wake
    assert wake is not None
    del world.sink.faults["b"]
    world.clock.advance((wake - world.clock.now()).total_seconds())
    assert world.renew().ok
    assert world.sink.secrets() == ["secret-number-1", "secret-number-1"]
    assert world.issuer.calls == 1


def test_a_shadowed_entry_is_a_failure_with_its_reason() -> None:
    """What no client would read is never reported as done."""
    world = World()
    world.sink.foreign["registry.example"] = "credsStore wins"
    report = world.renew()
    assert not report.ok
    assert [(step.word, step.detail) for step in report.steps] == [("skipped", "credsStore wins")]


def test_a_live_entry_is_not_replaced_by_one_that_ends_sooner() -> None:
    """A new answer with less life than what is in place does not make things worse."""
    world = World()
    world.renew()
    world.issuer.life = 60.0
    world.settings = "changed"
    world.restart()
    report = world.renew()
    assert report.fetch is Fetch.FETCHED
    assert world.sink.secrets() == ["secret-number-1"]
    assert [step.detail for step in report.steps] == ["what is there ends later"]


def test_a_changed_setting_makes_it_due_at_once() -> None:
    """New options are not served by the old credential, not even during a backoff."""
    world = World()
    world.renew()
    world.settings = "changed"
    world.restart()
    assert world.renew().fetch is Fetch.FETCHED


def test_a_changed_setting_that_fails_keeps_to_the_wait() -> None:
    """The change makes one attempt due, not one at each look."""
    world = World()
    world.renew()
    world.settings = "changed"
    world.restart()
    world.issuer.script = [RetryableError("down")]
    world.renew()
    assert world.renew().fetch is Fetch.NOT_DUE
    assert world.issuer.calls == 2


def test_a_changed_input_file_makes_it_due_at_once(tmp_path: Path) -> None:
    """A rotated key or password file is taken up without waiting for the renewal time."""
    key = tmp_path / "key"
    key.write_text("one")
    world = World(issuer=lambda clock: FileIssuer(clock, key))
    world.renew()
    assert world.renew().fetch is Fetch.NOT_DUE
    key.write_text("longer")
    assert world.renew().fetch is Fetch.FETCHED


def test_an_interval_is_an_upper_bound() -> None:
    """A configured interval renews sooner than half the life, never later."""
    world = World()
    world.terms = Terms(interval=600)
    world.restart()
    world.renew()
    world.clock.advance(600)
    assert world.renew().fetch is Fetch.FETCHED


def test_max_age_ends_a_credential_of_unknown_end() -> None:
    """Without an expiry the configured age rules."""
    world = World(issuer=lambda clock: Issuer(clock, life=UNKNOWN))
    world.terms = Terms(max_age=3600)
    world.restart()
    world.renew()
    world.clock.advance(3601)
    world.issuer.script = [RetryableError("down")]
    world.renew()
    assert world.lease.state(world.clock.now()) is State.DEAD


def test_a_credential_without_end_is_not_asked_for_again() -> None:
    """Declared to have no end, it is fetched once and only repaired."""
    world = World(issuer=lambda clock: Issuer(clock, life=NEVER))
    world.renew()
    world.clock.advance(10 * 365 * 86_400)
    assert world.renew().fetch is Fetch.NOT_DUE
    assert world.engine.upcoming("prod").wake is None


@pytest.mark.parametrize("jump", [-365 * 86_400, -43_200, 365 * 86_400], ids=["-1y", "-12h", "+1y"])
def test_a_moved_wall_clock_cannot_keep_a_renewal_away(jump: float) -> None:
    """Wall clock or age: whichever says due first is believed."""
    world = World()
    world.renew()
    world.clock.jump(jump)
    world.clock.advance(6.5 * 3600)
    assert world.renew().fetch is Fetch.FETCHED


def test_a_hanging_provider_is_given_up_at_its_deadline() -> None:
    """A fetch that never answers is a retryable failure after its deadline."""
    world = World()
    world.issuer.life = 10.0
    world.renew()
    world.clock.advance(5)
    released = Flag()

    def hang() -> Credential:
        released.wait(10)
        return world.issuer.mint()

    world.issuer.script = [hang]
    report = world.renew()
    released.set()
    assert isinstance(report.error, RetryableError)
    assert "no answer" in str(report.error)


def test_a_provider_with_a_bug_is_reported_without_its_words() -> None:
    """An exception of another kind could hold anything: only its class is told."""
    world = World()
    world.issuer.script = [ValueError("token=canary")]
    report = world.renew()
    assert "ValueError" in str(report.error)
    assert "canary" not in str(report.error)


def test_a_lost_store_keeps_no_place_from_its_credential() -> None:
    """Renewal goes on from memory, at the same rhythm, and the fault is told."""
    world = World()
    records = FlakyRecords()
    world.records = records
    world.restart()
    world.renew()
    records.down = True
    for _ in range(3):
        world.renew()
    assert world.issuer.calls == 1
    world.clock.advance(6.5 * 3600)
    world.renew()
    assert world.sink.secrets() == ["secret-number-2"]
    assert "records-failed" in world.events.names()


def test_routes_decide_who_feeds_whom() -> None:
    """A provider's credential goes to the sinks of its routes and nowhere else."""
    clock = FakeClock()
    issuers = {name: Issuer(clock, registries=(f"{name}.example",)) for name in ("one", "two")}
    shelves = {name: Shelf() for name in ("left", "right")}
    sinks: dict[str, Sink] = dict(shelves)
    routes = [Route(("one",), ("left",)), Route(("one", "two"), ("right",))]
    Engine(issuers, sinks, routes=routes, clock=clock).run()
    assert set(shelves["left"].content["shelf"]) == {"one.example"}
    assert set(shelves["right"].content["shelf"]) == {"one.example", "two.example"}


def test_a_run_isolates_providers_from_each_other() -> None:
    """One that is broken, in whatever order, leaves the others served."""
    for names in (("bad", "good"), ("good", "bad")):
        clock = FakeClock()
        issuers = {name: Issuer(clock, registries=(f"{name}.example",)) for name in names}
        issuers["bad"].script = [PermanentError("not configured")]
        shelf = Shelf()
        report = Engine(issuers, {"shelf": shelf}, clock=clock).run()
        assert not report.ok
        assert shelf.secrets("good.example") == ["secret-number-1"]


def test_a_plan_says_what_a_run_would_do_and_does_nothing() -> None:
    """The dry run reads targets, asks no provider and writes nothing."""
    world = World(Shelf("a"))
    before = world.engine.plan().providers[0]
    assert before.fetch is Fetch.WOULD_FETCH
    assert [step.word for step in before.steps] == ["create"]
    assert (world.issuer.calls, world.sink.writes) == (0, [])
    world.renew()
    assert [step.word for step in world.engine.plan().providers[0].steps] == ["kept"]
    world.clock.advance(7 * 3600)
    assert [step.word for step in world.engine.plan().providers[0].steps] == ["update"]


def test_get_answers_with_a_live_credential_and_renews_it_when_due() -> None:
    """Whoever asks twice within a life gets the same secret, later a new one."""
    world = World()
    answers = [world.engine.get("https://registry.example/v2/") for _ in range(2)]
    assert [each.secret.reveal() for each in answers if each] == ["secret-number-1"] * 2
    world.clock.advance(2 * 43_200)
    later = world.engine.get("registry.example")
    assert later is not None
    assert later.secret.reveal() == "secret-number-2"
    assert world.engine.get("other.example") is None


def test_get_has_no_answer_when_the_last_credential_has_ended() -> None:
    """A dead credential is never presented as good."""
    world = World()
    world.renew()
    world.clock.advance(13 * 3600)
    world.issuer.script = [RetryableError("down")]
    assert world.engine.get("registry.example") is None


def test_get_after_a_restart_takes_the_secret_from_a_sink() -> None:
    """No fetch is spent on a secret that a readable place still holds."""
    world = World()
    world.renew()
    world.restart()
    answer = world.engine.get("registry.example")
    assert answer is not None
    assert answer.secret.reveal() == "secret-number-1"
    assert world.issuer.calls == 1


def test_two_runs_at_once_make_one_call() -> None:
    """The one that waited for the lock looks again and finds nothing due."""
    clock = FakeClock()
    issuer = Issuer(clock)
    records, lock, shelf = MemoryRecords(), MemoryLock(), Shelf()
    engines = [
        Engine({"prod": issuer}, {"shelf": shelf}, records=records, lock=lock, clock=clock)
        for _ in range(2)
    ]
    both_ready = Barrier(2)

    def run(engine: Engine) -> bool:
        both_ready.wait(10)
        return engine.run().ok

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, engines)) == [True, True]
    assert issuer.calls == 1


def test_a_lock_that_is_never_free_is_given_up() -> None:
    """The report says that another run holds the lock, and nothing was touched."""
    world = World()
    lock = MemoryLock()
    engine = Engine({"prod": world.issuer}, world.sinks, lock=lock, clock=world.clock)
    with lock.hold("prod", 0):
        report = engine.run(how=Pass(lock_wait=0.05))
    assert report.locked_out
    assert world.issuer.calls == 0


def test_a_lock_that_cannot_be_made_does_not_stop_the_renewal() -> None:
    """Without a place for lock files one call too many is better than none."""

    class NoLock:
        def hold(self, name: str, wait: float) -> AbstractContextManager[None]:
            raise PermanentError(f"no lock for {name} in {wait} s: read-only")

    world = World()
    events = EventLog()
    engine = Engine(
        {"prod": world.issuer},
        world.sinks,
        lock=NoLock(),
        clock=world.clock,
        events=events,
    )
    assert engine.run().ok
    assert "lock-failed" in events.names()


def test_no_report_event_or_record_shows_a_secret() -> None:
    """Whatever a pass leaves behind is free of the credential."""
    world = World(Shelf("a", "b"))
    world.sink.faults["b"] = Refused("denied")
    world.issuer.script = [lambda: world.issuer.mint("canary-secret-text")]
    report = world.renew()
    shown = repr(report) + repr(world.events.seen) + repr(vars(world.records))
    assert "canary-secret-text" not in shown


def test_an_email_travels_with_the_credential() -> None:
    """Rancher and old docker clients keep an e-mail; it is passed on."""
    world = World()
    minted = world.issuer.mint("s")
    world.issuer.script = [
        Credential(
            minted.registries,
            "u",
            Secret("s"),
            email="e@example.com",
            issued_at=minted.issued_at,
            expires_at=NEVER,
        )
    ]
    world.renew()
    assert world.sink.content["shelf"]["registry.example"] == Value(
        "u", Secret("s"), "e@example.com"
    )


def test_get_fetches_and_supplies_when_nobody_holds_the_secret() -> None:
    """A secret that is lost everywhere costs one fetch, and the places get it, too."""
    world = World(Shelf(), Shelf())
    world.renew()
    for sink in world.sinks.values():
        sink.content["shelf"].clear()
    world.restart()
    answers = [world.engine.get("registry.example") for _ in range(2)]
    assert [each.secret.reveal() for each in answers if each] == ["secret-number-2"] * 2
    assert world.issuer.calls == 2
    assert [sink.secrets() for sink in world.sinks.values()] == [["secret-number-2"]] * 2
