"""AWS identities: every kind of botocore's chain, read again at each fetch."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from refresher.clock import SystemClock
from refresher.errors import ClockError, PermanentError, RetryableError
from refresher.providers.aws.call import Answer, authorization_token
from refresher.providers.aws.options import Identity, TokenRequest
from tests.doubles import aws_faults
from tests.doubles.aws import AwsDouble

ROLE = "arn:aws:iam::222222222222:role/puller"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def fetch(identity: Identity | None = None, deadline: float = 30) -> Answer:
    """Ask for a token in Oregon."""
    request = TokenRequest("ecr", "us-west-2", identity or Identity())
    return authorization_token(request, SystemClock(), deadline)


class Files:
    """The AWS files of a user, where the environment says that they are."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.config = directory / "config"
        self.credentials = directory / "credentials"
        monkeypatch.setenv("AWS_CONFIG_FILE", str(self.config))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(self.credentials))

    def keys(self, access_key: str, profile: str = "default") -> None:
        """Write one pair of keys as the only content of the credentials file."""
        self.credentials.write_text(
            f"[{profile}]\naws_access_key_id = {access_key}\naws_secret_access_key = s\n"
        )

    def process(self, code: str) -> None:
        """Make the default profile run Python `code` as its credential_process."""
        script = self.directory / "process.py"
        script.write_text(code)
        self.config.write_text(f"[default]\ncredential_process = {sys.executable} {script}\n")


@pytest.fixture
def keyless(aws: AwsDouble, monkeypatch: pytest.MonkeyPatch) -> AwsDouble:
    """An AWS without keys in the environment."""
    for name in KEYS:
        monkeypatch.delenv(name)
    return aws


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keyless: AwsDouble) -> Files:
    """The AWS files of a user, empty, in the environment of the double."""
    assert keyless.requests == []
    return Files(tmp_path, monkeypatch)


def test_keys_come_from_the_environment(aws: AwsDouble) -> None:
    """The plainest identity: two variables."""
    fetch()
    assert aws.last().access_key == os.environ["AWS_ACCESS_KEY_ID"]


