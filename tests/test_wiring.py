"""From settings to objects: names, terms, digests, notices, and what can go wrong."""

import hashlib
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from refresher.errors import SettingsError
from refresher.model.credential import Secret
from refresher.model.lease import Terms
from refresher.ports import Event, Route, Severity
from refresher.settings import parse
from refresher.store.memory import MemoryStore
from refresher.testing import EventLog, FakeClock
from refresher.wiring import Wiring, wire
from tests.doubles.packages import VAULT, install

_numbers = itertools.count()
Plug = Callable[[str, str], None]

SINK = "sinks: {s: {type: store}}\n"
HUB = "type: static, registries: [docker.io], username: acme"
BAD = """
from refresher import options
from refresher.errors import PermanentError, RetryableError

class Options(options.Options):
    do: str = ""

class Half:
    def read(self, registries): return {}

def build(options, tools):
    match options.do:
        case "permanent": raise PermanentError("no key", hint="make one")
        case "retryable": raise RetryableError("try later")
        case "bug": raise KeyError("canary")
        case "exit": raise SystemExit("canary")
        case "nothing": return None
        case "none of several": return {}
        case "one of several": return {"a": None}
        case "half": return Half()
"""


def fingerprint(username: str, secret: Secret) -> bytes:
    """Return what the records would return, without their key."""
    return hashlib.sha256(f"{username}\0{secret.reveal()}".encode()).digest()


def wired(
    text: str,
    env: Mapping[str, str] | None = None,
    *,
    directory: str = "/etc",
    log: EventLog | None = None,
) -> Wiring:
    """Return what is built of settings."""
    env = env or {}
    return wire(
        parse(text, "f.yaml", Path(directory), env),
        clock=FakeClock(),
        store=MemoryStore(),
        env=env,
        events=log or EventLog(),
        fingerprint=fingerprint,
    )


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Return a function that installs a plug-in under a type name."""
    monkeypatch.syspath_prepend(tmp_path)

    def plug(type_name: str, source: str) -> None:
        name = f"acme_{type_name}_{next(_numbers)}_{tmp_path.name}".replace("-", "_")
        groups = ("refresher.providers", "refresher.sinks")
        install(tmp_path, name, source, {group: {type_name: name} for group in groups})

    return plug


def test_providers_and_sinks_are_built_by_name() -> None:
    """The engine gets them with their terms, and with the routes of the settings."""
    built = wired(f"providers: {{hub: {{{HUB}, password: x, interval: 1h, max_age: 1d}}}}\n{SINK}")
    assert built.sources["hub"].terms == Terms(3600, 86_400)
    assert built.sources["hub"].provider.fetch(1).registries == ("docker.io",)
    assert list(built.sinks["s"].read(["docker.io"]))
    assert built.routes == (Route(("hub",), ("s",)),)


def test_a_provider_may_become_several(plug: Plug) -> None:
    """Each has its suffix in its name, and routes lead from all of them."""
    plug("vault", VAULT)
    built = wired(
        "providers:\n  v: {type: vault, url: u, ports: [1, 2], interval: 5m}\n"
        "  w: {type: vault, url: w}\n"
        "sinks: {a: {type: store}, b: {type: store, environment: b}}\n"
        "routes: [{from: [v, w], to: [a]}, {from: [v], to: [b]}]\n"
    )
    assert {name: source.terms.interval for name, source in built.sources.items()} == {
        "v/1": 300,
        "v/2": 300,
        "w": None,
    }
    assert built.routes == (Route(("v/1", "v/2", "w"), ("a",)), Route(("v/1", "v/2"), ("b",)))


def test_hosts_of_several_regions_become_several_providers() -> None:
    """One region's fault never touches another's credential."""
    hosts = ", ".join(
        f"123456789012.dkr.ecr.{region}.amazonaws.com" for region in ("us-west-2", "eu-west-1")
    )
    built = wired(f"providers: {{prod: {{type: ecr, registries: [{hosts}]}}}}\n{SINK}")
    assert set(built.sources) == {"prod/us-west-2", "prod/eu-west-1"}


def test_a_store_alone_is_wired_to_nothing() -> None:
    """There is nothing to do, and that is no fault."""
    assert wired("store: memory") == Wiring({}, {}, ())


def test_registries_that_turn_out_to_be_one_are_a_conflict() -> None:
    """Google's registries have one key per host, whatever the path: two providers fight for it."""
    with pytest.raises(SettingsError) as caught:
        wired(
            "providers:\n"
            "  one: {type: gcr, registries: [gcr.io/one]}\n"
            "  two: {type: gcr, registries: [eu.gcr.io, gcr.io/two]}\n" + SINK
        )
    (problem,) = caught.value.problems
    assert (problem.field, problem.line) == ("providers.two", 3)
    assert "provider one feeds the same registry to the sink s" in problem.message


# --- digests -----------------------------------------------------------------------


def digest(options: str, *, name: str = "hub", directory: str = "/etc", variable: str = "t") -> str:
    """Return the digest of a static provider's settings."""
    text = f"providers: {{{name}: {{type: static, username: u, {options}}}}}\n{SINK}"
    return wired(text, {"TOKEN": variable}, directory=directory).sources[name].settings


