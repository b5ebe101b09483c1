"""Reads YAML into a tree that keeps strings strings and knows the line of every value.

Only the parser of PyYAML is used, not its constructors: no value is turned into
a number, a date or a truth, and no tag makes an object. Messages name lines and
keys and never repeat a value, for any value may be a password.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from refresher.errors import Problem, SettingsError
from refresher.settings import contents
from refresher.settings.tree import FieldPath, Node, field_name

MAX_BYTES: Final = 4 * 1024 * 1024
_PATIENCE: Final = 5.0
"""A larger file is no settings file."""

MAX_VALUES: Final = 50_000
"""The most values that a file may hold, aliases counted as often as they are used."""

MAX_DEPTH: Final = 50
"""The deepest nesting, aliases followed."""

LOADER: Final[type] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser: libyaml's where PyYAML was built with it, ten times as fast."""

_NOTHING: Final = frozenset({"", "~", "null"})
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_MERGE: Final = "<<"
_BYTE_ORDER_MARK: Final = "\ufeff"
# YAML 1.1, section 5.1: the characters that may stand in a stream.
_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_QUOTE_IT: Final = "a value that is meant to start with it needs quotes"

# What the two parsers of PyYAML (libyaml and Python) say, and what it means. Their
# own words are never shown: the Python parser's repeat parts of the line.
_MEANINGS: Final = (
    ("tab", "a tab indents this line, and YAML wants spaces"),
    ("start any token", "a value starts with a character that YAML keeps for itself: quote it"),
    ("values are not allowed", "there is a ':' too much here: check the indentation, or quote it"),
    ("escape", "there is an unknown escape after a backslash: use single quotes"),
    ("end of stream", "a quote that starts here is never closed"),
    ("',' or", "a bracket that opens here is never closed, or a comma is missing in it"),
    ("expected key", "this line does not fit the lines above it: check the indentation"),
    ("'-' indicator", "this line does not fit the list above it: check the indentation"),
    ("block end", "this line does not fit the lines above it: check the indentation"),
    ("nesting depth", f"values are nested more than {MAX_DEPTH} deep"),
    ("expected ':'", "a ':' is missing here, with a space behind it"),
)
_AT_START: Final = ("end of stream", "',' or", "expected ':'")


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds, and what is wrong with its form although it could be read."""

    root: Node
    problems: tuple[Problem, ...] = ()


def read(path: Path, *, patience: float = _PATIENCE) -> str:
    """Return the text of a settings file; a byte order mark at its start is dropped.

    A pipe in its place is waited for, `patience` seconds at most. Raises
    `SettingsError` for a file that can't be read, is too large or is not UTF-8.
    """
    try:
        content = contents.read(path, MAX_BYTES + 1, patience)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name holds a NUL character"
        raise SettingsError(
            str(path),
            (Problem(f"the settings file can't be read: {reason}"),),
            hint="check its path, and that this user may read it",
        ) from None
    if len(content) > MAX_BYTES:
        raise SettingsError(
            str(path), (Problem(f"the file is larger than {MAX_BYTES >> 20} MiB: no settings"),)
        )
    try:
        return content.decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    raise SettingsError(
        str(path), (Problem("the file is not UTF-8 text", line=line),), hint="save it as UTF-8"
    )


def parse(text: str, source: str, *, loader: type = LOADER) -> Document:
    """Return the one document that `text` holds. `source` is how messages call it.

    Raises `SettingsError` for what is no YAML, is empty, or is larger or deeper
    than settings ever are. Duplicate keys, tags and the like are listed in the
    document's problems, so that they can be shown together with what else is wrong.
    """
    strange = _UNPRINTABLE.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        raise SettingsError(source, (Problem("there is a control character here", line=line),))
    builder = _Builder(yaml.parse(text, Loader=loader))
    try:
        return Document(builder.document(), tuple(builder.problems))
    except _UnreadableError as error:
        problem = error.problem
    except yaml.MarkedYAMLError as error:
        problem = _translated(error, text)
    # Raised out here, because the parser's error shows the line: it must not be chained.
    raise SettingsError(source, (*builder.problems, problem))


class _UnreadableError(Exception):
    """Reading can't go on."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.problem = Problem(message, line=line)


