"""Editing JSON as text: what is found where, what is refused, what an edit leaves alone."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.model.jsontext import (
    Edit,
    MalformedError,
    Object,
    Style,
    apply,
    change,
    read_document,
    read_object,
    style_of,
)

KEYS = st.text(max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=6)
LAYOUTS = st.sampled_from(
    [
        {"indent": "\t"},
        {"indent": 2},
        {"indent": 0},
        {},
        {"separators": (",", ":")},
        {"separators": (" ,\r\n ", " :\t")},
        {"ensure_ascii": False},
    ]
)


def opened(text: str) -> Object:
    """Return the document's object, and insist that there is one."""
    found = read_document(text)
    assert found is not None
    return found


@settings(deadline=None)
@given(document=OBJECTS, layout=LAYOUTS)
def test_every_member_knows_its_place(document: dict[str, Any], layout: dict[str, Any]) -> None:
    """Each member's span holds exactly its key and its value, in the order of the text."""
    text = json.dumps(document, **layout)
    members = opened(text).members
    assert [member.key for member in members] == list(document)
    for member in members:
        assert json.loads(text[member.start : member.key_end]) == member.key
        assert json.loads(text[member.value_start : member.end]) == document[member.key]


@settings(deadline=None)
@given(
    document=OBJECTS,
    layout=LAYOUTS,
    added=st.dictionaries(KEYS, st.integers(), max_size=3),
    draw=st.data(),
)
def test_members_go_and_come_without_touching_the_others(
    document: dict[str, Any], layout: dict[str, Any], added: dict[str, int], draw: st.DataObject
) -> None:
    """Any set of members can be taken out and any put in; the rest stays, in order."""
    text = json.dumps(document, **layout)
    root = opened(text)
    gone = draw.draw(st.sets(st.sampled_from(range(len(document))))) if document else set()
    kept = {key: value for i, (key, value) in enumerate(document.items()) if i not in gone}
    new = {key: value for key, value in added.items() if key not in kept}
    style = style_of(text, root)
    pieces = [style.member(key, json.dumps(value)) for key, value in new.items()]
    edits = change(text, root, gone=gone, added=pieces, whole=style.object(pieces, 1))
    result = json.loads(apply(text, edits))
    assert list(result.items()) == list({**kept, **new}.items())


@settings(deadline=None)
@given(st.text(alphabet='{}[]":,\\ \n0aentrulfs-.\ufeff\ud800', max_size=30) | st.text())
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    """No text makes another error than MalformedError, whose line and column lie within it."""
    try:
        read_document(text)
    except MalformedError as error:
        flaw = error
    else:
        return
    lines = text.split("\n")
    assert 1 <= flaw.line <= len(lines)
    assert 1 <= flaw.column <= len(lines[flaw.line - 1]) + 1


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        pytest.param('{"a": 1', 1, 8, "comma or a brace", id="cut off after a value"),
        pytest.param('{"a": ', 1, 7, "Expecting value", id="cut off before a value"),
        pytest.param('{"a"', 1, 5, "colon", id="cut off after a key"),
        pytest.param('{"a": "b', 1, 7, "Unterminated", id="cut off in a text"),
        pytest.param('{"a": 1,}', 1, 9, "key", id="comma before the brace"),
        pytest.param("{'a': 1}", 1, 2, "key", id="single quotes"),
        pytest.param('{"a": 1 "b": 2}', 1, 9, "comma", id="no comma"),
        pytest.param('{\n  "a": 1,\n  "a": 2\n}', 3, 3, "twice", id="a key twice"),
        pytest.param('{\n "a": {"b": 1, "b": 2}}', 2, 7, "twice", id="a key twice, deeper"),
        pytest.param('{"a": [{"b": 1, "b": 2}]}', 1, 7, "twice", id="a key twice, in a list"),
        pytest.param('{"a": NaN}', 1, 7, "NaN", id="NaN"),
        pytest.param('{"a": -Infinity}', 1, 7, "Infinity", id="Infinity"),
        pytest.param('{"a": "\t"}', 1, 8, "control character", id="a raw tab in a text"),
        pytest.param('{"a": 1} x', 1, 10, "more text", id="text behind the end"),
        pytest.param('{"a": 1}{}', 1, 9, "more text", id="two documents"),
        pytest.param("[1]", 1, 1, "no object", id="a list"),
        pytest.param('"a"', 1, 1, "no object", id="a text"),
        pytest.param(" 5", 1, 2, "no object", id="a number"),
        pytest.param("null null", 1, 6, "more text", id="null and more"),
        pytest.param("\ufeff{}", 1, 1, "Expecting value", id="a byte order mark"),
        pytest.param("\0\0\0\0", 1, 1, "Expecting value", id="what a crash leaves"),
        pytest.param('{"a": ' + "[" * 100_000, 1, 7, "deeply", id="deep nesting"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    text: str, line: int, column: int, message: str
) -> None:
    """A broken text is refused with the line and the column at which it breaks."""
    with pytest.raises(MalformedError, match=message) as caught:
        read_document(text)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_refusal_repeats_nothing_of_the_text() -> None:
    """A message never holds a key or a value: either may be secret."""
    for text in ('{"canary": "canary" 1}', '{"canary": 1, "canary": 2}', '{"canary": canary}'):
        with pytest.raises(MalformedError) as caught:
            read_document(text)
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize("text", ["", " \n", "null", " null\n"])
def test_nothing_is_no_document(text: str) -> None:
    """Blanks alone and null are no object, and no fault."""
    assert read_document(text) is None


