"""Which token servers may be sent a credential, and what is a URL at all."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.net.url import parse
from refresher.registry.realm import defect
from tests.model.vectors import vectors

ROWS = [
    row["input"] | row["expect"]
    for row in vectors("www_authenticate.json")
    if row["input"].get("op") == "validate_realm"
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['realm']} of {row['registry']}")
def test_the_rule_of_go_containerregistry_holds(row: dict[str, Any]) -> None:
    """What it refuses is refused, what it allows is allowed."""
    said = defect(row["realm"], row["registry"], insecure=row["insecure"])
    assert (said == "") is row["allowed"], said


INTERNAL = [
    "localhost",
    "LocalHost.",
    "x.localhost",
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0",
    "0.0.0.0",  # noqa: S104 - nothing binds to it
    "10.0.0.1",
    "10.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "2852039166",
    "100.64.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fd00::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[2001:db8::1]",
]


@pytest.mark.parametrize("host", INTERNAL)
@pytest.mark.parametrize("port", ["", ":443", ":8443"])
def test_an_internal_address_is_refused_in_every_spelling(host: str, port: str) -> None:
    """What a resolver would take for an address of this network is one, unless it is named."""
    realm = f"https://{host}{port}/token"
    assert "is internal" in defect(realm, "registry.example")
    named = f"{host.lower()}{port.removesuffix(':443')}"
    assert defect(realm, "registry.example", trusted=[named]) == ""
    assert defect(realm, named) == ""


@pytest.mark.parametrize(
    "host",
    [
        "auth.example",
        "auth.corp.internal",
        "1.1.1.1",
        "8.8.8.8.",
        "134744072",
        "[2606:4700::1111]",
        "[64:ff9b::808:808]",
        "10.0.0.1.example",
        "notlocalhost",
        "localhost.example",
        "auth",
    ],
)
def test_other_hosts_are_allowed_by_https_alone(host: str) -> None:
    """A name is proved by its certificate, whatever it leads to; plain HTTP must be asked for."""
    assert defect(f"https://{host}/token", "registry.example") == ""
    assert "plain HTTP" in defect(f"http://{host}/token", "registry.example")
    assert defect(f"http://{host}/token", "registry.example", insecure=True) == ""


@pytest.mark.parametrize(
    ("realm", "registry", "allowed"),
    [
        pytest.param("https://10.0.0.1/t", "10.0.0.1", True, id="the same"),
        pytest.param("https://10.0.0.1:443/t", "10.0.0.1", True, id="the default port, there"),
        pytest.param("https://10.0.0.1/t", "10.0.0.1:443", True, id="the default port, here"),
        pytest.param("https://10.0.0.1:444/t", "10.0.0.1", False, id="another port"),
        pytest.param("https://10.0.0.1/t", "10.0.0.1:5000", False, id="a port less"),
        pytest.param("https://10.0.0.2/t", "10.0.0.1", False, id="another host"),
        pytest.param("https://LOCALHOST:5000/t", "localhost:5000", True, id="upper case"),
        pytest.param("https://[::1]:5000/t", "[::1]:5000", True, id="IPv6"),
    ],
)
def test_a_registry_may_name_itself(realm: str, registry: str, *, allowed: bool) -> None:
    """Its own host and port are where the credential belongs, wherever they are."""
    assert (defect(realm, registry) == "") is allowed


NO_URLS = [
    "",
    "token",
    "/token",
    "//auth.example/token",
    "ftp://auth.example/token",
    "file:///etc/passwd",
    "https://",
    "https:///token",
    "https://user@auth.example/token",
    "https://user:pass@auth.example/token",
    "https://@auth.example/",
    "https://auth.example:0/token",
    "https://auth.example:65536/token",
    "https://auth.example:port/token",
    "https://auth.example:/token",
    "https://auth.example\\@evil.example/token",
    "https://evil.example\\.auth.example/",
    "https://auth.example/\\evil",
    "https://auth.example /token",
    " https://auth.example/token",
    "https://auth.example/to ken",
    "https://auth.example/token\r\nX: y",
    "https://auth.example/\x00",
    "https://\N{CYRILLIC SMALL LETTER A}uth.example/token",
    "https://auth.example%00/token",
    "https://[::1/token",
    "https://[1::2::3]/token",
    "https://[fe80::1%25eth0]/token",
    "https://auth.example/" + "x" * 3000,
]


@pytest.mark.parametrize("text", NO_URLS)
def test_what_parsers_read_in_two_ways_is_no_url(text: str) -> None:
    """User names, backslashes, line breaks and the like lead nowhere."""
    assert parse(text) is None
    assert "is no plain http or https URL" in defect(text, "registry.example", insecure=True)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("HTTPS://Auth.Example", "https://auth.example/"),
        ("https://auth.example:443/t?a=b", "https://auth.example/t?a=b"),
        ("https://auth.example:8443?a=b#c", "https://auth.example:8443/?a=b"),
        ("http://auth.example:80/t#", "http://auth.example/t"),
        ("http://auth.example:443/t", "http://auth.example:443/t"),
        ("https://[2606:4700::1111]:5000/t", "https://[2606:4700::1111]:5000/t"),
    ],
)
def test_a_url_is_read(text: str, read: str) -> None:
    """Host and scheme in lower case, no default port, no fragment."""
    assert str(parse(text)) == read


def test_a_long_host_is_cut_short_in_messages() -> None:
    """Nobody writes the log but we."""
    said = defect(f"http://{'a' * 500}.example/t", "registry.example")
    assert len(said) < 200


@given(st.text() | st.from_regex(r"https?://[a-z0-9.:\[\]@\\/-]{0,30}", fullmatch=True))
@settings(deadline=None)
def test_any_realm_is_judged(text: str) -> None:
    """Whatever a registry names, there is an answer."""
    assert isinstance(defect(text, "registry.example"), str)
    found = parse(text)
    assert found is None or parse(str(found)) == found
