"""The address to listen on, as people write it: `host:port`, `:port`, `[::1]:port` or `off`."""

import re
from dataclasses import dataclass
from typing import Final

from refresher.errors import PermanentError

OFF: Final = "off"
"""What says that nothing listens."""

VARIABLE: Final = "REFRESHER_LISTEN"
"""The environment variable that counts where neither option nor settings say anything."""

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_NUMBERS: Final = re.compile(r"[0-9.]+")
_MAX_PORT: Final = 65535
_MAX_NAME: Final = 253
"""The longest name in the DNS, in characters; a label has 63 (RFC 1035, section 2.3.4)."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A host, empty for every address of this one, and a TCP port; 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return the address as people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> ListenAddress | None:
    """Return the address that `text` names, None for `off`.

    Raises `PermanentError` for anything else; see `defect`.
    """
    wrong = defect(text)
    if wrong:
        raise PermanentError(f"the address to listen on {wrong}")
    if _is_off(text):
        return None
    host, _, port = text.strip().rpartition(":")
    return ListenAddress(host.removeprefix("[").removesuffix("]"), int(port))


def defect(text: str) -> str:
    """Return what is wrong with an address to listen on, and what to write; "" if nothing is.

    It follows the name of a setting, and holds nothing of the text.
    """
    text = text.strip()
    if _is_off(text):
        return ""
    if "://" in text:
        return "is a URL: write the address alone, for example 127.0.0.1:8080"
    if text.isascii() and text.isdigit():
        return "is a port alone: write 127.0.0.1:8080, or :8080 for every address"
    host, colon, port = text.rpartition(":")
    if not colon:
        return "has no port: write host:port, :port or off"
    if not (port.isascii() and port.isdigit() and int(port[:6]) <= _MAX_PORT):
        return "ends with no port: write a number up to 65535 after the last colon"
    return _host_defect(host)


def _is_off(text: str) -> bool:
    return text.strip().lower() == OFF


def _host_defect(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        return "" if _is_ip(host[1:-1], 6) else "has no IPv6 address in its brackets"
    if ":" in host:
        return "needs brackets around an IPv6 address: write [::1]:8080"
    if host == "*":
        return "has a * for its host: write :8080 for every address"
    if _NUMBERS.fullmatch(host) and not _is_ip(host, 4):
        return "has no IPv4 address before its port"
    if host and (len(host) > _MAX_NAME or not _NAME.fullmatch(host)):
        return "has no host name and no IP address before its port"
    return ""


def _is_ip(text: str, version: int) -> bool:
    import ipaddress  # noqa: PLC0415 - rarely needed, and slow to import

    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False
