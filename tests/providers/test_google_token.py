"""Access tokens: every kind of identity, every kind of fault, the true end, no word leaked."""

import base64
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from refresher.errors import ClockError, PermanentError, RefresherError, RetryableError
from refresher.model.credential import UNKNOWN, live_secrets
from refresher.ports import HasInputs, Provider, Validates
from refresher.testing import ProviderContract
from tests.doubles.certificates import Authority
from tests.doubles.google import Fault, GoogleDouble, iam_refusal, refusal
from tests.providers.google_support import Account, leads_outside, pem

Fields = dict[str, Any]
TARGET = "target@acme.iam.gserviceaccount.com"


@pytest.fixture(autouse=True)
def _no_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if leads_outside(name):
            monkeypatch.delenv(name)


@pytest.fixture
def google() -> Iterator[GoogleDouble]:
    """A healthy Google."""
    with GoogleDouble() as double:
        yield double


@pytest.fixture
def account(tmp_path: Path) -> Account:
    """A place for a key file."""
    return Account(tmp_path)


class TestContract(ProviderContract):
    """The contract, with a service account."""

    @pytest.fixture(autouse=True)
    def _service(self, account: Account, google: GoogleDouble) -> None:
        account.write(google.service_account_key(pem()))
        self.account = account

    def make_provider(self) -> Any:
        """Return a provider whose tokens come from loopback."""
        return self.account.token_provider()


def _impersonated(google: GoogleDouble, source: Fields) -> Fields:
    return {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": google.impersonation_url(TARGET),
        "source_credentials": source,
        "delegates": [],
    }


IDENTITIES: dict[str, tuple[Callable[[GoogleDouble], Fields], dict[str, int]]] = {
    "service account": (lambda google: google.service_account_key(pem()), {"token": 1}),
    "person": (lambda google: google.person(), {"token": 1}),
    "workload identity": (
        lambda google: google.external_account(),
        {"subject": 1, "exchange": 1},
    ),
    "workload identity that impersonates": (
        lambda google: {
            **google.external_account(),
            "service_account_impersonation_url": google.impersonation_url(TARGET),
        },
        {"subject": 1, "exchange": 1, "impersonate": 1},
    ),
    "person from outside": (
        lambda google: {
            **google.external_account(),
            "type": "external_account_authorized_user",
            "client_id": "c",
            "client_secret": "canary-client-secret",
            "refresh_token": "canary-refresh-token",
            "token": "canary-stale-token",
            "expiry": "2020-01-01T00:00:00Z",
        },
        {"exchange": 1},
    ),
    "impersonation by a service account": (
        lambda google: _impersonated(google, google.service_account_key(pem())),
        {"token": 1, "impersonate": 1},
    ),
    "impersonation by a person": (
        lambda google: _impersonated(google, google.person()),
        {"token": 1, "impersonate": 1},
    ),
}


@pytest.mark.parametrize(("fields", "calls"), IDENTITIES.values(), ids=IDENTITIES)
def test_every_kind_of_identity_gets_a_token(
    account: Account,
    google: GoogleDouble,
    fields: Callable[[GoogleDouble], Fields],
    calls: dict[str, int],
) -> None:
    """Each kind of credential file leads to a token, with as few calls as can be."""
    account.write(fields(google))
    provider = account.token_provider()
    assert isinstance(provider, Validates)
    provider.validate()
    assert not google.calls
    credential = provider.fetch(10)
    assert google.calls == calls
    assert credential.username == "oauth2accesstoken"
    assert credential.secret.reveal().startswith("ya29.canary-token")
    assert isinstance(credential.expires_at, datetime)
    life = credential.expires_at - credential.issued_at
    assert timedelta(minutes=59) < life <= timedelta(seconds=3600)


@pytest.mark.parametrize(("fields", "calls"), IDENTITIES.values(), ids=IDENTITIES)
def test_the_environment_gives_the_same_identities(
    account: Account,
    google: GoogleDouble,
    fields: Callable[[GoogleDouble], Fields],
    calls: dict[str, int],
) -> None:
    """`GOOGLE_APPLICATION_CREDENTIALS` takes the same files as `key_file`."""
    account.write(fields(google))
    account.env["GOOGLE_APPLICATION_CREDENTIALS"] = str(account.path)
    account.token_provider(key_file=None).fetch(10)
    assert google.calls == calls


@pytest.mark.parametrize("variable", ["HOME", "CLOUDSDK_CONFIG"])
def test_the_login_of_gcloud_is_found(tmp_path: Path, google: GoogleDouble, variable: str) -> None:
    """Without a file of its own the login that gcloud keeps is used, and watched."""
    account = Account(tmp_path)
    below = (".config", "gcloud") if variable == "HOME" else ()
    directory = tmp_path.joinpath(*below)
    directory.mkdir(parents=True, exist_ok=True)
    login = directory / "application_default_credentials.json"
    login.write_text(json.dumps(google.person()))
    account.env[variable] = str(tmp_path)
    provider = account.token_provider(key_file=None)
    provider.fetch(10)
    assert google.seen[0].form["grant_type"] == "refresh_token"
    assert isinstance(provider, HasInputs)
    assert list(provider.inputs()) == [login]


def test_an_option_impersonates(account: Account, google: GoogleDouble) -> None:
    """`impersonate` asks IAM for another account's token, with the scopes of the settings."""
    account.write(google.service_account_key(pem()))
    provider = account.token_provider(
        impersonate=TARGET, iam_endpoint=f"{google.url}/", scopes=["https://scope.example/read"]
    )
    provider.fetch(10)
    assert google.calls == {"token": 1, "impersonate": 1}
    assert TARGET in google.seen[1].path
    assert google.seen[1].headers["authorization"].startswith("Bearer ya29.canary-token-1")


