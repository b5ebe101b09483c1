"""JSON as text to be edited, not values to be dumped again.

A dump changes what nobody asked to change: numbers (`1e400`, `1.0`), escapes,
spacing, indentation. Here the members of an object know where they stand, and an
edit replaces just those characters, so everything else stays as it was.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Never

from refresher.errors import PermanentError

_SPACE: Final = " \t\n\r"
_BLANK: Final = re.compile(r"[ \t\n\r]*")
_COLON: Final = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
_NEXT: Final = re.compile(r"[ \t\n\r]*([,}])[ \t\n\r]*")


class MalformedError(PermanentError):
    """The text is not what it should be; `line` and `column` (both from 1) say where.

    The message holds no value of the text, which may be secret.
    """

    def __init__(
        self, message: str, text: str, position: int, *, hint: str = "repair or remove it"
    ) -> None:
        """Take what is wrong and the character position in `text` at which it is."""
        super().__init__(message, hint=hint)
        self.line = text.count("\n", 0, position) + 1
        self.column = position - text.rfind("\n", 0, position)


class Member(NamedTuple):
    """One `"key": value` of an object and its place: `text[start:end]`."""

    key: str
    value: Any
    start: int
    key_end: int
    value_start: int
    end: int


class Object(NamedTuple):
    """An object and its place: `text[start:end]` is everything from brace to brace."""

    start: int
    end: int
    members: tuple[Member, ...]


class Edit(NamedTuple):
    """Put `text` in the place of the characters from `start` to `end`."""

    start: int
    end: int
    text: str


class _FlawError(ValueError):
    """Something inside a value that the decoder reports without a position."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise _FlawError("an object in this value has the same key twice")
    return values


def _refuse_constant(_: str) -> Never:
    raise _FlawError("NaN and Infinity are no JSON")


def _number(_: str) -> int:
    # Nothing here depends on a number, and int() refuses more than 4300 digits.
    return 0


def fold(name: str) -> str:
    """Return what the clients compare of a member's name: its letters without their case.

    It is the folding of Go's encoding/json (fold.go), which goes letter by letter: the
    long s and the Kelvin sign count as `s` and `k`, the sharp s does not count as `ss`.
    """
    return name.lower().replace("\N{LATIN SMALL LETTER LONG S}", "s")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_refuse_constant,
    parse_float=_number,
    parse_int=_number,
)


def read_document(text: str, opened: Collection[str] = ()) -> Object | None:
    """Return the object that is the whole of `text`, None for nothing but blanks or `null`.

    The values of members whose name is in `opened` are `Object`s too, where they
    are objects; names are compared as `fold` gives them. All numbers read as 0.

    Raises `MalformedError` for text that is no JSON, holds a key twice or is no object.
    """
    start = _after_blanks(text, 0)
    if start == len(text):
        return None
    if text.startswith("{", start):
        found = read_object(text, start, opened)
        end = found.end
    else:
        value, end = _value(text, start)
        if value is not None:
            raise MalformedError("the document is no object", text, start)
        found = None
    if (rest := _after_blanks(text, end)) != len(text):
        raise MalformedError("there is more text after the end of the document", text, rest)
    return found


def read_object(text: str, start: int, opened: Collection[str] = ()) -> Object:
    """Return the object whose brace is at `start`; see `read_document`."""
    position = _after_blanks(text, start + 1)
    if text.startswith("}", position):
        return Object(start, position + 1, ())
    members: list[Member] = []
    seen: set[str] = set()
    while True:
        member = _member(text, position, opened)
        if member.key in seen:
            raise MalformedError("the object has this key twice", text, member.start)
        members.append(member)
        seen.add(member.key)
        delimiter = _NEXT.match(text, member.end)
        if delimiter is None:
            raise MalformedError(
                "a comma or a brace is missing", text, _after_blanks(text, member.end)
            )
        if delimiter[1] == "}":
            return Object(start, delimiter.end(1), tuple(members))
        position = delimiter.end()


def _member(text: str, start: int, opened: Collection[str]) -> Member:
    if not text.startswith('"', start):
        raise MalformedError("a key in double quotes is missing", text, start)
    key, key_end = _value(text, start)
    colon = _COLON.match(text, key_end)
    if colon is None:
        raise MalformedError("a colon is missing", text, _after_blanks(text, key_end))
    value: Any
    if opened and fold(key) in opened and text.startswith("{", colon.end()):
        value = read_object(text, colon.end())
        end = value.end
    else:
        value, end = _value(text, colon.end())
    return Member(key, value, start, key_end, colon.end(), end)


def _value(text: str, start: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        # Without the words "line 1 column 2", which the caller's message has already.
        raise MalformedError(error.msg, text, error.pos) from None
    except _FlawError as flaw:
        raise MalformedError(str(flaw), text, start) from None
    except RecursionError:
        raise MalformedError("the value is nested too deeply", text, start) from None


def _after_blanks(text: str, position: int) -> int:
    blanks = _BLANK.match(text, position)
    return blanks.end() if blanks else position


@dataclass(frozen=True, slots=True)
class Style:
    """How a document is laid out. The default is that of `docker login`: tabs, no final newline.

    An empty `newline` means that all stands on one line.
    """

    newline: str = "\n"
    indent: str = "\t"
    colon: str = ": "

    def member(self, key: str, value: str) -> str:
        """Return the text of a member; `value` is JSON text."""
        return f"{json.dumps(key)}{self.colon}{value}"

    def object(self, members: Iterable[str], depth: int) -> str:
        """Return the text of an object; `depth` is that of its members, 1 at the top."""
        return "{" + ",".join(self._lead(depth) + member for member in members) + self._end(depth)

    def nested(self, text: str) -> str:
        """Return JSON text one level deeper. A line break in it can't be part of a string."""
        return text.replace("\n", f"\n{self.indent}")

    def _lead(self, depth: int) -> str:
        return self.newline + self.indent * depth if self.newline else ""

    def _end(self, depth: int) -> str:
        return self._lead(depth - 1) + "}"


def style_of(text: str, root: Object) -> Style:
    """Return the layout of a document, judged by its first member."""
    if not root.members:
        return Style()
    first = root.members[0]
    newline, found, indent = _blanks_before(text, first.start).rpartition("\n")
    return Style(
        newline=f"\r{found}" if newline.endswith("\r") else found,
        indent=indent if found else "",
        colon=text[first.key_end : first.value_start],
    )


def change(
    text: str, target: Object, *, gone: Collection[int], added: Sequence[str], whole: str
) -> list[Edit]:
    """Return the edits that take members out of an object and put others at its end.

    `gone` are indices of members, `added` the texts of new ones, laid out like the
    last one that stays. If none stays, the object becomes `whole`.
    """
    members = target.members
    kept = [index for index in range(len(members)) if index not in gone]
    if not kept:
        return [Edit(target.start, target.end, whole)]
    last = kept[-1]
    edits = [
        Edit(members[index].start, members[index + 1].start, "") for index in gone if index < last
    ]
    lead = _blanks_before(text, members[last].start)
    tail = "".join(f",{lead}{member}" for member in added)
    if tail or last + 1 < len(members):
        edits.append(Edit(members[last].end, members[-1].end, tail))
    return edits


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return `text` with all edits made. They must not overlap."""
    parts: list[str] = []
    position = 0
    for edit in sorted(edits):
        parts += (text[position : edit.start], edit.text)
        position = edit.end
    return "".join([*parts, text[position:]])


def _blanks_before(text: str, end: int) -> str:
    start = end
    while start and text[start - 1] in _SPACE:
        start -= 1
    return text[start:end]
