"""A registry is recognised as `trust` says, whatever else the policy holds."""

from pathlib import Path

import pytest

from refresher.clock import SystemClock
from refresher.errors import PermanentError
from refresher.ports import Judgement, Verdict
from refresher.registry.policy import Policy, Trust
from refresher.registry.verifier import RegistryVerifier
from tests.doubles.certificates import Authority
from tests.doubles.scripted import Scripted, asks, pair
from tests.registry.conftest import PASSWORD, USER, credential, policy

API = "/v2/"
BASIC = {API: asks("Basic", pair(USER, PASSWORD))}


def judge(host: str, trust: dict[str, Trust], asked: Policy | None = None) -> Judgement:
    """Return what a registry says, recognised as `trust` says."""
    verifier = RegistryVerifier(asked or policy(), SystemClock(), {}, trust)
    return verifier.verify(host, credential(), 10)


def test_the_authority_of_a_registry_counts(authority: Authority) -> None:
    """Without it the certificate is by nobody who is known."""
    with Scripted(BASIC, authority.server()) as server:
        unknown = judge(server.host, {})
        assert unknown.verdict is Verdict.INCONCLUSIVE
        assert "verify.ca_file or trust" in unknown.reason
        known = judge(server.host, {server.host: Trust(authority.file)})
        assert known.verdict is Verdict.ACCEPTED


def test_it_counts_for_that_registry_alone(authority: Authority) -> None:
    """Another one can't come with a certificate of it."""
    with Scripted(BASIC, authority.server()) as server:
        other = {"other.example:5000": Trust(authority.file)}
        assert judge(server.host, other).verdict is Verdict.INCONCLUSIVE
        assert server.seen == []


def test_it_counts_besides_those_of_the_policy(authority: Authority, tmp_path: Path) -> None:
    """A registry may have another authority than the token servers of the company."""
    corp = Authority(tmp_path, "corp")
    with Scripted(BASIC, authority.server()) as server:
        made = judge(
            server.host, {server.host: Trust(authority.file)}, policy(ca_files=(corp.file,))
        )
        assert made.verdict is Verdict.ACCEPTED


def test_an_insecure_registry_may_speak_plain_http_or_have_any_certificate(
    authority: Authority,
) -> None:
    """And nothing is sent to it in the clear unless that is said."""
    for context in (None, authority.server()):
        with Scripted(BASIC, context) as server:
            assert judge(server.host, {}).verdict is Verdict.INCONCLUSIVE
            assert all(asked.authorization is None for asked in server.seen)
            made = judge(server.host, {server.host: Trust(insecure=True)})
            assert made.verdict is Verdict.ACCEPTED


def test_a_file_that_holds_no_authority_is_named(tmp_path: Path) -> None:
    """By the verdict, and by whoever asks for local faults, with the path."""
    missing = tmp_path / "missing.pem"
    made = judge("127.0.0.1:1", {"127.0.0.1:1": Trust(missing)})
    assert (
        f"ca_file in trust names no certificate authorities that can be read: {missing} does "
        in (made.reason)
    )


@pytest.mark.parametrize("setting", ["verify.ca_file", "ca_file in trust", "SSL_CERT_FILE"])
@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_validation_names_each_file_that_is_wrong(
    tmp_path: Path, authority: Authority, setting: str, content: bytes | None
) -> None:
    """Before anybody is asked; good files pass."""
    path = tmp_path / "ca.pem"
    asked = policy(ca_files=(path,) if setting == "verify.ca_file" else ())
    trust = {"r.example": Trust(path)} if setting == "ca_file in trust" else {}
    env = {"SSL_CERT_FILE": str(path)} if setting == "SSL_CERT_FILE" else {}
    verifier = RegistryVerifier(asked, SystemClock(), env, trust)
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PermanentError, match=f"^{setting} names no certificate authorities") as bad:
        verifier.validate()
    assert str(path) in str(bad.value)
    assert ("does not exist" in str(bad.value)) == (content is None)
    path.write_bytes(authority.file.read_bytes())
    verifier.validate()


def test_a_file_that_this_user_may_not_read_is_told(powerless: Path) -> None:
    """Root may have put it there."""
    path = powerless / "ca.pem"
    path.write_bytes(b"whatever it holds")
    path.chmod(0)
    verifier = RegistryVerifier(policy(ca_files=(path,)), SystemClock(), {})
    with pytest.raises(PermanentError, match="may not be read by this user"):
        verifier.validate()
