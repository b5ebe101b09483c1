"""What the host names of Amazon ECR and of Google's registries say.

ECR's names carry account, region and partition. The pattern is the one that both
of Amazon's tools use (awslabs/amazon-ecr-credential-helper, ecr-login/api/client.go;
kubernetes/cloud-provider-aws, cmd/ecr-credential-provider/main.go). It is matched
as it stands, so names are expected in the lower case of a canonical address.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from refresher.model.address import parse

_PARTITIONS: Final = {
    "amazonaws.com": "aws",
    "on.aws": "aws",
    "amazonaws.com.cn": "aws-cn",
    "on.amazonwebservices.com.cn": "aws-cn",
    "amazonaws.eu": "aws-eusc",
    "c2s.ic.gov": "aws-iso",
    "sc2s.sgov.gov": "aws-iso-b",
    "cloud.adc-e.uk": "aws-iso-e",
    "csp.hci.ic.gov": "aws-iso-f",
}
_REGIONS: Final = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
"""Which partition the names of regions say, by botocore's data/partitions.json; else `aws`."""

_GOV_REGIONS: Final = "us-gov-"
_DUAL_STACK: Final = "on."
_HOST: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?([^/:]+)(?::[0-9]+)?(?:/.*)?", re.DOTALL)
_ECR: Final = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?P<fips>-fips)?"
    r"\.(?P<region>[a-zA-Z0-9][a-zA-Z0-9_-]*)"
    rf"\.(?P<suffix>{'|'.join(re.escape(suffix) for suffix in _PARTITIONS)})"
)
_GOOGLE: Final = re.compile(
    r"gcr\.io|container\.cloud\.google\.com"
    r"|(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:gcr\.io|pkg\.dev)"
)


@dataclass(frozen=True, slots=True)
class EcrHost:
    """An ECR registry's host name taken apart.

    `region` is where its tokens come from. `account` and `dns_suffix` are None
    for ECR Public, which has one name for everybody. `dualstack` says that the
    name answers by IPv6 too.
    """

    service: Literal["ecr", "ecr-public"]
    host: str
    region: str
    partition: str = "aws"
    account: str | None = None
    dns_suffix: str | None = None
    fips: bool = False
    dualstack: bool = False

    @property
    def fips_exists(self) -> bool:
        """Whether ECR has FIPS endpoints in the region: in the US and GovCloud regions only.

        SDKs make up a name elsewhere, which leads nowhere. Source:
        https://docs.aws.amazon.com/general/latest/gr/ecr.html
        """
        return self.partition in ("aws", "aws-us-gov") and self.region.startswith("us-")


_PUBLIC: Final = {
    "public.ecr.aws": EcrHost("ecr-public", "public.ecr.aws", "us-east-1"),
    "ecr-public.aws.com": EcrHost("ecr-public", "ecr-public.aws.com", "us-east-1", dualstack=True),
}


def ecr_host(text: str) -> EcrHost | None:
    """Return what an ECR host name says, None for any other name.

    Scheme, port and path are taken off first, and no path makes a host.
    """
    bare = _HOST.fullmatch(text)
    if bare is None:
        return None
    host = bare[1]
    found = _ECR.fullmatch(host)
    if found is None:
        return _PUBLIC.get(host)
    region, suffix = found["region"], found["suffix"]
    partition = _PARTITIONS[suffix]
    return EcrHost(
        "ecr",
        host,
        region,
        "aws-us-gov" if partition == "aws" and region.startswith(_GOV_REGIONS) else partition,
        account=found["account"],
        dns_suffix=suffix,
        fips=found["fips"] is not None,
        dualstack=suffix.startswith(_DUAL_STACK),
    )


def partition_of(region: str) -> str:
    """Return the partition that the name of an AWS region says."""
    starts = (name for start, name in _REGIONS.items() if region.startswith(start))
    return next(starts, "aws")


def ecr_address(account: str, region: str) -> str:
    """Return the registry of an account in a region, by the name that ECR's own answers give it."""
    partition = partition_of(region)
    suffixes = (suffix for suffix, name in _PARTITIONS.items() if name == partition)
    return f"{account}.dkr.ecr.{region}.{next(suffixes, 'amazonaws.com')}"


def is_google_host(host: str) -> bool:
    """Tell whether `host` is one of Container Registry or Artifact Registry.

    A host alone, in lower case. One with a port is none, as for Google's tools.
    Names are matched by suffix, because `docker.us-west1.rep.pkg.dev` has more
    labels than `us-docker.pkg.dev`. Sources: GoogleCloudPlatform/docker-credential-gcr,
    config/const.go; kubernetes/cloud-provider-gcp, pkg/gcpcredential/gcpcredential.go.
    """
    return _GOOGLE.fullmatch(host) is not None


def provider_for(address: str) -> Literal["ecr", "ecr-public", "gcr"] | None:
    """Return the type of provider that serves a registry, None if its host does not say.

    Raises `PermanentError` for text that is no address.
    """
    host = parse(address).host
    if ecr := ecr_host(host):
        return ecr.service
    return "gcr" if is_google_host(host) else None
