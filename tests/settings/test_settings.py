"""From a settings file, or registry names alone, to settings; every error with its place."""

import re
import string
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from refresher.errors import Problem, SettingsError
from refresher.model.credential import Secret, live_secrets
from refresher.model.lease import Terms
from refresher.plugins import BUILT_IN, Kind, find
from refresher.ports import Route
from refresher.providers.static import Options as StaticOptions
from refresher.settings import Settings, for_registries, load, parse
from tests.doubles.packages import install

HUB = "type: static, registries: [docker.io], username: acme, password_env: HUB"
STORE = "type: store"
PAIR = f"providers: {{hub: {{{HUB}}}}}\nsinks: {{s: {{{STORE}}}}}\n"
ECR = "123456789012.dkr.ecr.us-west-2.amazonaws.com"


def read(text: str, env: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in `text`, as from a file in /etc/r."""
    return parse(text, "f.yaml", Path("/etc/r"), env or {"HOME": "/home/ann"})


def problems(text: str) -> tuple[Problem, ...]:
    """Return everything that is wrong with `text`."""
    with pytest.raises(SettingsError) as caught:
        read(text)
    return caught.value.problems


def with_hub(extra: str) -> str:
    """Return settings with a provider `hub` (lines 2 and 3) and a sink, and `extra` in `hub`."""
    return f"providers:\n  hub: {{{HUB},\n    {extra}}}\nsinks: {{s: {{{STORE}}}}}\n"


# --- what is read ------------------------------------------------------------------


def test_settings_are_what_the_file_says() -> None:
    """Names, types, options, times and routes arrive as they are written."""
    made = read(
        "store: state/r.db\ndrift_interval: 10m\nlog_level: debug\nlog_format: json\n"
        f"providers:\n  hub: {{{HUB}, interval: 1h, max_age: 2d}}\n  own: {{{HUB}}}\n"
        f"sinks: {{s: {{{STORE}, environment: prod}}, t: {{{STORE}}}}}\n"
        "routes:\n- {from: [hub], to: [s]}\n- {from: [own, own], to: [t]}\n"
    )
    assert (made.store, made.drift_interval) == ("/etc/r/state/r.db", 600)
    assert (made.log_level, made.log_format) == ("debug", "json")
    assert made.providers["hub"].terms == Terms(3600, 172_800)
    assert made.providers["own"].terms == Terms()
    assert made.providers["hub"].line == 6
    assert made.sinks["s"].options.model_dump() == {"environment": "prod"}
    assert made.routes == (Route(("hub",), ("s",)), Route(("own",), ("t",)))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("store: memory", id="a store"),
        pytest.param("store: memory\nproviders:\nsinks: {}\nroutes:", id="empty sections"),
        pytest.param("{}", id="an empty mapping"),
        pytest.param("log_level: info", id="a log level"),
    ],
)
def test_providers_and_sinks_may_be_missing(text: str) -> None:
    """Settings with a store alone are valid."""
    made = read(text)
    assert (made.providers, made.sinks, made.routes) == ({}, {}, ())


@pytest.mark.parametrize(
    ("text", "store"),
    [
        pytest.param("log_level: info", None, id="the default place"),
        pytest.param("store: memory", "memory", id="memory"),
        pytest.param("store: r.db", "/etc/r/r.db", id="relative"),
        pytest.param("store: ~/r.db", "/home/ann/r.db", id="home"),
        pytest.param("store: /srv/r.db", "/srv/r.db", id="absolute"),
        pytest.param(
            "store: postgresql://a@db/r?sslmode=require",
            "postgresql://a@db/r?sslmode=require",
            id="a server",
        ),
    ],
)
def test_the_store_is_a_place(text: str, store: str | None) -> None:
    """A path starts at the settings file; anything else stays as it is."""
    assert read(text).store == store


def test_the_files_of_the_store_start_at_the_settings() -> None:
    """The password of the server and the keys of the secrets are files like any other."""
    made = read("store_password_file: pw\nstore_key_file: ~/keys")
    assert made.store_password_file == Path("/etc/r/pw")
    assert made.store_key_file == Path("/home/ann/keys")
    made = read("log_level: info")
    assert (made.store_password_file, made.store_key_file) == (None, None)


def test_without_routes_every_provider_feeds_every_sink() -> None:
    """The simplest settings need no routes."""
    second = HUB.replace("docker.io", "r.example")
    text = (
        f"providers: {{a: {{{HUB}}}, b: {{{second}}}}}\nsinks: {{s: {{{STORE}}}, t: {{{STORE}}}}}\n"
    )
    assert read(text).routes == (Route(("a", "b"), ("s", "t")),)


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        pytest.param("store: memory", None, id="nothing"),
        pytest.param("listen: 127.0.0.1:8080", "127.0.0.1:8080", id="address"),
        pytest.param("listen: :8080", ":8080", id="every address"),
        pytest.param("listen: '[::1]:8080'", "[::1]:8080", id="IPv6"),
        pytest.param("listen: off", "off", id="off"),
    ],
)
def test_where_to_listen_is_text(text: str, listen: str | None) -> None:
    """YAML's `off` is no truth here."""
    assert read(text).listen == listen


@pytest.mark.parametrize("username", ["no", "0123", "1e3", "2026-11-25", "null-like", "true", "~x"])
def test_strings_stay_strings(username: str) -> None:
    """What looks like a number or a date is the user name that was written."""
    made = read(with_hub("email: x").replace("acme", username)).providers["hub"].options
    assert isinstance(made, StaticOptions)
    assert made.username == username


def test_a_password_keeps_its_zeros() -> None:
    """`password: 0123` is no number."""
    options = read(
        with_hub("x: y").replace("x: y", "password: 0123").replace(", password_env: HUB", "")
    )
    made = options.providers["hub"].options
    assert isinstance(made, StaticOptions)
    assert made.password is not None
    assert made.password.reveal() == "0123"


def test_anchors_save_writing() -> None:
    """What providers share is written once."""
    made = read(
        f"providers:\n  a: &base {{{HUB}}}\n  b: {{<<: *base, registries: [r.example]}}\n"
        f"sinks: {{s: {{{STORE}}}}}\n"
    )
    options = [plug.options.model_dump()["registries"] for plug in made.providers.values()]
    assert options == [("docker.io",), ("r.example",)]


def test_paths_of_a_file_start_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They start at the file, not where the program was started or where a link leads."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "r.yaml").write_text("store: r.db")
    (tmp_path / "r.yaml").symlink_to("real/r.yaml")
    monkeypatch.chdir(tmp_path / "real")
    made = load(Path("../r.yaml"), {})
    assert made.store is not None
    assert Path(made.store).resolve() == tmp_path / "r.db"
    assert made.directory.is_absolute()


def test_settings_are_the_same_however_their_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider is not due because somebody stood in another directory."""
    (tmp_path / "r.yaml").write_text(with_hub("email: x"))
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    origins = set()
    for directory, name in ((".", "r.yaml"), ("sub", "../r.yaml"), ("/", tmp_path / "link/r.yaml")):
        monkeypatch.chdir(tmp_path / directory)
        origins.add(load(Path(name), {}).providers["hub"].origin)
    assert len(origins) == 1


def test_a_repr_shows_no_password() -> None:
    """Settings may be printed."""
    text = with_hub("email: x").replace("password_env: HUB", "password: canary-password")
    assert "canary" not in repr(read(text))


def test_only_what_is_secret_is_kept_from_the_output() -> None:
    """Names and paths in the settings are no secrets to the redactor."""
    before = set(live_secrets())
    made = read(with_hub("email: x").replace("password_env: HUB", "password: one-of-a-kind"))
    assert set(live_secrets()) - before == {Secret("one-of-a-kind")}
    assert made.providers


# --- what is refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "field", "line", "message"),
    [
        pytest.param("- a", "", 1, "must be a mapping", id="a list at the top"),
        pytest.param("canary", "", 1, "must be a mapping", id="a text at the top"),
        pytest.param("# x\nstoer: x", "stoer", 2, "did you mean store?", id="unknown at the top"),
        pytest.param("zzz: x", "zzz", 1, "known: drift_interval, listen,", id="nothing is near"),
        pytest.param("store: ''", "store", 1, "is empty", id="empty store"),
        pytest.param("store: [x]", "store", 1, "must be text", id="a list of stores"),
        pytest.param('store: "a\\0b"', "store", 1, "control character", id="NUL in a path"),
        pytest.param(
            "store: postgresql://u:canary@h/d", "store", 1, "holds a password", id="a password"
        ),
        pytest.param("store: POSTGRESQL:/u:canary@h/d", "store", 1, "is a URL", id="one slash"),
        pytest.param("store: 'sqlite:///canary'", "store", 1, "is a URL", id="a URL of a file"),
        pytest.param(
            "store: '{\"canary\": 1}'", "store", 1, "holds the content itself", id="a content"
        ),
        pytest.param("listen: canary", "listen", 1, "has no port", id="no port to listen on"),
        pytest.param("listen: 8080", "listen", 1, "is a port alone", id="a port alone"),
        pytest.param("log_level: canary", "log_level", 1, "debug, info, warn", id="log level"),
        pytest.param("log_format: canary", "log_format", 1, "auto, console", id="log format"),
        pytest.param("drift_interval: canary", "drift_interval", 1, "no duration", id="duration"),
        pytest.param("drift_interval: 0", "drift_interval", 1, "longer than 0", id="no time"),
        pytest.param("drift_interval:", "drift_interval", 1, "has no value", id="no value"),
        pytest.param("drift_interval: 9999999d", "drift_interval", 1, "100 years", id="too long"),
        pytest.param("providers: [x]", "providers", 1, "must be a mapping", id="list of providers"),
        pytest.param(
            "providers:\n  x: y", "providers.x", 2, "mapping with a", id="text as provider"
        ),
        pytest.param("providers:\n  x:", "providers.x", 2, "mapping with a", id="empty provider"),
        pytest.param("sinks: {x: [y]}", "sinks.x", 1, "mapping with a type", id="list as sink"),
        pytest.param("routes: x", "routes", 1, "must be a list", id="text as routes"),
        pytest.param(
            f"{PAIR}routes: canary", "routes", 3, "must be a list", id="text as routes of some"
        ),
        pytest.param(
            f"{PAIR}routes: {{hub: s}}", "routes", 3, "must be a list", id="mapping as routes"
        ),
        pytest.param(
            f"providers: canary\nsinks: {{s: {{{STORE}}}}}\nroutes: [{{from: [hub], to: [s]}}]",
            "providers",
            1,
            "must be a mapping",
            id="text as providers of a route",
        ),
        pytest.param(
            f"providers: {{hub: {{{HUB}}}}}\nsinks: [canary]",
            "sinks",
            2,
            "must be a map",
            id="sinks",
        ),
    ],
)
def test_a_bad_frame_is_refused(text: str, field: str, line: int, message: str) -> None:
    """One problem, with its field and its line, in words."""
    (problem,) = problems(text)
    assert (problem.field, problem.line) == (field, line)
    assert message in problem.message
    assert "canary" not in problem.message


@pytest.mark.parametrize(
    ("extra", "field", "message"),
    [
        pytest.param("pasword: x", "pasword", "did you mean password?", id="unknown option"),
        pytest.param("intervall: 1h", "intervall", "did you mean interval?", id="unknown time"),
        pytest.param("PASSWORD: x", "PASSWORD", "did you mean password?", id="upper case"),
        pytest.param("zzz: 1", "zzz", "known: email, expires_at, interval", id="nothing is near"),
        pytest.param("interval: canary", "interval", "no duration", id="a bad time"),
        pytest.param("max_age: [1h]", "max_age", "must be a number", id="a list of times"),
        pytest.param("email: [x]", "email", "must be text", id="a list for a text"),
        pytest.param("registries: canary", "registries", "set twice", id="set twice"),
        pytest.param("expires_at: canary", "expires_at", "is no time", id="no time"),
        pytest.param("email: !x y", "email", "a tag (!)", id="a tag"),
    ],
)
def test_a_bad_option_is_refused(extra: str, field: str, message: str) -> None:
    """Options are checked by their plug-in, and told of as the frame's settings are."""
    (problem,) = problems(with_hub(extra))
    assert (problem.field, problem.line) == (f"providers.hub.{field}", 3)
    assert message in problem.message
    assert "canary" not in problem.message


SLIPS = {
    "a colon": ("{name}:canary", "a space is missing after ':'"),
    "an equals sign": ("{name}=canary", "': ' is needed in the place of '='"),
    "a space": ("{name} canary", "holds a character that no name has"),
    "a quoted colon": ("'{name}:canary'", "a space is missing after ':'"),
    "an unknown name": ("zzz:canary", "a space is missing after ':'; is no known setting; known"),
    "a long name": (f"{'z' * 40}canary", "is no known setting; known"),
}


@pytest.mark.parametrize(("slip", "message"), SLIPS.values(), ids=SLIPS)
@pytest.mark.parametrize(
    ("text", "field", "name"),
    [
        pytest.param("{{{slip}}}", "", "store", id="at the top"),
        pytest.param(
            "providers: {{hub: {{{hub}, {slip}}}}}\nsinks: {{s: {{type: store}}}}",
            "providers.hub.",
            "password",
            id="in a provider",
        ),
        pytest.param(
            "providers: {{hub: {{{hub}}}}}\nsinks: {{s: {{type: store, {slip}}}}}",
            "sinks.s.",
            "environment",
            id="in a sink",
        ),
        pytest.param(
            "providers: {{hub: {{{hub}}}}}\nsinks: {{s: {{type: store}}}}\n"
            "routes: [{{from: [hub], to: [s], {slip}}}]",
            "routes[0].",
            "from",
            id="in a route",
        ),
    ],
)
def test_a_value_in_a_key_is_not_repeated(
    text: str, field: str, name: str, slip: str, message: str
) -> None:
    """Where a space is missing, YAML makes one key of a name and a password."""
    written = slip.format(name=name)
    (problem,) = problems(text.format(slip=written, hub=HUB))
    start = re.match("[a-z]*", written.strip("'"))
    assert start is not None
    assert problem.field == f"{field}{start.group()[:40]}..."
    assert problem.message.startswith(message)
    assert "canary" not in problem.message


def test_a_value_in_a_name_is_not_repeated() -> None:
    """Nor where a provider or a sink is named, however often it would be named again."""
    found = problems(
        f"providers: {{hub:canary: {{{HUB}}}, own: {{{HUB}}}}}\n"
        f"sinks: {{s:canary, s: {{{STORE}}}, s:canary: {{{STORE}}}}}\n"
        "routes: [{from: ['hub:canary', own, zzz], to: ['s:canary', s]}]\n"
    )
    assert "canary" not in " ".join(f"{problem.field} {problem.message}" for problem in found)
    assert {"providers.hub...", "sinks.s...", "routes[0].from[2]"} == {one.field for one in found}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param("expires_at: 2027-01-31", "write YYYY-MM-DDThh:mm:ssZ", id="a date"),
        pytest.param("username: password, password: x", "password_file, password_env", id="a word"),
        pytest.param(
            "registries: [registry.example:5000, a b]", "example registry.example:5000", id="a host"
        ),
        pytest.param("password_env: environment-variable", "of an environment var", id="a name"),
    ],
)
def test_our_own_words_stay_whole(options: str, message: str) -> None:
    """A value that happens to be a word of the message is not cut out of it."""
    given = {"username": "acme", "registries": "[docker.io]", "password_env": "HUB"}
    lacking = [f"{name}: {text}" for name, text in given.items() if f"{name}:" not in options]
    written = ", ".join(["type: static", options, *lacking])
    (problem,) = problems(f"providers: {{p: {{{written}}}}}\nsinks: {{s: {{{STORE}}}}}\n")
    assert message in problem.message
    assert "***" not in problem.message


