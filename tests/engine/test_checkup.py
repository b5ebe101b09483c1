"""Everything is tried and nothing is written."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from refresher.engine.checkup import (
    Finding,
    check_locally,
    check_providers,
    check_sinks,
    declared,
    fed,
)
from refresher.engine.workers import ThreadWorkers
from refresher.errors import PermanentError
from refresher.model.credential import Credential, Secret
from refresher.model.lease import Terms
from refresher.ports import Busy, Judgement, Refused, Route, Sink, Source, Verdict
from refresher.testing import FakeClock
from tests.fakes import Issuer, Shelf

WORKERS = ThreadWorkers()


def checked(sinks: Mapping[str, Sink], *registries: str) -> list[Finding]:
    """Return what is wrong with sinks that are to hold all of the registries."""
    wanted = dict.fromkeys(sinks, registries or ("registry.example",))
    return check_sinks(sinks, wanted, WORKERS)


class _Unready(Issuer):
    def validate(self) -> None:
        raise PermanentError("key_file is missing", hint="write it")


def test_local_faults_are_found_without_asking() -> None:
    """A provider that knows that it can't work says so; the others are not called."""
    clock = FakeClock()
    unready, ready = _Unready(clock), Issuer(clock)
    findings = check_locally({"bad": Source(unready), "good": Source(ready)})
    assert [(each.subject, each.message, each.hint) for each in findings] == [
        ("bad", "key_file is missing", "write it")
    ]
    assert (unready.calls, ready.calls) == (0, 0)


def test_each_provider_is_asked_once() -> None:
    """A denied identity and a bug of a plug-in are findings; a good answer is none."""
    clock = FakeClock()
    issuers = {name: Issuer(clock) for name in ("denied", "buggy", "good")}
    issuers["denied"].script = [PermanentError("denied")]
    issuers["buggy"].script = [KeyError("canary")]
    sources = {name: Source(issuer) for name, issuer in issuers.items()}
    findings = {each.subject: each.message for each in check_providers(sources, WORKERS)[0]}
    assert findings["denied"] == "denied"
    assert findings["buggy"].startswith("the plug-in has a fault of its own: KeyError at ")
    assert "canary" not in findings["buggy"]
    assert set(findings) == {"denied", "buggy"}
    assert [issuer.calls for issuer in issuers.values()] == [1, 1, 1]


def test_an_ended_answer_and_a_long_interval_are_findings() -> None:
    """What would not work for long is told before it hurts."""
    clock = FakeClock()
    ended, slow = Issuer(clock), Issuer(clock, life=900.0)
    past = clock.now() - timedelta(hours=1)
    ended.script = [
        Credential(("a.example",), "u", Secret("s"), issued_at=clock.now(), expires_at=past)
    ]
    sources = {"ended": Source(ended), "slow": Source(slow, Terms(interval=1200))}
    messages = [each.message for each in check_providers(sources, WORKERS)[0]]
    assert len(messages) == 2
    assert "ended at" in messages[0]
    assert "interval is 20 min, but its credentials live for 15 min" in messages[1]


class _Judge:
    """A verifier that answers by registry, and keeps what it was asked."""

    def __init__(self, **judgements: Judgement | Exception) -> None:
        self.judgements = judgements
        self.asked: list[tuple[str, str]] = []

    def verify(self, registry: str, credential: Credential, deadline: float) -> Judgement:
        assert deadline > 0
        self.asked.append((registry, credential.username))
        made = self.judgements[registry]
        if isinstance(made, Exception):
            raise made
        return made


def test_what_arrives_is_tried_at_every_registry() -> None:
    """Whatever is not accepted is a finding, with what to do where that is known."""
    clock = FakeClock()
    judge = _Judge(
        good=Judgement(Verdict.ACCEPTED),
        bad=Judgement(Verdict.REFUSED, "401"),
        short=Judgement(Verdict.FORBIDDEN, "no pull"),
        slow=Judgement(Verdict.INCONCLUSIVE, "in no time"),
        buggy=KeyError("canary"),
    )
    tried = Issuer(clock, registries=tuple(judge.judgements))
    failing, untried = Issuer(clock), Issuer(clock)
    failing.script = [PermanentError("denied")]
    sources = {
        "tried": Source(tried, verifier=judge),
        "failing": Source(failing, verifier=judge),
        "untried": Source(untried),
    }
    found = [
        (each.subject, each.message, each.hint) for each in check_providers(sources, WORKERS)[0]
    ]
    assert [(subject, message) for subject, message, _ in found[:-1]] == [
        ("failing", "denied"),
        ("tried", "bad: refused: 401"),
        ("tried", "short: forbidden: no pull"),
        ("tried", "slow: inconclusive: in no time"),
    ]
    assert [bool(hint) for _, _, hint in found[:-1]] == [False, True, True, False]
    assert found[-1][1].startswith("the plug-in has a fault of its own: KeyError")
    assert sorted(judge.asked) == sorted((each, "AWS") for each in judge.judgements)


