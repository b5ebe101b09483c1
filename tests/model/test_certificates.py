"""Certificates are compared by what they are, not by how a file has them."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.model.certificates import certificates

DER = bytes(range(200))
OTHER = bytes(range(50))


def pem(der: bytes, width: int = 64, ending: str = "\n", name: str = "CERTIFICATE") -> str:
    """Return a block as tools write it."""
    text = base64.b64encode(der).decode()
    lines = [text[start : start + width] for start in range(0, len(text), width)]
    return ending.join([f"-----BEGIN {name}-----", *lines, f"-----END {name}-----", ""])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(pem(DER), id="as it is"),
        pytest.param(pem(DER, ending="\r\n"), id="Windows"),
        pytest.param(pem(DER, width=76), id="longer lines"),
        pytest.param(f"# corp\nsubject=CN = corp\n{pem(DER)}trailing", id="text around it"),
        pytest.param(pem(DER) + pem(DER), id="twice"),
        pytest.param(pem(OTHER, name="PRIVATE KEY") + pem(DER), id="a key before it"),
        pytest.param(pem(OTHER, name="TRUSTED CERTIFICATE") + pem(DER), id="OpenSSL's own"),
        pytest.param(pem(DER) + "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n"),
    ],
)
def test_one_certificate_in_many_spellings(text: str) -> None:
    """Each file holds the same one."""
    assert certificates(text.encode()) == {DER}


def test_a_file_holds_several() -> None:
    """In any order."""
    assert certificates((pem(DER) + pem(OTHER)).encode()) == {DER, OTHER}
    assert certificates((pem(OTHER) + pem(DER)).encode()) == {DER, OTHER}


@pytest.mark.parametrize("text", [b"", DER, b"-----BEGIN CERTIFICATE-----", b"no PEM\n"])
def test_other_files_hold_none(text: bytes) -> None:
    """DER itself among them: neither docker nor Python reads it."""
    assert certificates(text) == frozenset()


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read(text: bytes) -> None:
    """There is no crash."""
    assert isinstance(certificates(text), frozenset)
