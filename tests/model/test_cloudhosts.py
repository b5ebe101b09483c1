"""Cloud host names: account, region and partition of ECR, and which hosts are Google's."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.cloudhosts import EcrHost, ecr_address, ecr_host, is_google_host, provider_for
from tests.model.vectors import vectors

PARTITIONS = [
    ("us-east-1", "amazonaws.com", "aws", False),
    ("us-west-2", "on.aws", "aws", True),
    ("us-gov-west-1", "amazonaws.com", "aws-us-gov", False),
    ("us-gov-east-1", "on.aws", "aws-us-gov", True),
    ("cn-north-1", "amazonaws.com.cn", "aws-cn", False),
    ("cn-northwest-1", "on.amazonwebservices.com.cn", "aws-cn", True),
    ("eusc-de-east-1", "amazonaws.eu", "aws-eusc", False),
    ("us-iso-east-1", "c2s.ic.gov", "aws-iso", False),
    ("us-isob-east-1", "sc2s.sgov.gov", "aws-iso-b", False),
    ("eu-isoe-west-1", "cloud.adc-e.uk", "aws-iso-e", False),
    ("us-isof-south-1", "csp.hci.ic.gov", "aws-iso-f", False),
]
CLASSIC = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.mark.parametrize("vector", vectors("ecr_hosts.json"), ids=lambda v: v["input"])
def test_amazons_tools_agree(vector: dict[str, Any]) -> None:
    """Every host name says what Amazon's own tools read from it, or nothing."""
    expect = dict(vector["expect"])
    found = ecr_host(vector["input"])
    assert (found is not None) == expect.pop("match")
    assert expect == {field: getattr(found, field) for field in expect}


@pytest.mark.parametrize("fips", ["", "-fips"], ids=["plain", "fips"])
@pytest.mark.parametrize("joint", [".", "-"])
@pytest.mark.parametrize(("region", "suffix", "partition", "dualstack"), PARTITIONS)
def test_every_partition_is_read(
    region: str, suffix: str, partition: str, joint: str, fips: str, *, dualstack: bool
) -> None:
    """Account, region, partition, FIPS and dual-stack are read from all forms of the name."""
    host = f"012345678901.dkr{joint}ecr{fips}.{region}.{suffix}"
    expected = EcrHost(
        "ecr",
        host,
        region,
        partition,
        account="012345678901",
        dns_suffix=suffix,
        fips=bool(fips),
        dualstack=dualstack,
    )
    assert ecr_host(host) == expected
    assert provider_for(host) == "ecr"


@pytest.mark.parametrize(("region", "suffix", "partition", "dualstack"), PARTITIONS)
def test_an_account_has_the_classic_host_of_its_partition(
    region: str, suffix: str, partition: str, *, dualstack: bool
) -> None:
    """The ending that ECR's own answers have, never the dual-stack one."""
    host = ecr_host(ecr_address("012345678901", region))
    assert host is not None
    assert (host.account, host.region, host.partition) == ("012345678901", region, partition)
    assert not host.dualstack
    assert dualstack or host.dns_suffix == suffix


@pytest.mark.parametrize("host", [CLASSIC, "public.ecr.aws", "ecr-public.aws.com"])
@pytest.mark.parametrize("spelling", ["{}", "https://{}", "http://{}:80/v2/", "{}:443", "{}/a/b:1"])
def test_scheme_port_and_path_are_no_part_of_the_host(host: str, spelling: str) -> None:
    """The host is found in a URL and in an image's name, and its port is left out."""
    found = ecr_host(spelling.format(host))
    assert found is not None
    assert found.host == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "evil.example/" + CLASSIC,
        "evil.example/https://public.ecr.aws",
        CLASSIC + "\n",
        f"{CLASSIC}.evil.example",
        f"evil-{CLASSIC}",
        f"a.{CLASSIC}",
        f"{CLASSIC}.",
        f" {CLASSIC}",
        f"{CLASSIC}@evil.example",
        f"robot:pw@{CLASSIC}",
        f"{CLASSIC}:x",
        f"{CLASSIC}?x",
        "://",
        "123456789012.dkr.ecr.eu.west.1.amazonaws.com",
        "123456789012.dkr.ecr.-eu.amazonaws.com",
        "123456789012.dkrxecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.a.amazonawsxcom",
        "\N{ARABIC-INDIC DIGIT ONE}" * 12 + ".dkr.ecr.eu-west-1.amazonaws.com",
        "a.public.ecr.aws",
        "public.ecr.aws.example",
        "public-ecr.aws",
        CLASSIC.upper(),
    ],
)
def test_a_name_that_only_looks_like_ecr_is_none(text: str) -> None:
    """The pattern is anchored at both ends: a credential never goes to a look-alike."""
    assert ecr_host(text) is None