def test_a_session_token_comes_along(aws: AwsDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary keys are sent with their session token."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    fetch()
    assert aws.last().headers["x-amz-security-token"] == "session"


def test_rewritten_keys_are_used_at_the_next_fetch(aws: AwsDouble, files: Files) -> None:
    """Another process may rewrite the credentials file while this one runs."""
    for key in ("AKIAFIRST00000000000", "AKIASECOND0000000000"):
        files.keys(key)
        fetch()
        assert aws.last().access_key == key


def test_a_given_profile_beats_keys_of_the_environment(
    aws: AwsDouble, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile by setting is meant; AWS_PROFILE alone gives way to keys of the environment."""
    files.keys("AKIAPROFILE000000000", "prod")
    for name in KEYS:
        monkeypatch.setenv(name, "AKIAENVIRONMENT00000")
    fetch(Identity(profile="prod"))
    assert aws.last().access_key == "AKIAPROFILE000000000"
    monkeypatch.setenv("AWS_PROFILE", "prod")
    fetch()
    assert aws.last().access_key == "AKIAENVIRONMENT00000"


def test_a_profile_without_a_name_is_none(
    aws: AwsDouble, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compose file leaves AWS_PROFILE empty where nobody names one."""
    files.keys("AKIADEFAULT000000000")
    monkeypatch.setenv("AWS_PROFILE", "")
    fetch()
    assert aws.last().access_key == "AKIADEFAULT000000000"


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException"])
def test_keys_replaced_during_a_fetch_are_read_again(
    aws: AwsDouble, files: Files, tmp_path: Path, code: str
) -> None:
    """Ended or unknown keys are read again once; the second pair works."""
    count = tmp_path / "count"
    count.write_text("")
    files.process(
        f"open({str(count)!r}, 'a').write('x'); number = len(open({str(count)!r}).read())\n"
        "import json; print(json.dumps({'Version': 1, 'SecretAccessKey': 's',"
        " 'AccessKeyId': f'AKIANUMBER{number}'}))"
    )
    aws.fail(aws_faults.Fault(400, code))
    fetch()
    assert [call.access_key for call in aws.requests] == ["AKIANUMBER1", "AKIANUMBER2"]


@pytest.mark.parametrize("code", ["ExpiredToken", "UnrecognizedClientException"])
def test_a_second_refusal_is_final(aws: AwsDouble, code: str) -> None:
    """There are two attempts, not more."""
    aws.fail(aws_faults.Fault(400, code), times=5)
    with pytest.raises(PermanentError, match=code):
        fetch()
    assert aws.calls() == 2


@pytest.mark.parametrize(
    "fault",
    [
        aws_faults.throttled(),
        aws_faults.too_many_requests(),
        aws_faults.server_error(),
        aws_faults.server_error(503),
        aws_faults.disconnect(),
        aws_faults.access_denied(),
        aws_faults.invalid_signature(),
        aws_faults.garbage(),
        aws_faults.garbage(b"", 403),
    ],
    ids=lambda fault: f"{fault.status} {fault.code}",
)
def test_all_else_is_asked_once(aws: AwsDouble, fault: aws_faults.Fault) -> None:
    """The engine is the only one who tries again."""
    aws.fail(fault, times=5)
    try:
        answer = fetch()
    except (RetryableError, PermanentError):
        answer = None
    assert aws.calls() == 1
    assert answer is None or answer.authorization_data is None


def test_a_role_is_assumed(aws: AwsDouble) -> None:
    """The role's keys, of the role's account, ask for the token; the session is short."""
    answer = fetch(Identity(role_arn=ROLE, external_id="outside", session_name="night-watch"))
    assert aws.last("AssumeRole").form == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "night-watch",
        "DurationSeconds": "900",
        "ExternalId": "outside",
    }
    assert aws.last("AssumeRole").region == "us-west-2"
    assert aws.last().access_key.startswith("ASIA")
    assert aws.last().headers["x-amz-security-token"] == "assumed-session-token"
    assert "222222222222" in answer.authorization_data[0]["proxyEndpoint"]


def test_a_role_without_extras(aws: AwsDouble) -> None:
    """No external ID is sent where none is given."""
    fetch(Identity(role_arn=ROLE))
    form = aws.last("AssumeRole").form
    assert form["RoleSessionName"] == "refresher"
    assert "ExternalId" not in form


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(aws_faults.Fault(403, "AccessDenied", "x"), PermanentError, id="denied"),
        pytest.param(aws_faults.Fault(400, "ValidationError"), PermanentError, id="validation"),
        pytest.param(aws_faults.Fault(400, "Throttling"), RetryableError, id="throttled"),
        pytest.param(aws_faults.server_error(503), RetryableError, id="unavailable"),
        pytest.param(aws_faults.garbage(), RetryableError, id="garbage"),
        pytest.param(aws_faults.garbage(b"<x/>"), RetryableError, id="empty XML"),
        pytest.param(
            aws_faults.Fault(403, "SignatureDoesNotMatch", date_offset=7200), ClockError, id="clock"
        ),
    ],
)
def test_a_role_that_can_not_be_assumed(
    aws: AwsDouble, fault: aws_faults.Fault, kind: type[Exception]
) -> None:
    """Faults of STS are sorted like those of ECR, and ECR is not asked."""
    aws.fail(fault, times=3, on="AssumeRole")
    with pytest.raises(kind):
        fetch(Identity(role_arn=ROLE))
    assert aws.calls() == 0


def test_ended_keys_are_read_again_for_a_role_too(aws: AwsDouble) -> None:
    """STS calls unknown keys by another name."""
    aws.fail(aws_faults.Fault(403, "InvalidClientTokenId"), on="AssumeRole")
    fetch(Identity(role_arn=ROLE))
    assert aws.calls("AssumeRole") == 2


def test_the_web_identity_file_is_read_at_each_fetch(
    keyless: AwsDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """IRSA: the kubelet rewrites the token, and each fetch sends the current one."""
    token = tmp_path / "token"
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "pod")
    for content in ("first-token", "second-token"):
        token.write_text(content)
        fetch()
        form = keyless.last("AssumeRoleWithWebIdentity").form
        assert form["WebIdentityToken"] == content
        assert (form["RoleArn"], form["RoleSessionName"]) == (ROLE, "pod")
    assert "authorization" not in keyless.last("AssumeRoleWithWebIdentity").headers


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(None, PermanentError, id="missing"),
        pytest.param("", PermanentError, id="empty"),
        pytest.param("abc", PermanentError, id="too short"),
    ],
)
def test_a_web_identity_file_without_a_token(
    keyless: AwsDouble,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    content: str | None,
    kind: type[Exception],
) -> None:
    """A token file that can't be used is said, and nobody is asked."""
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content)
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    with pytest.raises(kind):
        fetch()
    assert keyless.requests == []


