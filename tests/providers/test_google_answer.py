"""What answers, refusals and silence mean, and where an identity is looked for: pure tables."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from refresher.errors import PermanentError, RefresherError, RetryableError
from refresher.model.credential import UNKNOWN
from refresher.providers.google.adc import Place, candidates, find
from refresher.providers.google.answer import Answer
from refresher.providers.google.faults import refused
from refresher.providers.google.hosts import Trust
from refresher.providers.google.reach import METADATA_HOST, unanswered

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATE = "Sun, 01 Mar 2026 12:00:10 GMT"
LATE = "Sun, 01 Mar 2026 13:00:00 GMT"


def _answer(body: object, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer("oauth2.googleapis.com", status, named, raw, NOW)


@pytest.mark.parametrize(
    ("body", "date", "end"),
    [
        pytest.param({"expires_in": 60}, DATE, NOW + timedelta(seconds=60), id="from our clock"),
        pytest.param(
            {"expires_in": 60}, LATE, NOW + timedelta(seconds=3660), id="from the server's clock"
        ),
        pytest.param({"expires_in": 60}, "", NOW + timedelta(seconds=60), id="no Date"),
        pytest.param({"expires_in": 60}, "now", NOW + timedelta(seconds=60), id="bad Date"),
        pytest.param(
            {"expires_in": 60},
            "Sun, 01 Mar 99999 12:00:00 GMT",
            NOW + timedelta(seconds=60),
            id="impossible Date",
        ),
        pytest.param(
            {"expireTime": "2026-03-01T13:30:00Z"},
            LATE,
            NOW + timedelta(minutes=90),
            id="IAM's end is absolute",
        ),
        pytest.param(
            {"expireTime": "2026-03-01T13:30:00.123456789Z"},
            LATE,
            NOW + timedelta(minutes=90, microseconds=123456),
            id="with nanoseconds",
        ),
        pytest.param({}, DATE, UNKNOWN, id="no end"),
        pytest.param({"expires_in": None}, DATE, UNKNOWN, id="null"),
        pytest.param([], DATE, UNKNOWN, id="no object"),
        pytest.param(b"\xff", DATE, UNKNOWN, id="no JSON"),
    ],
)
def test_the_end_of_a_token(body: object, date: str, end: object) -> None:
    """An end is counted from the server's clock where that differs from ours."""
    assert _answer(body, date=date).token_end() == end


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"expireTime": "soon"}, id="a word"),
        pytest.param({"expireTime": "2026-03-01T13:30:00"}, id="no zone"),
        pytest.param({"expireTime": 1772370000}, id="a number"),
        pytest.param({"expireTime": "2026-03-01T11:30:00Z"}, id="past"),
        pytest.param({"expires_in": "soon"}, id="a word for seconds"),
        pytest.param({"expires_in": "nan"}, id="not a number"),
        pytest.param({"expires_in": 10**400}, id="too large a number"),
        pytest.param({"expires_in": {}}, id="an object"),
    ],
)
def test_an_end_that_cannot_be(body: object) -> None:
    """An end that is malformed or past is an error, and time may heal it."""
    with pytest.raises(RetryableError):
        _answer(body, date=DATE).token_end()


def test_a_refusal_of_the_metadata_server_says_what_to_attach() -> None:
    """The metadata server's own refusals are known by its header."""
    fault = refused(_answer("x", 404, metadata_flavor="Google"))
    assert isinstance(fault, PermanentError)
    assert "attach a service account" in fault.hint


def _wrapped(inner: Exception) -> requests.RequestException:
    reason = OSError("canary")
    reason.__cause__ = inner
    outer = Exception(reason)
    outer.reason = reason  # type: ignore[attr-defined]
    return requests.ConnectionError(outer)


UNKNOWN_NAME = socket.gaierror(socket.EAI_NONAME, "canary")
LATER = socket.gaierror(socket.EAI_AGAIN, "canary")


