"""Addresses to listen on, as people write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.listen import ListenAddress, defect, parse


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("0.0.0.0:8080", "0.0.0.0", 8080),  # noqa: S104 - as the image has it
        (":8080", "", 8080),
        ("[::1]:8080", "::1", 8080),
        ("[::]:1", "::", 1),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", 80),
        ("localhost:65535", "localhost", 65535),
        ("node-1.example.com.:80", "node-1.example.com.", 80),
        (" 127.0.0.1:0\n", "127.0.0.1", 0),
    ],
    ids=repr,
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int) -> None:
    """IPv4, IPv6 in brackets, names, and nothing for every address; space around is no part."""
    assert defect(text) == ""
    assert parse(text) == ListenAddress(host, port)


@pytest.mark.parametrize("text", ["off", "Off", "OFF", " off\n"])
def test_off_is_no_address(text: str) -> None:
    """Whoever writes off, in any case, listens nowhere."""
    assert defect(text) == ""
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no port"),
        ("localhost", "has no port"),
        ("127.0.0.1", "has no port"),
        ("no", "has no port"),
        ("8080", "is a port alone"),
        ("127.0.0.1:", "ends with no port"),
        ("127.0.0.1:http", "ends with no port"),
        ("127.0.0.1:65536", "ends with no port"),
        ("127.0.0.1:-1", "ends with no port"),
        ("127.0.0.1:+80", "ends with no port"),
        ("127.0.0.1:8_0", "ends with no port"),
        ("127.0.0.1:\N{ARABIC-INDIC DIGIT EIGHT}", "ends with no port"),
        ("127.0.0.1:" + "9" * 5000, "ends with no port"),
        ("http://127.0.0.1:8080", "is a URL"),
        ("unix:///run/refresher.sock", "is a URL"),
        ("::1:8080", "needs brackets"),
        ("[::1]", "ends with no port"),
        ("[127.0.0.1]:80", "no IPv6 address in its brackets"),
        ("[]:80", "no IPv6 address in its brackets"),
        ("*:8080", "write :8080"),
        ("256.0.0.1:80", "no IPv4 address"),
        ("127.1:80", "no IPv4 address"),
        ("ann@host:80", "no host name"),
        ("ho st:80", "no host name"),
        ("a..b:80", "no host name"),
        ("-a:80", "no host name"),
        ("a" * 64 + ":80", "no host name"),
        (".".join(["a" * 60] * 5) + ":80", "no host name"),
        ("h\N{LATIN SMALL LETTER O WITH DIAERESIS}st:80", "no host name"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_anything_else_is_refused_in_plain_words(text: str, told: str) -> None:
    """What is wrong is said, and never what was written."""
    assert told in defect(text)
    with pytest.raises(PermanentError, match="the address to listen on"):
        parse(text)


@settings(deadline=None)
@given(st.one_of(st.text(), st.from_regex(r"[\[\]:.0-9a-z%@*]*", fullmatch=True)))
def test_every_text_is_taken_or_refused(text: str) -> None:
    """Nothing else is ever raised, and what is taken comes back as it is written."""
    if not defect(text) and (address := parse(text)) is not None:
        assert parse(str(address)) == address
