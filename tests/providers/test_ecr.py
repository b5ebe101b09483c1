"""The ECR provider: which hosts it takes, which calls it makes, under which names it answers."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from refresher.clock import SystemClock
from refresher.errors import PermanentError, RetryableError
from refresher.model.credential import UNKNOWN
from refresher.ports import HasInputs, Provider, Tools
from refresher.providers import ecr
from refresher.providers.aws.provider import EcrProvider
from refresher.providers.aws.trust import check_authorities
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock, ProviderContract
from tests.doubles import aws_faults
from tests.doubles.aws import AwsDouble
from tests.doubles.aws_answers import NO_EXPIRY
from tests.doubles.certificates import Authority

OREGON = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
OREGON_FIPS = "123456789012.dkr.ecr-fips.us-west-2.amazonaws.com"
OREGON_DUAL = "123456789012.dkr-ecr.us-west-2.on.aws"
OREGON_OTHER = "210987654321.dkr.ecr.us-west-2.amazonaws.com"
IRELAND = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
CHINA = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn"
ROLE = "arn:aws:iam::222222222222:role/path/puller"


def tools(env: Mapping[str, str] | None = None, notices: list[str] | None = None) -> Tools:
    """Return tools with the real clock, as the double answers by the real clock too."""
    notices = [] if notices is None else notices
    return Tools(SystemClock(), MemoryStore(), env or {}, notices.append)


def options(*registries: str, **others: Any) -> ecr.Options:
    """Return options as a settings file would give them."""
    return ecr.Options.model_validate({"registries": list(registries), **others})


def one(*registries: str, notices: list[str] | None = None, **others: Any) -> EcrProvider:
    """Return the only provider that the options build."""
    built = ecr.build(options(*registries, **others), tools(notices=notices))
    assert isinstance(built, EcrProvider)
    return built


class TestContract(ProviderContract):
    """The ECR provider is a provider."""

    @pytest.fixture(autouse=True)
    def _in_an_aws(self, aws: AwsDouble) -> None:
        """Run each test against the double."""

    def make_provider(self) -> Provider:
        """Return a provider of two accounts' hosts."""
        return one(OREGON, OREGON_OTHER)


def test_one_call_serves_every_host_of_a_region(aws: AwsDouble) -> None:
    """However many hosts, accounts and spellings: one call, one token, all hosts."""
    hosts = [OREGON_OTHER, OREGON_FIPS, OREGON_DUAL, OREGON]
    credential = one(*hosts, f"https://{OREGON.upper()}/v2/").fetch(30)
    assert credential.registries == tuple(hosts)
    assert credential.username == "AWS"
    assert [credential.secret.reveal()] == aws.answers.passwords
    assert aws.calls() == 1
    assert aws.last().region == "us-west-2"
    assert "registryIds" not in aws.last().body


def test_each_region_has_a_provider_of_its_own(aws: AwsDouble) -> None:
    """Hosts in several regions build several providers, named by region."""
    built = ecr.build(options(OREGON, IRELAND, OREGON_OTHER, CHINA), tools())
    assert isinstance(built, Mapping)
    served = {name: (each.registries, each.fetch(30).registries) for name, each in built.items()}
    hosts = {
        "us-west-2": (OREGON, OREGON_OTHER),
        "eu-west-1": (IRELAND,),
        "cn-north-1": (CHINA,),
    }
    assert served == {name: (each, each) for name, each in hosts.items()}
    assert [call.region for call in aws.requests] == list(hosts)


def test_a_fault_in_one_region_touches_no_other(aws: AwsDouble) -> None:
    """While one region fails, another's token comes."""
    built = ecr.build(options(OREGON, IRELAND), tools())
    assert isinstance(built, Mapping)
    aws.fail(aws_faults.server_error())
    with pytest.raises(RetryableError, match="us-west-2"):
        built["us-west-2"].fetch(30)
    assert built["eu-west-1"].fetch(30).registries == (IRELAND,)


def test_the_end_is_the_answers(aws: AwsDouble) -> None:
    """The token's life is what AWS says, whatever that is today."""
    aws.answers.lifetime = 1234
    credential = one(OREGON).fetch(30)
    assert isinstance(credential.expires_at, datetime)
    assert credential.expires_at - credential.issued_at == pytest.approx(
        timedelta(seconds=1234), abs=timedelta(seconds=2)
    )
    assert credential.expires_at.tzinfo is UTC


def test_an_answer_without_an_end_is_unknown(aws: AwsDouble) -> None:
    """No end said is no end known."""
    aws.answers.expires_at = NO_EXPIRY
    assert one(OREGON).fetch(30).expires_at is UNKNOWN


