"""The ECR Public provider: its hosts, and us-east-1 whatever else is configured."""

from typing import Any

import pytest
from pydantic import ValidationError

from refresher.clock import SystemClock
from refresher.errors import PermanentError
from refresher.ports import Provider, Tools
from refresher.providers import ecr_public
from refresher.providers.aws.provider import EcrProvider
from refresher.store.memory import MemoryStore
from refresher.testing import ProviderContract
from tests.doubles import aws_faults
from tests.doubles.aws import AwsDouble


def built(**settings: Any) -> EcrProvider:
    """Return the provider that settings describe."""
    options = ecr_public.Options.model_validate(settings)
    return ecr_public.build(options, Tools(SystemClock(), MemoryStore()))


class TestContract(ProviderContract):
    """The ECR Public provider is a provider."""

    @pytest.fixture(autouse=True)
    def _in_an_aws(self, aws: AwsDouble) -> None:
        """Run each test against the double."""

    def make_provider(self) -> Provider:
        """Return a provider of the default host."""
        return built()


@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1", None])
def test_tokens_come_from_us_east_1(
    aws: AwsDouble, monkeypatch: pytest.MonkeyPatch, region: str | None
) -> None:
    """The environment's region does not matter: only us-east-1 makes these tokens."""
    if region:
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    credential = built().fetch(30)
    assert credential.registries == ("public.ecr.aws",)
    assert credential.username == "AWS"
    assert (aws.last().service, aws.last().region) == ("ecr-public", "us-east-1")


@pytest.mark.usefixtures("aws")
def test_both_names_are_served_by_one_call(aws: AwsDouble) -> None:
    """The dual-stack name gets the same token."""
    hosts = ["https://public.ecr.aws", "ecr-public.aws.com"]
    assert built(registries=hosts).fetch(30).registries == ("public.ecr.aws", "ecr-public.aws.com")
    assert aws.calls() == 1


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"registries": ["registry.example"]}, id="foreign host"),
        pytest.param({"registries": ["gallery.ecr.aws"]}, id="the gallery"),
        pytest.param(
            {"registries": ["123456789012.dkr.ecr.us-east-1.amazonaws.com"]}, id="private"
        ),
        pytest.param({"registries": []}, id="none"),
        pytest.param({"region": "us-west-2"}, id="a region"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    """Only the two names of ECR Public are taken, and no region."""
    with pytest.raises(ValidationError):
        ecr_public.Options.model_validate(settings)


def test_a_denial_names_both_permissions(aws: AwsDouble) -> None:
    """ECR Public needs a permission of STS that people forget."""
    aws.fail(aws_faults.access_denied())
    with pytest.raises(PermanentError, match="ECR Public") as caught:
        built().fetch(30)
    assert "sts:GetServiceBearerToken" in caught.value.hint


@pytest.mark.parametrize("content", [[], [{}], {}, None, "canary", {"authorizationToken": "!"}])
def test_an_answer_without_a_usable_token_is_refused(aws: AwsDouble, content: object) -> None:
    """Shapes that are not ECR Public's are refused."""
    aws.fail(aws_faults.garbage(b'{"authorizationData": null}'))
    aws.answers.authorization_data = content
    for _ in range(2):
        with pytest.raises(PermanentError) as caught:
            built().fetch(30)
        assert "canary" not in str(caught.value)
        if content is None:
            break
