"""What a token server's answer grants."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.registry.token import Granted, NotGranted, read
from tests.model.vectors import vectors

ROWS = [
    row for row in vectors("www_authenticate.json") if row["input"].get("op") == "token_response"
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: json.dumps(row["input"]["body"]))
def test_the_specification_of_tokens_holds(row: dict[str, Any]) -> None:
    """Either name of the token will do, a minute is the default, and none is none."""
    made = read(json.dumps(row["input"]["body"]).encode())
    if "error" in row["expect"]:
        assert isinstance(made, NotGranted)
        assert "no token" in made.reason
    else:
        assert isinstance(made, Granted)
        assert made.token.reveal() == row["expect"]["token"]
        assert made.expires_in == row["expect"]["expires_in"]


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        pytest.param({"token": ""}, True, id="empty, as from Quay"),
        pytest.param({"token": "", "access_token": ""}, True, id="both empty"),
        pytest.param({"access_token": "", "token": None}, True, id="empty and null"),
        pytest.param({}, False, id="nothing"),
        pytest.param({"token": None}, False, id="null"),
        pytest.param({"error": "denied"}, False, id="something else"),
    ],
)
def test_an_empty_token_is_a_refusal(body: object, *, refused: bool) -> None:
    """Quay says so to a bad credential; an answer that has no token at all says nothing."""
    made = read(json.dumps(body).encode())
    assert isinstance(made, NotGranted)
    assert made.refused is refused


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>login</html>",
        b"null",
        b"[]",
        b'"token"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"token": "cut',
        b'{"token": 1}',
        b'{"token": ["x"]}',
        b'{"token": "a\\r\\nX-Evil: b"}',
        b'{"token": "a b"}',
        '{"token": "\u00e4"}'.encode(),
        b'{"token": "\\ud800"}',
    ],
)
def test_what_fits_into_no_header_is_no_token(body: bytes) -> None:
    """Pages, other JSON and line breaks grant nothing, and refuse nothing."""
    made = read(body)
    assert isinstance(made, NotGranted)
    assert not made.refused


def test_the_other_name_counts_where_one_is_empty() -> None:
    """As docker does, the first that holds something is taken."""
    made = read(b'{"token": "", "access_token": "T"}')
    assert isinstance(made, Granted)
    assert made.token.reveal() == "T"


@pytest.mark.parametrize("life", ["x", None, -1, 0, True, 1e999, 10**400, [], "60"])
def test_an_odd_life_is_the_default(life: object) -> None:
    """A token is as good as its text."""
    made = read(json.dumps({"token": "T", "expires_in": life}).encode())
    assert isinstance(made, Granted)
    assert made.expires_in == 60


def test_a_token_is_in_no_repr() -> None:
    """It is a secret from the first moment."""
    assert "canary" not in repr(read(b'{"token": "canary"}'))


@given(
    st.binary()
    | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(str).map(str.encode)
)
@settings(deadline=None)
def test_any_answer_is_read(body: bytes) -> None:
    """Whatever comes, it grants a token or it does not."""
    assert isinstance(read(body), Granted | NotGranted)