def test_scopes_are_asked_for(account: Account, google: GoogleDouble) -> None:
    """A token is asked for with the scope of Google Cloud unless the settings name others."""
    account.write(google.person())
    account.token_provider().fetch(10)
    account.token_provider(scopes=["a", "b"]).fetch(10)
    scopes = [call.form["scope"] for call in google.seen]
    assert scopes == ["https://www.googleapis.com/auth/cloud-platform", "a b"]


def test_one_token_serves_all_registries(account: Account, google: GoogleDouble) -> None:
    """Five hosts cost one call, and each is named."""
    account.write(google.service_account_key(pem()))
    hosts = ["gcr.io", "eu.gcr.io", "us.gcr.io", "us-docker.pkg.dev", "us-west1-docker.pkg.dev"]
    credential = account.token_provider(registries=hosts).fetch(10)
    assert credential.registries == tuple(hosts)
    assert google.calls == {"token": 1}


def test_a_rotated_key_is_used_at_once(account: Account, google: GoogleDouble) -> None:
    """The file is read at every fetch; a half-written one is an error, and then it heals."""
    account.write(google.service_account_key(pem()))
    provider = account.token_provider()
    first = provider.fetch(10)
    account.write(json.dumps(google.service_account_key(pem())).encode()[:500])
    with pytest.raises(PermanentError, match="ends in the middle"):
        provider.fetch(10)
    account.write(google.person())
    assert provider.fetch(10).secret != first.secret
    assert [call.form["grant_type"][-10:] for call in google.seen] == ["jwt-bearer", "resh_token"]


def test_a_repair_is_told_once(account: Account, google: GoogleDouble) -> None:
    """A damaged but readable key works for tokens too, and is told once."""
    key = json.dumps(google.service_account_key(pem())).encode()
    account.write(key.replace(b"\\n", b"\n"))
    provider = account.token_provider()
    assert provider.fetch(10)
    assert provider.fetch(10)
    assert ["raw line breaks" in notice for notice in account.notices] == [True]


def test_the_same_token_again_is_a_good_answer(account: Account, google: GoogleDouble) -> None:
    """A server that caches answers with the same token and less life: both are passed on."""
    account.write(google.service_account_key(pem()))
    google.fixed_token = "ya29.canary-token-fixed"
    provider = account.token_provider()
    first = provider.fetch(10)
    google.life = 120
    second = provider.fetch(10)
    assert first.secret == second.secret
    assert isinstance(second.expires_at, datetime)
    assert second.expires_at - second.issued_at == timedelta(seconds=120)


# --- times ---------------------------------------------------------------------


@pytest.mark.parametrize("life", [1, 60, "900", 3599.5, 43_200, 86_400])
def test_the_life_is_what_the_server_says(
    account: Account, google: GoogleDouble, life: object
) -> None:
    """`expires_in` counts from the answer, as a number or as text."""
    account.write(google.person())
    google.life = life
    credential = account.token_provider().fetch(10)
    assert isinstance(credential.expires_at, datetime)
    assert credential.expires_at - credential.issued_at == timedelta(seconds=float(str(life)))


def test_without_an_end_it_is_unknown(account: Account, google: GoogleDouble) -> None:
    """A token without `expires_in` has an unknown end, not none."""
    account.write(google.person())
    google.life = None
    assert account.token_provider().fetch(10).expires_at is UNKNOWN


@pytest.mark.parametrize(
    ("life", "error", "message"),
    [
        pytest.param(0, RetryableError, "has ended already", id="zero"),
        pytest.param(-5, RetryableError, "has ended already", id="negative"),
        pytest.param(86_401, PermanentError, "longer than a day", id="a day"),
        pytest.param(10**9, PermanentError, "longer than a day", id="30 years"),
        pytest.param("soon", RetryableError, "whose end can't be read", id="a word"),
        pytest.param([5], RetryableError, "whose end can't be read", id="a list"),
        pytest.param(True, RetryableError, "whose end can't be read", id="a truth"),
        pytest.param(float("inf"), RetryableError, "whose end can't be read", id="infinity"),
        pytest.param(10**30, PermanentError, "longer than a day", id="huge"),
    ],
)
def test_an_absurd_life_is_refused(
    account: Account,
    google: GoogleDouble,
    life: object,
    error: type[RefresherError],
    message: str,
) -> None:
    """A token that is over, or that lives for ever, is never passed on."""
    account.write(google.person())
    google.life = life
    with pytest.raises(error, match=message):
        account.token_provider().fetch(10)


@pytest.mark.parametrize("offset", [-61_200.0, -31.5, 31.5, 61_200.0, None])
@pytest.mark.parametrize("kind", ["service account", "impersonation by a person"])
def test_times_are_by_the_servers_clock(
    account: Account, google: GoogleDouble, kind: str, offset: float | None
) -> None:
    """Whatever the local clock, issue and end are the server's, and its `Date` is passed on."""
    account.write(IDENTITIES[kind][0](google))
    google.date_offset = offset
    credential = account.token_provider().fetch(10)
    near = timedelta(seconds=2)
    expected = datetime.now(UTC) + timedelta(seconds=offset or 0)
    assert abs(credential.issued_at - expected) < near
    assert isinstance(credential.expires_at, datetime)
    assert abs(credential.expires_at - expected - timedelta(seconds=3599)) < near
    if offset is None:
        assert credential.answered_at is None
    else:
        assert credential.answered_at is not None
        assert abs(credential.answered_at - expected) < near


@pytest.mark.parametrize("offset", [61_200.0, -61_200.0, 90.0])
def test_a_wrong_clock_is_told_from_a_wrong_key(
    account: Account, google: GoogleDouble, offset: float
) -> None:
    """Google's refusal of the times is a clock fault, with the difference that was measured."""
    account.write(google.service_account_key(pem()))
    google.date_offset = offset
    google.faults.append(_times_refused())
    with pytest.raises(ClockError, match=r"clock is [+-]\d+ s from ours") as caught:
        account.token_provider().fetch(10)
    assert caught.value.skew == pytest.approx(offset, abs=5)
    assert "clock" in caught.value.hint


