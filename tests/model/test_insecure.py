"""`insecure-registries`, read as dockerd reads them."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.model.insecure import Insecure, entry, is_loopback, listing, parse

DATA = Path(__file__).parents[1] / "data" / "insecure_registries.json"
VECTORS = json.loads(DATA.read_text())


def vectors(op: str) -> list[Any]:
    """Return the vectors of one kind."""
    return [
        pytest.param(each["input"], each["expect"], id=each["input"].get("entry", op))
        for each in VECTORS
        if each["input"]["op"] == op
    ]


def nobody(_name: str) -> tuple[str, ...]:
    """Know no name."""
    return ()


@pytest.mark.parametrize(("given_", "expected"), vectors("parse"))
def test_vectors_of_entries(given_: dict[str, str], expected: str | dict[str, str]) -> None:
    """A scheme is left out, and what dockerd refuses is refused for its reason."""
    if isinstance(expected, str):
        assert entry(given_["entry"]) == expected
        return
    with pytest.raises(ValueError, match=r".+") as caught:
        entry(given_["entry"])
    assert str(caught.value) == expected["error"]


@pytest.mark.parametrize(("given_", "expected"), vectors("cli_is_insecure"))
def test_vectors_of_hosts(given_: dict[str, str], *, expected: bool) -> None:
    """Without a list the addresses of the host itself need no TLS, and nothing else."""
    assert is_loopback(given_["host"]) == expected
    assert Insecure().covers(given_["host"], nobody) == expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "invalid host"),
        ("registry.example/path", "invalid host"),
        ("https://registry.example/", "invalid host"),
        ("registry example", "invalid host"),
        ("-registry.example", "invalid host"),
        ("registry_", "invalid host"),
        ("registry.example:", "invalid host"),
        ("registry.example:http", "invalid host"),
        ("10.0.0.1:http", 'invalid port "http"'),
        ("10.0.0.1:65536", 'invalid port "65536"'),
        ("10.0.0.0/33", "invalid host"),
        ("10.0.0.0/255.0.0.0", "invalid host"),
        ("10.0.0/8", "invalid host"),
        ("2001:db8::/129", "invalid host"),
        ("fe80::1%eth0", "invalid host"),
        ("[2001:db8::1", "invalid host"),
        ("ftp://registry.example", "it has a scheme, and needs none"),
        ("HTTP://http://registry.example", "invalid host"),
    ],
)
def test_what_dockerd_does_not_start_with(text: str, error: str) -> None:
    """It is the same here, and says why."""
    with pytest.raises(ValueError, match=r".+") as caught:
        entry(text)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    "text",
    [
        "registry",
        "Registry.Example:5000",
        "HTTPS://registry.example:5000",
        "10.0.0.1:0",
        "::1",
        "[::ffff:10.0.0.1]:5000",
        "10.1.2.3/8",
        "2001:db8::/32",
        "::/0",
    ],
)
def test_other_entries_are_as_docker_takes_them(text: str) -> None:
    """Names without a dot, any case, addresses of both kinds, networks by any member."""
    meant = {
        "HTTPS://registry.example:5000": "registry.example:5000",
        "10.1.2.3/8": "10.0.0.0/8",
    }
    assert str(entry(text)) == meant.get(text, text)


@pytest.mark.parametrize(
    ("entries", "registry", "covered"),
    [
        (["registry.example:5000"], "registry.example:5000", True),
        (["http://registry.example:5000"], "registry.example:5000", True),
        (["registry.example"], "registry.example:5000", False),
        (["registry.example:5000"], "registry.example", False),
        (["Registry.Example:5000"], "registry.example:5000", False),
        (["registry.example:443"], "registry.example", False),
        (["10.0.0.0/8"], "10.1.2.3:5000", True),
        (["10.0.0.0/8"], "10.1.2.3", True),
        (["10.0.0.0/8"], "11.1.2.3", False),
        (["10.0.0.0/8"], "named.example:5000", True),
        (["192.168.0.0/16"], "named.example:5000", False),
        (["10.0.0.7"], "named.example:5000", False),
        (["2001:db8::/32"], "[2001:db8::1]:5000", True),
        (["2001:db8::/32"], "[2001:db9::1]:5000", False),
        (["[2001:db8::1]:5000"], "[2001:db8::1]:5000", True),
        (["2001:db8::1"], "[2001:db8::1]:5000", False),
        (["::/0"], "10.1.2.3", False),
        (["0.0.0.0/0"], "docker.io", False),
        (["docker.io"], "docker.io", False),
        ([], "127.0.0.1:5000", True),
        ([], "127.8.9.10", True),
        ([], "[::1]:5000", True),
        ([], "[::ffff:127.0.0.1]:5000", True),
        ([], "localhost", True),
        ([], "Localhost:5000", True),
        ([], "localhost.example", False),
        ([], "own.example:5000", True),
        ([], "128.0.0.1", False),
    ],
)
def test_what_a_list_covers(entries: list[str], registry: str, *, covered: bool) -> None:
    """Names count as they are written, with their port; addresses by their network."""
    known = {"named.example": ("10.9.8.7",), "own.example": ("2001:db8::7", "127.0.1.1")}
    assert listing(entries).covers(registry, lambda name: known.get(name, ())) == covered


@pytest.mark.parametrize(
    ("entries", "registry", "similar"),
    [
        (["registry.example"], "registry.example:5000", "registry.example"),
        (["Registry.Example:5000"], "registry.example:5000", "Registry.Example:5000"),
        (["other.example"], "registry.example:5000", None),
        ([], "registry.example:5000", None),
    ],
)
def test_near_misses_are_found(entries: list[str], registry: str, similar: str | None) -> None:
    """Case and port are what people get wrong."""
    assert listing(entries).similar(registry) == similar


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" \n",
        b"{}",
        b'{"insecure-registries": null}',
        b'{"insecure-registries": []}',
        b'\xef\xbb\xbf{"debug": true}',
        '{"debug": true}'.encode("utf-16"),
        b'{"Insecure-Registries": "x"}',
    ],
)
def test_files_that_list_nothing(text: bytes) -> None:
    """An empty one, other settings, a byte order mark."""
    assert parse(text) == Insecure()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"{", "is no JSON at line 1, column 2"),
        (b'{\n "a": 1,\n}', "is no JSON at line 3, column 1"),
        (b"\xff\xfe\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", "is no JSON object"),
        (b'"text"', "is no JSON object"),
        (b'{"insecure-registries": "r.example"}', "holds no list of texts in"),
        (b'{"insecure-registries": {"r.example": true}}', "holds no list of texts in"),
        (b'{"insecure-registries": ["r.example", 5000]}', "holds no list of texts in"),
        (b'{"insecure-registries": false}', "holds no list of texts in"),
        (b'{"insecure-registries": ["a", "b/c"]}', "holds 'b/c' in \"insecure-registries\""),
    ],
)
def test_a_malformed_file_is_told(text: bytes, error: str) -> None:
    """By its place where there is one."""
    with pytest.raises(ValueError, match=r".+") as caught:
        parse(text)
    assert str(caught.value).startswith(error)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=100), st.text(max_size=50).map(str.encode)))
def test_any_file_is_read_or_refused(text: bytes) -> None:
    """Whatever it is, there is no crash."""
    with suppress(ValueError):
        assert isinstance(parse(text), Insecure)


@settings(deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_entry_is_read_or_refused(text: str, registry: str) -> None:
    """And what is read covers or does not."""
    try:
        made = listing([text])
    except ValueError:
        return
    assert made.covers(registry, nobody) in {True, False}
