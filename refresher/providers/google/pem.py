"""The RSA private key inside a service-account key: repaired where it can be, else refused.

PEM is RFC 7468; the key is PKCS #8 (`PRIVATE KEY`) as Google makes it, or
PKCS #1 (`RSA PRIVATE KEY`). A message names the defect and no part of the key.
"""

import re
from typing import Final, NoReturn

from refresher.errors import PermanentError

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----")
_BEGIN: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_WELL_FORMED: Final = re.compile(
    r"-----BEGIN ([A-Z ]{1,40})-----\n(?:[A-Za-z0-9+/=]{1,76}\n)+-----END \1-----\n?\Z"
)
_ESCAPED_BREAK: Final = re.compile(r"\\+r\\+n|\\+[rn]")
_NO_BASE64: Final = re.compile(r"[^A-Za-z0-9+/=]")
_PRIVATE: Final = ("PRIVATE KEY", "RSA PRIVATE KEY")
_OTHERS: Final = {
    "ENCRYPTED PRIVATE KEY": "is encrypted with a passphrase",
    "PUBLIC KEY": "is a public key",
    "RSA PUBLIC KEY": "is a public key",
    "CERTIFICATE": "is a certificate",
    "EC PRIVATE KEY": "is no RSA key",
    "DSA PRIVATE KEY": "is no RSA key",
    "OPENSSH PRIVATE KEY": "is an OpenSSH key",
}
_LINE: Final = 64
_HINT: Final = "download the key again, or create a new one, and store it unchanged"


def repair(text: str, what: str) -> tuple[str, tuple[str, ...]]:
    """Return the private key as well-formed PEM, and a notice for each repair.

    A well-formed one is returned unchanged. Escaped, Windows and missing line
    breaks are repaired. Raises `PermanentError` for what is no RSA private key;
    `what` names the file. The key itself is not decoded here: see `refuse_undecodable`.
    """
    notices: tuple[str, ...] = ()
    if "\\" in text:
        text = _ESCAPED_BREAK.sub("\n", text)
        notices += (f"{what} has a private_key with doubly escaped line breaks; repaired",)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    _refuse_other_kinds(text, what)
    if _WELL_FORMED.match(text):
        return text, notices
    label, body = _block(text, what)
    return _wrapped(label, body), notices or (
        f"{what} has a private_key with misplaced line breaks; repaired",
    )


def refuse_undecodable(pem: str, what: str) -> None:
    """Raise `PermanentError` unless `pem` decodes to a consistent RSA private key."""
    from cryptography.hazmat.primitives.asymmetric.rsa import (  # noqa: PLC0415 - 60 ms
        RSAPrivateKey,
    )
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - the same
        load_pem_private_key,
    )

    try:
        key: object = load_pem_private_key(pem.encode(), password=None)
    except Exception:  # noqa: BLE001 - whatever a parser meets in hostile bytes
        key = None
    if key is None:
        _refuse(what, "does not decode: a part of it is missing or was changed")
    if not isinstance(key, RSAPrivateKey):
        _refuse(what, "is no RSA key")


def _refuse_other_kinds(text: str, what: str) -> None:
    begin = _BEGIN.search(text)
    if begin is None:
        _refuse(what, "has no '-----BEGIN PRIVATE KEY-----' line")
    label = begin.group(1)
    if "Proc-Type: 4,ENCRYPTED" in text:
        _refuse(what, _OTHERS["ENCRYPTED PRIVATE KEY"])
    if label not in _PRIVATE:
        _refuse(what, _OTHERS.get(label, "is no private key"))
    if "-----END" not in text:
        _refuse(what, "is cut off: it has no '-----END' line")


def _block(text: str, what: str) -> tuple[str, str]:
    block = _BLOCK.search(text)
    if block is None:
        _refuse(what, "has a BEGIN and an END line that do not match")
    label, body = block.group(1), "".join(block.group(2).split())
    if not body:
        _refuse(what, "has nothing between its BEGIN and END lines")
    if body.startswith("nMI"):
        # Every DER sequence of this size starts with "MI": the "n" is left over from "\n".
        _refuse(what, "lost the backslashes of its line breaks")
    stray = _NO_BASE64.search(body)
    if stray is not None:
        _refuse(what, f"has a character that is no base64 at position {stray.start()} of its body")
    return label, body


def _wrapped(label: str, body: str) -> str:
    lines = [body[start : start + _LINE] for start in range(0, len(body), _LINE)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def _refuse(what: str, defect: str) -> NoReturn:
    raise PermanentError(f"{what} has a private_key that {defect}", hint=_HINT)
