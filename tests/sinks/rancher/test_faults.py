"""Every answer that refuses: what it means, in words that hold nothing of the answer."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from refresher.errors import PermanentError
from refresher.ports import Busy, Refused
from refresher.testing import FakeClock
from tests.doubles.rancher import Fault, KeyKind, RancherDouble
from tests.doubles.rancher.faults import cut, garbage, invalid, page, refusal, throttled
from tests.doubles.rancher.message import Answer
from tests.sinks.rancher.conftest import QUAY, MakeSink, busy, changes, refused, stored, written


@pytest.fixture(autouse=True)
def credential(rancher: RancherDouble, project: str) -> str:
    """Add quay.io with a credential."""
    return rancher.add_credential(rancher.add_registry(project, QUAY), "ann", "old")


def canary(status: int, code: str = "Canary", field: str = "canary") -> Fault:
    """Return an error document of Rancher with words that nobody may repeat."""
    document = {
        "type": "error",
        "status": status,
        "code": code,
        "message": "canary message",
        "detail": "canary detail",
        "fieldName": field,
    }
    return Fault(Answer(status, document))


AT_A_READ: dict[str, tuple[Fault, type, str]] = {
    "400": (refusal(400, "InvalidFormat"), Refused, "(status 400, InvalidFormat)"),
    "400 of nobody knows": (canary(400), Refused, "refuses the list of registrycredentials"),
    "401": (refusal(401), Refused, "does not take the keys: check access_key and secret_key"),
    "403": (refusal(403), Refused, "the keys may not enter environment"),
    "404": (refusal(404), Refused, "has no API of Rancher 1: check url"),
    "404 as text": (page(404, "404 page not found"), Refused, "has no API of Rancher 1"),
    "405": (refusal(405), Refused, "Environment API Key"),
    "407": (page(407), Refused, "wants a login: check HTTPS_PROXY"),
    "408": (page(408), Busy, "gave up waiting for the request (status 408)"),
    "409": (refusal(409), Busy, "is in use by somebody else"),
    "418": (canary(418), Refused, "(status 418)"),
    "425": (page(425), Busy, "failed (status 425)"),
    "429": (throttled("7"), Busy, "is asked too often (status 429)"),
    "500": (refusal(500), Busy, "has an internal error (status 500)"),
    "502": (page(502), Busy, "can't be reached by the proxy before it (status 502)"),
    "503": (page(503), Busy, "is not available now (status 503)"),
    "504": (page(504), Busy, "did not answer the proxy before it in time"),
    "599": (page(599), Busy, "failed (status 599)"),
    "a page": (page(200), Busy, "something else answers at url"),
    "no JSON": (garbage(), Busy, "in Rancher's JSON"),
    "too deep": (garbage("[" * 100_000), Busy, "in Rancher's JSON"),
    "half": (cut(), Busy, "in Rancher's JSON"),
    "204": (Fault(Answer(204, text="")), Busy, "in Rancher's JSON"),
}


@pytest.mark.parametrize("name", AT_A_READ)
def test_a_read_that_is_refused(
    rancher: RancherDouble, project: str, make: MakeSink, name: str
) -> None:
    """The environment is named, and nothing of the answer is."""
    fault, kind, words = AT_A_READ[name]
    rancher.fail(fault, None, kind="registryCredential")
    outcome = make().read([QUAY])[project]
    assert isinstance(outcome, (Busy, Refused))
    assert isinstance(outcome, kind)
    assert words in outcome.reason
    assert f"environment production ({project})" in outcome.reason
    assert "canary" not in outcome.reason.lower()
    if name == "429":
        assert outcome == Busy(outcome.reason, 7.0)


AT_A_WRITE: dict[str, tuple[Fault, type, str]] = {
    "400": (refusal(400, "InvalidBodyContent"), Refused, "InvalidBodyContent"),
    "401": (refusal(401), Refused, "does not take the keys"),
    "403": (refusal(403), Refused, "the keys may not enter environment production"),
    "404": (refusal(404), Busy, "is gone"),
    "405": (refusal(405), Refused, "the keys may read environment production"),
    "409": (refusal(409), Busy, "is in use by somebody else"),
    "422 too long": (
        invalid("MaxLengthExceeded", "secretValue"),
        Refused,
        "(status 422, MaxLengthExceeded, secretValue): Rancher keeps 4096 characters at most",
    ),
    "422 too short": (invalid("MinLengthExceeded", "email"), Refused, "MinLengthExceeded, email"),
    "422 null": (invalid("NotNullable", "name"), Refused, "NotNullable, name"),
    "422 missing": (invalid("MissingRequired", "registryId"), Refused, "MissingRequired"),
    "422 reference": (invalid("InvalidReference", "registryId"), Busy, "is in use by"),
    "422 no action": (invalid("ActionNotAvailable", "action"), Busy, "is in use by"),
    "422 unknown action": (invalid("InvalidAction", "action"), Refused, "InvalidAction)"),
    "422 of nobody knows": (canary(422), Refused, "(status 422)"),
    "422 not listed": (invalid("InvalidOption", "x"), Refused, "InvalidOption)"),
    "500": (refusal(500), Busy, "has an internal error"),
    "503": (page(503), Busy, "is not available now"),
    "no JSON": (garbage(), Busy, "something else than the credential 1c1 of quay.io"),
}


@pytest.mark.parametrize("name", AT_A_WRITE)
def test_a_write_that_is_refused(
    rancher: RancherDouble, project: str, make: MakeSink, name: str
) -> None:
    """Each code has its meaning; what was there stays, and the secret is in no message."""
    fault, kind, words = AT_A_WRITE[name]
    rancher.fail(fault, None, method="PUT")
    outcome = make().write(project, changes())
    assert isinstance(outcome, (Busy, Refused))
    assert isinstance(outcome, kind)
    assert words in outcome.reason
    assert f"environment production ({project})" in outcome.reason
    assert "new-secret" not in outcome.reason
    assert "canary" not in outcome.reason.lower()
    assert stored(rancher, "1c1") == ("ann", "old")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("later", None),
        ("", None),
        ("-5", None),
        ("\u00b2", None),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120.0),
        ("Sun, 01 Mar 2026 12:02:00 -0000", 120.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 99 Mar 2026 12:02:00 GMT", None),
    ],
)
def test_the_wait_that_is_asked_for_is_passed_on(
    rancher: RancherDouble, project: str, make: MakeSink, header: str, seconds: float | None
) -> None:
    """Seconds or a date, as RFC 9110 has it; the engine decides."""
    rancher.fail(refusal(503, Retry_After=header), None, method="PUT")
    outcome = make().write(project, changes())
    assert isinstance(outcome, Busy)
    assert outcome.retry_after == seconds


def test_the_longest_of_several_waits_counts(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """One of them would come too early else."""
    rancher.add_credential(rancher.add_registry(project, "b.example"), "ann", "old")
    rancher.fail(throttled("3"), None, id="1c1", method="PUT")
    rancher.fail(throttled("9"), None, id="1c2", method="PUT")
    outcome = make().write(project, changes(QUAY, "b.example"))
    assert isinstance(outcome, Busy)
    assert outcome.retry_after == 9.0


# --- the scope of keys -------------------------------------------------------------


def test_keys_of_a_person_change_nothing_without_a_scope(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """The classic "not updatable": the advice is an Environment API Key, or the two labels."""
    rancher.fail(refusal(405), None, method="PUT")
    reason = refused(make().write(project, changes()))
    assert "make an Environment API Key in that environment" in reason
    assert "io.rancher.container.create_agent: true" in reason
    assert "io.rancher.container.agent.role: environment" in reason


def test_keys_of_a_person_do_within_the_environment(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """The scope is in each URL, so that keys of a member are as good."""
    for key in (rancher.account_key(project), rancher.admin_key()):
        assert written(make(key, environments=project).write(project, changes())) == ()


@pytest.mark.parametrize("kind", [KeyKind.ENVIRONMENT, KeyKind.AGENT])
def test_keys_of_another_environment_may_not_enter(
    rancher: RancherDouble, project: str, make: MakeSink, kind: KeyKind
) -> None:
    """The message says which environment that is, and what to do."""
    key = rancher.environment_key(rancher.add_project("other"), kind)
    reason = refused(make(key, environments=project).write(project, changes()))
    assert f"may not enter environment {project}" in reason
    assert "Environment API Key" in reason


def test_wrong_keys_are_told(rancher: RancherDouble, project: str, make: MakeSink) -> None:
    """Deactivated, deleted or mistyped ones all look the same."""
    key = rancher.environment_key(project)
    rancher.revoke(key)
    with pytest.raises(PermanentError, match="does not take the keys") as caught:
        make(key).read([QUAY])
    assert "access_key and secret_key" in caught.value.hint
    assert key.access not in str(caught.value)


# --- other servers -----------------------------------------------------------------


@pytest.mark.parametrize("environments", [None, "all", "1a5"])
def test_rancher_2_is_known_and_led_elsewhere(
    rancher: RancherDouble, make: MakeSink, environments: str | None
) -> None:
    """A URL without a version may lead to one; it is asked without the keys."""
    rancher.rules.rancher2 = True
    reason = refused(make(environments=environments).write("1a5", changes()))
    assert "is a server of Rancher 2, which keeps credentials in Kubernetes" in reason
    assert "kubernetes sink" in reason
    (probe,) = [asked for asked in rancher.asked() if asked.path == "/"]
    assert "authorization" not in probe.headers


def test_rancher_2_is_asked_for_once(rancher: RancherDouble, make: MakeSink) -> None:
    """However many environments there are."""
    rancher.rules.rancher2 = True
    held = make(environments=[f"1a{number}" for number in range(5, 15)]).read([QUAY])
    assert all("Rancher 2" in refused(outcome) for outcome in held.values())
    assert sum(asked.path == "/" for asked in rancher.asked()) == 1


def test_a_probe_that_fails_proves_nothing(rancher: RancherDouble, make: MakeSink) -> None:
    """Then it is a server without Rancher's API, whatever that is."""
    rancher.fail(page(404), 1)
    rancher.fail(Fault(reset=True), None)
    assert "has no API of Rancher 1" in refused(make(environments="1a5").write("1a5", changes()))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_redirect_takes_the_keys_nowhere(
    rancher: RancherDouble, project: str, make: MakeSink, status: int, method: str
) -> None:
    """Not even to the same host by another scheme; where it leads is told for the settings."""
    with RancherDouble() as other:
        away = Fault(Answer(status, None, {"Location": f"{other.url}/v2-beta/x"}))
        rancher.fail(away, None, method=method, project=project)
        reason = refused(make(environments=project).write(project, changes()))
        assert f"redirects to {other.url}, and the keys go nowhere else" in reason
        assert other.asked() == []