def test_a_clock_ahead_with_temporary_keys_is_a_clock_error(
    keyless: AwsDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Keys of one hour from an AWS that is 17 hours behind us look ended at once."""
    token = tmp_path / "token"
    token.write_text("web-identity")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    keyless.answers.date_offset = -61_200
    with pytest.raises(ClockError, match="ahead of") as caught:
        fetch()
    assert caught.value.skew == pytest.approx(-61_200, abs=5)


def test_a_skewed_clock_is_measured(aws: AwsDouble) -> None:
    """A refused signature and a Date 17 hours away: the clock, with its skew."""
    aws.fail(aws_faults.invalid_signature(61_200))
    with pytest.raises(ClockError, match=r"\b61(199|200) s behind") as caught:
        fetch()
    assert caught.value.skew == pytest.approx(61_200, abs=5)
    assert aws.calls() == 1


def test_metadata_of_an_instance(keyless: AwsDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """IMDSv2: a session token, the role's name, its keys."""
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", keyless.url)
    fetch()
    assert keyless.last("ImdsCredentials").headers["x-aws-ec2-metadata-token"] == "imds-token"
    assert keyless.last().access_key == "ASIAMETADATA00000000"


def test_container_keys_with_a_token_file(
    keyless: AwsDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """EKS Pod Identity and ECS: keys by URL, with the token of a file that rotates."""
    token = tmp_path / "token"
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{keyless.url}/container-credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
    for content in ("first-token", "second-token"):
        token.write_text(content)
        fetch()
        assert keyless.last("ContainerCredentials").headers["authorization"] == content
    assert keyless.last().access_key == "ASIAMETADATA00000000"


def test_a_profile_that_assumes_a_role(aws: AwsDouble, files: Files) -> None:
    """A profile's own role_arn and source_profile work as everywhere else."""
    files.keys("AKIASOURCE0000000000", "source")
    files.config.write_text(
        f"[profile prod]\nrole_arn = {ROLE}\nsource_profile = source\nexternal_id = outside\n"
    )
    fetch(Identity(profile="prod"))
    assert aws.last("AssumeRole").access_key == "AKIASOURCE0000000000"
    assert aws.last("AssumeRole").form["ExternalId"] == "outside"
    assert aws.last("AssumeRole").region == "us-west-2"
    assert aws.last().access_key.startswith("ASIA")


def test_an_sso_login_gives_keys(aws: AwsDouble, tmp_path: Path) -> None:
    """`aws sso login` leaves a token in the home directory that buys keys.

    In a process of its own: botocore looks for the home once, when it is imported.
    """
    start = "https://example.awsapps.com/start"
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    name = hashlib.sha1(start.encode(), usedforsecurity=False).hexdigest()
    login = {"startUrl": start, "accessToken": "sso-token", "expiresAt": "2099-01-01T00:00:00Z"}
    (cache / f"{name}.json").write_text(json.dumps(login))
    config = tmp_path / "config"
    config.write_text(
        f"[profile sso]\nsso_start_url = {start}\nsso_region = eu-west-1\n"
        "sso_account_id = 222222222222\nsso_role_name = reader\n"
    )
    script = (
        "from tests.providers.test_aws_identity import Identity, fetch\n"
        "fetch(Identity(profile='sso'))"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, "AWS_CONFIG_FILE": str(config), "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        timeout=60,
    )
    assert aws.last("GetRoleCredentials").headers["x-amz-sso_bearer_token"] == "sso-token"
    assert aws.last().access_key == "ASIASSO0000000000000"


@pytest.mark.usefixtures("keyless")
def test_an_sso_profile_without_a_login_says_what_to_run(files: Files) -> None:
    """Nobody logged in: a person has to, and is told how."""
    files.config.write_text(
        "[profile sso]\nsso_start_url = https://nobody.awsapps.com/start\nsso_region = eu-west-1\n"
        "sso_account_id = 222222222222\nsso_role_name = reader\n"
    )
    with pytest.raises(PermanentError, match="login has ended") as caught:
        fetch(Identity(profile="sso"))
    assert "aws sso login --profile sso" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        pytest.param("import sys; sys.exit('canary')", RetryableError, id="fails"),
        pytest.param("print('canary')", PermanentError, id="no JSON"),
        pytest.param("print('[]')", PermanentError, id="no object"),
        pytest.param("print('{\"Version\": 2}')", RetryableError, id="unknown version"),
        pytest.param('print(\'{"Version": 1, "AccessKeyId": "canary"}\')', RetryableError),
    ],
)
def test_a_credential_process_that_gives_no_keys(
    files: Files, code: str, kind: type[Exception]
) -> None:
    """Its output is never repeated: it may be half a key."""
    files.process(code)
    with pytest.raises(kind) as caught:
        fetch()
    assert "canary" not in f"{caught.value!r} {caught.value.__cause__} {caught.value.__context__}"


