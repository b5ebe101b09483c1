"""Forms of a secret to look for in outputs: an oracle that shares no code with the redactor."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, urlencode

SLICE = 12


def forms(secret: str, user: str = "AWS") -> dict[str, str]:
    """Return the forms of `secret` that outputs of clients and libraries have shown, by name."""
    login = f"{user}:{secret}"
    document = json.dumps({"username": user, "password": secret})
    config = json.dumps({"auths": {"docker.io": {"auth": _b64(login)}}})
    plain = {
        "raw": secret,
        "json": json.dumps(secret),
        "json, not only ASCII": json.dumps(secret, ensure_ascii=False),
        "json of Go": json.dumps(secret, ensure_ascii=False)
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e"),
        "json in json": json.dumps(json.dumps(secret)),
        "repr": repr(secret),
        "repr with both quotes": repr(f"\"'{secret}"),
        "repr of bytes": repr(secret.encode()),
        "repr of bytes with both quotes": repr(f"\"'{secret}".encode()),
        "repr of json": repr(json.dumps(secret)),
        "utf-8 read as latin-1": secret.encode().decode("latin-1"),
    }
    urls = {
        "quote": quote(secret),
        "quote, all": quote(secret, safe=""),
        "quote, lower case": _lower_hex(quote(secret, safe="")),
        "quote_plus": quote_plus(secret),
        "quote, some": quote(secret, safe="!'()*$,;:@="),
        "quote twice": quote(quote(secret, safe=""), safe=""),
        "urlencode": urlencode({"p": secret}),
    }
    encoded = {
        "base64": _b64(secret),
        "base64 of login": _b64(login),
        "base64 of login, not padded": _b64(login).rstrip("="),
        "base64 of login, for URLs": base64.urlsafe_b64encode(login.encode()).decode(),
        "base64 of login, quoted": quote(_b64(login), safe=""),
        "base64 of login, wrapped": base64.encodebytes(login.encode()).decode(),
        "base64 of login, wrapped, in json": json.dumps(
            base64.encodebytes(login.encode()).decode()
        ),
        "X-Registry-Auth": base64.urlsafe_b64encode(document.encode()).decode(),
        "base64 in base64": _b64(config),
        "header": f"Basic {_b64(login)}",
        "hex": secret.encode().hex(),
        "hex, upper case": secret.encode().hex().upper(),
    }
    return plain | urls | encoded


def leaks(output: str, text: str) -> list[str]:
    """Return the slices of 12 characters of `text`, or `text` if shorter, that `output` shows."""
    if len(text) <= SLICE:
        return [text] if text in output else []
    return [piece for piece in slices(text) if piece in output]


def slices(text: str) -> Iterator[str]:
    """Return every slice of 12 characters of `text`."""
    return (text[start : start + SLICE] for start in range(len(text) - SLICE + 1))


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _lower_hex(quoted: str) -> str:
    parts = quoted.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])