@pytest.mark.parametrize("offset", [-61_200.0, -3_600.0, 61_200.0])
def test_expiry_is_judged_by_the_answers_date(aws: AwsDouble, offset: float) -> None:
    """With a wrong local clock a good token is still good, and AWS's time comes along."""
    aws.answers.date_offset = offset
    credential = one(OREGON).fetch(30)
    assert credential.answered_at is not None
    difference = credential.answered_at - SystemClock().now()
    assert difference == pytest.approx(timedelta(seconds=offset), abs=timedelta(seconds=5))
    assert credential.issued_at == credential.answered_at


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(1_420_070_400, id="2015"),
        pytest.param(-5, id="before 1970"),
        pytest.param(4_102_444_800, id="2100"),
        pytest.param(1_772_366_400_000, id="milliseconds"),
        pytest.param(1e30, id="beyond every calendar"),
        pytest.param("soon", id="text"),
        pytest.param([], id="a list"),
        pytest.param(True, id="a truth"),
        pytest.param("", id="empty"),
        pytest.param("NaN", id="no number"),
        pytest.param("Infinity", id="infinite"),
        pytest.param({"a": 1}, id="an object"),
        pytest.param("9999-12-31T23:59:59-12:00", id="beyond the calendar in UTC"),
        pytest.param("0001-01-01T00:00:00+12:00", id="before the calendar in UTC"),
    ],
)
def test_an_end_that_can_not_be_is_refused(aws: AwsDouble, moment: object) -> None:
    """Ended, absurd and unreadable ends are refused, and no second call is made."""
    aws.answers.expires_at = moment
    with pytest.raises(PermanentError, match="ECR in us-west-2"):
        one(OREGON).fetch(30)
    assert aws.calls() == 1


@pytest.mark.parametrize(
    "content",
    [
        pytest.param([], id="empty list"),
        pytest.param([{}], id="empty object"),
        pytest.param({}, id="no list"),
        pytest.param([None], id="null"),
        pytest.param("canary", id="text"),
        pytest.param(7, id="number"),
        pytest.param([{"authorizationToken": "Y2FuYXJ5"}], id="no colon"),
        pytest.param([{"authorizationToken": "canary%"}], id="no base64"),
        pytest.param([{"authorizationToken": 5}], id="token is a number"),
    ],
)
def test_an_answer_without_a_usable_token_is_refused(aws: AwsDouble, content: object) -> None:
    """Nothing becomes a credential that is no token, and nothing of it is repeated."""
    aws.answers.authorization_data = content
    with pytest.raises(PermanentError) as caught:
        one(OREGON).fetch(30)
    assert "canary" not in f"{caught.value}{caught.value.hint}"


def test_without_hosts_the_answer_names_the_registry(aws: AwsDouble) -> None:
    """The identity's own registry in the given region is used, without a scheme."""
    provider = one(region="eu-west-1")
    assert provider.registries == ()
    assert provider.fetch(30).registries == (IRELAND,)
    assert aws.last().region == "eu-west-1"


def test_without_hosts_and_without_an_endpoint_nothing_is_guessed(aws: AwsDouble) -> None:
    """A token that is for no known registry is refused."""
    aws.answers.proxy_endpoint = ""
    with pytest.raises(PermanentError, match="without a registry") as caught:
        one(region="eu-west-1").fetch(30)
    assert "registries" in caught.value.hint


