"""Amazon ECR Public: one registry for everybody, whose tokens come from us-east-1 alone.

https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_GetAuthorizationToken.html
"""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from refresher.model.cloudhosts import ecr_host
from refresher.options import Registry
from refresher.ports import Tools
from refresher.providers.aws.options import AwsOptions, TokenRequest
from refresher.providers.aws.provider import EcrProvider

_REGION: Final = "us-east-1"


def _own_host(registry: str) -> str:
    host = ecr_host(registry)
    if host is None or host.service != "ecr-public":
        raise ValueError(
            "is no host of ECR Public: its hosts are public.ecr.aws and, by IPv6 too, "
            "ecr-public.aws.com"
        )
    return registry


EcrPublicRegistry = Annotated[Registry, AfterValidator(_own_host)]


class Options(AwsOptions):
    """`registries` are names of ECR Public. The home region of the identity does not matter."""

    registries: Annotated[tuple[EcrPublicRegistry, ...], Field(min_length=1)] = ("public.ecr.aws",)


def build(options: Options, tools: Tools) -> EcrProvider:
    """Return the provider."""
    return EcrProvider(
        TokenRequest("ecr-public", _REGION, options.identity(), options.registries), tools
    )