@pytest.mark.parametrize(
    ("region", "suffix", "exists"),
    [
        ("us-east-1", "amazonaws.com", True),
        ("us-west-2", "on.aws", True),
        ("us-gov-west-1", "amazonaws.com", True),
        ("eu-west-1", "amazonaws.com", False),
        ("ca-central-1", "amazonaws.com", False),
        ("cn-north-1", "amazonaws.com.cn", False),
        ("us-iso-east-1", "c2s.ic.gov", False),
        ("us-isob-east-1", "sc2s.sgov.gov", False),
        ("eusc-de-east-1", "amazonaws.eu", False),
    ],
)
def test_fips_exists_in_the_us_only(region: str, suffix: str, *, exists: bool) -> None:
    """A FIPS name elsewhere leads nowhere, and the host can tell."""
    found = ecr_host(f"123456789012.dkr.ecr-fips.{region}.{suffix}")
    assert found is not None
    assert found.fips_exists is exists


@pytest.mark.parametrize("vector", vectors("gcp_hosts.json"), ids=lambda v: v["input"])
def test_googles_tools_agree(vector: dict[str, Any]) -> None:
    """A host is Google's if the kubelet's provider or Google's own keychain says so.

    But for other names under google.com, which only the keychain trusts.
    """
    expect = vector["expect"]
    other = vector["input"].endswith(".google.com")
    keychain = expect["ggcr_google_keychain"] and not other
    defaults = (
        expect["docker_credential_gcr_default_gcr"] or expect["docker_credential_gcr_default_ar"]
    )
    assert is_google_host(vector["input"]) is (expect["kubelet_auth_provider_gcp"] or keychain)
    assert is_google_host(vector["input"]) or not defaults


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".gcr.io",
        ".pkg.dev",
        "-.gcr.io",
        "a..gcr.io",
        "x/.gcr.io",
        "evil.example/gcr.io",
        "gcr.io/project",
        "https://gcr.io",
        "gcr.io:443",
        "gcr.io\n",
        "gcrxio",
        "a.gcr.io.",
        " gcr.io",
        "evil.com#.pkg.dev",
        "robot@a.pkg.dev",
        "a.pkg.dev.example",
        "mypkg.dev",
        "us-pkg.dev",
    ],
)
def test_a_name_that_only_looks_like_google_is_none(host: str) -> None:
    """Names are matched from end to end: a token never goes to a look-alike."""
    assert not is_google_host(host)


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        (CLASSIC, "ecr"),
        (f"HTTPS://{CLASSIC.upper()}/", "ecr"),
        (f"{CLASSIC}:443/team", "ecr"),
        ("public.ecr.aws", "ecr-public"),
        ("ecr-public.aws.com/acme", "ecr-public"),
        ("gcr.io", "gcr"),
        ("EU.gcr.io/my-project", "gcr"),
        ("us-docker.pkg.dev/project/repo", "gcr"),
        ("docker.us-west1.rep.pkg.dev", "gcr"),
        ("docker.io", None),
        ("ghcr.io", None),
        ("registry.example:5000/gcr.io", None),
        ("evil.google.com", None),
    ],
)
def test_the_host_names_its_provider(address: str, provider: str | None) -> None:
    """An address in any spelling tells which provider serves it, if any."""
    assert provider_for(address) == provider


def test_what_is_no_address_names_no_provider() -> None:
    """Text that is no address is an error, not a registry of some other kind."""
    with pytest.raises(PermanentError, match="no registry address"):
        provider_for("not an address")


@given(st.text())
@settings(deadline=None)
def test_any_text_can_be_asked_about(text: str) -> None:
    """The questions have an answer for any text, and a host that is found stands in it."""
    found = ecr_host(text)
    assert found is None or found.host in text
    assert not is_google_host(text) or text.endswith(("gcr.io", "pkg.dev", "google.com"))


@pytest.mark.parametrize("part", ["a", "a.", "a-", "1", "://", "1.dkr.ecr."])
def test_huge_text_is_answered_at_once(part: str) -> None:
    """The time to answer grows with the length only."""
    text = part * 100_000
    started = time.process_time()
    assert ecr_host(text) is None
    assert not is_google_host(text)
    assert time.process_time() - started < 1
