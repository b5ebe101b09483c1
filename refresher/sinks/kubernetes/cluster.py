"""Which cluster: its address, its certificate, who we are there, and where that was written."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError
from refresher.net import url
from refresher.net.direct import Peer, Proxy
from refresher.net.url import Url
from refresher.sinks.kubernetes.identity import Identity, Stamp

_HTTPS: Final = "https"


@dataclass(frozen=True, slots=True)
class Pem:
    """A certificate, or several, as a file or as text. `what` names it in messages."""

    what: str
    file: Path | None = None
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster, as its description says.

    `namespace` is where this process is, or nothing if that is not told. `authorities` check the
    server's certificate, in the place of the public ones; `verified` is whether anything checks
    it. `client` is our own certificate. `files` are all that the description was read from, as
    they were just before: when one changes, it is read anew.
    """

    server: Url
    identity: Identity
    namespace: str
    authorities: Pem | None = None
    verified: bool = True
    server_name: str = ""
    client: "ClientCertificate | None" = None
    proxy: Proxy | None = None
    files: Mapping[Path, Stamp] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The host, with its port if that is not the one of the scheme."""
        return self.server.authority

    @property
    def base(self) -> str:
        """What stands before the path of each call: Rancher serves clusters below a path."""
        return self.server.rest.rstrip("/")

    def peer(self, env: Mapping[str, str]) -> Peer:
        """Return where connections lead. Raises `PermanentError` for unusable certificates."""
        tls = self._context(env) if self.server.scheme == _HTTPS else None
        return Peer(self.server.host, self.server.port, tls, self.server_name, self.proxy)

    def _context(self, env: Mapping[str, str]) -> ssl.SSLContext:
        context = self._checking(env)
        if self.client is not None:
            self.client.load(context)
        return context

    def _checking(self, env: Mapping[str, str]) -> ssl.SSLContext:
        if self.verified and self.authorities is None:
            # It loads requests, for the public authorities; clusters mostly have their own.
            from refresher.net.transport import trusting  # noqa: PLC0415

            return trusting((), env)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Whoever is trusted need not be a root: so it is with Go's clients, and clusters are
        # given intermediate authorities, too.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if not self.verified:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        elif self.authorities is not None:
            _trust(context, self.authorities)
        return context


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """Our own certificate and its key, each a file or text."""

    certificate: Pem
    key: Pem

    def load(self, context: ssl.SSLContext) -> None:
        """Have a context present it. Raises `PermanentError` if it can't be used."""
        import tempfile  # noqa: PLC0415 - few have a certificate

        # OpenSSL takes files alone; the directory is for its owner, and gone at once.
        with tempfile.TemporaryDirectory(prefix="refresher-") as folder:
            certificate = _as_file(self.certificate, Path(folder, "certificate.pem"))
            key = _as_file(self.key, Path(folder, "key.pem"))
            try:
                context.load_cert_chain(certificate, key, _no_password)
            except (OSError, ValueError):
                raise PermanentError(
                    f"{self.certificate.what} and {self.key.what} hold no certificate with its key"
                    " that can be read",
                    hint="check them; the key must not need a password",
                ) from None


def parsed(text: object, what: str) -> Url:
    """Return the URL of a server. Raises `PermanentError`, in which `what` names it."""
    found = url.parse(text) if isinstance(text, str) else None
    if found is None:
        raise PermanentError(f"{what} is no URL", hint="write it like https://10.0.0.1:6443")
    return found


def _trust(context: ssl.SSLContext, authorities: Pem) -> None:
    try:
        if authorities.file is None:
            context.load_verify_locations(cadata=authorities.text)
        else:
            context.load_verify_locations(cafile=authorities.file)
    except (OSError, ValueError):
        raise PermanentError(
            f"{authorities.what} holds no certificate authorities that can be read",
            hint="it must be PEM, as the cluster gives it",
        ) from None


def _as_file(pem: Pem, made: Path) -> Path:
    if pem.file is not None:
        return pem.file
    made.touch(mode=0o600)
    made.write_text(pem.text)
    return made


def _no_password() -> str:
    return ""