def test_a_clock_fault_without_date_is_one_too(account: Account, google: GoogleDouble) -> None:
    """Where the answer has no `Date` the difference is unknown, not zero."""
    account.write(google.service_account_key(pem()))
    google.date_offset = None
    google.faults.append(_times_refused())
    with pytest.raises(ClockError) as caught:
        account.token_provider().fetch(10)
    assert caught.value.skew is None


def test_agreeing_clocks_make_no_clock_fault(account: Account, google: GoogleDouble) -> None:
    """The same refusal with clocks that agree is an ordinary fault of the identity."""
    account.write(google.service_account_key(pem()))
    google.faults.append(_times_refused())
    with pytest.raises(PermanentError, match="although its clock and ours agree"):
        account.token_provider().fetch(10)


def _times_refused() -> Fault:
    return refusal(
        "invalid_grant",
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
        "timeframe. Check your iat and exp values in the JWT claim. canary-description",
    )


# --- faults ----------------------------------------------------------------------

REFUSALS = {
    "key rotated": (refusal("invalid_grant", "Invalid JWT Signature."), "rotated or deleted"),
    "account gone": (refusal("invalid_grant", "Invalid grant: account not found"), "deleted"),
    "account disabled": (refusal("invalid_grant", "Account has been disabled."), "enable the"),
    "login revoked": (
        refusal("invalid_grant", "Token has been expired or revoked."),
        "gcloud auth application-default login",
    ),
    "login too old": (
        Fault(400, {"error": "invalid_grant", "error_subtype": "invalid_rapt"}),
        "gcloud auth application-default login",
    ),
    "grant refused": (refusal("invalid_grant", "canary-description"), "a current one"),
    "client gone": (refusal("invalid_client", "x", 401), "gcloud auth"),
    "client deleted": (refusal("deleted_client", "x", 401), "gcloud auth"),
    "scopes refused": (refusal("unauthorized_client", "x", 401), "check scopes"),
    "scopes unknown": (refusal("invalid_scope", "x"), "check scopes"),
    "audience unknown": (refusal("invalid_target", "x"), "audience"),
    "impersonation refused": (iam_refusal(403, "PERMISSION_DENIED"), "TokenCreator"),
    "nobody to impersonate": (iam_refusal(404, "NOT_FOUND"), "e-mail address"),
    "scopes refused by IAM": (iam_refusal(400, "INVALID_ARGUMENT"), "check scopes"),
    "a proxy's page": (Fault(403, "<html>canary-page</html>"), "proxy or firewall"),
    "a list": (Fault(400, ["canary"]), "proxy or firewall"),
    "an unknown kind": (refusal("canary_kind", "canary"), "proxy or firewall"),
}