@pytest.mark.parametrize(
    ("hub", "field", "message"),
    [
        pytest.param("registries: [a.b]", "type", "is required; known: ecr, ec", id="no type"),
        pytest.param("type: ", "type", "has no value", id="empty type"),
        pytest.param("type: [static]", "type", "must be text", id="a list of types"),
        pytest.param("type: canary", "type", "is no known type of provider", id="unknown type"),
        pytest.param("type: statik", "type", "did you mean static?", id="misspelt type"),
        pytest.param("type: store", "type", "known: ecr", id="a sink's type"),
    ],
)
def test_a_bad_type_is_refused(hub: str, field: str, message: str) -> None:
    """The known types are listed; the options of an unknown one are left alone."""
    (problem,) = problems(f"providers:\n  hub:\n    {hub}\nsinks: {{s: {{{STORE}}}}}\n")
    assert problem.field == f"providers.hub.{field}"
    assert message in problem.message
    assert "canary" not in problem.message


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(
            "type: static",
            [("registries", "is required"), ("username", "is required")],
            id="missing",
        ),
        pytest.param(
            "type: static, registries: [a.b, canary c, 'u:canary@h'], username: x, password: y",
            [("registries[1]", "host or host:port"), ("registries[2]", "give the address alone")],
            id="in a list",
        ),
        pytest.param(
            "type: static, registries: {a: b}, username: {}, password: [canary]",
            [("registries", "a list"), ("username", "text"), ("password", "text")],
            id="kinds",
        ),
        pytest.param(
            "type: static, registries: , username: , password: x",
            [("registries", "has no value"), ("username", "has no value")],
            id="without values",
        ),
        pytest.param(
            "type: static, registries: [a.b, ~], username: x, password: y",
            [("registries[1]", "has no value")],
            id="nothing in a list",
        ),
        pytest.param(
            "type: static, registries: [a.b], username: x",
            [("", "exactly one of password_file, password_env, password is needed")],
            id="about the whole",
        ),
        pytest.param(
            "type: ecr, registries: [canary.example]",
            [("registries[0]", "is no host of ECR: write it like")],
            id="a host of nobody",
        ),
        pytest.param(
            f"type: ecr, registries: [{ECR}], region: eu-canary-1",
            [("region", "is not where the hosts in registries are: leave region out")],
            id="a validator that compares",
        ),
        pytest.param(
            "type: gcr, registries: [gcr.io], auth: canary, allow_executables: canary",
            [("auth", "must be json-key, json-key-base64 or"), ("allow_exec", "true or false")],
            id="choices",
        ),
    ],
)
def test_messages_are_plain_words(options: str, expected: list[tuple[str, str]]) -> None:
    """Every problem of a provider has its field, and none repeats a value."""
    found = problems(f"providers: {{p: {{{options}}}}}\nsinks: {{s: {{{STORE}}}}}\n")
    assert len(found) == len(expected)
    for problem, (field, message) in zip(found, expected, strict=True):
        assert problem.field.startswith(f"providers.p.{field}".removesuffix("."))
        assert message in problem.message
        for word in ("canary", "Input should", "Value error", "https://errors", "pydantic"):
            assert word not in problem.message