def test_sinks_are_read_for_every_registry() -> None:
    """Unreadable targets, shadowed entries and broken sinks are findings."""
    shadowed, broken, good = Shelf(), Shelf(), Shelf()
    shadowed.foreign["registry.example"] = "credsStore wins"
    broken.read_fault = PermanentError("gone")
    sinks = {"shadowed": shadowed, "broken": broken, "good": good}
    findings = [(each.subject, each.message) for each in checked(sinks)]
    assert findings == [("shadowed", "shelf: credsStore wins"), ("broken", "gone")]


def test_a_sink_is_asked_for_what_its_routes_bring() -> None:
    """By several routes at once, and each registry once; what nobody knows yet is left out."""
    clock = FakeClock()
    sources = {name: Source(Issuer(clock, registries=(f"{name}.example",))) for name in "ab"}
    registries = {**declared(sources), "c": ("a.example", "c.example")}
    routes = [Route(("a",), ("one", "two")), Route(("b", "c", "d"), ("two",))]
    assert fed(routes, registries) == {
        "one": ("a.example",),
        "two": ("a.example", "b.example", "c.example"),
    }


def test_it_is_told_for_which_registries_credentials_arrived() -> None:
    """Some providers learn it then, and not before."""
    clock = FakeClock()
    late, denied = Issuer(clock, registries=("late.example",)), Issuer(clock)
    denied.script = [PermanentError("denied")]
    sources = {"late": Source(late), "denied": Source(denied)}
    assert check_providers(sources, WORKERS)[1] == {"late": ("late.example",)}


def test_a_target_that_cannot_be_read_is_named_once() -> None:
    """A reason that holds the target's path does not repeat it."""

    class Unreadable(Shelf):
        def read(self, registries: object) -> dict[str, Busy | Refused]:
            assert registries
            return {"a.json": Refused("a.json:1:2: bad"), "b.json": Busy("locked")}

    findings = checked({"files": Unreadable()})
    assert [each.message for each in findings] == ["a.json:1:2: bad", "b.json: locked"]


def test_a_sink_that_can_not_be_written_is_a_finding() -> None:
    """What a write would meet is found without one."""

    class ReadOnly(Shelf):
        def validate(self) -> None:
            raise PermanentError("read-only", hint="mount it writable")

    findings = checked({"files": ReadOnly()})
    assert [(each.message, each.hint) for each in findings] == [("read-only", "mount it writable")]


def test_what_a_sink_advises_is_a_finding() -> None:
    """It is asked for the registries of all providers; one that fails hides no other."""

    class Adviser(Shelf):
        def advise(self, registries: Collection[str]) -> list[str]:
            return [f"nobody may pull from {registry}" for registry in registries]

    class Broken(Shelf):
        def advise(self, registries: Collection[str]) -> list[str]:
            raise PermanentError(f"lost {len(registries)}")

    sinks = {"one": Broken(), "two": Adviser(), "three": Shelf()}
    findings = checked(sinks, "a.example", "b.example")
    assert [(each.subject, each.message) for each in findings] == [
        ("one", "lost 2"),
        ("two", "nobody may pull from a.example"),
        ("two", "nobody may pull from b.example"),
    ]


def test_what_validation_told_is_not_told_again_by_every_target() -> None:
    """A key file that is missing is one finding, however many environments need it."""

    class Keyless(Shelf):
        def validate(self) -> None:
            raise PermanentError("key_file is missing", hint="write it")

        def read(self, registries: object) -> dict[str, Busy | Refused]:
            assert registries
            return {"1a5": Refused("key_file is missing: write it"), "1a7": Busy("locked")}

    findings = checked({"one": Keyless(), "two": Keyless()})
    assert [(each.subject, each.message) for each in findings] == [
        ("one", "key_file is missing"),
        ("two", "key_file is missing"),
        ("one", "1a7: locked"),
        ("two", "1a7: locked"),
    ]


class _Careful(_Judge):
    """A verifier that knows that it can't work."""

    def validate(self) -> None:
        raise PermanentError("ca.pem is missing", hint="write it")


def test_a_file_that_verifiers_lack_is_one_finding_for_all() -> None:
    """It is found without asking anybody."""
    clock = FakeClock()
    judge = _Careful()
    sources = {name: Source(Issuer(clock), verifier=judge) for name in ("hub", "corp")}
    findings = check_locally(sources | {"off": Source(Issuer(clock))})
    assert [(each.subject, each.message, each.hint) for each in findings] == [
        ("hub, corp", "ca.pem is missing", "write it")
    ]
    assert judge.asked == []


def test_other_files_are_looked_at_too() -> None:
    """As that of the store's keys."""
    findings = check_locally({}, {"store": _Careful(), "clock": FakeClock()})
    assert [(each.subject, each.message) for each in findings] == [("store", "ca.pem is missing")]