@pytest.mark.parametrize(("fault", "hint"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_permanent_and_says_what_to_do(
    account: Account, google: GoogleDouble, fault: Fault, hint: str
) -> None:
    """What a person has to repair is asked once, and explained without a word of the answer."""
    account.write(google.person())
    google.faults.append(fault)
    with pytest.raises(PermanentError) as caught:
        account.token_provider().fetch(10)
    assert hint in caught.value.hint
    assert "127.0.0.1" in str(caught.value)
    assert google.calls == {"token": 1}
    _assert_silent(caught.value)


PASSING = {
    "500": Fault(500),
    "502 with a page": Fault(502, "<html>canary</html>"),
    "503": Fault(503, {"error": "canary"}),
    "429": Fault(429),
    "408": Fault(408),
    "server_error": refusal("server_error"),
    "temporarily_unavailable": refusal("temporarily_unavailable"),
    "internal_failure": refusal("internal_failure"),
    "redirect": Fault(302, headers={"Location": "http://127.0.0.1:9/canary"}),
    "no content": Fault(204),
    "hung up": Fault(cut=True),
    "a page": Fault(200, "<html>canary</html>"),
    "nothing": Fault(200, ""),
    "a list": Fault(200, ["canary"]),
    "null": Fault(200, None),
    "no token": Fault(200, {"expires_in": 3599}),
    "token is a number": Fault(200, {"access_token": 5, "expires_in": 3599}),
    "token is empty": Fault(200, {"access_token": "", "expires_in": 3599}),
    "token has a newline": Fault(200, {"access_token": "canary\n", "expires_in": 3599}),
    "no UTF-8": Fault(200, b"\xff\xfe\x00canary"),
    "deep nesting": Fault(200, b"[" * 5_000),
    "wrong length": Fault(200, "{}", {"Content-Length": "5", "Connection": "close"}),
    "no gzip": Fault(200, "canary", {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_what_time_heals_is_tried_once(
    account: Account, google: GoogleDouble, fault: Fault
) -> None:
    """An outage or garbage is one attempt and a retryable error; the next one works."""
    account.write(google.person())
    google.faults.append(fault)
    provider = account.token_provider()
    started = time.monotonic()
    with pytest.raises(RetryableError) as caught:
        provider.fetch(2)
    assert time.monotonic() - started < 1.5
    assert google.calls == {"token": 1}
    _assert_silent(caught.value)
    assert provider.fetch(10)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("17", 17.0, id="seconds"),
        pytest.param("Wed, 21 Oct 2015 07:28:00 GMT", 0.0, id="a past date"),
        pytest.param("soon", None, id="a word"),
        pytest.param("9" * 400, 86_400.0, id="for ever"),
    ],
)
def test_the_wait_that_is_asked_for_is_passed_on(
    account: Account, google: GoogleDouble, header: str, expected: float | None
) -> None:
    """`Retry-After` reaches the engine."""
    account.write(google.person())
    google.faults.append(Fault(429, headers={"Retry-After": header}))
    with pytest.raises(RetryableError) as caught:
        account.token_provider().fetch(10)
    assert caught.value.retry_after == expected


@pytest.mark.parametrize("fault", [Fault(hang=True), Fault(drip=True)], ids=["hangs", "drips"])
def test_silence_ends_at_the_deadline(account: Account, google: GoogleDouble, fault: Fault) -> None:
    """A server that never ends its answer costs the deadline and no more; then it works again."""
    account.write(google.person())
    google.faults.append(fault)
    provider = account.token_provider()
    started = time.monotonic()
    with pytest.raises(RetryableError, match="did not answer in time"):
        provider.fetch(0.5)
    assert 0.4 < time.monotonic() - started < 1.5
    assert provider.fetch(10)


def test_the_deadline_holds_for_all_calls_together(account: Account, google: GoogleDouble) -> None:
    """A second call is not begun when the first took all the time."""
    account.write({**google.external_account()})
    with pytest.raises(RetryableError, match="did not answer in time"):
        account.token_provider().fetch(0)
    assert not google.calls


def test_an_endless_answer_is_cut(account: Account, google: GoogleDouble) -> None:
    """An answer of megabytes, as no token is, is not kept."""
    account.write(google.person())
    google.faults.append(Fault(200, "x" * 5_000_000))
    with pytest.raises(RetryableError, match="more than 65536 bytes"):
        account.token_provider().fetch(10)


def test_a_closed_port_is_retryable(account: Account, google: GoogleDouble) -> None:
    """Nobody listens: time may heal it, whatever google-auth calls it."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    fields = {**google.person(), "token_uri": f"http://127.0.0.1:{port}/token"}
    account.write(fields)
    with pytest.raises(RetryableError, match="can't be reached"):
        account.token_provider().fetch(10)


def test_an_unknown_name_is_retryable(account: Account, google: GoogleDouble) -> None:
    """A name that can't be looked up is an outage; it says which name."""
    host = "oauth2.nowhere.invalid"
    account.write({**google.person(), "token_uri": f"https://{host}/token"})
    with pytest.raises(RetryableError, match=rf"the name {host} (is not known|can't be looked up)"):
        account.token_provider(trusted_hosts=[host]).fetch(10)


def test_a_broken_proxy_is_named_without_its_password(
    account: Account, google: GoogleDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that is away is told as such; its URL may hold a password."""
    monkeypatch.setenv("HTTP_PROXY", "http://user:canary-password@127.0.0.1:9")
    account.write(google.person())
    with pytest.raises(RetryableError, match="the proxy for") as caught:
        account.token_provider().fetch(10)
    _assert_silent(caught.value)


def _assert_silent(error: RefresherError) -> None:
    """Insist that neither the error nor anything behind it holds what was sent or answered."""
    assert error.__cause__ is None
    assert error.__context__ is None or type(error.__context__) is FileNotFoundError
    assert "canary" not in f"{error} {error.hint} {error!r}"


# --- TLS ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "days", "message"),
    [
        pytest.param("127.0.0.1", (-9, -2), "has ended", id="expired"),
        pytest.param("127.0.0.1", (2, 9), "not valid yet", id="from tomorrow"),
        pytest.param("other.example", (-1, 9), "for another name", id="another name"),
        pytest.param("127.0.0.2", (-1, 9), "for another name", id="another address"),
    ],
)
def test_a_bad_certificate_is_told_by_its_kind(
    account: Account, tmp_path: Path, name: str, days: tuple[int, int], message: str
) -> None:
    """An expired certificate and one for another name are permanent, and told apart."""
    authority = Authority(tmp_path)
    with GoogleDouble(authority.server(name, starts=days[0], days=days[1])) as google:
        account.write(google.person())
        with pytest.raises(PermanentError, match=f"certificate of 127.0.0.1.* {message}"):
            account.token_provider(ca_file=str(authority.file)).fetch(10)


@pytest.mark.parametrize(
    "variable", [None, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"]
)
def test_a_private_authority_can_be_named(
    account: Account, tmp_path: Path, variable: str | None
) -> None:
    """An unknown authority names the ways to make it known, and each of them works."""
    authority = Authority(tmp_path)
    context = authority.server()
    with GoogleDouble(context) as google:
        account.write(google.person())
        with pytest.raises(PermanentError, match="authority that is not known") as caught:
            account.token_provider().fetch(10)
        assert (variable or "ca_file") in caught.value.hint
        if variable:
            account.env[variable] = str(authority.file)
            assert account.token_provider().fetch(10)
        else:
            account.env["REQUESTS_CA_BUNDLE"] = "/nowhere"
            provider = account.token_provider(ca_file=str(authority.file))
            assert provider.fetch(10)
            assert isinstance(provider, HasInputs)
            assert authority.file in provider.inputs()


def test_a_directory_of_authorities_is_taken(account: Account, tmp_path: Path) -> None:
    """A directory in OpenSSL's layout may be named too; here it lacks the authority."""
    context = Authority(tmp_path).server()
    (tmp_path / "certs").mkdir()
    with GoogleDouble(context) as google:
        account.write(google.person())
        with pytest.raises(PermanentError, match="authority that is not known"):
            account.token_provider(ca_file=str(tmp_path / "certs")).fetch(10)


@pytest.mark.parametrize(
    "content", [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\n"]
)
def test_a_bad_file_of_authorities_is_named(
    account: Account, tmp_path: Path, content: bytes | None
) -> None:
    """A missing or malformed `ca_file` is permanent, and the setting is named."""
    context = Authority(tmp_path).server()
    path = tmp_path / "bad.pem"
    if content is not None:
        path.write_bytes(content)
    with GoogleDouble(context) as google:
        account.write(google.person())
        provider = account.token_provider(ca_file=str(path))
        assert isinstance(provider, Validates)
        for attempt in (provider.validate, lambda: provider.fetch(10)):
            with pytest.raises(PermanentError, match=r"ca_file .*no certificate auth") as caught:
                attempt()
            assert "ca_file" in caught.value.hint
        assert not google.calls


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("canary-password", "holds no certificate authorities", id="a password"),
        pytest.param("-----BEGIN CERTIFICATE-----\ncanary", "holds the content", id="PEM"),
    ],
)
def test_a_variable_without_authorities_is_named_alone(
    account: Account, google: GoogleDouble, variable: str, text: str, message: str
) -> None:
    """The variable is named, and what it holds in the place of a path is not."""
    account.write(google.person())
    account.env[variable] = text
    provider = account.token_provider()
    assert isinstance(provider, Validates)
    for attempt in (provider.validate, lambda: provider.fetch(10)):
        with pytest.raises(PermanentError, match=f"{variable} {message}") as caught:
            attempt()
        _assert_silent(caught.value)


@pytest.mark.parametrize("where", ["GOOGLE_APPLICATION_CREDENTIALS", "credential_source.file"])
@pytest.mark.parametrize("shape", ["JSON", "base64", "PEM", "a word"])
def test_a_key_in_the_place_of_its_path_is_not_shown(
    account: Account, google: GoogleDouble, where: str, shape: str
) -> None:
    """A key that stands where a path belongs is in no message and in no list of files."""
    key = {"type": "service_account", "private_key": f"-----BEGIN PRIVATE KEY-----\n{pem()}"}
    raw = json.dumps({**key, "canary": "canary"})
    texts = {"JSON": raw, "PEM": pem(), "a word": "canary-word"}
    text = texts.get(shape) or base64.b64encode(raw.encode()).decode()
    if where == "credential_source.file":
        account.write(google.external_account(file=text))
        provider = account.token_provider()
    else:
        account.env[where] = text
        provider = account.token_provider(key_file=None)
    assert isinstance(provider, Validates)
    for attempt in (provider.validate, lambda: provider.fetch(10)):
        with pytest.raises(RefresherError, match=f"{where}.* (holds the|does not)") as caught:
            attempt()
        _assert_silent(caught.value)
        assert text[:16] not in f"{caught.value} {caught.value.hint}"
    assert isinstance(provider, HasInputs)
    watched = " ".join(map(str, provider.inputs()))
    assert shape == "a word" or text[:16] not in watched
    assert not google.calls


# --- configurations that are refused ---------------------------------------------


def _with_source(google: GoogleDouble, **source: object) -> Fields:
    return google.external_account(**source)


UNTRUSTED: dict[str, tuple[Callable[[GoogleDouble], Fields], str]] = {
    "token_url elsewhere": (
        lambda google: {**google.external_account(), "token_url": "https://sts.evil.example/t"},
        "token_url in .* sts.evil.example",
    ),
    "token_url without https": (
        lambda google: {**google.external_account(), "token_url": "http://sts.googleapis.com/t"},
        "token_url in .* no https",
    ),
    "impersonation elsewhere": (
        lambda google: {
            **google.external_account(),
            "service_account_impersonation_url": "https://evil.example/x",
        },
        "service_account_impersonation_url in .* evil.example",
    ),
    "subject elsewhere": (
        lambda google: _with_source(google, url="https://evil.example/subject"),
        "url in .* evil.example",
    ),
    "subject without https": (
        lambda google: _with_source(google, url="http://10.0.0.1/subject"),
        "url in .* no https",
    ),
    "a file URL": (
        lambda google: _with_source(google, url="file:///etc/passwd"),
        "url in .* no URL of a web server",
    ),
    "a password in the URL": (
        lambda google: _with_source(google, url="https://a:canary@sts.googleapis.com/"),
        "before '@'",
    ),
    "a backslash": (
        lambda google: _with_source(google, url="https://evil.example\\.googleapis.com/"),
        "no URL of a web server",
    ),
    "another script": (
        lambda google: _with_source(google, url="https://еvil.googleapis.com/"),  # noqa: RUF001
        "no URL of a web server",
    ),
    "a bad port": (
        lambda google: _with_source(google, url="https://sts.googleapis.com:x/"),
        "no URL of a web server",
    ),
    "a suffix alone": (
        lambda google: _with_source(google, url="https://evilgoogleapis.com/"),
        "evilgoogleapis.com",
    ),
    "url is a list": (lambda google: _with_source(google, url=["x"]), "is no text"),
    "a program": (
        lambda google: _with_source(google, executable={"command": "/bin/true"}),
        "names a program to run",
    ),
    "no source": (
        lambda google: {**google.external_account(), "credential_source": None},
        "no credential_source",
    ),
    "a number as subject file": (
        lambda google: _with_source(google, file=1),
        "credential_source.file in .* is no text",
    ),
    "delegates are a text": (
        lambda google: {**_impersonated(google, google.person()), "delegates": TARGET},
        "delegates that are no list",
    ),
    "a delegate is a number": (
        lambda google: {**_impersonated(google, google.person()), "delegates": [TARGET, 5]},
        "no service account at position 1 of delegates",
    ),
    "a delegate is a word": (
        lambda google: {**_impersonated(google, google.person()), "delegates": ["canary"]},
        "no service account at position 0 of delegates",
    ),
    "a delegate of a project": (
        lambda google: {
            **_impersonated(google, google.person()),
            "delegates": [f"projects/acme/serviceAccounts/{TARGET}"],
        },
        "no service account at position 0 of delegates",
    ),
    "no audience": (
        lambda google: {**google.external_account(), "audience": ""},
        "an empty audience",
    ),
    "no refresh token": (
        lambda google: {**google.person(), "refresh_token": ""},
        "an empty refresh_token",
    ),
    "a person's token_uri": (
        lambda google: {**google.person(), "token_uri": "https://evil.example/t"},
        "token_uri in .* evil.example",
    ),
    "another universe": (
        lambda google: {**google.service_account_key(pem()), "universe_domain": "s3ns.example"},
        "for the cloud s3ns.example",
    ),
    "another universe inside": (
        lambda google: _impersonated(
            google, {**google.service_account_key(pem()), "universe_domain": "s3ns.example"}
        ),
        "for the cloud s3ns.example",
    ),
    "impersonation of nobody": (
        lambda google: {
            **_impersonated(google, google.person()),
            "service_account_impersonation_url": f"{google.url}/v1/x",
        },
        "names no account",
    ),
    "impersonation by nobody": (
        lambda google: _impersonated(google, {}) | {"source_credentials": "x"},
        "no usable source_credentials",
    ),
    "impersonation by impersonation": (
        lambda google: _impersonated(google, _impersonated(google, google.person())),
        "no usable source_credentials",
    ),
    "OAuth client": (lambda _: {"installed": {"client_id": "x"}}, "OAuth client file"),
    "GDCH": (lambda _: {"type": "gdch_service_account"}, "Distributed Cloud"),
    "unknown type": (lambda _: {"type": "canary"}, "unknown type"),
    "empty email": (
        lambda google: {**google.service_account_key(pem()), "client_email": ""},
        "an empty client_email",
    ),
}


@pytest.mark.parametrize(("fields", "message"), UNTRUSTED.values(), ids=UNTRUSTED)
def test_a_file_that_can_do_harm_is_refused(
    account: Account,
    google: GoogleDouble,
    fields: Callable[[GoogleDouble], Fields],
    message: str,
) -> None:
    """A file that names foreign hosts or programs, or lacks a field, is refused unasked."""
    account.write(fields(google))
    provider = account.token_provider()
    assert isinstance(provider, Validates)
    for attempt in (provider.validate, lambda: provider.fetch(10)):
        with pytest.raises(PermanentError, match=message) as caught:
            attempt()
        _assert_silent(caught.value)
    assert not google.calls


def test_a_trusted_host_may_give_subject_tokens(account: Account, google: GoogleDouble) -> None:
    """A host in `trusted_hosts`, and the metadata address of any cloud, may be named."""
    for url in ("https://oidc.acme.example/t", "http://169.254.169.254/metadata/identity"):
        account.write(google.external_account(url=url))
        provider = account.token_provider(trusted_hosts=["OIDC.acme.example"])
        assert isinstance(provider, Validates)
        provider.validate()


def test_a_subject_file_is_read_at_every_fetch(
    account: Account, tmp_path: Path, google: GoogleDouble
) -> None:
    """A projected token that is rotated is used at the next fetch."""
    token = tmp_path / "projected"
    account.write(google.external_account(file=str(token)))
    provider = account.token_provider()
    for text in ("first-subject", "second-subject"):
        token.write_text(text)
        provider.fetch(10)
    assert [call.form["subject_token"] for call in google.seen] == [
        "first-subject",
        "second-subject",
    ]


def test_a_program_runs_only_when_both_switches_are_on(
    account: Account, tmp_path: Path, google: GoogleDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program gives the subject token only if the settings and Google's variable allow it."""
    program = tmp_path / "program"
    answer = {
        "version": 1,
        "success": True,
        "token_type": "urn:ietf:params:oauth:token-type:jwt",
        "id_token": "subject-of-program",
        "expiration_time": int(time.time()) + 600,
    }
    program.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    program.chmod(0o755)
    account.write(google.external_account(executable={"command": str(program)}))
    switch = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"
    with pytest.raises(PermanentError, match="names a program") as caught:
        account.token_provider(allow_executables=True).fetch(10)
    assert switch in caught.value.hint
    account.env[switch] = "1"
    monkeypatch.setenv(switch, "1")
    with pytest.raises(PermanentError, match="names a program"):
        account.token_provider().fetch(10)
    account.token_provider(allow_executables=True).fetch(10)
    assert google.seen[-1].form["subject_token"] == "subject-of-program"


PROGRAMS = {
    "fails": "exit 3",
    "says nothing": "exit 0",
    "says no JSON": "echo canary",
    "says a list": "echo '[]'",
    "says no version": "echo '{}'",
    "says that it failed": 'echo \'{"version": 1, "success": false, "code": "401", '
    '"message": "canary"}\'',
    "says no UTF-8": "printf '\\377'",
}


@pytest.mark.parametrize("script", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_without_a_token_is_no_fault_of_the_file(
    account: Account,
    tmp_path: Path,
    google: GoogleDouble,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
) -> None:
    """Whatever a program does in the place of giving a token, time may heal it."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    account.write(google.external_account(executable={"command": str(program)}))
    _assert_no_subject(_allowing(account, monkeypatch), google, "run the program")


def test_a_program_that_is_not_there_is_no_fault_of_the_file(
    account: Account, google: GoogleDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program may be installed later; its limit of time is brought into google-auth's range."""
    source = {"command": "/nowhere/canary", "timeout_millis": 90_000}
    account.write(_impersonated(google, google.external_account(executable=source)))
    _assert_no_subject(_allowing(account, monkeypatch), google, "run the program")


def test_a_program_that_hangs_is_stopped(
    account: Account, google: GoogleDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that says nothing costs five seconds, the least that google-auth allows."""
    account.write(google.external_account(executable={"command": "/bin/sleep 30"}))
    started = time.monotonic()
    _assert_no_subject(_allowing(account, monkeypatch), google, "run the program")
    assert time.monotonic() - started < 8


def _allowing(account: Account, monkeypatch: pytest.MonkeyPatch) -> Provider:
    switch = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"
    account.env[switch] = "1"
    monkeypatch.setenv(switch, "1")
    return account.token_provider(allow_executables=True)


def _assert_no_subject(provider: Provider, google: GoogleDouble, hint: str) -> None:
    """Insist that the source is blamed, that it may heal, and that Google was not asked."""
    with pytest.raises(RetryableError, match=r"source of the identity in .* gave no token") as it:
        provider.fetch(1)
    assert hint in it.value.hint
    assert not google.calls["exchange"]
    _assert_silent(it.value)


SUBJECT_FILES: dict[str, tuple[bytes | None, str]] = {
    "missing": (None, "does not exist"),
    "empty": (b"", "is empty"),
    "half written": (b'{"subject": "can', ""),
    "without the field": (b"{}", ""),
    "an empty token": (b'{"subject": ""}', ""),
    "no UTF-8": (b"\xff", ""),
    "a list": (b"[]", ""),
}


@pytest.mark.parametrize(("raw", "detail"), SUBJECT_FILES.values(), ids=SUBJECT_FILES)
def test_a_subject_file_without_a_token_heals(
    account: Account, tmp_path: Path, google: GoogleDouble, raw: bytes | None, detail: str
) -> None:
    """A file that is missing or still being written is not the credential file's fault."""
    token = tmp_path / "projected"
    if raw is not None:
        token.write_bytes(raw)
    how = {"type": "json", "subject_token_field_name": "subject"}
    account.write(google.external_account(file=str(token), format=how))
    provider = account.token_provider()
    _assert_no_subject(provider, google, "credential_source")
    assert isinstance(provider, Validates)
    if detail:
        with pytest.raises(PermanentError, match=rf"credential_source\.file \(in .*{detail}"):
            provider.validate()
    token.write_text('{"subject": "whole"}')
    provider.validate()
    assert provider.fetch(10)
    assert google.seen[-1].form["subject_token"] == "whole"


def test_a_url_without_a_subject_token_heals(account: Account, google: GoogleDouble) -> None:
    """An answer of the source in which no token can be found is the source's fault, too."""
    how = {"type": "json", "subject_token_field_name": "subject"}
    account.write(google.external_account(url=f"{google.url}/subject", format=how))
    _assert_no_subject(account.token_provider(), google, "credential_source")


def test_aws_without_keys_is_no_fault_of_the_file(
    account: Account, google: GoogleDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the AWS environment gives no region or no keys, it says so, and it may heal."""
    url = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    source = {"environment_id": "aws1", "regional_cred_verification_url": url}
    kind = "urn:ietf:params:aws:token-type:aws4_request"
    account.write({**google.external_account(**source), "subject_token_type": kind})
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    provider = account.token_provider()
    _assert_no_subject(provider, google, "AWS credentials")
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    _assert_no_subject(provider, google, "AWS credentials")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-key")
    assert provider.fetch(10)


def test_a_certificate_that_is_not_there_heals(
    account: Account, tmp_path: Path, google: GoogleDouble
) -> None:
    """A workload certificate may come late."""
    where = {"certificate_config_location": str(tmp_path / "nowhere.json")}
    account.write(google.external_account(certificate=where))
    _assert_no_subject(account.token_provider(), google, "certificate")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({"environment_id": "aws1"}, id="AWS fields without its type"),
        pytest.param({"file": "a", "url": "https://sts.googleapis.com/"}, id="two sources"),
        pytest.param({"executable": "x"}, id="a program that is no mapping"),
        pytest.param({"file": "{file}", "format": {"type": "canary"}}, id="an unknown format"),
    ],
)
def test_a_source_that_google_auth_does_not_know_is_the_files_fault(
    account: Account, google: GoogleDouble, monkeypatch: pytest.MonkeyPatch, source: Fields
) -> None:
    """A file that makes no sense stays a permanent fault."""
    written = {
        name: str(account.path) if value in ("a", "{file}") else value
        for name, value in source.items()
    }
    account.write(google.external_account(**written))
    provider = _allowing(account, monkeypatch)
    with pytest.raises(PermanentError, match="google-auth can't use key_file") as caught:
        provider.fetch(10)
    _assert_silent(caught.value)
    assert not google.calls


def test_a_url_that_aws_cannot_have_is_the_files_fault(
    account: Account, google: GoogleDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that names no URL to sign for AWS stays wrong, whatever keys there are."""
    source = {"environment_id": "aws1", "regional_cred_verification_url": "ftp://canary"}
    kind = "urn:ietf:params:aws:token-type:aws4_request"
    account.write({**google.external_account(**source), "subject_token_type": kind})
    for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "canary")
    with pytest.raises(PermanentError, match="google-auth can't use key_file") as caught:
        account.token_provider().fetch(10)
    _assert_silent(caught.value)
    assert not google.calls


def test_a_login_without_its_server_is_the_files_fault(
    account: Account, google: GoogleDouble
) -> None:
    """A login from outside that does not say who renews it can't be used, and nobody is asked."""
    fields = IDENTITIES["person from outside"][0](google)
    account.write({name: value for name, value in fields.items() if name != "token_url"})
    with pytest.raises(PermanentError, match="google-auth can't use key_file") as caught:
        account.token_provider().fetch(10)
    _assert_silent(caught.value)
    assert not google.calls


def test_delegates_are_passed_on(account: Account, google: GoogleDouble) -> None:
    """The service accounts between source and target reach IAM, in either form, in order."""
    chain = ["hop@acme.iam.gserviceaccount.com", f"projects/-/serviceAccounts/{TARGET}", "10" * 10]
    for delegates in (chain, [], None):
        account.write({**_impersonated(google, google.person()), "delegates": delegates})
        provider = account.token_provider()
        assert isinstance(provider, Validates)
        provider.validate()
        provider.fetch(10)
        assert json.loads(google.seen[-1].body)["delegates"] == (delegates or [])


@pytest.mark.parametrize(
    "end",
    ["{}Z", "{}.123456789Z", "{}.5Z", "{}+00:00", "{}.000001+00:00"],
)
def test_any_timestamp_of_iam_is_an_end(account: Account, google: GoogleDouble, end: str) -> None:
    """Fractions of a second and zones are taken, also where another impersonation follows."""
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=30)
    text = end.format(moment.replace(tzinfo=None).isoformat())
    account.write(_impersonated(google, google.person()))
    first = Fault(200, {"access_token": "ya29.first-token", "expires_in": 3599})
    iam = Fault(200, {"accessToken": "ya29.iam-token", "expireTime": text})
    google.faults.extend([first, iam])
    credential = account.token_provider().fetch(10)
    assert credential.secret.reveal() == "ya29.iam-token"
    assert isinstance(credential.expires_at, datetime)
    assert timedelta() <= credential.expires_at - moment < timedelta(seconds=3)
    google.faults.extend([first, iam])
    other = account.token_provider(impersonate=TARGET, iam_endpoint=google.url).fetch(10)
    assert other.secret.reveal() != "ya29.iam-token"


@pytest.mark.parametrize("end", ["soon", 1795657720183, "2026-11-25T15:00:00", None])
def test_an_end_of_iam_that_is_none_is_told(
    account: Account, google: GoogleDouble, end: object
) -> None:
    """A token whose end is malformed is never passed on, and the end is what is blamed."""
    account.write(_impersonated(google, google.person()))
    google.faults.append(Fault(200, {"access_token": "ya29.first-token", "expires_in": 3599}))
    google.faults.append(Fault(200, {"accessToken": "canary-token", "expireTime": end}))
    with pytest.raises(RetryableError, match="whose end can't be read") as caught:
        account.token_provider().fetch(10)
    _assert_silent(caught.value)


def test_aws_is_an_outside_identity(account: Account, google: GoogleDouble) -> None:
    """A federation with AWS is loaded by its class; without AWS credentials it says so."""
    metadata = f"{google.url}/aws"
    account.write(
        {
            **google.external_account(
                environment_id="aws1",
                region_url=metadata,
                url=metadata,
                regional_cred_verification_url="https://sts.{region}.amazonaws.com",
            ),
            "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
        }
    )
    google.faults.append(Fault(404))
    with pytest.raises(PermanentError, match="refused to give a token"):
        account.token_provider().fetch(10)
    assert google.seen[0].path == "/aws"


def test_another_universe_signs_its_own_tokens(account: Account, google: GoogleDouble) -> None:
    """Where the settings name a sovereign cloud, its service account needs no server."""
    account.write({**google.service_account_key(pem()), "universe_domain": "s3ns.example"})
    credential = account.token_provider(universe_domain="s3ns.example").fetch(10)
    assert credential.secret.reveal().count(".") == 2
    assert isinstance(credential.expires_at, datetime)
    assert credential.expires_at - credential.issued_at > timedelta(minutes=50)
    assert not google.calls


def test_without_any_identity_it_says_what_to_do(account: Account) -> None:
    """No file, no variable, no login and no metadata server: one error with all the ways."""
    account.env["NO_GCE_CHECK"] = "true"
    provider = account.token_provider(key_file=None)
    assert isinstance(provider, Validates)
    with pytest.raises(PermanentError, match="no Google identity") as caught:
        provider.validate()
    for way in ("key_file", "GOOGLE_APPLICATION_CREDENTIALS", "gcloud auth"):
        assert way in caught.value.hint
    assert isinstance(provider, HasInputs)
    assert list(provider.inputs()) == []


# --- secrets -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", IDENTITIES)
def test_nothing_is_logged(
    account: Account, google: GoogleDouble, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """At DEBUG, with every library's logger open, no token, key or answer appears."""
    caplog.set_level(logging.DEBUG)
    account.write(IDENTITIES[kind][0](google))
    provider = account.token_provider()
    provider.fetch(10)
    google.faults.append(refusal("invalid_grant", "canary-description"))
    with pytest.raises(RefresherError):
        provider.fetch(10)
    assert "canary" not in caplog.text
    assert pem()[100:150] not in caplog.text
    assert "assertion" not in caplog.text


def test_secrets_of_the_file_are_known_while_they_are_used(
    account: Account, google: GoogleDouble
) -> None:
    """The redactor knows the refresh token and the client secret as long as the provider lives."""
    account.write(google.person())
    provider = account.token_provider()
    provider.fetch(10)
    known = {secret.reveal() for secret in live_secrets()}
    assert {"canary-refresh-token", "canary-client-secret"} <= known
    assert provider


# --- the metadata server -------------------------------------------------------------

# google-auth reads GCE_METADATA_HOST when it is imported, so it takes a process of its own.
_METADATA = """
import sys
from pathlib import Path
from refresher.errors import RefresherError
from tests.doubles.google import Fault, GoogleDouble
from tests.providers.google_support import Account

with GoogleDouble() as google:
    import os
    os.environ["GCE_METADATA_HOST"] = google.host
    account = Account(Path(sys.argv[1]))
    google.life = 250
    provider = account.token_provider(key_file=None)
    provider.validate()
    credential = provider.fetch(10)
    print("life", round((credential.expires_at - credential.issued_at).total_seconds()))
    print("calls", google.calls["account"], google.calls["metadata"])
    print("flavor", google.seen[-1].headers["metadata-flavor"])
    provider = account.token_provider(
        key_file=None, impersonate="b@acme.iam.gserviceaccount.com", iam_endpoint=google.url
    )
    google.life = 3000
    provider.fetch(10)
    print("impersonated", google.calls["impersonate"])
    for name, fault in {"404": Fault(404), "403": Fault(403), "429": Fault(429),
                        "503": Fault(503), "cut": Fault(cut=True), "page": Fault(200, "canary"),
                        "hang": Fault(hang=True)}.items():
        google.faults.append(fault)
        before = google.calls.total()
        try:
            account.token_provider(key_file=None).fetch(0.5)
        except RefresherError as error:
            print(name, type(error).__name__, google.calls.total() - before, "canary" in str(error))
"""


def test_the_metadata_server_is_the_last_resort(tmp_path: Path) -> None:
    """On a machine of Google its own identity is used: two calls, true life, one attempt."""
    root = Path(__file__).parents[2]
    environment = {name: value for name, value in os.environ.items() if not leads_outside(name)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _METADATA, str(tmp_path)],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "life 250",
        "calls 1 1",
        "flavor Google",
        "impersonated 1",
        "404 PermanentError 1 False",
        "403 PermanentError 1 False",
        "429 RetryableError 1 False",
        "503 RetryableError 1 False",
        "cut RetryableError 1 False",
        "page RetryableError 1 False",
        "hang RetryableError 1 False",
    ]
