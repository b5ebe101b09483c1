"""How docker and podman spell and find the keys of an "auths" document: their own tables."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from refresher.model.address import canonical
from refresher.model.authdocument import read
from refresher.model.authentry import TOKEN_USER, decode_entry
from refresher.model.authkeys import Format, docker_host, find, key_of, shadow
from refresher.model.credential import Secret
from refresher.model.dockerconfig import holdings, obstacle
from refresher.model.jsontext import MalformedError, Member
from refresher.model.plan import Absent, Value

DATA = Path(__file__).parents[1] / "data"
DOCKER = json.loads((DATA / "docker_config_keys.json").read_text())
DOCKER_FILE = json.loads((DATA / "docker_config_file.json").read_text())
PODMAN = json.loads((DATA / "containers_auth.json").read_text())


def vectors(source: Iterable[Mapping[str, Any]], *ops: str) -> pytest.MarkDecorator:
    """Return a parametrization over the vectors of some operations."""
    chosen = [vector for vector in source if vector["input"]["op"] in ops]
    assert chosen
    cases = [(vector["input"], vector["expect"]) for vector in chosen]
    ids = [f"{vector['input']['op']}-{number}" for number, vector in enumerate(chosen)]
    return pytest.mark.parametrize(("given", "expect"), cases, ids=ids)


def entries(keys: Iterable[str]) -> list[Member]:
    """Return entries with these keys; their places don't matter here."""
    return [Member(key, {}, 0, 0, 0, 0) for key in keys]


def found_keys(keys: Iterable[str], query: str, fmt: Format) -> list[str]:
    """Return the keys of which a client would use any one for a query."""
    return [entry.key for entry in find(entries(keys), [query], fmt)[query]]


def domain(image: str) -> str:
    """Return the registry of an image as docker's look-up sees it."""
    first, slash, _ = image.partition("/")
    named = slash and (any(mark in first for mark in ".:") or first == "localhost")
    return "docker.io" if not named or first == "index.docker.io" else first


@vectors(DOCKER, "convert_to_hostname")
def test_docker_reads_hosts_from_keys(given: Mapping[str, str], expect: str) -> None:
    """The host of a stored key is the one that docker's CLI reads from it."""
    assert docker_host(given["key"]) == expect


@vectors(DOCKER, "storage_key")
def test_docker_stores_under_its_own_spelling(given: Mapping[str, str], expect: str) -> None:
    """Docker Hub has its old URL for a key, any other registry its address.

    docker itself keeps registry-1.docker.io apart; here it is one more alias of
    Docker Hub, so that no stale twin stays behind.
    """
    if given["domain"] == "registry-1.docker.io":
        expect = "https://index.docker.io/v1/"
    registry = canonical(given["domain"]) if given["domain"] else ""
    assert key_of(registry, Format.DOCKER) == expect


@vectors(DOCKER, "key_for_image")
def test_docker_finds_the_entry_for_an_image(given: Mapping[str, Any], expect: str | None) -> None:
    """The entry that docker's CLI uses for an image is the one that is found."""
    found = found_keys(given["auths_keys"], domain(given["image"]), Format.DOCKER)
    assert found == ([expect] if expect else [])


@vectors(DOCKER, "ggcr_lookup")
def test_other_readers_of_the_format_agree(given: Mapping[str, Any], expect: Any) -> None:
    """What go-containerregistry finds by repository and host is found in the same way."""
    if "config_text" in given:
        with pytest.raises(MalformedError):
            read(given["config_text"].encode())
        return
    target = given["target"].replace("index.docker.io", "docker.io")
    assert held(given["auths"], target) == expect


@vectors(PODMAN, "lookup")
def test_podman_finds_its_entries(given: Mapping[str, Any], expect: Any) -> None:
    """Namespaces, old URL keys and Docker Hub are found as podman does.

    podman reads the old layout in ~/.dockercfg alone, which is no file of this format.
    """
    if given["legacy"]:
        document = read(json.dumps(given["file"]).encode())
        assert holdings(document, [given["key"]], Format.PODMAN) == {given["key"]: Absent()}
        return
    if expect and len(expect) == 3:
        # podman returns both; the token is what the registry gets.
        expect = [TOKEN_USER, expect[2]]
    assert held(given["file"].get("auths", {}), given["key"]) == expect


def held(auths: Mapping[str, Any], query: str) -> list[str] | None:
    """Return the user name and the secret that podman would use."""
    members = [Member(key, value, 0, 0, 0, 0) for key, value in auths.items()]
    found = find(members, [query], Format.PODMAN)[query]
    holding = decode_entry(found[0].value, Format.PODMAN) if found else Absent()
    return [holding.username, holding.secret.reveal()] if isinstance(holding, Value) else None