@pytest.mark.parametrize(
    ("options", "change"),
    [
        pytest.param("password: other, registries: [r.example]", {}, id="password"),
        pytest.param("password: x, registries: [s.example]", {}, id="registry"),
        pytest.param("password: x, registries: [r.example], email: e@x", {}, id="another option"),
        pytest.param("password: x, registries: [r.example], max_age: 1d", {}, id="terms"),
        pytest.param("password_file: x, registries: [r.example]", {}, id="same value elsewhere"),
        pytest.param(None, {"directory": "/srv"}, id="where paths start"),
    ],
)
def test_a_change_changes_the_digest(options: str | None, change: dict[str, str]) -> None:
    """A provider whose settings changed is due."""
    before = "password: x, registries: [r.example]"
    assert digest(before) != digest(options or before, **change)


def test_a_changed_variable_changes_the_digest() -> None:
    """A password in the environment has no file that could be watched."""
    options = "registries: [r.example], password_env: TOKEN"
    assert digest(options, variable="one") != digest(options, variable="two")


@pytest.mark.parametrize(
    ("options", "change"),
    [
        pytest.param("registries: [r.example], password: x", {}, id="order of keys"),
        pytest.param("password: 'x', registries: [ 'r.example' ]", {}, id="spelling"),
        pytest.param("password: x, registries: [r.example]", {"name": "other"}, id="name"),
        pytest.param("password: x, registries: [r.example]", {"variable": "n"}, id="variable"),
    ],
)
def test_what_changes_nothing_keeps_the_digest(options: str, change: dict[str, str]) -> None:
    """Nobody is asked for a credential because of a comment."""
    assert digest("password: x, registries: [r.example]") == digest(options, **change)


# --- notices and faults -------------------------------------------------------------


def test_what_a_plug_in_says_is_an_event_in_its_name() -> None:
    """A password in the settings is warned about, once, without it."""
    log = EventLog()
    wired(f"providers: {{hub: {{{HUB}, password: canary-secret}}}}\n{SINK}", log=log)
    (event,) = log.seen
    assert (event.name, event.severity, event.provider) == ("notice", Severity.WARNING, "hub")
    assert "canary" not in repr(event)


def test_a_sink_speaks_in_its_own_name(plug: Plug) -> None:
    """Its notice does not look like a provider's."""
    plug(
        "chatty",
        "from refresher.options import Options as Base\nclass Options(Base): pass\n"
        "class Sink:\n  def read(self, r): return {}\n  def write(self, t, c): return None\n"
        "def build(options, tools):\n  tools.notify('hello')\n  return Sink()\n",
    )
    log = EventLog()
    wired(
        f"providers: {{hub: {{{HUB}, password_env: P}}}}\nsinks: {{c: {{type: chatty}}}}", log=log
    )
    assert log.seen == [Event("notice", Severity.WARNING, sink="c", detail="hello")]


@pytest.mark.parametrize(
    ("section", "do", "message"),
    [
        pytest.param("providers", "permanent", "no key: make one", id="permanent"),
        pytest.param("providers", "retryable", "try later", id="retryable"),
        pytest.param("providers", "bug", "has a bug: KeyError: tell", id="bug"),
        pytest.param("providers", "exit", "has a bug: SystemExit: tell", id="exits"),
        pytest.param("providers", "nothing", "bug: it built no provider", id="nothing"),
        pytest.param("providers", "none of several", "bug: it built no provider", id="no provider"),
        pytest.param("providers", "one of several", "bug: it built no provider", id="a bad one"),
        pytest.param("providers", "half", "bug: it built no provider", id="a sink"),
        pytest.param("sinks", "half", "bug: it built no sink", id="half a sink"),
        pytest.param("sinks", "none of several", "bug: it built no sink", id="several sinks"),
    ],
)
def test_what_can_not_be_built_is_a_problem_of_its_line(
    plug: Plug, section: str, do: str, message: str
) -> None:
    """Whatever a plug-in does, the settings' reader learns which one, and not its data."""
    plug("bad", BAD)
    texts = {"providers": f"hub: {{{HUB}, password_env: P}}", "sinks": "s: {type: store}"}
    texts[section] += f"\n  x: {{type: bad, do: {do}}}"
    text = "".join(f"{name}:\n  {inner}\n" for name, inner in texts.items())
    with pytest.raises(SettingsError) as caught:
        wired(text)
    (problem,) = caught.value.problems
    assert (problem.field, problem.line) == (
        f"{section}.x",
        text.count("\n", 0, text.index("x: {t")) + 1,
    )
    assert message in problem.message
    assert "canary" not in str(caught.value)


def test_all_that_fails_is_listed(plug: Plug) -> None:
    """One fault hides no other, and a bug's traceback stays reachable for its author."""
    plug("bad", BAD)
    with pytest.raises(SettingsError) as caught:
        wired(
            "providers:\n  a: {type: bad, do: permanent}\n  b: {type: bad, do: bug}\n"
            "sinks:\n  c: {type: bad, do: half}\n  d: {type: store}\n"
        )
    assert [problem.field for problem in caught.value.problems] == [
        "providers.a",
        "providers.b",
        "sinks.c",
    ]
    assert isinstance(caught.value.__cause__, KeyError)
