"""For which documents the clients do without all entries, and what is said of them."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.model.authdocument import read
from refresher.model.authkeys import Format
from refresher.model.authloading import document_obstacle
from refresher.model.dockerconfig import Merged, holdings, merge
from refresher.model.jsontext import MalformedError
from refresher.model.plan import Absent, Foreign, Value
from tests.model.test_dockerconfig import HOST, auth, credential

OTHER = "other.example"
BOTH = frozenset(Format)
DOCKER = frozenset({Format.DOCKER})
NOBODY: frozenset[Format] = frozenset()


def packed(text: str) -> str:
    """Return the base64 of a text."""
    return base64.b64encode(text.encode()).decode()


ENTRIES: dict[str, tuple[dict[str, Any] | None, frozenset[Format]]] = {
    "good": ({"auth": packed("u:p")}, NOBODY),
    "null": (None, NOBODY),
    "nothing": ({}, NOBODY),
    "empty auth": ({"auth": "", "identitytoken": None}, NOBODY),
    "line breaks": ({"auth": "dT\r\npwcA=\n="}, NOBODY),
    "no UTF-8": ({"auth": "/zr/"}, NOBODY),
    "no password": ({"auth": packed("u:")}, NOBODY),
    "unknown fields": ({"x": 1, "expires": [], "auths": {}}, NOBODY),
    "two spellings, the last is good": ({"Auth": "%", "auth": packed("u:p")}, NOBODY),
    "two spellings, the last is bad": ({"auth": packed("u:p"), "Auth": "%"}, DOCKER),
    "two spellings, the last is null": ({"auth": "%", "Auth": None}, DOCKER),
    "no base64": ({"auth": "%%%%"}, DOCKER),
    "no ASCII": ({"auth": "é"}, DOCKER),
    "a blank": ({"auth": packed("u:p") + " "}, DOCKER),
    "line breaks alone": ({"auth": "\n"}, DOCKER),
    "no padding": ({"auth": packed("u:pa").rstrip("=")}, DOCKER),
    "too much padding": ({"auth": "dTpwcA==="}, DOCKER),
    "padding of a whole": ({"auth": "dTpw="}, DOCKER),
    "URL alphabet": ({"auth": "dTp_-w=="}, DOCKER),
    "two in a row": ({"auth": packed("u:pa") + packed("u:p")}, DOCKER),
    "no colon": ({"auth": packed("user")}, DOCKER),
    "no user name": ({"auth": packed(":p")}, DOCKER),
    "auth a number": ({"auth": 5}, BOTH),
    "auth a list": ({"auth": []}, BOTH),
    "AUTH false": ({"AUTH": False}, BOTH),
    "identitytoken zero": ({"identitytoken": 0}, BOTH),
    "identitytoken an object": ({"identitytoken": {}}, BOTH),
    "identityto\N{KELVIN SIGN}en": ({"identityto\N{KELVIN SIGN}en": 1}, BOTH),
    **{f"{name} a number": ({name: 5}, DOCKER) for name in ("username", "password", "Email")},
    **{f"{name} a list": ({name: []}, DOCKER) for name in ("serveraddress", "registryToken")},
}

TEXTS = [f"{thing}Format" for thing in ("ps", "images", "networks", "plugins", "volumes", "stats")]
TEXTS += [f"{thing}Format" for thing in ("serviceInspect", "services", "tasks", "secret", "config")]
TEXTS += ["nodesFormat", "detachKeys", "credsStore", "currentContext", "experimental"]
MAPS = ["HttpHeaders", "features", "aliases"]
LISTS = ["pruneFilters", "cliPluginsExtraDirs"]

SETTINGS: dict[str, tuple[str, object, frozenset[Format]]] = {
    **{f"{name} a number": (name, 1, DOCKER) for name in TEXTS},
    **{f"{name} a list": (name, [], DOCKER) for name in (*TEXTS, *MAPS, "proxies", "plugins")},
    **{f"{name} an object": (name, {}, DOCKER) for name in (*TEXTS, *LISTS)},
    **{f"{name} a text": (name, "x", DOCKER) for name in (*MAPS, *LISTS, "proxies", "plugins")},
    **{f"{name} of numbers": (name, {"a": 1}, DOCKER) for name in MAPS},
    **{f"{name} of a null": (name, {"x": None}, NOBODY) for name in ("HttpHeaders", "features")},
    **{f"{name} of numbers": (name, [1], DOCKER) for name in LISTS},
    **{f"{name} of nulls": (name, [None, "a=b"], NOBODY) for name in LISTS},
    **{f"{name} null": (name, None, NOBODY) for name in (*TEXTS, *MAPS, *LISTS)},
    "other letters": ("PSFORMAT", 1, DOCKER),
    "a long s": ("p\N{LATIN SMALL LETTER LONG S}Format", 1, DOCKER),
    "a sharp s": ("cred\N{LATIN SMALL LETTER SHARP S}tore", 1, NOBODY),
    "unknown": ("contextsFormat", 1, NOBODY),
    "proxies of a text": ("proxies", {"default": "x"}, DOCKER),
    "proxies of a number": ("proxies", {"default": {"HTTPproxy": 1}}, DOCKER),
    "proxies of a null": ("proxies", {"default": None, "x": {"noProxy": None}}, NOBODY),
    "proxies unknown": ("proxies", {"default": {"x": 1}}, NOBODY),
    "plugins of a text": ("plugins", {"a": "x"}, DOCKER),
    "plugins of a number": ("plugins", {"a": {"b": 1}}, DOCKER),
    "plugins of a null": ("plugins", {"a": None, "b": {"c": None}}, NOBODY),
    "credHelpers of a null": ("credHelpers", {"x.example": None}, NOBODY),
}

DOCUMENTS: dict[str, tuple[dict[str, Any], frozenset[Format]]] = {
    **{
        f"entry: {name}": ({"auths": {OTHER: entry, HOST: {"auth": auth()}}}, refusing)
        for name, (entry, refusing) in ENTRIES.items()
    },
    **{
        name: ({member: value, "auths": {HOST: {"auth": auth()}}}, refusing)
        for name, (member, value, refusing) in SETTINGS.items()
    },
}
"""Documents that hold the credential for HOST, and the formats whose clients refuse them."""

documents = pytest.mark.parametrize(("document", "refusing"), DOCUMENTS.values(), ids=DOCUMENTS)


@documents
@pytest.mark.parametrize("fmt", list(Format))
def test_what_no_client_loads_holds_nothing(
    document: dict[str, Any], refusing: frozenset[Format], fmt: Format
) -> None:
    """Where a client would do without all entries, none is held and none is claimed."""
    data = json.dumps(document).encode()
    if fmt not in refusing:
        assert holdings(read(data), [HOST], fmt) == {HOST: Value("AWS", credential().secret)}
        assert merge(read(data), {HOST: credential()}, fmt) == Merged(None, (), {})
        return
    with pytest.raises(MalformedError, match=f"keeps {fmt.value} from loading the file"):
        holdings(read(data), [HOST], fmt)
    for text in ("new", "other"):
        with pytest.raises(MalformedError, match="keeps"):
            merge(read(data), {HOST: credential(text)}, fmt)


@pytest.mark.parametrize("key", [OTHER, f"https://canary:canary@{OTHER}/v1/", f"canary@{OTHER}/x"])
@pytest.mark.parametrize("entry", [{"auth": "canary"}, {"username": ["canary"]}], ids=str)
def test_the_place_and_the_host_are_told_and_no_secret(key: str, entry: object) -> None:
    """A person finds the entry by line and column, knows its host and what to do."""
    text = json.dumps({"auths": {HOST: {}, key: entry}}, indent=2)
    flaw = document_obstacle(read(text.encode()), Format.DOCKER)
    assert flaw is not None
    assert (flaw.line, flaw.column) == (4, 5)
    assert OTHER in str(flaw)
    assert flaw.hint == "correct or remove that entry"
    assert "canary" not in f"{flaw} {flaw.hint}"


def test_a_setting_is_told_with_its_place_and_type() -> None:
    """A person finds the member by line and column, and knows what it must be."""
    text = '{\n "psFormat": "x",\n "Plugins": {"a": {"b": 1}}\n}'
    flaw = document_obstacle(read(text.encode()), Format.DOCKER)
    assert flaw is not None
    assert (flaw.line, flaw.column) == (3, 13)
    assert str(flaw).startswith("Plugins keeps docker from loading the file: it must be an object")


BAD: dict[str, dict[str, Any]] = {}
for name, (entry, refusing) in ENTRIES.items():
    if entry and refusing:
        BAD |= {name: entry, f"{name}, next to what is right": {"auth": auth(), **entry}}


@pytest.mark.parametrize("fmt", list(Format))
@pytest.mark.parametrize("key", [HOST, f"https://{HOST}/v1/"])
@pytest.mark.parametrize("entry", BAD.values(), ids=BAD)
def test_a_bad_entry_of_ours_is_put_right(entry: Mapping[str, Any], key: str, fmt: Format) -> None:
    """What keeps the clients from loading our own entry is replaced by a write, then all is held.

    Until then the entries next to it, which no client finds, are not held either.
    """
    neighbour = {"neighbour.example": {"auth": auth()}}
    before = json.dumps({"auths": {key: entry, **neighbour}}).encode()
    if document_obstacle(read(before), fmt):
        held = holdings(read(before), [HOST, "neighbour.example"], fmt)
        assert held == {HOST: Absent(), "neighbour.example": Absent()}
        with pytest.raises(MalformedError):
            holdings(read(before), ["neighbour.example"], fmt)
    for wanted in (credential(), credential(email="e@x")):
        after = merge(read(before), {HOST: wanted}, fmt).data or before
        assert document_obstacle(read(after), Format.PODMAN) is None
        assert document_obstacle(read(after), fmt) is None
        assert json.loads(after)["auths"].items() >= neighbour.items()
        value = Value("AWS", wanted.secret, wanted.email)
        assert holdings(read(after), [HOST], fmt) == {HOST: value}


def test_a_shadowed_entry_is_not_put_right() -> None:
    """A bad entry that a helper shadows would not be written, so the file is refused."""
    entries = {"h.example": {"auth": "?"}, HOST: {"auth": auth()}}
    document = read(json.dumps({"credHelpers": {"h.example": "x"}, "auths": entries}).encode())
    with pytest.raises(MalformedError, match=r"h\.example"):
        holdings(document, ["h.example", HOST], Format.DOCKER)
    assert merge(document, {"h.example": credential()}, Format.DOCKER).data is None


def test_a_bad_entry_of_the_old_layout_is_refused() -> None:
    """Moving the entries of .dockercfg would not help where one of them does not load."""
    document = read(json.dumps({HOST: {"auth": auth()}, OTHER: {"auth": "?"}}).encode())
    for work in (
        lambda: holdings(document, [HOST], Format.DOCKER),
        lambda: merge(document, {HOST: credential()}, Format.DOCKER),
    ):
        with pytest.raises(MalformedError, match=OTHER):
            work()
    held = holdings(document, [HOST, OTHER], Format.DOCKER)
    assert held == {HOST: Absent(), OTHER: Absent()}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)
KNOWN = st.sampled_from([*TEXTS, *MAPS, *LISTS, "proxies", "plugins"])
FIELDS = st.sampled_from(["auth", "username", "identitytoken", "registrytoken", "email", "x"])


@settings(deadline=None)
@given(
    rest=st.dictionaries(KNOWN, JSON, max_size=3),
    entry=st.dictionaries(FIELDS, JSON, max_size=3),
    fmt=st.sampled_from(list(Format)),
)
def test_what_is_written_can_be_loaded(
    rest: dict[str, Any], entry: dict[str, Any], fmt: Format
) -> None:
    """Whatever is in a document, a merge refuses it or makes one that holds the credential."""
    document = read(json.dumps({**rest, "auths": {OTHER: entry, HOST: entry}}).encode())
    try:
        merged = merge(document, {HOST: credential()}, fmt)
    except MalformedError:
        assert document_obstacle(document, fmt)
        return
    after = read(merged.data) if merged.data else document
    assert document_obstacle(after, fmt) is None or merged.refused
    holding = holdings(after, [HOST], fmt)[HOST]
    assert isinstance(holding, Foreign if merged.refused else Value)