class _Builder:
    """Makes a tree from the parser's events, noting on the way what is wrong."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self.problems: list[Problem] = []
        self._events = events
        self._anchors: dict[str, Node] = {}
        self._values = 0

    def document(self) -> Node:
        self._next()  # the start of the stream
        if isinstance(self._next(), yaml.StreamEndEvent):
            raise _UnreadableError("the file holds nothing", 1)
        root = self._node(self._next(), ())
        if root.value is None:
            raise _UnreadableError("the file holds nothing", 1)
        self._next()  # the end of the document
        after = self._next()
        if isinstance(after, yaml.DocumentStartEvent):
            self._complain("a second document starts here: put all into one", after, ())
        return root

    def _next(self) -> Any:
        return next(self._events)

    def _node(self, event: Any, path: FieldPath) -> Node:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if len(path) > MAX_DEPTH:
            raise _UnreadableError(f"values are nested more than {MAX_DEPTH} deep", line)
        self._count(1, line)
        self._refuse_tag(event, path)
        if isinstance(event, yaml.ScalarEvent):
            nothing = event.implicit[0] and event.value in _NOTHING
            node = Node(None if nothing else event.value, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Node(self._sequence(path), line)
        else:
            node = Node(self._mapping(path), line)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any, path: FieldPath) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            self._complain(f"an alias (*) refers to nothing above it; {_QUOTE_IT}", event, path)
            return Node(None, _line(event))
        if len(path) + node.height > MAX_DEPTH:
            raise _UnreadableError(f"values are nested more than {MAX_DEPTH} deep", _line(event))
        self._count(node.size, _line(event))
        return replace(node, line=_line(event))

    def _count(self, values: int, line: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise _UnreadableError(
                f"there are more than {MAX_VALUES} values, aliases counted", line
            )

    def _sequence(self, path: FieldPath) -> list[Node]:
        nodes: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            nodes.append(self._node(event, (*path, len(nodes))))
        return nodes

    def _mapping(self, path: FieldPath) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        merged: list[Node] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event, path)
            value = self._node(self._next(), (*path, key or ""))
            if key == _MERGE and event.implicit[0]:
                merged += self._mergeable(value, event, path)
            elif key in nodes:
                first = nodes[key].line
                self._complain(f"is set twice: first on line {first}", event, (*path, key))
            elif key is not None:
                nodes[key] = replace(value, line=_line(event))
        for node in merged:
            for key, value in node.items().items():
                nodes.setdefault(key, value)
        return nodes

    def _key(self, event: Any, path: FieldPath) -> str | None:
        """Return the key, None (and a complaint) for what can't be one."""
        node = self._node(event, (*path, ""))
        if isinstance(event, yaml.ScalarEvent) and isinstance(node.value, str):
            return node.value
        self._complain("a key is not text, or empty", event, path)
        return None

    def _mergeable(self, value: Node, event: Any, path: FieldPath) -> list[Node]:
        """Return the mappings that `<<` names, the strongest first."""
        nodes = [value] if value.items() else list(value.elements())
        if not nodes or not all(node.items() for node in nodes):
            self._complain("takes a mapping, or a list of mappings", event, (*path, _MERGE))
        return nodes

    def _refuse_tag(self, event: Any, path: FieldPath) -> None:
        if event.tag not in (None, _TEXT_TAG):
            self._complain(f"a tag (!) has no meaning here; {_QUOTE_IT}", event, path)

    def _complain(self, message: str, event: Any, path: FieldPath) -> None:
        self.problems.append(Problem(message, field_name(path), _line(event)))


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1


def _translated(error: yaml.MarkedYAMLError, text: str) -> Problem:
    said = error.problem or ""
    at_start = any(sign in said for sign in _AT_START)
    mark: Any = (error.context_mark if at_start else None) or error.problem_mark
    before = text.splitlines()[mark.line : mark.line + 1]
    if "".join(before)[: mark.column + 1].endswith("\t"):
        said = "tab"
    meaning = next((meaning for sign, meaning in _MEANINGS if sign in said), "this is no YAML")
    return Problem(meaning, line=mark.line + 1)
