"""`trust` in the settings: registries by address, and what is wrong with them."""

from pathlib import Path

import pytest

from refresher.errors import SettingsError
from refresher.registry.policy import Trust, trust_of
from refresher.settings import Settings, parse


def read(text: str) -> Settings:
    """Return the settings in `text`, as from a file in /etc/r."""
    return parse(text, "f.yaml", Path("/etc/r"), {"HOME": "/home/ann"})


def problems(text: str) -> list[tuple[str, str, int | None]]:
    """Return what is wrong with `text`: field, message, line."""
    with pytest.raises(SettingsError) as caught:
        read(text)
    return [(each.field, each.message, each.line) for each in caught.value.problems]


def test_nothing_is_said_by_default() -> None:
    """The public authorities are what counts."""
    assert read("store: memory").trust == {}
    assert read("store: memory\ntrust: {}").trust == {}
    assert read("store: memory\ntrust:").trust == {}


def test_each_registry_is_recognised_in_its_own_way() -> None:
    """Addresses in canonical form, paths from the settings file, and `insecure` as a word."""
    made = read(
        "trust:\n  'HTTPS://R.Example:5000/v2/': {ca_file: ca.pem}\n  10.0.0.7: {insecure: yes}\n"
        "  '[2001:db8::1]:5000': {insecure: true}\n  index.docker.io: {ca_file: ~/proxy.pem}\n"
        "  plain.example: {ca_file: /ca.pem, insecure: false}\n"
    )
    assert made.trust == {
        "r.example:5000": Trust(Path("/etc/r/ca.pem")),
        "10.0.0.7": Trust(insecure=True),
        "[2001:db8::1]:5000": Trust(insecure=True),
        "docker.io": Trust(Path("/home/ann/proxy.pem")),
        "plain.example": Trust(Path("/ca.pem")),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("r.example/team: {insecure: true}", "is more than a host"),
        ("10.0.0.0/8: {insecure: true}", "is more than a host"),
        ("'ann:canary@r.example': {insecure: true}", "is no registry address"),
        ("r example: {insecure: true}", "is no registry address"),
        ("r.example: {}", "says nothing"),
        ("r.example: {insecure: false}", "says nothing"),
        ("r.example: {insecure: true, ca_file: x.pem}", "take one of them out"),
        ("docker.io: {insecure: true}", "is never insecure"),
        ("registry-1.docker.io: {insecure: true}", "is never insecure"),
    ],
)
def test_what_makes_no_sense_is_told(text: str, message: str) -> None:
    """By its line, and without the name if that may be a password."""
    ((field, said, line),) = problems(f"store: memory\ntrust:\n  {text}\n")
    assert message in said
    assert field.startswith("trust.")
    assert line == 3
    assert "canary" not in field + said


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("r.example", "trust", "must be a mapping"),
        ("[r.example]", "trust", "must be a mapping"),
        ("{r.example: insecure}", "trust.r.example", "must be a mapping"),
        ("{r.example: {insecure: maybe}}", "trust.r.example.insecure", "must be true or false"),
        ("{r.example: {ca_file: ''}}", "trust.r.example.ca_file", "is empty"),
        ("{r.example: {ca: x}}", "trust.r.example.ca", "known: ca_file, insecure"),
        (
            "{r.example: {ca_file: '-----BEGIN CERTIFICATE-----'}}",
            "trust.r.example.ca_file",
            "holds the content itself",
        ),
    ],
)
def test_what_is_malformed_is_told(text: str, field: str, message: str) -> None:
    """In the words of all settings."""
    ((where, said, line),) = problems(f"store: memory\ntrust: {text}\n")
    assert (where, line) == (field, 2)
    assert message in said


@pytest.mark.parametrize("place", ["top", "route"])
@pytest.mark.parametrize("written", ["r.example", "r.example:443"])
def test_an_authority_beside_insecure_of_verify_is_told(place: str, written: str) -> None:
    """It would never be looked at."""
    verify = f"verify: {{mode: login, insecure: ['{written}']}}"
    routes = "routes:\n  - {from: [hub], to: [memory]"
    text = (
        "store: memory\ntrust:\n  r.example: {ca_file: ca.pem}\n  s.example: {ca_file: ca.pem}\n"
        "providers: {hub: {type: static, registries: [r.example], username: u, password_env: P}}\n"
        "sinks: {memory: {type: memory}}\n"
        + (f"{verify}\n{routes}}}\n" if place == "top" else f"{routes}, {verify}}}\n")
    )
    ((field, message, line),) = problems(text)
    assert (field, line) == ("trust.r.example", 3)
    assert message.startswith("r.example needs no ca_file where insecure of verify names it")


def test_the_registry_is_named_whole() -> None:
    """With the port, which a field is too short to show."""
    ((_, message, _),) = problems("trust:\n  'r.example:5000': {}\n")
    assert "says nothing of r.example:5000" in message


def test_two_spellings_of_one_registry_are_told() -> None:
    """Nobody knows which of them was meant."""
    text = "trust:\n  r.example: {insecure: true}\n  HTTPS://R.example: {ca_file: x}\n"
    ((field, message, line),) = problems(text)
    assert (field, line) == ("trust.HTTPS...", 3)
    assert "is there twice" in message


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """As everywhere in the settings."""
    made = problems("trust:\n  a/b: {insecure: true}\n  c.example: {}\n  d.example: {x: y}\n")
    assert [line for _, _, line in made] == [2, 3, 4]


@pytest.mark.parametrize(
    ("registry", "key", "found"),
    [
        ("r.example", "r.example", True),
        ("r.example/team", "r.example", True),
        ("r.example:443", "r.example", True),
        ("r.example", "r.example:443", True),
        ("r.example:5000", "r.example", False),
        ("docker.io", "docker.io", True),
        ("other.example", "r.example", False),
    ],
)
def test_a_registry_is_found_by_its_host_and_port(registry: str, key: str, *, found: bool) -> None:
    """The port that HTTPS has anyway may be there or not."""
    trust = Trust(insecure=True)
    assert trust_of(registry, {key: trust}) == (trust if found else Trust())