@pytest.mark.parametrize(
    ("env", "region"),
    [
        pytest.param({"AWS_REGION": "eu-west-1"}, "eu-west-1", id="AWS_REGION"),
        pytest.param({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2", id="AWS_DEFAULT_REGION"),
        pytest.param({"AWS_PROFILE": "paris"}, "eu-west-3", id="profile"),
        pytest.param({"AWS_REGION": "eu-west-1", "AWS_PROFILE": "paris"}, "eu-west-1", id="both"),
        pytest.param({"AWS_REGION": "", "AWS_PROFILE": "paris"}, "eu-west-3", id="empty is none"),
    ],
)
def test_the_aws_environment_says_the_region(
    aws: AwsDouble,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    env: dict[str, str],
    region: str,
) -> None:
    """Without hosts and without a setting the region comes from where AWS's tools find it."""
    config = tmp_path / "config"
    config.write_text("[profile paris]\nregion = eu-west-3\n")
    for name, value in {"AWS_CONFIG_FILE": str(config), **env}.items():
        monkeypatch.setenv(name, value)
    provider = ecr.build(options(), tools(env))
    assert isinstance(provider, EcrProvider)
    assert provider.fetch(30).registries == (IRELAND.replace("eu-west-1", region),)
    assert aws.last().region == region


@pytest.mark.usefixtures("aws")
def test_no_region_anywhere_names_the_setting() -> None:
    """Without hosts and without a region the setting to give is named."""
    with pytest.raises(PermanentError, match="no AWS region") as caught:
        one().fetch(30)
    assert "region" in caught.value.hint


def test_the_hosts_region_beats_the_environments(
    aws: AwsDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that says its region is asked for there."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    one(OREGON).fetch(30)
    assert aws.last().region == "us-west-2"


@pytest.mark.usefixtures("aws")
def test_another_account_is_said_once() -> None:
    """Registries of an account that is not the identity's are served, and said once."""
    notices: list[str] = []
    provider = one(OREGON_OTHER, OREGON, notices=notices)
    for _ in range(3):
        assert provider.fetch(30).registries == (OREGON_OTHER, OREGON)
    assert len(notices) == 1
    assert "123456789012" in notices[0]
    assert "210987654321" in notices[0]


@pytest.mark.usefixtures("aws")
def test_the_own_account_is_no_news() -> None:
    """Nothing is said when the identity owns all registries."""
    notices: list[str] = []
    one(OREGON, OREGON_FIPS, notices=notices).fetch(30)
    assert notices == []


def test_an_answer_that_names_no_ecr_host_is_no_news(aws: AwsDouble) -> None:
    """An emulator's endpoint says no account, so there is nothing to compare."""
    aws.answers.proxy_endpoint = "http://localhost:4510"
    notices: list[str] = []
    assert one(OREGON, notices=notices).fetch(30).registries == (OREGON,)
    assert notices == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param({"registries": ["registry.example"]}, "no host of ECR", id="foreign host"),
        pytest.param({"registries": ["docker.io"]}, "no host of ECR", id="Docker Hub"),
        pytest.param({"registries": [f"{OREGON}.evil.example"]}, "no host of ECR", id="look-alike"),
        pytest.param({"registries": ["api.ecr.us-west-2.amazonaws.com"]}, "no host", id="API"),
        pytest.param({"registries": ["public.ecr.aws"]}, "ecr-public", id="ECR Public"),
        pytest.param({"registries": ["ecr-public.aws.com"]}, "ecr-public", id="ECR Public, IPv6"),
        pytest.param(
            {"registries": ["123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com"]},
            "FIPS",
            id="FIPS outside the US",
        ),
        pytest.param(
            {"registries": ["123456789012.dkr.ecr-fips.cn-north-1.amazonaws.com.cn"]},
            "FIPS",
            id="FIPS in China",
        ),
        pytest.param(
            {"registries": ["123456789012.dkr.ecr.cn-north-1.amazonaws.com"]},
            "its region is of the partition",
            id="China without .cn",
        ),
        pytest.param(
            {"registries": ["123456789012.dkr.ecr.us-west-2.amazonaws.com.cn"]},
            "its region is of the partition",
            id=".cn outside China",
        ),
        pytest.param({"registries": [""]}, "no registry address", id="empty host"),
        pytest.param({"registries": [f"user:pw@{OREGON}"]}, "credentials have", id="user in host"),
        pytest.param(
            {"registries": [OREGON], "region": "eu-west-1"}, "leave region out", id="region"
        ),
        pytest.param(
            {"registries": [OREGON, IRELAND], "region": "us-west-2"},
            "leave region out",
            id="regions",
        ),
        pytest.param({"region": "nowhere"}, "an AWS region", id="malformed region"),
        pytest.param({"region": "us-west-2.evil.example/"}, "an AWS region", id="host as region"),
        pytest.param({"profile": ""}, "is empty", id="empty profile"),
        pytest.param({"role_arn": "puller"}, "arn:aws:iam", id="role is no ARN"),
        pytest.param({"role_arn": "arn:aws:iam::1:role/x"}, "arn:aws:iam", id="short account"),
        pytest.param({"external_id": "abc"}, "role_arn", id="external_id alone"),
        pytest.param({"session_name": "abc"}, "role_arn", id="session_name alone"),
        pytest.param({"role_arn": ROLE, "session_name": "x"}, "2 to 64", id="short name"),
        pytest.param({"role_arn": ROLE, "session_name": "a b"}, "2 to 64", id="space in a name"),
        pytest.param({"role_arn": ROLE, "external_id": "ä"}, "2 to 1224", id="odd external_id"),
        pytest.param({"role_arn": ROLE + "\n"}, "arn:aws:iam", id="line break"),
        pytest.param({"registry": OREGON}, "registry", id="unknown name"),
    ],
)
def test_wrong_settings_are_refused_with_words(settings: dict[str, Any], words: str) -> None:
    """Each wrong setting has a message of its own."""
    with pytest.raises(ValidationError, match=words):
        ecr.Options.model_validate(settings)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"registries": [OREGON], "region": "us-west-2"}, id="region agrees"),
        pytest.param({"registries": [OREGON, OREGON_FIPS, OREGON_DUAL]}, id="all variants"),
        pytest.param({"registries": [f"{OREGON}:443", f"{OREGON}/team"]}, id="port and path"),
        pytest.param({"role_arn": "arn:aws-cn:iam::123456789012:role/a", "external_id": "a:b/c"}),
        pytest.param({"region": "us-isob-east-1"}, id="isolated region"),
        pytest.param({"region": "eusc-de-east-1"}, id="sovereign region"),
    ],
)
def test_right_settings_are_taken(settings: dict[str, Any]) -> None:
    """What AWS allows is allowed."""
    assert ecr.Options.model_validate(settings)


