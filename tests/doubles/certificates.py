"""A private certificate authority for servers on loopback."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Issues certificates that are trusted by whoever trusts `file`."""

    def __init__(self, directory: Path, name: str = "private authority") -> None:
        """Make a key and a certificate, and write the latter to `file`, alone in its folder."""
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        certificate = (
            _builder(self._name, self._name, self._key, days=1)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        # Clients that are given a folder of certificates take every key in it for their own.
        self.file = directory / "trust" / "ca.crt"
        self.file.parent.mkdir()
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, *names: str, days: int = 1, starts: int = -10) -> Path:
        """Return a file with a new key and its certificate, for `names`, from `starts` to `days`.

        Both are days from now.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_named("server"), self._name, key, days=days, starts=starts)
            .add_extension(
                x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        path = self._directory / f"server-{certificate.serial_number:x}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return path

    def server(
        self, name: str = "127.0.0.1", *, days: int = 1, starts: int = -10
    ) -> ssl.SSLContext:
        """Return the TLS side of a server with a certificate; see `issue`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.issue(name, days=days, starts=starts))
        return context


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    days: int,
    starts: int = -10,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=starts))
        .not_valid_after(now + timedelta(days=days))
    )
