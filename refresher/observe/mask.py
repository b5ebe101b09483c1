"""Puts `***` in place of known secrets, whole or in part, plain or encoded."""

import re
from binascii import a2b_base64
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Self
from urllib.parse import unquote, unquote_plus

from refresher.observe.spelling import GRAM, SLICE, Spelling, grams

MASK: Final = "***"

_NESTING: Final = 2
_SHORTEST_BASE64: Final = 11  # which hold the 8 characters of a gram
_BASE64: Final = re.compile(
    r"""
    (?=[A-Za-z0-9+/_%\\-]{11})
    [A-Za-z0-9+/_-]+
    (?:
        (?: %2[BbFf] | \\/ | (?<=[A-Za-z0-9+/]{60})(?:\\+[rn]|[\r\n])+ )  # in URLs, JSON, MIME
        [A-Za-z0-9+/_-]*
    )*
    (?: = | %3[Dd] ){0,2}
    """,
    re.VERBOSE,
)
_LINE_ENDS: Final = re.compile(r"\\+[rn]?|[\r\n=]")
_ONE_ALPHABET: Final = str.maketrans("-_", "+/")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{16,}")
_WORD: Final = re.compile(r"\S+")

_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mask:
    """Masks a fixed set of secrets, given by their texts."""

    spellings: Mapping[str, Spelling] = field(default_factory=dict)
    grams: frozenset[str] = frozenset()

    def knowing(self, secrets: frozenset[str]) -> Self:
        """Return a mask for `secrets` that keeps what this one has worked out about them."""
        known = {text: self.spellings.get(text) or Spelling.of(text) for text in secrets}
        return type(self)(known, frozenset().union(*(one.grams for one in known.values())))

    def apply(self, text: str) -> str:
        """Return `text` with each secret replaced by `***`.

        No 12 characters in a row of a spelling remain, nor of the base64 form of
        anything that holds a secret, nor 16 of the hexadecimal one. Of these two the
        whole run of characters goes, so the encoded user name before a password too.
        """
        if not self.grams:
            return text
        return self._apply(text, _NESTING)

    def _apply(self, text: str, nesting: int) -> str:
        spans = [*self._encoded(text), *self._spelt(text)]
        if nesting > 0 and "%" in text:
            spans += self._quoted(text, spans, nesting - 1)
        return _masked(text, spans)

    def _encoded(self, text: str) -> Iterator[_Span]:
        for pattern, decode in _ENCODINGS:
            for run in pattern.finditer(text):
                if any(self._hides(view, _NESTING) for view in decode(run[0])):
                    yield run.span()

    def _hides(self, text: str, nesting: int) -> bool:
        if not self.grams.isdisjoint(grams(text)):
            return True
        # A Kubernetes secret holds the base64 of a document that holds the base64 of a login.
        return nesting > 0 and any(
            self._hides(view, nesting - 1)
            for pattern, decode in _ENCODINGS
            for run in pattern.findall(text)
            for view in decode(run)
        )

    def _quoted(self, text: str, spans: list[_Span], nesting: int) -> Iterator[_Span]:
        """Yield the words that show more of a secret once decoded than `spans` cover.

        Clients differ in what they quote, so no list of spellings is complete.
        """
        for word in _WORD.finditer(text):
            if "%" in word[0]:
                masked = _masked(word[0], _inside(spans, *word.span()))
                if any(self._apply(look(word[0]), nesting) != look(masked) for look in _UNQUOTE):
                    yield word.span()

    def _spelt(self, text: str) -> Iterator[_Span]:
        done = 0
        for position, gram in enumerate(grams(text)):
            if position < done or gram not in self.grams:
                continue
            start, end = self._stretch(text, position)
            if end > position:
                yield start, end
                done = end

    def _stretch(self, text: str, at: int) -> _Span:
        """Return the bounds of the longest part of a secret around `at`, (at, at) if too short."""
        best = (at, at)
        gram = text[at : at + GRAM]
        for spelling in self.spellings.values():
            if gram not in spelling.grams:
                continue
            for spelt in spelling.texts:
                start, end = _bounds(text, at, spelt)
                if end - start >= max(min(SLICE, len(spelt)), best[1] - best[0]):
                    best = (start, end)
        return best


def _masked(text: str, spans: Iterable[_Span]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start > done or not pieces:
            pieces += (text[done:start], MASK)
        done = max(done, end)
    return "".join(pieces) + text[done:]


def _inside(spans: Iterable[_Span], start: int, end: int) -> Iterator[_Span]:
    for left, right in spans:
        if left < end and right > start:
            yield max(left, start) - start, min(right, end) - start


def _bounds(text: str, at: int, spelt: str) -> _Span:
    """Return how far the gram at `at` can grow to either side and still stand in `spelt`."""
    gram_end = at + GRAM
    if text[at:gram_end] not in spelt:
        return at, at
    left = _longest(lambda n: text[at - n : gram_end] in spelt, min(at, len(spelt)))
    right = _longest(
        lambda n: text[at : gram_end + n] in spelt, min(len(text) - gram_end, len(spelt))
    )
    return at - left, gram_end + right


def _longest(fits: Callable[[int], bool], limit: int) -> int:
    """Return the greatest number up to `limit` that fits; all below a fitting one fit."""
    beyond = 1
    # Doubling first: most grams that match by chance don't grow at all.
    while beyond <= limit and fits(beyond):
        beyond *= 2
    known = beyond // 2
    unknown = range(known + 1, min(beyond, limit + 1))
    return known + bisect_left(unknown, x=True, key=lambda number: not fits(number))


def _from_base64(run: str) -> Iterator[str]:
    # The encoded text may begin anywhere in the run: "/v2/" before it belongs to the alphabet.
    plain = _LINE_ENDS.sub("", unquote(run)).translate(_ONE_ALPHABET)
    for start in range(4 if len(plain) >= _SHORTEST_BASE64 else 0):
        # Filled up at both ends: the odd bits there belong to characters of the secret.
        whole = "A" * start + plain
        yield a2b_base64(whole + "A" * (-len(whole) % 4)).decode("latin-1")


def _from_hex(run: str) -> Iterator[str]:
    for start in range(2):
        part = run[start:]
        yield bytes.fromhex(part[: len(part) // 2 * 2]).decode("latin-1")


_UNQUOTE: Final = (
    partial(unquote, encoding="latin-1"),
    partial(unquote_plus, encoding="latin-1"),
)
_ENCODINGS: Final[tuple[tuple[re.Pattern[str], Callable[[str], Iterator[str]]], ...]] = (
    (_BASE64, _from_base64),
    (_HEX, _from_hex),
)
