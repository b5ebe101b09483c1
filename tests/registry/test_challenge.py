"""What a registry asks for, read from whatever its headers hold."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.registry.challenge import Challenge, challenges, choose
from tests.model.vectors import vectors

ROWS = [row for row in vectors("www_authenticate.json") if "headers" in row["input"]]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["input"]["headers"][-1][:60])
def test_registries_headers_are_read_as_other_clients_read_them(row: dict[str, Any]) -> None:
    """The facts of containers, containerd and go-containerregistry hold here."""
    chosen = choose(row["input"]["headers"])
    assert chosen is not None
    assert chosen.scheme == row["expect"]["scheme"]
    assert chosen.params == row["expect"]["params"]


def bearer(**params: str) -> Challenge:
    """Return a challenge of the Bearer scheme."""
    return Challenge("bearer", params)


BASIC = Challenge("basic", {})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param(" , ,, ", [], id="empty elements"),
        pytest.param("Basic", [BASIC], id="a scheme alone"),
        pytest.param("Basic,Bearer", [BASIC, bearer()], id="two schemes alone"),
        pytest.param(
            'Basic realm="a, Bearer b", Bearer realm="https://a/t"',
            [Challenge("basic", {"realm": "a, Bearer b"}), bearer(realm="https://a/t")],
            id="a comma and a scheme in quotes",
        ),
        pytest.param(
            'Negotiate YWJj==, NTLM, Bearer realm="r"',
            [Challenge("negotiate", {}), Challenge("ntlm", {}), bearer(realm="r")],
            id="token68",
        ),
        pytest.param("Basic realm=abc=", [Challenge("basic", {})], id="half a parameter"),
        pytest.param("Basic a=b", [Challenge("basic", {"a": "b"})], id="no token68: a parameter"),
        pytest.param('BEARER\tREALM = "r"', [bearer(realm="r")], id="tabs, spaces, upper case"),
        pytest.param('Bearer realm="r" service="s"', [bearer(realm="r", service="s")], id="comma"),
        pytest.param('Bearer realm="r', [bearer()], id="a quote that stays open"),
        pytest.param('Bearer realm="r\\', [bearer()], id="a backslash at the end"),
        pytest.param('Bearer realm=https://a/t,service="s"', [bearer(service="s")], id="unquoted"),
        pytest.param('Bearer realm="a\\\\\\"b\\c"', [bearer(realm='a\\"bc')], id="quoted pairs"),
        pytest.param('realm="r", Basic', [BASIC], id="a parameter of nothing"),
        pytest.param('"x", Basic', [BASIC], id="a quote of nothing"),
        pytest.param('Bearer realm="a", realm="b"', [bearer(realm="b")], id="twice"),
        pytest.param('Bearer realm=""', [bearer(realm="")], id="empty"),
        pytest.param('Bearer realm="ä\x00\r\n"', [bearer(realm="ä\x00\r\n")], id="any character"),
    ],
)
def test_a_header_is_taken_apart(header: str, expected: list[Challenge]) -> None:
    """Challenges end where the grammar says; what is no challenge is skipped (RFC 9110, 11.6.1)."""
    assert list(challenges(header)) == expected


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        pytest.param([], None, id="no header"),
        pytest.param(["Digest realm=x", "Negotiate"], None, id="nothing that is known"),
        pytest.param(["Basic realm=x", 'Bearer realm="r"'], "bearer", id="Bearer is better"),
        pytest.param(['Basic realm=x, Bearer realm="r"'], "bearer", id="in one header, too"),
        pytest.param(["Bearer service=x", "Basic"], "basic", id="Bearer without a realm"),
        pytest.param(["Bearer", 'bearer realm=""'], None, id="only without a realm"),
        pytest.param(['\x00\xff,=,"', "bAsIc"], "basic", id="after junk"),
    ],
)
def test_the_best_challenge_that_can_be_met_is_chosen(
    headers: list[str], scheme: str | None
) -> None:
    """Bearer with a realm, else Basic; there is no other way in."""
    chosen = choose(headers)
    assert (chosen and chosen.scheme) == scheme


TOKENS = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=8)
PARAMS = st.dictionaries(
    TOKENS.map(str.lower), st.text(st.characters(max_codepoint=255)), max_size=4
)


@given(st.lists(st.builds(Challenge, TOKENS.map(str.lower), PARAMS), max_size=4))
@settings(deadline=None)
def test_what_is_written_by_the_grammar_is_read_back(given: list[Challenge]) -> None:
    """Any schemes and parameters survive, in one header or in several."""
    written = [
        f"{each.scheme} "
        + ", ".join(f"{name}={_quoted(value)}" for name, value in each.params.items())
        for each in given
    ]
    whole = ", ".join(written)
    assert list(challenges(whole)) == given
    assert [found for header in written for found in challenges(header)] == given


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.lists(st.text(' ,="\\abAB/\t\x00ä'), max_size=4))
@settings(deadline=None)
def test_junk_is_never_an_error(headers: list[str]) -> None:
    """Whatever a server sends, something or nothing is chosen."""
    chosen = choose(headers)
    assert chosen is None or chosen.scheme in {"bearer", "basic"}


@pytest.mark.parametrize("piece", ['"', "a ", "a=", 'a="', "\\", ",", " ", "=", 'a="b",', 'a="\\'])
def test_a_long_header_takes_no_long_time(piece: str) -> None:
    """What a server repeats for ever is cut, and costs no more than its length."""
    begun = time.monotonic()
    choose([f"Bearer {piece * 500_000}"] * 3)
    assert time.monotonic() - begun < 2