@pytest.mark.parametrize("location", ["", "http://u:canary@evil.example/", "//evil", "canary"])
def test_an_odd_redirect_is_not_repeated(
    rancher: RancherDouble, project: str, make: MakeSink, location: str
) -> None:
    """Only a plain URL is shown, and of that no more than the host."""
    rancher.fail(Fault(Answer(302, None, {"Location": location})), None)
    reason = refused(make(environments=project).write(project, changes()))
    assert "redirects to another place" in reason
    assert "canary" not in reason


def test_an_answer_without_end_is_not_kept(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """Nobody has that many registries."""
    rancher.fail(Fault(Answer(200, text=" " * 33_554_433)), None)
    reason = busy(make(environments=project).write(project, changes()))
    assert "answers with more than 33554432 bytes" in reason


def test_a_date_far_away_is_no_fault(
    rancher: RancherDouble, project: str, make: MakeSink, clock: FakeClock
) -> None:
    """The engine bounds whatever is asked for."""
    far = datetime.now(UTC) + timedelta(days=9000)
    rancher.fail(refusal(503, Retry_After=format_datetime(far, usegmt=True)), None, method="PUT")
    outcome = make().write(project, changes())
    assert isinstance(outcome, Busy)
    assert outcome.retry_after is not None
    assert outcome.retry_after > 8000 * 86_400
    assert clock.now() < far