def test_numbers_of_any_size_are_read() -> None:
    """A number too large for a float, or too long for an int, is no obstacle."""
    text = f'{{"a": 1e400, "b": {"9" * 5000}, "c": -0.0}}'
    assert [member.key for member in opened(text).members] == ["a", "b", "c"]


def test_named_objects_are_opened_in_any_case() -> None:
    """The value of a member that is asked for is an object with places of its own."""
    text = '{"AUTHS": {"a": 1}, "other": {"b": 2}}'
    found = read_document(text, opened=("auths",))
    assert found is not None
    inner, other = (member.value for member in found.members)
    assert inner == read_object(text, 10)
    assert other == {"b": 0}


@pytest.mark.parametrize(
    ("text", "style"),
    [
        pytest.param("{}", Style(), id="nothing to go by"),
        pytest.param('{\n\t"a": 1\n}', Style("\n", "\t", ": "), id="tabs"),
        pytest.param('{\r\n    "a" : 1\r\n}', Style("\r\n", "    ", " : "), id="CRLF"),
        pytest.param('{"a":1}', Style("", "", ":"), id="one line"),
        pytest.param('{ "a": 1 }', Style("", "", ": "), id="one line with spaces"),
        pytest.param('{\n"a": 1}', Style("\n", "", ": "), id="no indent"),
        pytest.param('{\n\n  "a": 1}', Style("\n", "  ", ": "), id="an empty line"),
    ],
)
def test_the_layout_is_taken_from_the_first_member(text: str, style: Style) -> None:
    """Line ends, indentation and the space around colons are found in the text."""
    assert style_of(text, opened(text)) == style


def test_edits_are_made_in_the_order_of_the_text() -> None:
    """The order in which edits are given does not matter."""
    edits = [Edit(4, 5, "E"), Edit(0, 1, "A"), Edit(2, 2, "-")]
    assert apply("abcde", edits) == "Ab-cdE"


@pytest.mark.parametrize("read", [json.dumps, lambda text: json.dumps(text, ensure_ascii=False)])
def test_a_lone_surrogate_is_kept(read: Callable[[str], str]) -> None:
    """Half a surrogate pair, which JSON can spell, comes through an edit."""
    text = f'{{"a": {read("x")}, "b": "\\ud800"}}'
    root = opened(text)
    edits = change(text, root, gone={0}, added=[], whole="")
    assert apply(text, edits) == '{"b": "\\ud800"}'
