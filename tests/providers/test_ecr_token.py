"""Tokens of ECR: taken apart at the first colon, and refused when they can't be used."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.credential import UNKNOWN
from refresher.providers.aws import token as ecr_token

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "ecr_tokens.json").read_text())
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUBJECT = "ECR in us-west-2"


def encoded(text: str) -> str:
    """Return text as ECR sends it."""
    return base64.b64encode(text.encode()).decode()


def data(**fields: Any) -> dict[str, Any]:
    """Return a good answer's data, with some fields replaced."""
    return {
        "authorizationToken": encoded("AWS:pass"),
        "expiresAt": NOW + timedelta(hours=12),
        **fields,
    }


@pytest.mark.parametrize(
    "vector",
    [v for v in VECTORS if "authorizationToken" in v["input"]],
    ids=lambda v: v["source"],
)
def test_tokens_that_upstream_refuses_are_refused(vector: dict[str, Any]) -> None:
    """What Amazon's own tool can't take apart is refused here too."""
    assert "error" in vector["expect"]
    with pytest.raises(PermanentError):
        ecr_token.decode(vector["input"]["authorizationToken"], SUBJECT)


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS if "expiresAt" in v["input"] and "now" not in v["input"]]
)
def test_an_end_that_is_not_said_is_unknown(vector: dict[str, Any]) -> None:
    """An absent end is no promise of a long life, and no end in the past."""
    token = ecr_token.read(data(**vector["input"]), SUBJECT, NOW)
    assert token.expires_at is UNKNOWN


@pytest.mark.parametrize(
    ("text", "username", "password"),
    [
        pytest.param("AWS:p:a:s:s", "AWS", "p:a:s:s", id="colons in the password"),
        pytest.param("AWS::", "AWS", ":", id="password of one colon"),
        pytest.param("AWS: p ", "AWS", " p ", id="spaces belong to the password"),
        pytest.param("robot:p", "robot", "p", id="the user name is read, not assumed"),
        pytest.param("AWS:" + "x" * 16_384, "AWS", "x" * 16_384, id="16 KB"),
        pytest.param("AWS:\N{SNOWMAN}", "AWS", "\N{SNOWMAN}", id="beyond ASCII"),
    ],
)
def test_a_token_is_split_at_its_first_colon(text: str, username: str, password: str) -> None:
    """Whatever follows the first colon is the password, unchanged."""
    name, secret = ecr_token.decode(encoded(text), SUBJECT)
    assert (name, secret.reveal()) == (username, password)


@given(st.text("ab:+/= \N{SNOWMAN}", min_size=1))
@settings(deadline=None)
def test_any_password_survives(password: str) -> None:
    """Encoding and decoding gives the same password back."""
    assert ecr_token.decode(encoded(f"AWS:{password}"), SUBJECT)[1].reveal() == password


@given(st.text())
@settings(deadline=None)
def test_junk_is_a_token_or_refused(token: str) -> None:
    """Any text at all is either taken apart or refused in our own words."""
    try:
        username, secret = ecr_token.decode(token, SUBJECT)
    except PermanentError:
        return
    assert username
    assert secret.reveal()


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("canary-%%%", id="no base64"),
        pytest.param("Y2FuYXJ5LXNlY3Jl", id="no colon"),
        pytest.param("Y2FuYXJ5LXNlY3Jl=", id="wrong padding"),
        pytest.param(base64.b64encode(b"AWS:canary\xff").decode(), id="no UTF-8"),
        pytest.param(encoded(":canary"), id="no user name"),
        pytest.param(encoded("canary:"), id="no password"),
        pytest.param(encoded(":"), id="a colon alone"),
        pytest.param("Y2FuYXJ5\N{SNOWMAN}", id="no ASCII"),
    ],
)
def test_a_refusal_repeats_nothing_of_the_token(token: str) -> None:
    """A token that can't be taken apart is refused without being shown."""
    with pytest.raises(PermanentError) as caught:
        ecr_token.decode(token, SUBJECT)
    assert "canary" not in str(caught.value)
    assert token not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="empty list"),
        pytest.param([None], id="list of nothing"),
        pytest.param({}, id="empty object"),
        pytest.param("text", id="text"),
        pytest.param(7, id="number"),
        pytest.param(data(authorizationToken=None), id="token is null"),
        pytest.param(data(authorizationToken=""), id="token is empty"),
        pytest.param(data(authorizationToken=["x"]), id="token is a list"),
    ],
)
def test_an_answer_without_a_token_is_refused(answer: Any) -> None:
    """Nothing is stored that is no validated token."""
    with pytest.raises(PermanentError, match="without an authorization token"):
        ecr_token.read(answer, SUBJECT, NOW)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(NOW, id="now"),
        pytest.param(NOW - timedelta(seconds=1), id="a second ago"),
        pytest.param(datetime(2015, 1, 1, tzinfo=UTC), id="2015"),
        pytest.param(NOW + timedelta(days=7, seconds=1), id="more than a week away"),
        pytest.param(datetime(9999, 12, 31, tzinfo=UTC), id="9999"),
    ],
)
def test_an_end_that_can_not_be_is_refused(end: datetime) -> None:
    """A token that has ended, or that would live for ever, is an error of the answer."""
    with pytest.raises(PermanentError, match=f"{end:%Y-%m-%d}"):
        ecr_token.read([data(expiresAt=end)], SUBJECT, NOW)


@pytest.mark.parametrize("hours", [-23, -12, -1, 1, 14, 23])
@pytest.mark.parametrize("year", [9999, 1])
def test_an_end_at_the_edge_of_the_calendar_is_refused(year: int, hours: int) -> None:
    """Some of these moments can't be told in UTC."""
    month, day, hour = (12, 31, 23) if year > 1 else (1, 1, 0)
    edge = datetime(year, month, day, hour, tzinfo=timezone(timedelta(hours=hours)))
    with pytest.raises(PermanentError, match=SUBJECT) as caught:
        ecr_token.read([data(expiresAt=edge)], SUBJECT, NOW)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("hours", [0.001, 12, 24 * 7])
def test_an_end_to_come_is_kept_in_utc(hours: float) -> None:
    """The end is the answer's, whatever time zone it came in."""
    end = NOW + timedelta(hours=hours)
    zone = timezone(timedelta(hours=9))
    token = ecr_token.read([data(expiresAt=end.astimezone(zone))], SUBJECT, NOW)
    assert token.expires_at == end
    assert isinstance(token.expires_at, datetime)
    assert token.expires_at.tzinfo is UTC


def test_both_shapes_are_read() -> None:
    """ECR answers with a list, ECR Public with an object."""
    assert ecr_token.read([data()], SUBJECT, NOW).username == "AWS"
    assert ecr_token.read(data(), SUBJECT, NOW).endpoint == ""
