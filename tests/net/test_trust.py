"""Which files hold certificate authorities, and which variables name one."""

import os
from pathlib import Path

import pytest

from refresher.net.trust import holds_authorities, named_authorities
from tests.doubles.certificates import Authority


def test_a_file_and_a_directory_of_authorities_are_taken(tmp_path: Path) -> None:
    """A PEM file, or a directory in OpenSSL's layout."""
    file = Authority(tmp_path).file
    assert holds_authorities(str(file))
    assert holds_authorities(str(file.parent))


@pytest.mark.parametrize("content", [b"", b"words", b"-----BEGIN CERTIFICATE-----\nx", b"\xff\x00"])
def test_a_file_without_authorities_is_not(tmp_path: Path, content: bytes) -> None:
    """Empty, malformed, or something else."""
    (tmp_path / "file").write_bytes(content)
    assert not holds_authorities(str(tmp_path / "file"))


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe, a path that leads nowhere, and one that is none."""
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), str(tmp_path / "none"), "nul\0", ""):
        assert not holds_authorities(path)


def test_the_strongest_variable_comes_first() -> None:
    """As requests orders them; an empty one names nothing."""
    env = {"SSL_CERT_FILE": "/c", "REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "/b", "X": "/x"}
    assert list(named_authorities(env)) == [("CURL_CA_BUNDLE", "/b"), ("SSL_CERT_FILE", "/c")]