def test_a_credential_process_that_is_missing(files: Files) -> None:
    """The program that can't be found is named."""
    files.config.write_text("[default]\ncredential_process = /nonexistent/program\n")
    with pytest.raises(PermanentError, match="/nonexistent/program"):
        fetch()


def test_a_credential_process_that_hangs_is_killed(files: Files, tmp_path: Path) -> None:
    """The deadline holds for it and for all that it started."""
    mark = tmp_path / "survived"
    files.process(
        "import subprocess, time\n"
        f"subprocess.Popen(['sh', '-c', 'sleep 2; touch {mark}'])\n"
        "time.sleep(60)"
    )
    clock = SystemClock()
    begun = clock.monotonic()
    with pytest.raises(RetryableError, match="credential_process"):
        fetch(deadline=1)
    assert clock.monotonic() - begun < 1.9
    time.sleep(1.3)
    assert not mark.exists()


def test_a_credential_process_of_a_source_profile_is_bounded(files: Files) -> None:
    """The deadline holds for the process that a role's source runs, too."""
    files.config.write_text(
        f"[profile prod]\nrole_arn = {ROLE}\nsource_profile = source\n"
        "[profile source]\ncredential_process = sleep 60\n"
    )
    clock = SystemClock()
    begun = clock.monotonic()
    with pytest.raises(RetryableError, match="credential_process"):
        fetch(Identity(profile="prod"), deadline=0.5)
    assert clock.monotonic() - begun < 1.9


MFA = "mfa_serial = arn:aws:iam::222222222222:mfa/ann\n"
SOURCE = "[profile source]\naws_access_key_id = AKIASOURCE0000000000\naws_secret_access_key = s\n"


@pytest.mark.parametrize(
    ("config", "asking"),
    [
        pytest.param(
            f"[profile prod]\nrole_arn = {ROLE}\nsource_profile = source\n{MFA}{SOURCE}",
            "prod",
            id="itself",
        ),
        pytest.param(
            f"[profile prod]\nrole_arn = {ROLE}\nsource_profile = middle\n"
            f"[profile middle]\nrole_arn = {ROLE}\nsource_profile = source\n{MFA}{SOURCE}",
            "middle",
            id="its source",
        ),
        pytest.param(
            f"[profile prod]\nrole_arn = {ROLE}\nsource_profile = prod\n{MFA}"
            "aws_access_key_id = AKIASOURCE0000000000\naws_secret_access_key = s\n",
            "prod",
            id="its own source",
        ),
        pytest.param(
            f"[profile prod]\nrole_arn = {ROLE}\ncredential_source = Environment\n{MFA}",
            "prod",
            id="the environment",
        ),
    ],
)
def test_a_profile_that_asks_for_a_code_is_refused(
    aws: AwsDouble, files: Files, capfd: pytest.CaptureFixture[str], config: str, asking: str
) -> None:
    """Nobody is at the terminal of a worker thread: it is said, not asked."""
    files.config.write_text(config)
    with pytest.raises(PermanentError, match=f"profile {asking} asks for an MFA code") as caught:
        fetch(Identity(profile="prod"))
    assert "credential_process" in caught.value.hint
    assert aws.requests == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(
            f"[profile prod]\nrole_arn = {ROLE}\nsource_profile = source\n{SOURCE}{MFA}",
            id="static keys",
        ),
        pytest.param(
            f"[profile prod]\nrole_arn = {ROLE}\nsource_profile = middle\n"
            f"[profile middle]\nrole_arn = {ROLE}\nsource_profile = source\n"
            f"aws_access_key_id = AKIASOURCE0000000000\naws_secret_access_key = s\n{MFA}",
            id="a role that has keys",
        ),
        pytest.param(f"{SOURCE.replace('source', 'prod')}{MFA}", id="no role"),
    ],
)
def test_a_serial_that_nobody_uses_asks_nothing(aws: AwsDouble, files: Files, config: str) -> None:
    """`mfa_serial` beside keys that need no code is as good as not there."""
    files.config.write_text(config)
    fetch(Identity(profile="prod"))
    assert aws.calls() == 1


def test_keys_of_the_environment_need_no_code(
    aws: AwsDouble, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile that asks for a code is not looked at where keys come first."""
    files.config.write_text(f"[default]\nrole_arn = {ROLE}\nsource_profile = source\n{MFA}{SOURCE}")
    for name in KEYS:
        monkeypatch.setenv(name, "AKIAENVIRONMENT00000")
    fetch()
    assert aws.last().access_key == "AKIAENVIRONMENT00000"