@pytest.mark.parametrize(
    ("host", "error", "kind", "message"),
    [
        pytest.param("x.example", _wrapped(UNKNOWN_NAME), RetryableError, "not known", id="name"),
        pytest.param("x.example", _wrapped(LATER), RetryableError, "looked up now", id="DNS down"),
        pytest.param(
            METADATA_HOST,
            _wrapped(UNKNOWN_NAME),
            PermanentError,
            "no Google identity",
            id="not GCE",
        ),
        pytest.param(METADATA_HOST, _wrapped(LATER), RetryableError, "looked up", id="GCE boots"),
        pytest.param(
            METADATA_HOST,
            requests.ConnectTimeout("canary"),
            RetryableError,
            "in time",
            id="GCE hangs",
        ),
        pytest.param("x.example", requests.ReadTimeout(), RetryableError, "in time", id="timeout"),
        pytest.param(
            "x.example",
            requests.exceptions.ProxyError(UNKNOWN_NAME),
            RetryableError,
            "proxy",
            id="proxy",
        ),
        pytest.param(
            "x.example",
            requests.exceptions.InvalidHeader("canary"),
            PermanentError,
            "malformed",
            id="header",
        ),
        pytest.param("x.example", UnicodeError("canary"), PermanentError, "malformed", id="IDNA"),
        pytest.param(
            "x.example", requests.exceptions.SSLError("canary"), RetryableError, "broke", id="TLS"
        ),
        pytest.param("x.example", OSError("canary"), RetryableError, "broke off", id="any other"),
    ],
)
def test_silence_is_told_by_its_cause(
    host: str, error: Exception, kind: type[RefresherError], message: str
) -> None:
    """Names, proxies, time and TLS are told apart, and nothing of the cause is repeated."""
    fault = unanswered(host, error)
    assert type(fault) is kind
    assert message in str(fault)
    assert "canary" not in f"{fault} {fault.hint}"
    if host == METADATA_HOST:
        assert "GOOGLE_APPLICATION_CREDENTIALS" in fault.hint


def test_an_error_that_wraps_itself_ends() -> None:
    """A cycle of causes is walked once."""
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert isinstance(unanswered("x.example", first), RetryableError)


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://oauth2.googleapis.com/token", True),
        ("https://sts.googleapis.com./v1/token", True),
        ("https://OAUTH2.GoogleApis.com/token", True),
        ("https://oauth2.googleapis.com:8443/token", True),
        ("https://accounts.google.com/o/oauth2/token", True),
        ("http://localhost:8080/token", True),
        ("http://127.0.0.53/token", True),
        ("http://[::1]:8080/token", True),
        ("https://tokens.acme.example/", True),
        ("http://oauth2.googleapis.com/token", False),
        ("https://googleapis.com/token", False),
        ("https://evilgoogleapis.com/token", False),
        ("https://oauth2.googleapis.com.evil.example/", False),
        ("https://evil.example/?.googleapis.com", False),
        ("https://evil.example#.googleapis.com", False),
        ("https://evil.example\\.googleapis.com/", False),
        ("https://evil.example%2f.googleapis.com/", False),
        ("https://evil.example:443@oauth2.googleapis.com/", False),
        ("https://sub.tokens.acme.example/", False),
        ("https://localhost.evil.example/", False),
        ("http://127.0.0.1.evil.example/", False),
        ("http://169.254.169.254/", False),
        ("http://0.0.0.0/", False),
        ("https://[::ffff:1.2.3.4]/", False),
        ("https://[oauth2.googleapis.com/", False),
        ("ftp://oauth2.googleapis.com/", False),
        ("//oauth2.googleapis.com/", False),
        (" https://oauth2.googleapis.com/", False),
        ("https://oauth2.googleapis.com/\n", False),
        ("", False),
    ],
)
def test_only_known_hosts_are_trusted(url: str, *, trusted: bool) -> None:
    """Google's hosts by https, loopback, and hosts by name: nothing that only looks like them."""
    trust = Trust(hosts=("tokens.acme.example",))
    if trusted:
        trust.refuse_untrusted(url, "token_uri")
    else:
        with pytest.raises(PermanentError, match="token_uri"):
            trust.refuse_untrusted(url, "token_uri")


VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
GCLOUD = Path("/g/application_default_credentials.json")


@pytest.mark.parametrize(
    ("key_file", "env", "place", "watched"),
    [
        pytest.param(
            Path("/k"), {VARIABLE: "/v"}, Place(Path("/k"), "key_file"), [Path("/k")], id="key file"
        ),
        pytest.param(
            None,
            {VARIABLE: "/v", "CLOUDSDK_CONFIG": "/g"},
            Place(Path("/v"), VARIABLE),
            [Path("/v")],
            id="variable",
        ),
        pytest.param(None, {VARIABLE: "", "CLOUDSDK_CONFIG": "/g"}, None, [GCLOUD], id="no login"),
        pytest.param(None, {}, None, [], id="nothing"),
    ],
)
def test_the_identity_is_looked_for_in_googles_order(
    key_file: Path | None, env: dict[str, str], place: Place | None, watched: list[Path]
) -> None:
    """The setting, then the variable, then gcloud's login if there is one, then the machine's."""
    assert find(key_file, env) == place
    assert list(candidates(key_file, env)) == watched
