"""What registries say to a credential decides when the places get it, and when it is replaced."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from refresher.engine.engine import Engine, Pass
from refresher.model.credential import NEVER, Credential
from refresher.model.lease import Lease, Objection, State, withholds
from refresher.ports import Judgement, Source, Verdict
from refresher.store.memory import MemoryRecords
from refresher.testing import EventLog, FakeClock
from tests.fakes import Issuer, Judge, Shelf

HOUR = 3600.0
DAEMON = Pass(patient=True)
REFUSED, FORBIDDEN = Verdict.REFUSED, Verdict.FORBIDDEN
ACCEPTED, INCONCLUSIVE = Verdict.ACCEPTED, Verdict.INCONCLUSIVE


class Site:
    """One provider with a verifier, one sink."""

    def __init__(self, *registries: str, records: MemoryRecords | None = None) -> None:
        self.clock = FakeClock()
        self.issuer = Issuer(self.clock, registries=registries or ("registry.example",))
        self.judge = Judge()
        self.shelf = Shelf()
        self.records = records or MemoryRecords()
        self.events = EventLog()
        self.restart()

    def restart(self) -> None:
        """Start a new process, so to speak."""
        self.engine = Engine(
            {"prod": Source(self.issuer, verifier=self.judge)},
            {"shelf": self.shelf},
            records=self.records,
            clock=self.clock,
            events=self.events,
            draw=lambda: 0.5,
        )

    def renew(self, hours: float = 0.0) -> None:
        """Let hours pass, then make one pass as the daemon does."""
        self.clock.advance(hours * HOUR)
        self.engine.renew("prod", DAEMON)

    def run(self, hours: float) -> None:
        """Let hours pass, with a pass whenever one is due or ten minutes are over."""
        end = self.clock.monotonic() + hours * HOUR
        while self.clock.monotonic() < end:
            wake = self.engine.upcoming("prod").wake
            wait = 600.0 if wake is None else (wake - self.clock.now()).total_seconds()
            self.clock.advance(max(min(wait, 600.0), 1.0))
            self.engine.renew("prod", DAEMON)

    @property
    def held(self) -> str:
        """What the first registry's entry is."""
        return self.shelf.secrets(self.issuer.registries[0])[0]

    @property
    def lease(self) -> Lease:
        """What is recorded."""
        return self.records.lease("prod")


@pytest.mark.parametrize("verdict", [ACCEPTED, FORBIDDEN, INCONCLUSIVE])
def test_a_credential_that_is_not_refused_is_published(verdict: Verdict) -> None:
    """A missing permission, or a registry that is away, is no fault of the credential."""
    site = Site()
    site.renew()
    site.judge.by_secret["secret-number-2"] = verdict
    site.renew(hours=7)
    assert site.held == "secret-number-2"
    assert site.lease.failure is None


def test_a_refused_credential_is_held_back_while_the_old_one_lives() -> None:
    """It is reported and another one asked for, at a limited rate; nothing is written."""
    site = Site()
    site.renew()
    for number in range(2, 1000):
        site.judge.by_secret[f"secret-number-{number}"] = REFUSED
    site.run(hours=10.5)
    assert site.held == "secret-number-1"
    assert site.issuer.calls <= 60
    told = [event.detail for event in site.events.seen if event.name == "fetch-failed"]
    assert "refused by registry.example: it is refused" in told[0]
    assert site.lease.state(site.clock.now()) is State.FRESH


def test_a_refused_credential_is_published_when_the_old_one_is_urgent() -> None:
    """A doubtful one is better than a dead one, and somebody is told loudly."""
    site = Site()
    site.renew()
    for number in range(2, 1000):
        site.judge.by_secret[f"secret-number-{number}"] = REFUSED
    site.run(hours=12)
    assert site.held not in {"secret-number-1", ""}
    assert "rejected" in site.events.names()
    assert site.lease.refused == ("registry.example",)


def test_the_next_credential_that_is_accepted_ends_the_hold() -> None:
    """The very next fetch is enough."""
    site = Site()
    site.renew()
    site.judge.by_secret["secret-number-2"] = REFUSED
    site.run(hours=7)
    assert site.held == "secret-number-3"
    assert site.lease.failure is None
    assert site.lease.objections == ()