def test_truths_and_numbers_are_read_from_text() -> None:
    """`allow_executables: yes` is a truth where one is wanted."""
    made = read(
        "providers: {p: {type: gcr, registries: [gcr.io], allow_executables: yes}}\n"
        f"sinks: {{s: {{{STORE}}}}}\n"
    )
    assert made.providers["p"].options.model_dump()["allow_executables"] is True


@pytest.mark.parametrize("name", ["a b", "a/b", "ä", "''", "a:b", "'a\nb'", "'*'"])
def test_names_are_plain(name: str) -> None:
    """Names stand in records, metrics and `provider/suffix`."""
    (problem,) = problems(f"providers:\n  ? {name}\n  : {{{HUB}}}\nsinks: {{s: {{{STORE}}}}}\n")
    assert "letters, digits" in problem.message


@pytest.mark.parametrize("name", ["a", "A-1", "us.prod_2", "1", "true", "null-ish"])
def test_plain_names_are_taken(name: str) -> None:
    """What looks like a number is a name."""
    made = read(f"providers: {{{name}: {{{HUB}}}}}\nsinks: {{{name}: {{{STORE}}}}}\n")
    assert (list(made.providers), list(made.sinks)) == ([name], [name])


def test_everything_is_said_at_once_and_by_line() -> None:
    """YAML's form, the frame, options and routes: one error lists all of it."""
    found = problems(
        "stoer: x\n"
        "providers:\n"
        "  hub: {type: static, username: u, password: x, registries: [a b]}\n"
        "  hub: {}\n"
        "  gone: {type: statik}\n"
        "sinks: {s: {type: store, enviroment: x}}\n"
        "routes:\n"
        "- {from: [hbu], to: [s]}\n"
        "log_level: loud\n"
    )
    assert [(problem.line, problem.field) for problem in found] == [
        (1, "stoer"),
        (3, "providers.hub.registries[0]"),
        (4, "providers.hub"),
        (5, "providers.gone.type"),
        (6, "sinks.s.enviroment"),
        (8, "routes[0].from[0]"),
        (9, "log_level"),
    ]


