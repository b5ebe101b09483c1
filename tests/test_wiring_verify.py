"""From `verify` in the settings to a verifier that asks a registry."""

from pathlib import Path

from refresher.clock import SystemClock
from refresher.model.credential import Secret
from refresher.ports import Severity, Verdict
from refresher.settings import parse
from refresher.store.memory import MemoryStore
from refresher.testing import EventLog
from refresher.wiring import Wiring, wire
from tests.doubles.certificates import Authority
from tests.doubles.scripted import Scripted, asks, pair


def _fingerprint(username: str, secret: Secret) -> bytes:
    return f"{username}{len(secret.reveal())}".encode()


def wired(text: str, log: EventLog | None = None) -> Wiring:
    """Return what is built of settings, by a real clock."""
    return wire(
        parse(text, "f.yaml", Path("/etc"), {}),
        clock=SystemClock(),
        store=MemoryStore(),
        env={},
        events=log or EventLog(),
        fingerprint=_fingerprint,
    )


def settings(registry: str, verify: str) -> str:
    """Return settings with a provider of one registry and one of another."""
    return (
        "providers:\n"
        f"  own: {{type: static, registries: ['{registry}'], username: ann, password: pass-word}}\n"
        "  hub: {type: static, registries: [docker.io], username: ann, password: pass-word}\n"
        "sinks: {s: {type: store}}\n"
        "routes:\n"
        f"- {{from: [own], to: [s], verify: {verify}}}\n"
        "- {from: [hub], to: [s]}\n"
    )


def test_a_source_gets_the_verifier_of_its_route(tmp_path: Path) -> None:
    """It asks the registry with the credential that its provider gives; others have none."""
    authority = Authority(tmp_path)
    scripts = {"/v2/": asks("Basic", pair("ann", "pass-word"))}
    with Scripted(scripts, authority.server()) as server:
        text = settings(server.host, f"{{mode: login, ca_file: {authority.file}}}")
        sources = wired(text).sources
        assert sources["hub"].verifier is None
        verifier, credential = sources["own"].verifier, sources["own"].provider.fetch(1)
        assert verifier is not None
        assert verifier.verify(server.host, credential, 10).verdict is Verdict.ACCEPTED


def test_every_part_of_a_provider_is_tried() -> None:
    """One that becomes several by region has a verifier for each."""
    hosts = [f"123456789012.dkr.ecr.{each}.amazonaws.com" for each in ("us-west-2", "eu-west-1")]
    made = wired(
        f"providers: {{prod: {{type: ecr, registries: [{', '.join(hosts)}]}}}}\n"
        "sinks: {s: {type: store}}\nverify: login\n"
    )
    assert len(made.sources) == 2
    assert all(source.verifier is not None for source in made.sources.values())


def test_what_is_insecure_is_told_loudly_and_once() -> None:
    """Each host that some check treats so is a warning; what is switched off warns of nothing."""
    log = EventLog()
    wired(settings("r.example", "{mode: login, insecure: ['r.example', 'a.example:5000']}"), log)
    assert [(each.name, each.severity, each.registries) for each in log.seen[-2:]] == [
        ("notice", Severity.WARNING, ("r.example",)),
        ("notice", Severity.WARNING, ("a.example:5000",)),
    ]
    assert all("insecure" in each.detail and each.hint for each in log.seen[-2:])
    log = EventLog()
    wired(settings("r.example", "{mode: off, insecure: ['r.example']}"), log)
    assert not any("insecure" in each.detail for each in log.seen)


def strangers(provider: str, trusted: str) -> list[str]:
    """Return the registries in `trust` that are told to be served by nobody."""
    log = EventLog()
    wired(f"providers: {{p: {{{provider}}}}}\nsinks: {{s: {{type: store}}}}\n{trusted}\n", log)
    told = [each for each in log.seen if "which no provider serves" in each.detail]
    assert all(each.severity is Severity.WARNING and each.hint for each in told)
    return [host for each in told for host in each.registries]


def test_trust_of_a_registry_that_nobody_serves_is_told() -> None:
    """A port that is missing or wrong, a slip in the name."""
    provider = (
        "type: static, registries: ['r.example:5000', s.example/team], username: u, password: p"
    )
    trusted = "trust: {r.example: &t {insecure: true}, 'r.example:5000': *t, 's.example:443': *t}"
    assert strangers(provider, trusted) == ["r.example"]


def test_where_nobody_knows_what_is_served_trust_is_left_alone() -> None:
    """ECR's own registry is known with the first token; people may add any on the page."""
    trusted = "trust: {r.example: {insecure: true}}"
    assert strangers("type: ecr, region: us-west-2", trusted) == []
    log = EventLog()
    wired(trusted, log)
    assert log.seen == []