def test_a_refused_credential_is_published_where_nothing_lives() -> None:
    """It is not ready then, and it is asked for again at a growing distance."""
    site = Site()
    site.judge.by_registry["registry.example"] = REFUSED
    site.renew()
    assert site.held == "secret-number-1"
    assert site.lease.refused
    assert site.lease.failure is not None
    site.run(hours=5)
    assert 5 <= site.issuer.calls <= 60


def test_a_refused_credential_that_is_accepted_later_is_no_fault_any_more() -> None:
    """The same credential again, and the registry takes it now."""
    site = Site()
    minted = site.issuer.mint("slow to spread")
    site.issuer.script = [minted] * 50
    site.judge.by_secret["slow to spread"] = REFUSED
    site.renew()
    assert site.lease.refused
    site.judge.by_secret.clear()
    site.run(hours=0.5)
    assert site.held == "slow to spread"
    assert site.lease.objections == ()
    assert site.lease.failure is None


def test_a_refusal_of_the_credential_in_use_makes_one_fetch() -> None:
    """The look for drift finds it; the new one replaces the old one everywhere."""
    site = Site("one.example", "two.example")
    site.renew()
    site.judge.by_secret["secret-number-1"] = REFUSED
    site.renew(hours=1)
    assert site.issuer.calls == 2
    assert {site.shelf.secrets(each)[0] for each in site.issuer.registries} == {"secret-number-2"}
    site.renew(hours=1)
    assert site.issuer.calls == 2


def test_a_refusal_that_a_fetch_does_not_cure_is_followed_by_few_more() -> None:
    """A provider is not asked at each look because a registry is at odds with it."""
    site = Site()
    site.renew()
    site.judge.by_registry["registry.example"] = REFUSED
    site.run(hours=4)
    assert site.issuer.calls <= 40


def test_a_replacement_of_a_refused_credential_may_end_sooner() -> None:
    """A later end protects only what works."""
    site = Site()
    site.renew()
    site.judge.by_secret["secret-number-1"] = REFUSED
    site.issuer.life = HOUR
    site.renew(hours=1)
    assert site.held == "secret-number-2"


def test_a_missing_permission_is_reported_once_and_never_refetched() -> None:
    """A new credential would have no more rights."""
    site = Site()
    site.renew()
    site.judge.by_registry["registry.example"] = FORBIDDEN
    site.run(hours=5)
    assert site.issuer.calls == 1
    assert site.events.names().count("forbidden") == 1


@pytest.mark.parametrize("answer", [INCONCLUSIVE, ZeroDivisionError()], ids=["unclear", "broken"])
def test_a_registry_that_gives_no_answer_changes_nothing(answer: Verdict | Exception) -> None:
    """Neither a verifier that breaks its contract nor a registry that is away costs a fetch."""
    site = Site()
    site.renew()
    site.judge.by_registry["registry.example"] = answer
    site.run(hours=5)
    assert site.issuer.calls == 1
    assert site.lease.objections == ()
    site.renew(hours=2)
    assert site.held == "secret-number-2"
    assert "unverified" in site.events.names()


def test_a_registry_that_is_away_withdraws_no_objection() -> None:
    """What was refused stays refused until the registry says otherwise."""
    site = Site()
    site.judge.by_registry["registry.example"] = FORBIDDEN
    site.renew()
    site.judge.by_registry["registry.example"] = INCONCLUSIVE
    site.renew(hours=1)
    assert site.lease.objections != ()
    del site.judge.by_registry["registry.example"]
    site.renew(hours=1)
    assert site.lease.objections == ()


def test_one_registry_that_always_refuses_does_not_hold_up_the_others() -> None:
    """It refused the old one as well: there is nothing to protect."""
    site = Site("fine.example", "odd.example")
    site.judge.by_registry["odd.example"] = REFUSED
    site.renew()
    site.run(hours=12)
    assert site.shelf.secrets("fine.example") == [f"secret-number-{site.issuer.calls}"]