def test_the_error_reads_as_compilers_write() -> None:
    """An editor can jump to every line of it."""
    with pytest.raises(SettingsError) as caught:
        read("stoer: x\nlog_level: loud\n")
    assert str(caught.value).splitlines() == [
        "f.yaml:1: stoer: is no known setting; did you mean store?",
        "f.yaml:2: log_level: must be debug, info, warning or error",
    ]


# --- routes ------------------------------------------------------------------------

TWO = f"""
providers:
  a: {{{HUB}}}
  b: {{{HUB.replace("docker.io", "r.example, docker.io")}}}
sinks:
  s: {{type: store}}
  t: {{type: store, environment: t}}
"""


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        pytest.param(
            "- {from: [aa, b], to: [s, x]}",
            [("routes[0].from[0]", "names none of the providers"), ("routes[0].to[1]", "sinks")],
            id="unknown names",
        ),
        pytest.param(
            "- {from: a, to: }",
            [("routes[0].from", "must be a list"), ("routes[0].to", "has no value")],
            id="no lists",
        ),
        pytest.param("- {from: [a], to: []}", [("routes[0].to", "at least 1")], id="empty list"),
        pytest.param("- {from: [a]}", [("routes[0].to", "is required")], id="no sinks"),
        pytest.param("- [a, s]", [("routes[0]", "must be a mapping")], id="a list as route"),
        pytest.param("-", [("routes[0]", "has no value")], id="an empty route"),
        pytest.param(
            "- {from: [a], to: [s], form: x}",
            [("routes[0].form", "did you mean from?")],
            id="unknown key",
        ),
        pytest.param(
            "- {from: [a], to: [s]}",
            [("providers.b", "feeds no sink"), ("sinks.t", "no provider feeds it")],
            id="left out",
        ),
        pytest.param(
            "- {from: [a, b], to: [s, t]}",
            [("providers.b.registries[1]", "provider a feeds the same registry to the sink s")],
            id="one registry twice",
        ),
        pytest.param(
            "- {from: [a], to: [s, t]}\n- {from: [b], to: [t]}",
            [("providers.b.registries[1]", "provider a feeds the same registry to the sink t")],
            id="one registry twice, by two routes",
        ),
    ],
)
def test_bad_routes_are_refused(routes: str, expected: list[tuple[str, str]]) -> None:
    """Unknown names, unused parts, and two providers for one place."""
    found = problems(f"{TWO}routes:\n{routes}\n")
    assert len(found) == len(expected)
    for problem, (field, message) in zip(found, expected, strict=True):
        assert problem.field == field
        assert message in problem.message


