"""Which hosts a Google credential file may name.

A credential file names the URLs that its secrets are sent to, so a file from
elsewhere could send them anywhere; Google asks its users to check:
https://cloud.google.com/docs/authentication/external/externally-sourced-credentials
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from refresher.errors import PermanentError

GOOGLE: Final = "googleapis.com"
"""The universe domain of Google Cloud itself; sovereign clouds have others."""

CLOUD_PLATFORM: Final = "https://www.googleapis.com/auth/cloud-platform"
"""The scope that Artifact Registry asks for, by which IAM alone decides."""

HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\Z")
"""The name of a host in lower case (RFC 1123, section 2.1)."""

_ADDRESS: Final = re.compile(r"[0-9a-f:.]+\Z")
_LEGACY: Final = "accounts.google.com"
_METADATA: Final = frozenset({"169.254.169.254", "fd00:ec2::254", "metadata.google.internal"})


@dataclass(frozen=True, slots=True)
class Trust:
    """The hosts that secrets may be sent to: those of one universe, and `hosts` by name."""

    universe: str = GOOGLE
    hosts: tuple[str, ...] = ()

    def refuse_untrusted(self, url: str, what: str, *, source: bool = False) -> None:
        """Raise `PermanentError` unless `url` is https at a trusted host, or a loopback address.

        `what` says where the URL stands. A `source` of identity tokens may also
        be the metadata address of a cloud, over plain http.
        """
        host, secure = _host_of(url, what)
        if _is_loopback(host) or (source and host in _METADATA):
            return
        if not secure:
            raise PermanentError(
                f"{what} is no https URL", hint="secrets are sent to it, so it must be encrypted"
            )
        if not self._knows(host):
            raise PermanentError(
                f"{what} names the host {host}, which is not Google's",
                hint="if the file is from a source that you trust, add the host to trusted_hosts",
            )

    def accepts(self, url: str) -> bool:
        """Tell whether a secret may be sent to `url`."""
        try:
            self.refuse_untrusted(url, "the URL")
        except PermanentError:
            return False
        return True

    def _knows(self, host: str) -> bool:
        if self.universe == GOOGLE and host == _LEGACY:
            return True
        return host in self.hosts or host.endswith(f".{self.universe}")


def _host_of(url: str, what: str) -> tuple[str, bool]:
    parts = _split(url)
    host = (parts.hostname or "").removesuffix(".") if parts else ""
    if parts is None or parts.scheme not in ("http", "https") or not _is_host(host):
        raise PermanentError(f"{what} is no URL of a web server")
    if "@" in parts.netloc:
        raise PermanentError(f"{what} holds a user name or a password before '@'")
    return host, parts.scheme == "https"


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is the check
    except ValueError:
        return None
    return parts


def _is_host(text: str) -> bool:
    return bool(HOST.match(text) or _ADDRESS.match(text))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
