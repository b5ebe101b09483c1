"""The calls to AWS: deadlines, fresh connections, TLS, endpoints, and moto as a second opinion."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import DataNotFoundError
from moto import mock_aws

from refresher.clock import SystemClock
from refresher.errors import ClockError, PermanentError, RetryableError
from refresher.ports import Tools
from refresher.providers import ecr, ecr_public
from refresher.providers.aws.call import Answer, authorization_token
from refresher.providers.aws.exchange import Exchange
from refresher.providers.aws.models import Models, shared_models
from refresher.providers.aws.options import Identity, TokenRequest
from refresher.providers.aws.provider import EcrProvider
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock
from tests.doubles import aws_faults
from tests.doubles.aws import AwsDouble
from tests.doubles.aws_answers import Answers
from tests.doubles.certificates import Authority

OREGON = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
ROLE = "arn:aws:iam::222222222222:role/puller"


def fetch(deadline: float = 30, **changes: Any) -> Answer:
    """Ask for a token in Oregon."""
    values = {"service": "ecr", "region": "us-west-2", "identity": Identity(), **changes}
    return authorization_token(TokenRequest(**values), SystemClock(), deadline)


def options(exchange: Exchange) -> dict[str, Any]:
    """Return what the client configuration of an exchange says."""
    return vars(exchange.config())


def provider(*registries: str, **settings: Any) -> EcrProvider:
    """Return the provider of some hosts in one region."""
    wanted = ecr.Options.model_validate({"registries": registries, **settings})
    built = ecr.build(wanted, Tools(SystemClock(), MemoryStore()))
    assert isinstance(built, EcrProvider)
    return built


@pytest.mark.parametrize("operation", ["GetAuthorizationToken", "AssumeRole"])
def test_a_server_that_never_answers_costs_the_deadline(aws: AwsDouble, operation: str) -> None:
    """A connection that is accepted and left alone ends in time, and the next one works."""
    identity = Identity(role_arn=ROLE)
    aws.fail(aws_faults.hang(), on=operation)
    clock = SystemClock()
    begun = clock.monotonic()
    # Which of the clocks rings first is chance where the host has other things to do.
    with pytest.raises(RetryableError, match=r"not done within 0\.4 s|did not answer in time"):
        fetch(0.4, identity=identity)
    assert clock.monotonic() - begun < 2
    assert fetch(identity=identity).authorization_data


def test_nothing_is_begun_after_the_deadline() -> None:
    """The seconds of a fetch are shared by all its calls."""
    clock = FakeClock()
    exchange = Exchange(clock, 30, "ECR")
    assert exchange.left() == 30
    clock.advance(27)
    assert options(exchange)["connect_timeout"] == 3
    clock.advance(3)
    with pytest.raises(RetryableError, match="not done within 30 s"):
        exchange.left()


def test_timeouts_are_short_and_attempts_single() -> None:
    """However long the deadline: 5 s to connect, 10 s to answer, once."""
    config = options(Exchange(FakeClock(), 3600, "ECR"))
    assert (config["connect_timeout"], config["read_timeout"]) == (5, 10)
    assert config["retries"] == {"mode": "standard", "total_max_attempts": 1}


@pytest.mark.usefixtures("aws")
def test_the_settings_of_the_machine_add_no_attempts(
    aws: AwsDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS_MAX_ATTEMPTS and AWS_RETRY_MODE do not multiply the engine's tries."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    monkeypatch.setenv("AWS_RETRY_MODE", "legacy")
    aws.fail(aws_faults.server_error(), times=9)
    with pytest.raises(RetryableError):
        fetch()
    assert aws.calls() == 1


def test_no_cause_hangs_on_an_error(aws: AwsDouble) -> None:
    """Botocore's own errors may repeat what others said, so none is chained."""
    aws.fail(aws_faults.access_denied("canary"))
    with pytest.raises(PermanentError) as caught:
        fetch()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_many_threads_fetch_at_once(aws: AwsDouble) -> None:
    """Sessions are made in several threads without harm, and share their models."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: fetch(), range(24)))
    assert aws.calls() == 24
    assert len({answer.authorization_data[0]["authorizationToken"] for answer in answers}) == 24


@pytest.mark.parametrize("size", [24, 2_700, 16_384, 200_000])
def test_tokens_of_any_size_arrive(aws: AwsDouble, size: int) -> None:
    """Lengths differ with the kind of identity and are nobody's business."""
    aws.answers.token_size = size
    assert len(provider(OREGON).fetch(30).secret.reveal()) == size


