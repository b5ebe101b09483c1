"""Bounds of a fetch: its whole time, the size of answers, and which answers are AWS's at all."""

import socket
from pathlib import Path
from typing import Any

import pytest

from refresher.clock import SystemClock
from refresher.errors import PermanentError, RetryableError
from refresher.model.credential import live_secrets
from refresher.providers.aws import call
from refresher.providers.aws.exchange import Exchange
from refresher.providers.aws.options import Identity, TokenRequest
from refresher.providers.aws.wire import ANSWER_LIMIT, Wire
from refresher.testing import FakeClock
from tests.doubles import aws_faults
from tests.doubles.aws import AwsDouble
from tests.doubles.certificates import Authority

ROLE = "arn:aws:iam::222222222222:role/puller"


def fetch(deadline: float = 30, role: str | None = None) -> Any:
    """Ask for a token in Oregon."""
    request = TokenRequest("ecr", "us-west-2", Identity(role_arn=role))
    return call.authorization_token(request, SystemClock(), deadline)


@pytest.fixture
def sources(aws: AwsDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AwsDouble:
    """An AWS whose keys come from whoever the test names."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    (tmp_path / "token").write_text("web-identity")
    return aws


SOURCES = {
    "GetAuthorizationToken": {"AWS_ACCESS_KEY_ID": "AKIAKEY", "AWS_SECRET_ACCESS_KEY": "secret"},
    "AssumeRoleWithWebIdentity": {
        "AWS_ROLE_ARN": ROLE,
        "AWS_WEB_IDENTITY_TOKEN_FILE": "{tmp}/token",
    },
    "ContainerCredentials": {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/container-credentials",
    },
    "ImdsToken": {
        "AWS_EC2_METADATA_DISABLED": "false",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "{url}",
    },
}
SOURCES["ImdsRoles"] = SOURCES["ImdsCredentials"] = SOURCES["ImdsToken"]
ROLES = {"AssumeRole": SOURCES["GetAuthorizationToken"]}
CALLS = {**SOURCES, **ROLES}


def use(operation: str, aws: AwsDouble, patch: pytest.MonkeyPatch, directory: Path) -> str | None:
    """Set the environment that leads to `operation`; return the role to assume."""
    for name, value in CALLS[operation].items():
        patch.setenv(name, value.format(url=aws.url, tmp=directory))
    return ROLE if operation == "AssumeRole" else None


LATE = r"not done within 0\.3 s|did not answer in time|no AWS keys came"
"""Which of the clocks rings first is chance where the host has other things to do."""

SLOW = {
    "head": aws_faults.drip("head"),
    "body": aws_faults.drip("body"),
    "hang": aws_faults.hang(),
}


@pytest.mark.parametrize("fault", SLOW.values(), ids=SLOW.keys())
@pytest.mark.parametrize("operation", CALLS)
def test_a_slow_server_costs_the_deadline(
    sources: AwsDouble,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    operation: str,
    fault: aws_faults.Fault,
) -> None:
    """Whoever drips or hangs, and wherever: the fetch ends in time, and may be tried again."""
    role = use(operation, sources, monkeypatch, tmp_path)
    sources.fail(fault, on=operation)
    clock = SystemClock()
    begun = clock.monotonic()
    with pytest.raises(RetryableError, match=LATE) as caught:
        fetch(0.3, role)
    assert clock.monotonic() - begun < 1.5
    assert caught.value.__context__ is None
    assert fetch(role=role).authorization_data


def test_a_slow_handshake_costs_the_deadline(
    aws: AwsDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS that never comes about is cut, too."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", f"https://127.0.0.1:{port}")
        clock = SystemClock()
        begun = clock.monotonic()
        with pytest.raises(RetryableError):
            fetch(0.4)
        assert clock.monotonic() - begun < 1.5
    assert aws.requests == []


def test_a_slow_answer_by_tls_is_cut(
    aws: AwsDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The descriptor that TLS took over is cut by our own of the same connection."""
    assert aws.requests == []
    authority = Authority(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.file))
    with AwsDouble(tls=authority.server()) as secure:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", secure.url)
        secure.fail(aws_faults.drip("body"))
        with pytest.raises(RetryableError, match="not done within"):
            fetch(0.3)
        assert fetch().authorization_data


@pytest.mark.parametrize("operation", CALLS)
def test_a_huge_answer_is_not_kept(
    sources: AwsDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, operation: str
) -> None:
    """More than a mebibyte is no answer of AWS's, whatever it holds and whoever gives it."""
    role = use(operation, sources, monkeypatch, tmp_path)
    sources.fail(aws_faults.huge(ANSWER_LIMIT), on=operation)
    with pytest.raises(RetryableError, match=f"more than {ANSWER_LIMIT} bytes"):
        fetch(role=role)