def test_routes_keep_providers_of_one_registry_apart() -> None:
    """Two credentials for one registry are fine where they go to different sinks."""
    routes = "routes:\n- {from: [a, a], to: [s]}\n- {from: [b], to: [t]}\n"
    assert read(TWO + routes).routes == (Route(("a",), ("s",)), Route(("b",), ("t",)))


def test_one_provider_may_reach_a_sink_by_two_routes() -> None:
    """That is repetition, no conflict."""
    assert (
        len(
            read(
                TWO + "routes:\n- {from: [a], to: [s]}\n- {from: [a], to: [s]}\n"
                "- {from: [b], to: [t]}\n"
            ).routes
        )
        == 3
    )


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param(f"providers: {{p: {{{HUB}}}}}", "providers.p", id="no sinks"),
        pytest.param(f"sinks: {{s: {{{STORE}}}}}", "sinks.s", id="no providers"),
        pytest.param(f"providers: {{p: {{{HUB}}}}}\nroutes: []", "providers.p", id="no routes"),
    ],
)
def test_what_would_do_nothing_is_refused(text: str, field: str) -> None:
    """A provider without a sink is a mistake that would look like success."""
    (problem,) = problems(text)
    assert problem.field == field


def test_a_registry_is_the_same_in_any_spelling() -> None:
    """Two providers can't hide that they feed the same place."""
    second = HUB.replace("docker.io", "'https://Index.docker.io/v1/'")
    (problem,) = problems(
        f"providers: {{a: {{{HUB}}}, b: {{{second}}}}}\nsinks: {{s: {{{STORE}}}}}\n"
    )
    assert problem.field == "providers.b.registries[0]"