def test_one_registry_that_newly_refuses_holds_all_back() -> None:
    """The old one does everywhere, so nothing is lost by waiting."""
    site = Site("fine.example", "odd.example")
    site.renew()

    class Odd(Judge):
        def verify(self, registry: str, credential: Credential, deadline: float) -> Judgement:
            old = credential.secret.reveal() == "secret-number-1"
            self.by_registry = {} if old else {"odd.example": REFUSED}
            return super().verify(registry, credential, deadline)

    site.judge = Odd()
    site.restart()
    site.run(hours=7)
    assert site.shelf.secrets("fine.example") == ["secret-number-1"]
    assert site.shelf.secrets("odd.example") == ["secret-number-1"]


def test_each_registry_is_asked_once_however_many_targets_there_are() -> None:
    """One check per provider and registry."""
    site = Site("one.example", "two.example")
    site.shelf = Shelf(*(f"target-{number}" for number in range(20)))
    site.restart()
    site.renew()
    assert sorted(each for each, _ in site.judge.asked) == ["one.example", "two.example"]
    site.renew(hours=1)
    assert len(site.judge.asked) == 4


def test_without_the_secret_at_hand_nothing_is_fetched_for_a_check() -> None:
    """After a restart with targets that can't be read back, the check waits for the renewal."""
    site = Site()
    site.shelf.opaque = True
    site.renew()
    site.restart()
    site.judge.asked.clear()
    site.renew(hours=1)
    assert site.judge.asked == []
    assert site.issuer.calls == 1


def test_a_restart_does_not_forget_what_a_registry_has_against_it() -> None:
    """It is in the records."""
    site = Site()
    site.judge.by_registry["registry.example"] = FORBIDDEN
    site.renew()
    site.restart()
    assert site.lease.objections == (
        Objection("registry.example", "it is forbidden", refused=False),
    )


def test_a_password_without_an_end_is_held_back_while_the_old_one_works() -> None:
    """A file that was changed before the registry knows the new password takes nothing away."""
    site = Site()
    site.issuer.life = NEVER
    site.renew()
    site.judge.by_secret["new password"] = REFUSED
    site.issuer.script = [site.issuer.mint("new password")] * 100
    site.engine = Engine(
        {"prod": Source(site.issuer, settings="changed", verifier=site.judge)},
        {"shelf": site.shelf},
        records=site.records,
        clock=site.clock,
        draw=lambda: 0.5,
    )
    site.run(hours=1)
    assert site.held == "secret-number-1"
    site.judge.by_secret = {"secret-number-1": REFUSED}
    site.run(hours=0.5)
    assert site.held == "new password"


def test_a_hanging_verifier_holds_a_pass_for_seconds_only() -> None:
    """It counts as no answer: the credential is published."""

    class Hangs(Judge):
        def verify(self, registry: str, credential: Credential, deadline: float) -> Judgement:
            threading.Event().wait(60)
            return super().verify(registry, credential, deadline)

    site = Site()
    site.issuer.life = 2.0
    site.renew()
    site.judge = Hangs()
    site.restart()
    site.renew(hours=1.2 / HOUR)
    assert site.held == "secret-number-2"


def test_the_same_credential_refused_is_no_new_one_that_is_held_back() -> None:
    """The registry refuses what is in use, and the provider has nothing else: that is told."""
    site = Site()
    site.renew()
    site.issuer.script = [site.issuer.mint("secret-number-1")] * 50
    site.judge.by_registry["registry.example"] = REFUSED
    site.run(hours=7)
    assert site.lease.refused == ("registry.example",)
    assert not site.engine.renew("prod", DAEMON).ok
    assert "rejected" in site.events.names()


def test_an_unclear_answer_does_not_withdraw_a_refusal_of_the_same_credential() -> None:
    """A registry that throttles failed logins has not changed its mind."""
    site = Site()
    site.issuer.script = [site.issuer.mint("wrong")] * 50
    site.judge.by_secret["wrong"] = REFUSED
    site.renew()
    site.judge.by_registry["registry.example"] = INCONCLUSIVE
    site.run(hours=1)
    assert site.lease.refused == ("registry.example",)
    assert site.lease.failure is not None


