"""A token server for a real registry: it signs JWTs for those who have a password.

https://distribution.github.io/distribution/spec/auth/jwt/. The registry (2.8,
registry/auth/token/token.go) looks for the certificate of the signing key in the
header `x5c`, and for its authority in `rootcertbundle`.
"""

import base64
import json
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tests.doubles.scripted import Asked, Reply, Scripted, pair, reply

SERVICE: Final = "registry of the tests"
ISSUER: Final = "token server of the tests"


class TokenServer(Scripted):
    """Serves `/token`. `users` have passwords, `rights` are actions by user and repository."""

    def __init__(self, directory: Path, context: ssl.SSLContext) -> None:
        super().__init__({"/token": self._grant}, context)
        self.users: dict[str, str] = {}
        self.rights: dict[tuple[str, str], set[str]] = {}
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._certificate = _self_signed(self._key)
        self._bundle = directory / "token.pem"
        self._bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def settings(self) -> str:
        """The registry's settings that lead here."""
        named = {
            "realm": f"{self.url}/token",
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(self._bundle),
        }
        return f"auth: {json.dumps({'token': named})}"

    def _grant(self, asked: Asked) -> Reply:
        user = next(
            (name for name, word in self.users.items() if asked.authorization == pair(name, word)),
            None,
        )
        if user is None:
            return reply(401, {"errors": [{"code": "UNAUTHORIZED"}]})
        access = self._access(user, asked.query.get("scope", ""))
        return reply(200, {"token": self._signed(user, access), "expires_in": 300})

    def _access(self, user: str, scope: str) -> list[dict[str, Any]]:
        if not scope:
            return []
        kind, name, wanted = scope.split(":")
        granted = self.rights.get((user, name), set()) & set(wanted.split(","))
        return [{"type": kind, "name": name, "actions": sorted(granted)}] if granted else []

    def _signed(self, user: str, access: list[dict[str, Any]]) -> str:
        der = self._certificate.public_bytes(serialization.Encoding.DER)
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        claims = {
            "iss": ISSUER,
            "sub": user,
            "aud": SERVICE,
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now - 10,
            "jti": str(time.monotonic_ns()),
            "access": access,
        }
        payload = f"{_part(header)}.{_part(claims)}"
        signature = self._key.sign(payload.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{payload}.{_encoded(signature)}"


def _part(fields: Mapping[str, object]) -> str:
    return _encoded(json.dumps(fields).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "token server")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