AGENTS = [
    "KUBERNETES_SERVICE_HOST",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "ECS_CONTAINER_METADATA_URI_V4",
    "AWS_EXECUTION_ENV",
]


@pytest.fixture
def _keyless(aws: AwsDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the keys away."""
    assert aws.requests == []
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.usefixtures("_keyless")
def test_missing_keys_may_come_in_the_first_minutes(agent: str) -> None:
    """A pod may start before the agent that hands out keys; later, missing is missing."""
    clock = FakeClock()
    provider = ecr.build(options(OREGON), Tools(clock, MemoryStore(), {agent: "there"}))
    assert isinstance(provider, EcrProvider)
    for seconds in (0, 299):
        clock.advance(seconds)
        with pytest.raises(RetryableError, match="no AWS keys"):
            provider.fetch(30)
    clock.advance(2)
    with pytest.raises(PermanentError, match="no AWS keys") as caught:
        provider.fetch(30)
    assert "profile" in caught.value.hint


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({}, id="a laptop"),
        pytest.param({"KUBERNETES_SERVICE_HOST": ""}, id="empty is none"),
        pytest.param(
            {"AWS_EC2_METADATA_DISABLED": "TRUE", "KUBERNETES_SERVICE_HOST": "10.0.0.1"},
            id="metadata disabled",
        ),
    ],
)
@pytest.mark.usefixtures("_keyless")
def test_missing_keys_are_missing_where_no_agent_is(env: dict[str, str]) -> None:
    """Where nothing will hand out keys a person hears at once what to do."""
    provider = ecr.build(options(OREGON), tools(env))
    assert isinstance(provider, EcrProvider)
    with pytest.raises(PermanentError, match="no AWS keys") as caught:
        provider.fetch(30)
    assert "AWS_PROFILE" in caught.value.hint
    assert "aws sso login" in caught.value.hint


def test_validation_asks_nobody(aws: AwsDouble, tmp_path: Path) -> None:
    """A profile, a region and certificate authorities are looked for without the network."""
    one(OREGON).validate()
    with pytest.raises(PermanentError, match="nowhere"):
        one(OREGON, profile="nowhere").validate()
    with pytest.raises(PermanentError, match="no AWS region"):
        one().validate()
    assert aws.requests == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "No such file", id="missing"),
        pytest.param("", "no certificates", id="empty"),
        pytest.param("junk", "no certificates", id="junk"),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "no certificates",
            id="broken",
        ),
    ],
)
@pytest.mark.parametrize("way", ["ca_file", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.usefixtures("aws")
def test_validation_looks_at_the_certificate_authorities(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str, content: str | None, words: str
) -> None:
    """A file that can't be trusted is said before a fetch needs it, however it is named."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    if way != "ca_file":
        monkeypatch.setenv(way, str(file))
    with pytest.raises(PermanentError, match=words) as caught:
        one(OREGON, ca_file=file if way == "ca_file" else None).validate()
    assert str(file) in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.usefixtures("aws")
def test_authorities_that_can_be_used_are_valid(tmp_path: Path) -> None:
    """A real authority is accepted; a path that is none is not."""
    one(OREGON, ca_file=Authority(tmp_path).file).validate()
    with pytest.raises(PermanentError, match="malformed"):
        check_authorities("nul\0")


@pytest.mark.parametrize(
    ("env", "config"),
    [
        pytest.param({"HOME": "/home/ann"}, "/home/ann/.aws/config", id="home"),
        pytest.param({"AWS_CONFIG_FILE": "/etc/aws"}, "/etc/aws", id="variable"),
        pytest.param(
            {"AWS_CONFIG_FILE": "~/aws", "HOME": "/home/ann"}, "/home/ann/aws", id="variable, ~"
        ),
        pytest.param({}, "~/.aws/config", id="no home"),
    ],
)
def test_inputs_are_what_people_edit(env: dict[str, str], config: str) -> None:
    """Files of keys and tokens are no inputs: their rotation must cost no call."""
    rotated = {
        "AWS_SHARED_CREDENTIALS_FILE": "/rotated",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/rotated",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/rotated",
    }
    provider = ecr.build(options(OREGON, ca_file="/ca.pem"), tools({**env, **rotated}))
    assert isinstance(provider, EcrProvider)
    assert isinstance(provider, HasInputs)
    assert list(provider.inputs()) == [Path("/ca.pem"), Path(config)]
    plain = ecr.build(options(OREGON), tools(env))
    assert isinstance(plain, EcrProvider)
    assert list(plain.inputs()) == [Path(config)]


@pytest.mark.parametrize(
    "endpoint",
    [
        None,
        "https://registry.example",
        "https://public.ecr.aws",
        "http://localhost:4510",
        "https://u:canary@123456789012.dkr.ecr.us-west-2.amazonaws.com",
        "https://123456789012.dkr.ecr.us-west-2.amazonaws.com.evil.example",
        5,
        ["x"],
    ],
    ids=str,
)
def test_a_registry_that_is_not_ecrs_gets_no_token(aws: AwsDouble, endpoint: Any) -> None:
    """Without hosts in the settings only a host of ECR is believed."""
    token = "QVdTOnBhc3N3b3Jk"
    aws.answers.authorization_data = [{"authorizationToken": token, "proxyEndpoint": endpoint}]
    with pytest.raises(PermanentError, match="without a registry of ECR") as caught:
        one(region="us-west-2").fetch(30)
    assert "canary" not in f"{caught.value}{caught.value.hint}"
    assert "registries" in caught.value.hint


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        pytest.param({"registries": [OREGON], "region": "eu-west-1"}, "region", id="region"),
        pytest.param({"registries": [OREGON], "region": "nowhere"}, "region", id="no region"),
        pytest.param({"registries": ["registry.example"]}, "registries", id="foreign"),
        pytest.param({"registries": ["public.ecr.aws"]}, "registries", id="ECR Public"),
        pytest.param({"registries": [OREGON.replace("-2", "_2")]}, "registries", id="underscore"),
        pytest.param({"registries": [CHINA.removesuffix(".cn")]}, "registries", id="China"),
        pytest.param(
            {"registries": [IRELAND.replace(".ecr.", ".ecr-fips.")]}, "registries", id="FIPS"
        ),
        pytest.param({"profile": ""}, "profile", id="profile"),
        pytest.param({"external_id": "outsider"}, "external_id", id="external_id"),
        pytest.param({"session_name": "watchman"}, "session_name", id="session_name"),
        pytest.param({"role_arn": "x", "external_id": "outsider"}, "role_arn", id="only the role"),
    ],
)
def test_complaints_name_the_field_and_no_value(settings: dict[str, Any], field: str) -> None:
    """A message stands beside its field, once, and repeats nothing that may be a secret."""
    with pytest.raises(ValidationError) as caught:
        ecr.Options.model_validate(settings)
    (problem,) = caught.value.errors()
    assert problem["loc"][0] == field
    values = [text for value in settings.values() for text in ([value, *value])]
    said = [text for text in values if isinstance(text, str) and len(text) > 1]
    assert not [text for text in said if text in problem["msg"]]


REGIONS = {
    "us-east-1": {"amazonaws.com", "on.aws"},
    "mx-central-1": {"amazonaws.com", "on.aws"},
    "us-gov-west-1": {"amazonaws.com", "on.aws"},
    "cn-north-1": {"amazonaws.com.cn", "on.amazonwebservices.com.cn"},
    "eusc-de-east-1": {"amazonaws.eu"},
    "us-iso-east-1": {"c2s.ic.gov"},
    "us-isob-east-1": {"sc2s.sgov.gov"},
    "eu-isoe-west-1": {"cloud.adc-e.uk"},
    "us-isof-south-1": {"csp.hci.ic.gov"},
}


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("suffix", sorted(set().union(*REGIONS.values())))
def test_region_and_ending_belong_together(region: str, suffix: str) -> None:
    """A region of one partition under the ending of another is a host that can't be."""
    host = f"123456789012.dkr.ecr.{region}.{suffix}"
    if suffix in REGIONS[region]:
        assert options(host).registries == (host,)
    else:
        with pytest.raises(ValidationError, match="is no host of AWS"):
            options(host)
