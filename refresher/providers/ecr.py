"""Amazon ECR's private registries: a token of 12 hours for every registry that it may reach.

A token serves whatever its identity may use, in any account, so one call serves
all hosts of a region. Tokens are asked for region by region: that one works in
another region is promised nowhere.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
"""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo, field_validator

from refresher.model.cloudhosts import EcrHost, ecr_host, partition_of
from refresher.options import Registry
from refresher.ports import Tools
from refresher.providers.aws.options import (
    AwsOptions,
    Identity,
    Region,
    TokenRequest,
    is_region,
)
from refresher.providers.aws.provider import EcrProvider


def _parsed(registry: str) -> EcrHost:
    host = ecr_host(registry)
    if host is None:
        raise ValueError(
            "is no host of ECR: write it like "
            "123456789012.dkr.ecr.us-west-2.amazonaws.com (a name of your own in front of ECR "
            "says neither account nor region, and can't be used)"
        )
    if host.service != "ecr":
        raise ValueError("belongs to ECR Public: use a provider of type ecr-public")
    if not is_region(host.region):
        raise ValueError("names no AWS region: regions are written like us-west-2, with hyphens")
    if host.fips and not host.fips_exists:
        raise ValueError("names a FIPS endpoint: ECR has those in US and GovCloud regions only")
    partition = partition_of(host.region)
    if host.partition != partition:
        raise ValueError(
            f"is no host of AWS: its region is of the partition {partition}, its ending of "
            f"{host.partition} (names in China end in .cn, and so on)"
        )
    return host


def _own_host(registry: str) -> str:
    _parsed(registry)
    return registry


EcrRegistry = Annotated[Registry, AfterValidator(_own_host)]


class Options(AwsOptions):
    """`registries` are ECR hosts of any accounts and regions.

    Without any, the token is written under the identity's own registry in
    `region`, or in the region that the AWS environment or the profile says.
    """

    registries: tuple[EcrRegistry, ...] = ()
    region: Region | None = None

    @field_validator("region")
    @classmethod
    def _agrees(cls, region: str | None, info: ValidationInfo) -> str | None:
        said = {_parsed(registry).region for registry in info.data.get("registries", ())}
        if region is not None and said - {region}:
            raise ValueError("is not where the hosts in registries are: leave region out")
        return region


def build(options: Options, tools: Tools) -> EcrProvider | Mapping[str, EcrProvider]:
    """Return one provider, or several under the names of their regions."""
    identity = options.identity()
    by_region: dict[str, list[str]] = {}
    for registry in options.registries:
        by_region.setdefault(_parsed(registry).region, []).append(registry)
    if not by_region:
        region = options.region or tools.env.get("AWS_REGION") or None
        return EcrProvider(TokenRequest("ecr", region, identity), tools)
    providers = {
        region: EcrProvider(_request(region, registries, identity), tools)
        for region, registries in by_region.items()
    }
    return providers if len(providers) > 1 else next(iter(providers.values()))


def _request(region: str, registries: Iterable[str], identity: Identity) -> TokenRequest:
    # A FIPS host demands the FIPS endpoint, and its token serves the classic hosts too. The
    # dual-stack endpoint waits until no host is classic: one that is shows that IPv4 is there.
    hosts = [_parsed(registry) for registry in registries]
    return TokenRequest(
        service="ecr",
        region=region,
        identity=identity,
        registries=tuple(dict.fromkeys(registries)),
        fips=any(host.fips for host in hosts),
        dualstack=all(host.dualstack for host in hosts),
    )