def test_nothing_is_held_back_for_a_credential_that_works_nowhere() -> None:
    """The old one is tried where the new one is refused."""
    site = Site("one.example", "two.example")
    site.issuer.life = NEVER
    site.renew()
    site.judge.by_secret["secret-number-1"] = REFUSED

    class Partly(Judge):
        def verify(self, registry: str, credential: Credential, deadline: float) -> Judgement:
            new = credential.secret.reveal() != "secret-number-1"
            accepted = new and registry == "one.example"
            self.by_registry[registry] = ACCEPTED if accepted else REFUSED
            return super().verify(registry, credential, deadline)

    site.judge = Partly()
    site.restart()
    site.run(hours=1)
    assert site.shelf.secrets("one.example") != ["secret-number-1"]


@pytest.mark.parametrize("verdict", [REFUSED, FORBIDDEN])
def test_objections_end_when_nobody_verifies_any_more(verdict: Verdict) -> None:
    """Settings without `verify` know of no refusal."""
    site = Site()
    site.issuer.life = NEVER
    site.judge.by_registry["registry.example"] = verdict
    site.renew()
    assert site.lease.objections
    site.engine = Engine(
        {"prod": site.issuer}, {"shelf": site.shelf}, records=site.records, clock=site.clock
    )
    site.run(hours=1)
    assert site.lease.objections == ()
    assert site.engine.renew("prod", DAEMON).ok


def test_a_credential_that_can_not_be_tried_is_told_once() -> None:
    """After a restart with targets that can't be read back nobody claims that it was tried."""
    site = Site()
    site.shelf.opaque = True
    site.renew()
    site.restart()
    site.events.seen.clear()
    for _ in range(5):
        site.renew(hours=0.2)
    assert site.events.names() == ["unverified"]


def test_passes_in_a_row_are_no_logins_in_a_row() -> None:
    """A sink that is retried every few seconds is no reason to ask the registry each time."""
    site = Site()
    site.renew()
    for _ in range(100):
        site.clock.advance(2)
        site.renew()
    assert len(site.judge.asked) == 1


def test_runs_by_hand_keep_to_the_wait_after_a_refusal() -> None:
    """A cron job every minute asks the registry, and not the provider."""
    site = Site()
    site.judge.by_registry["registry.example"] = REFUSED
    site.renew()
    for _ in range(60):
        site.clock.advance(60)
        site.engine.renew("prod")
    assert site.issuer.calls <= 15
    site.judge.by_registry.clear()
    site.engine.renew("prod")
    assert site.lease.objections == ()
    assert site.lease.failure is None


def test_a_slow_registry_leaves_time_for_the_places() -> None:
    """A run with a short deadline delivers all the same."""

    class Slow(Judge):
        def verify(self, registry: str, credential: Credential, deadline: float) -> Judgement:
            threading.Event().wait(deadline)
            self.by_registry[registry] = INCONCLUSIVE
            return super().verify(registry, credential, deadline)

    site = Site()
    site.judge = Slow()
    site.restart()
    assert site.engine.renew("prod", Pass(end=site.clock.monotonic() + 2.0)).ok
    assert site.held == "secret-number-1"


@pytest.mark.parametrize(
    ("known", "news", "hours", "expected"),
    [
        ((), ("one",), 0, True),
        ((), (), 0, False),
        (("one",), ("one",), 0, False),
        (("one",), ("one", "two"), 0, True),
        ((), ("one",), 11.3, True),
        ((), ("one",), 11.5, False),
        ((), ("one",), 12, False),
    ],
)
def test_a_new_credential_is_held_back_for_a_new_refusal_alone(
    known: Sequence[str], news: Sequence[str], hours: float, *, expected: bool
) -> None:
    """And only while the old one is far from its end."""
    site = Site()
    site.renew()
    lease = Lease(
        fingerprint=b"f",
        received=site.lease.received,
        expires=site.lease.expires,
        objections=tuple(Objection(each, "no") for each in known),
    )
    new = Lease(fingerprint=b"n", objections=tuple(Objection(each, "no") for each in news))
    site.clock.advance(hours * HOUR)
    assert withholds(lease, new, site.clock.now()) is expected
    same = replace(new, fingerprint=b"f")
    assert not withholds(lease, same, site.clock.now())