# --- other packages' plug-ins ----------------------------------------------------------


def test_a_validator_that_breaks_is_its_plug_ins_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plug-in is named, the others are still looked at, and no value is shown."""
    install(
        tmp_path,
        "acme_broken",
        "from pydantic import field_validator\n"
        "from refresher.options import Options as Base\n"
        "class Options(Base):\n"
        "    key: str\n"
        "    @field_validator('key')\n"
        "    @classmethod\n"
        "    def check(cls, value):\n"
        "        if value == 'canary1': raise KeyError(value)\n"
        "        assert value != 'canary-2', f'bad key {value}'\n"
        "        raise ValueError(f'{value} is bad')\n"
        "def build(options, tools): return None\n",
        {"refresher.sinks": {"broken": "acme_broken"}},
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = problems(
        f"providers: {{p: {{{HUB}}}}}\nsinks:\n  a: {{type: broken, key: canary1}}\n"
        "  b: {type: broken, key: canary-2}\n  c: {type: broken, key: canary-3}\nlog_level: x\n"
    )
    assert [(problem.line, problem.field) for problem in found] == [
        (3, "sinks.a"),
        (4, "sinks.b.key"),
        (5, "sinks.c.key"),
        (6, "log_level"),
    ]
    assert "acme_broken) has a bug: KeyError" in found[0].message
    assert (found[1].message, found[2].message) == ("bad key ***", "is bad")


# --- no value is ever repeated -----------------------------------------------------------

NAMES = sorted(
    {"type", "interval", "max_age", "store", "providers", "sinks", "routes", "from", "to"}
    | {
        name
        for kind, modules in BUILT_IN.items()
        for type_name in modules
        for name in find(kind, type_name).options.model_fields
    }
)
SECRETS = st.text(string.ascii_letters + ":@/!%*&#'\"{}[] .-", min_size=4, max_size=10).map(
    lambda text: f"canary-{text}-canary"
)
VALUES = st.recursive(
    SECRETS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=8,
)
TYPES = st.sampled_from([name for modules in BUILT_IN.values() for name in modules])


@st.composite
def canaries(draw: st.DrawFn) -> dict[str, Any]:
    """Return settings with a canary wherever a value may stand."""
    sections: dict[str, Any] = {}
    for kind in Kind:
        options = draw(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6))
        sections[kind.section] = {"x": options | {"type": draw(TYPES)}}
    sections["routes"] = draw(st.lists(VALUES, max_size=2))
    return sections | draw(st.dictionaries(st.sampled_from(NAMES[-6:]), VALUES, max_size=2))


@given(canaries())
@hypothesis_settings(deadline=None, max_examples=50)
def test_no_value_is_repeated_in_an_error(value: dict[str, Any]) -> None:
    """Any value may be a secret that stands in the wrong place."""
    try:
        read(yaml.safe_dump(value))
    except SettingsError as error:
        shown = str(error) + error.hint
    else:
        shown = ""
    assert "canary" not in shown


# --- without a file ----------------------------------------------------------------


def test_registry_names_are_enough() -> None:
    """Hosts of one kind and region share a provider; the sink is docker's own file."""
    fips = ECR.replace("ecr", "ecr-fips")
    other = ECR.replace("us-west-2", "eu-west-1")
    made = for_registries(
        [ECR, fips, "gcr.io", f"https://{other}/v2/", "eu-docker.pkg.dev", "public.ecr.aws"], {}
    )
    assert {
        name: plug.options.model_dump()["registries"] for name, plug in made.providers.items()
    } == {
        "ecr-us-west-2": (ECR, fips),
        "ecr-eu-west-1": (other,),
        "gcr": ("gcr.io", "eu-docker.pkg.dev"),
        "ecr-public": ("public.ecr.aws",),
    }
    assert [(name, plug.plugin.name) for name, plug in made.sinks.items()] == [
        ("docker", "docker-config")
    ]
    assert made.routes == (Route(tuple(made.providers), ("docker",)),)
    assert made.store is None


def test_other_registries_need_a_file() -> None:
    """Nothing says who could have a credential for them; all of them are named at once."""
    with pytest.raises(SettingsError) as caught:
        for_registries(["registry.example:5000", ECR, "docker.io", "u:canary@host", "a b"], {})
    assert [problem.message.split(":")[0] for problem in caught.value.problems] == [
        "registry.example",
        "docker.io is no host of ECR or Google",
        "a registry address holds a user name or a password before '@'",
        "'a b' is no registry address",
    ]
    assert "type static" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_registry_names_need_no_yaml() -> None:
    """The one-shot path imports what it uses."""
    code = (
        "import sys; from refresher.settings import for_registries;"
        f"for_registries(['{ECR}'], {{}});"
        "print([m for m in ('yaml', 'botocore', 'boto3', 'difflib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