# --- TLS -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A private certificate authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize("way", ["ca_file", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_private_authority_is_trusted_when_told(
    aws: AwsDouble, monkeypatch: pytest.MonkeyPatch, authority: Authority, way: str
) -> None:
    """A setting or the variables of AWS's tools name the authorities to trust."""
    assert aws.requests == []
    settings = {"ca_file": authority.file} if way == "ca_file" else {}
    if way != "ca_file":
        monkeypatch.setenv(way, str(authority.file))
    with AwsDouble(tls=authority.server()) as secure:
        for service in ("ECR", "STS"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", secure.url)
        assert provider(OREGON, role_arn=ROLE, **settings).fetch(30)
        assert secure.calls("AssumeRole") == 1


@pytest.mark.parametrize(
    ("bundle", "server", "words"),
    [
        pytest.param(None, {}, "not trusted", id="unknown authority"),
        # botocore alone would not verify at all with an empty variable.
        pytest.param("", {}, "not trusted", id="empty variable"),
        pytest.param("its own", {"days": -1}, "has expired", id="expired"),
        pytest.param("its own", {"name": "127.0.0.2"}, "another name", id="wrong name"),
        pytest.param("/nonexistent", {}, "can't be used", id="no such file"),
        pytest.param(__file__, {}, "can't be used", id="no certificates"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_a_certificate_that_can_not_be_trusted_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    authority: Authority,
    bundle: str | None,
    server: dict[str, Any],
    words: str,
) -> None:
    """Unknown authority, end, name and file are told apart, and no request gets through."""
    if bundle is not None:
        path = str(authority.file) if bundle == "its own" else bundle
        monkeypatch.setenv("AWS_CA_BUNDLE", path)
    with AwsDouble(tls=authority.server(**server)) as secure:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", secure.url)
        with pytest.raises(PermanentError, match=words) as caught:
            fetch()
        assert "ca_file" in caught.value.hint
        assert secure.requests == []


# --- endpoints, as botocore resolves them ----------------------------------------


class _Proxy(BaseHTTPRequestHandler):
    def do_CONNECT(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_error(502)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Stay silent."""


@pytest.fixture
def asked(aws: AwsDouble, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The hosts that a proxy was asked to connect to; it connects to none."""
    assert aws.requests == []
    for service in ("ECR", "ECR_PUBLIC", "STS"):
        monkeypatch.delenv(f"AWS_ENDPOINT_URL_{service}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    hosts: list[str] = []
    server.asked = hosts  # type: ignore[attr-defined]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield hosts
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("registries", "endpoint"),
    [
        pytest.param(
            ["123456789012.dkr.ecr.us-east-1.amazonaws.com"],
            "api.ecr.us-east-1.amazonaws.com",
            id="aws",
        ),
        pytest.param(
            ["123456789012.dkr.ecr.us-gov-west-1.amazonaws.com"],
            "api.ecr.us-gov-west-1.amazonaws.com",
            id="aws-us-gov",
        ),
        pytest.param(
            ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn"],
            "api.ecr.cn-north-1.amazonaws.com.cn",
            id="aws-cn",
        ),
        pytest.param(
            ["123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov"],
            "api.ecr.us-iso-east-1.c2s.ic.gov",
            id="aws-iso",
        ),
        pytest.param(
            ["123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov"],
            "api.ecr.us-isob-east-1.sc2s.sgov.gov",
            id="aws-iso-b",
        ),
        pytest.param(
            ["123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu"],
            "api.ecr.eusc-de-east-1.amazonaws.eu",
            id="aws-eusc",
        ),
        pytest.param(
            ["123456789012.dkr.ecr-fips.us-east-1.amazonaws.com"],
            "ecr-fips.us-east-1.amazonaws.com",
            id="FIPS",
        ),
        pytest.param(
            ["123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com"],
            "ecr-fips.us-gov-west-1.amazonaws.com",
            id="FIPS in GovCloud",
        ),
        pytest.param(
            ["123456789012.dkr-ecr.us-east-1.on.aws"], "ecr.us-east-1.api.aws", id="dual-stack"
        ),
        pytest.param(
            ["123456789012.dkr-ecr.us-gov-west-1.on.aws"],
            "ecr.us-gov-west-1.api.aws",
            id="dual-stack in GovCloud",
        ),
        pytest.param(
            ["123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn"],
            "ecr.cn-north-1.api.amazonwebservices.com.cn",
            id="dual-stack in China",
        ),
        pytest.param(
            [
                "123456789012.dkr.ecr.us-east-1.amazonaws.com",
                "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
            ],
            "ecr-fips.us-east-1.amazonaws.com",
            id="FIPS among classic",
        ),
        pytest.param(
            [
                "123456789012.dkr.ecr.us-east-1.amazonaws.com",
                "123456789012.dkr-ecr.us-east-1.on.aws",
            ],
            "api.ecr.us-east-1.amazonaws.com",
            id="dual-stack among classic",
        ),
        pytest.param(
            [
                "123456789012.dkr-ecr-fips.us-east-1.on.aws",
                "123456789012.dkr-ecr.us-east-1.on.aws",
            ],
            "ecr-fips.us-east-1.api.aws",
            id="FIPS and dual-stack",
        ),
    ],
)
def test_the_endpoint_follows_the_hosts(
    asked: list[str], registries: list[str], endpoint: str
) -> None:
    """Partition, region, FIPS and dual-stack of the hosts choose where the token comes from."""
    with pytest.raises(RetryableError):
        provider(*registries).fetch(30)
    # AWS documents ecr-fips.*, its SDKs have come to use api.ecr-fips.*: both are theirs to choose.
    assert asked[0].removeprefix("api.") == f"{endpoint}:443".removeprefix("api.")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("variable", "endpoint"),
    [
        ("AWS_USE_FIPS_ENDPOINT", "api.ecr-fips.us-west-2.amazonaws.com"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "ecr.us-west-2.api.aws"),
    ],
)
def test_the_environment_may_ask_for_variants(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, variable: str, endpoint: str
) -> None:
    """What the AWS environment demands of every client is done for classic hosts, too."""
    monkeypatch.setenv(variable, "true")
    with pytest.raises(RetryableError):
        provider(OREGON).fetch(30)
    assert asked == [f"{endpoint}:443"]


def test_the_role_is_assumed_in_the_region_of_the_hosts(asked: list[str]) -> None:
    """STS is asked in the region, and by its classic endpoint even for a FIPS registry."""
    with pytest.raises(RetryableError):
        provider("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", role_arn=ROLE).fetch(30)
    assert asked == ["sts.us-gov-west-1.amazonaws.com:443"]


def test_ecr_public_is_in_us_east_1(asked: list[str]) -> None:
    """There is one endpoint for everybody."""
    with pytest.raises(RetryableError):
        ecr_public.build(ecr_public.Options(), Tools(SystemClock(), MemoryStore())).fetch(30)
    assert asked == ["api.ecr-public.us-east-1.amazonaws.com:443"]


@pytest.mark.parametrize("url", ["nonsense", "http://[::1", "ftp//x"])
def test_an_endpoint_that_is_no_url(
    aws: AwsDouble, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """A malformed AWS_ENDPOINT_URL_ECR is a matter of settings."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", url)
    with pytest.raises(PermanentError) as caught:
        fetch()
    assert "endpoint" in f"{caught.value} {caught.value.hint}".lower()
    assert aws.requests == []


def test_a_plain_server_on_a_tls_port_may_heal(
    aws: AwsDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handshake that breaks off says nothing about certificates."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", aws.url.replace("http:", "https:"))
    with pytest.raises(RetryableError, match="can't be reached"):
        fetch()


# --- models ----------------------------------------------------------------------


def test_only_wanted_models_are_loaded() -> None:
    """A wanted service is known without a look at the others, an unknown one is not."""
    models = Models()
    assert models.load_service_model("ecr", "service-2")["metadata"]["serviceId"] == "ECR"
    with pytest.raises(DataNotFoundError):
        models.load_service_model("no-such-service", "service-2")
    assert {"ecr", "ecr-public", "sts"} <= set(models.list_available_services("service-2"))


def test_models_say_what_botocores_loader_says() -> None:
    """The lean loader changes the cost, not the content."""
    models, usual = Models(), botocore.session.Session().get_component("data_loader")
    for service in ("ecr", "ecr-public", "sts", "sso"):
        for kind in ("service-2", "endpoint-rule-set-1"):
            lean = models.load_service_model(service, kind)
            assert lean == usual.load_service_model(service, kind)
    for name in ("partitions", "endpoints"):
        assert models.load_data(name) == usual.load_data(name)


def test_models_of_an_own_path_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_DATA_PATH adds models, as for every AWS tool."""
    monkeypatch.setenv("MODELS", str(tmp_path))
    own = tmp_path / "ecr" / "2099-01-01"
    own.mkdir(parents=True)
    (own / "service-2.json").write_text('{"metadata": {"serviceId": "own"}}')
    models = shared_models("$MODELS")
    assert models.load_service_model("ecr", "service-2")["metadata"]["serviceId"] == "own"


# --- moto --------------------------------------------------------------------------


@pytest.mark.usefixtures("asked")
def test_motos_token_of_2015_is_refused() -> None:
    """Moto's tokens have always ended: refused, not looped on."""
    with mock_aws(), pytest.raises(PermanentError, match="2015-01-01"):
        provider(OREGON).fetch(30)


def test_a_role_of_motos_gives_its_account(aws: AwsDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys that ask for the token belong to the account of the role."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_STS")
    passed_through: Any = {"core": {"passthrough": {"urls": [f"{aws.url}/.*"]}}}
    with mock_aws(config=passed_through):
        provider(OREGON, role_arn=ROLE).fetch(30)
        sts: Any = botocore.session.Session().create_client(
            "sts",
            region_name="us-west-2",
            aws_access_key_id=aws.last().access_key,
            aws_secret_access_key="any",
        )
        assert sts.get_caller_identity()["Account"] == "222222222222"


# --- the double itself -------------------------------------------------------------


def test_the_double_answers_with_a_skewed_date_when_told(aws: AwsDouble) -> None:
    """Every answer of the double carries the clock that it is given."""
    aws.answers = Answers(date_offset=7200)
    aws.fail(aws_faults.invalid_signature())
    with pytest.raises(ClockError, match="behind"):
        fetch()