@vectors([vector for vector in PODMAN if not vector["input"].get("legacy")], "lookup_order")
def test_podman_tries_longer_keys_first(given: Mapping[str, Any], expect: list[str]) -> None:
    """Of the keys that are there, podman takes the first of its order.

    In the old layout it tries the host alone; no file of this format is read so.
    """
    for start in range(len(expect)):
        keys = [*expect[:start:-1], expect[start], "other.example"]
        assert found_keys(keys, given["key"], Format.PODMAN) == [expect[start]]
    assert not found_keys(["other.example"], given["key"], Format.PODMAN)


@vectors(PODMAN, "set_get", "docker_written_key_found_by")
def test_podman_finds_keys_of_others(given: Mapping[str, Any], expect: Mapping[str, bool]) -> None:
    """A key that docker or an older podman wrote is found, another repository's is not."""
    found = found_keys([given["stored_key"]], given["query"], Format.PODMAN)
    assert bool(found) == expect["found"]


@vectors(DOCKER_FILE, "select_store")
def test_docker_asks_the_right_store(given: Mapping[str, Any], expect: str) -> None:
    """A helper wins by docker's key, an empty one means the file, then comes credsStore."""
    config = given["config"]
    helpers, store = config.get("credHelpers", {}), config.get("credsStore", "")
    winner = shadow(given["domain"], Format.DOCKER, helpers, store)
    assert (winner[1] if winner else "file") == expect


@vectors(PODMAN, "credHelpers_precedence")
def test_podman_asks_a_helper_before_any_entry(given: Mapping[str, Any], expect: Any) -> None:
    """A helper for the host wins over an entry for a repository of it."""
    assert expect["source"] == 'helper H called with "a.io"'
    document = read(json.dumps(given["file"]).encode())
    reason = obstacle(document, given["key"], Format.PODMAN)
    assert reason
    assert 'credHelpers["a.io"] is "H"' in reason


@pytest.mark.parametrize(
    ("fmt", "helpers", "store", "winner"),
    [
        pytest.param(Format.DOCKER, {}, "", None, id="nothing set"),
        pytest.param(Format.DOCKER, {"h.example": "x"}, "", "credHelpers", id="helper"),
        pytest.param(Format.DOCKER, {"other.example": "x"}, "", None, id="another's helper"),
        pytest.param(Format.DOCKER, {"https://h.example": "x"}, "", None, id="by exact key only"),
        pytest.param(Format.DOCKER, {"other.example": "x"}, "s", "credsStore", id="store"),
        pytest.param(Format.DOCKER, {"h.example": ""}, "s", None, id="empty helper, docker"),
        pytest.param(Format.PODMAN, {"h.example": ""}, "", "credHelpers", id="empty, podman"),
        pytest.param(Format.PODMAN, {}, "s", None, id="podman knows no store"),
    ],
)
def test_what_wins_over_an_entry(
    fmt: Format, helpers: Mapping[str, str], store: str, winner: str | None
) -> None:
    """The setting that wins is named; None means that the entry is read."""
    found = shadow("h.example", fmt, helpers, store)
    assert (found[0].partition("[")[0] if found else None) == winner


@pytest.mark.parametrize(
    ("fmt", "last"), [(Format.DOCKER, "h.example/team"), (Format.PODMAN, "https://h.example/team")]
)
def test_a_client_takes_any_of_several_spellings(fmt: Format, last: str) -> None:
    """Without the exact key, all keys that the client reads as the host are found."""
    keys = ["other.example", "http://h.example/v2/", "https://h.example", last]
    assert found_keys(keys, "h.example", fmt) == keys[1:]
    assert found_keys([*keys, "h.example"], "h.example", fmt) == ["h.example"]


def test_docker_finds_docker_hub_by_its_url_only() -> None:
    """The key of podman for Docker Hub is not read by docker, so it is not found for it."""
    assert not found_keys(["docker.io", "index.docker.io"], "docker.io", Format.DOCKER)


@pytest.mark.parametrize(
    ("key", "host"),
    [
        pytest.param("https://u:p@h.example:5000/v2/", "h.example:5000", id="user info"),
        pytest.param("https://h.example:/v2/", "h.example", id="an empty port"),
        pytest.param("https://[::1]/v2/", "::1", id="IPv6 without a port"),
        pytest.param("https://h.example?x", "h.example", id="a query"),
        pytest.param("https:///v2/", "https:", id="no host"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_odd_urls_have_hosts_too(key: str, host: str) -> None:
    """Keys that are odd URLs give the host that Go's net/url gives."""
    assert docker_host(key) == host


def test_a_token_is_what_is_held() -> None:
    """An identity token next to a user name is what the registry gets, so it is what is held."""
    entry = {"auth": "dTpw", "identitytoken": "T"}
    assert decode_entry(entry, Format.DOCKER) == Value(TOKEN_USER, Secret("T"))