PAGES = {
    "page": b"<html>Welcome to our hotel</html>",
    "empty": b"",
    "list": b"[1, 2]",
    "null": b"null",
    "no text": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "cut short": b'{"authorizationData": [{"authoriz',
    "large number": b'{"authorizationData": ' + b"9" * 5_000 + b"}",
    "compressed": b"\x1f\x8b\x08\x00",
}


@pytest.mark.parametrize("body", PAGES.values(), ids=PAGES.keys())
@pytest.mark.parametrize("status", [200, 302, 425, 502])
def test_what_is_no_answer_of_awss_may_heal(aws: AwsDouble, status: int, body: bytes) -> None:
    """Captive portals, proxies and load balancers come and go."""
    aws.fail(aws_faults.garbage(body, status))
    with pytest.raises(RetryableError):
        fetch()
    assert aws.calls() == 1


AGENTS_ANSWERS = {
    "page": b"<html>",
    "empty": b"",
    "no keys": b"{}",
    "list": b"[]",
    "null": b"null",
    "numbers": b'{"AccessKeyId": 1, "SecretAccessKey": 2, "Token": 3, "Expiration": "x"}',
    "no end": b'{"AccessKeyId": "a", "SecretAccessKey": "b", "Token": "c"}',
    "odd end": b'{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"x"}',
    "end beyond": b'{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"9e99"}',
}


@pytest.mark.parametrize("body", AGENTS_ANSWERS.values(), ids=AGENTS_ANSWERS.keys())
def test_an_agent_without_keys_may_heal_and_is_asked_once(
    sources: AwsDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: bytes
) -> None:
    """Whatever an agent answers in the place of keys, the engine tries again, and only it."""
    use("ContainerCredentials", sources, monkeypatch, tmp_path)
    sources.fail(aws_faults.garbage(body), times=3, on="ContainerCredentials")
    with pytest.raises(RetryableError, match="no AWS keys came"):
        fetch()
    assert sources.calls("ContainerCredentials") == 1


@pytest.mark.parametrize(
    ("url", "token", "words"),
    [
        pytest.param("http://registry.example/keys", "fine", "plain HTTP", id="refused host"),
        pytest.param("{url}/container-credentials", "a\r\nb: c", "line break", id="CRLF"),
    ],
)
def test_an_agent_that_may_not_be_asked(
    sources: AwsDouble, monkeypatch: pytest.MonkeyPatch, url: str, token: str, words: str
) -> None:
    """Settings of an agent that can't work are named, and nobody is asked."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.format(url=sources.url))
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", token)
    with pytest.raises(PermanentError, match=words) as caught:
        fetch()
    assert "AWS_CONTAINER_" in caught.value.hint
    assert sources.requests == []


def test_keys_are_known_to_the_redactor_for_an_attempt(aws: AwsDouble) -> None:
    """The keys that sign, and those that a role gives, are secrets while they are held."""
    held: list[set[str]] = []
    usual = Exchange.hear

    class Listening(Exchange):
        def hear(self, **event: Any) -> None:
            held.append({secret.reveal() for secret in live_secrets()})
            usual(self, **event)

    with Listening(SystemClock(), 30, "ECR") as exchange:
        call._attempt(TokenRequest("ecr", "us-west-2", Identity(role_arn=ROLE)), exchange)
    assert aws.calls() == 1
    assert {"assumed-secret-key", "assumed-session-token"} <= held[-1]
    assert "dummy-secret-access-key" in held[0]


def test_nothing_is_begun_on_a_wire_that_was_cut() -> None:
    """A connection that comes about too late is shut at once."""
    ours, theirs = socket.socketpair()
    with ours, theirs, Wire(30) as wire:
        wire.cut()
        wire.keep(ours)
        theirs.settimeout(1)
        assert theirs.recv(1) == b""


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 1e12, float("inf")])
def test_any_deadline_is_a_deadline(aws: AwsDouble, seconds: float) -> None:
    """What is over begins nothing; what is endless is bounded by the calls' own timeouts."""
    if seconds > 0:
        assert fetch(seconds).authorization_data
        return
    with pytest.raises(RetryableError, match="not done within"):
        fetch(seconds)
    assert aws.requests == []


def test_an_exchange_counts_by_the_clock_it_is_given() -> None:
    """The seconds that are left come from the clock, also where it is pushed."""
    clock = FakeClock()
    exchange = Exchange(clock, 30, "ECR")
    clock.advance(29)
    assert exchange.left() == 1
