"""The spellings that a secret takes on in text: escaped by JSON, by `repr`, by URLs.

A secret is looked for by its grams, the stretches of eight characters that its
spellings consist of. So a part of a secret is found as surely as the whole: a
token that was cut off, a line of a PEM body, a wrapped paragraph. Base64 and
hexadecimal are no spellings here: `refresher.observe.mask` decodes them.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, quote_plus

GRAM: Final = 8
"""The length of a gram, and of the shortest secret that is looked for."""

SLICE: Final = 12
"""The shortest part of a longer secret that is masked."""

_STRIDE: Final = SLICE - GRAM + 1
_URL_SAFE: Final = ("", "/", "!#$&'()*+,/:;=?@[]~")
_PUBLIC_FIELDS: Final = (
    "type",
    "project_id",
    "client_email",
    "client_id",
    "auth_uri",
    "token_uri",
    "auth_provider_x509_cert_url",
    "client_x509_cert_url",
    "universe_domain",
)
_ARMOUR: Final = re.compile(r"-----(?:BEGIN|END) [A-Z ]+-----")
_HEX: Final = re.compile(r"%[0-9A-F]{2}")
_GO_ESCAPES: Final = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


@dataclass(frozen=True, slots=True)
class Spelling:
    """One secret: the texts that it can stand as, and the grams that give it away."""

    texts: tuple[str, ...]
    grams: frozenset[str]

    @classmethod
    def of(cls, secret: str) -> Self:
        """Spell `secret`; one that is shorter than a gram has no grams and is never found.

        What is public in it gives nothing away by itself: a message that names
        the token endpoint stays readable although every Google key holds that
        name (fields: https://google.aip.dev/auth/4112).
        """
        texts = tuple(_spellings(secret))
        found = set(grams(secret))
        for text in texts:
            found.update(grams(text, _STRIDE))
        for part in _public_parts(secret):
            for text in _spellings(part):
                found.difference_update(grams(text))
        return cls(texts, frozenset(found))


def grams(text: str, stride: int = 1) -> Iterator[str]:
    """Yield the grams of `text`, from every `stride`-th position.

    At a stride of 5, each 12 characters of `text` still hold a whole gram.
    """
    return (text[start : start + GRAM] for start in range(0, len(text) - GRAM + 1, stride))


def _spellings(text: str) -> set[str]:
    once = {escape(text) for escape in _ESCAPES}
    # Twice: a JSON answer inside a JSON log, or inside the repr of an exception's arguments.
    twice = {escape(spelt) for spelt in once for escape in _ESCAPES}
    spelt = {text} | once | twice | set(_in_urls(text))
    # HTTP libraries read headers, and this package decodes base64, as Latin-1.
    return spelt | {_bytes(one).decode("latin-1") for one in spelt}


def _in_urls(text: str) -> Iterator[str]:
    for safe in _URL_SAFE:
        for quoted in (quote(_bytes(text), safe), quote_plus(_bytes(text), safe)):
            yield quoted
            yield _HEX.sub(lambda escape: escape[0].lower(), quoted)


def _bytes(text: str) -> bytes:
    # Lone surrogates come from undecodable environment variables and file names.
    return text.encode("utf-8", "surrogatepass")


_ESCAPES: Final[tuple[Callable[[str], str], ...]] = (
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    # encoding/json of Go escapes what HTML would read: https://pkg.go.dev/encoding/json#Marshal
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1].translate(_GO_ESCAPES),
    lambda text: repr(text)[1:-1],
    # A double quote elsewhere in the same string makes repr escape the single ones.
    lambda text: repr('"' + text)[2:-1],
    lambda text: repr(_bytes(text))[2:-1],
    lambda text: repr(b'"' + _bytes(text))[3:-1],
)


def _public_parts(secret: str) -> Iterator[str]:
    yield from _ARMOUR.findall(secret)
    try:
        document = json.loads(secret) if secret.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return
    if isinstance(document, dict):
        yield from document
        yield from (str(document[name]) for name in _PUBLIC_FIELDS if name in document)
