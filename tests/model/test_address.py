"""Registry addresses: one canonical form for every spelling, and clear refusals."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.address import DOCKER_HUB, Address, canonical, parse

HOSTS = [
    "registry.example",
    "registry.example:5000",
    "localhost",
    "localhost:1",
    "registry",
    "a",
    "10.0.0.1:65535",
    "[2001:db8::1]",
    "[2001:db8::1]:5000",
    "xn--n3h.com",
    "under_score.example",
    "123456789012.dkr.ecr.us-west-2.amazonaws.com",
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "spelling",
    [
        "{}",
        "{}/",
        "{}//",
        "https://{}",
        "http://{}/",
        "https://{}/v1/",
        "https://{}/v1",
        "http://{}/v2",
        "{}/v2/",
        "HTTPS://{}/",
        " {}\n",
        "oci://{}",
    ],
)
def test_every_spelling_is_one_address(host: str, spelling: str) -> None:
    """Scheme, slashes, a bare API version and surrounding space are no part of an address."""
    assert canonical(spelling.format(host)) == host


@pytest.mark.parametrize("host", HOSTS)
def test_case_is_no_part_of_an_address(host: str) -> None:
    """Host names are compared without case, so they are kept in lower case."""
    assert canonical(host.upper()) == host


@pytest.mark.parametrize("alias", ["docker.io", "index.docker.io", "registry-1.docker.io"])
@pytest.mark.parametrize("spelling", ["{}", "https://{}/v1/", "https://{}/v1", "{}/v2/", "{}/"])
def test_docker_hub_has_one_address(alias: str, spelling: str) -> None:
    """All names of Docker Hub are one registry."""
    assert canonical(spelling.format(alias)) == DOCKER_HUB


@pytest.mark.parametrize("name", ["registry.hub.docker.com", "hub.docker.com", "mydocker.io"])
def test_other_names_are_not_docker_hub(name: str) -> None:
    """Clients keep these under keys of their own."""
    assert canonical(name) == name


def test_a_port_is_part_of_the_address() -> None:
    """Clients look up a host with its port and without it as two keys, even the usual one."""
    assert canonical("https://registry.example:443/") == "registry.example:443"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://registry.example/team-a/", Address("registry.example", "team-a")),
        ("quay.io/org/repo", Address("quay.io", "org/repo")),
        ("registry.example/v2/team", Address("registry.example", "v2/team")),
        ("registry.example/v3", Address("registry.example", "v3")),
        ("index.docker.io/acme", Address("docker.io", "acme")),
    ],
    ids=str,
)
def test_a_repository_path_is_kept(text: str, expected: Address) -> None:
    """A path that names repositories makes another address than the host alone."""
    assert parse(text) == expected
    assert canonical(text) == f"{expected.host}/{expected.path}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "/",
        "https://",
        "https:///v2/",
        ":5000",
        "registry.example:",
        "registry.example:0",
        "registry.example:65536",
        "registry.example:http",
        "registry.example:-1",
        "a b",
        "a,b",
        "registry..example",
        ".example",
        "example.",
        "-example",
        "example-",
        "*.example",
        "a:1:2",
        "registry.example:\N{ARABIC-INDIC DIGIT FIVE}",
        "caf\N{LATIN SMALL LETTER E WITH ACUTE}",
        "\N{KELVIN SIGN}ube.example",
        "registry.example?x=1",
        "registry.example#x",
        "a\0b",
        "registry.example\n/team",
        "registry.example/team\n/",
        "registry\n.example",
        "2001:db8::1",
        "[2001:db8::1",
        "2001:db8::1]",
        "[]",
        "[.]",
        "[:::]",
        "[fe80::1%eth0]",
        "[registry.example]",
        "[::1]5000",
        "registry.example:" + "1" * 5000,
        "a" * 256,
        "registry.example/Team",
        "registry.example/a//b",
        "registry.example/.hidden",
        "registry.example/team:tag",
        "registry.example/a..b",
        "registry.example/" + "a" * 256,
    ],
    ids=lambda text: repr(text[:30]),
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Text that no client could look up is refused with a message of bounded length and a hint."""
    with pytest.raises(PermanentError) as raised:
        canonical(text)
    assert len(str(raised.value)) < 400
    assert raised.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "https://robot:hunter2@registry.example",
        "hunter2@registry.example",
        "robot:hun/ter2@registry.example/team",
        "https://robot:ter2/hun@registry.example/v2/",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(text: str) -> None:
    """User info is refused, wherever its '@' is, and the message shows no part of it."""
    with pytest.raises(PermanentError, match="a user name or a password") as raised:
        canonical(text)
    shown = str(raised.value) + raised.value.hint
    assert not any(part in shown for part in ("hunter2", "hun", "ter2", "robot"))


@given(st.text())
@settings(deadline=None)
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """No text makes another error than the one that is documented."""
    try:
        address = canonical(text)
    except PermanentError:
        return
    assert canonical(address) == address
    assert address == address.lower()


@given(st.from_regex(r"[a-zA-Z0-9.:/@_\-\[\]]{1,40}", fullmatch=True))
@settings(deadline=None)
def test_a_canonical_address_is_its_own_canonical_form(text: str) -> None:
    """Bringing an address to canonical form twice changes nothing more, also near the grammar."""
    try:
        address = parse(text)
    except PermanentError:
        return
    assert parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "a." * 500_000,
        "a/" * 500_000,
        "a/" + "a-" * 500_000,
        "x" * 500_000 + "://",
        "[" + ":" * 1_000_000 + "]",
        "a/" + "_" * 1_000_000,
    ],
    ids=lambda text: text[:6],
)
def test_huge_text_is_refused_at_once(text: str) -> None:
    """The time to refuse text grows with its length only."""
    started = time.process_time()
    with pytest.raises(PermanentError):
        canonical(text)
    assert time.process_time() - started < 1
