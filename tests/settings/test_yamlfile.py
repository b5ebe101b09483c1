"""Reading YAML: strings stay strings, every value has its line, nothing bad gets through."""

import contextlib
import os
import string
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import Problem, SettingsError
from refresher.settings.yamlfile import MAX_BYTES, MAX_VALUES, Document, parse, read

LOADERS = [
    pytest.param(yaml.SafeLoader, id="python"),
    pytest.param(
        getattr(yaml, "CSafeLoader", None),
        id="libyaml",
        marks=pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML without libyaml"),
    ),
]


def plain(text: str) -> Any:
    """Return what `text` holds, and insist that nothing is wrong with it."""
    document = parse(text, "f.yaml")
    assert document.problems == ()
    return document.root.plain()


def refused(text: str, loader: type = yaml.SafeLoader) -> SettingsError:
    """Return the error that `text` is refused with."""
    with pytest.raises(SettingsError) as caught:
        parse(text, "f.yaml", loader=loader)
    return caught.value


def complained(text: str, loader: type = yaml.SafeLoader) -> tuple[Problem, ...]:
    """Return the problems of a document that could be read all the same."""
    return parse(text, "f.yaml", loader=loader).problems


# --- values ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("0123", "1e3", "0x1F", "1_000", "12:30:45", "0o17", "-1", ".5", ".inf", "1.10", "1,2"),
        *("yes", "no", "on", "off", "y", "n", "true", "FALSE", "NULL", "Null", "none", "None"),
        *("=", "a#b", "p@ss", "x:y", "2026-11-25", "2026-11-25T10:00:00Z"),
    ],
)
def test_what_other_readers_convert_stays_text(text: str) -> None:
    """A password 0123 is no number, a user `no` is no truth, a date is no date."""
    assert plain(f"a: {text}") == {"a": text}


@pytest.mark.parametrize("text", ["", "~", "null", "# a comment", "&anchor"])
def test_nothing_is_none(text: str) -> None:
    """A key without a value has none."""
    assert plain(f"a: {text}\n") == {"a": None}


@pytest.mark.parametrize("text", ['""', "''", '"~"', "'null'", "!!str null", "!!str"])
def test_quoted_or_tagged_as_text_is_text(text: str) -> None:
    """Quotes make text of anything, and so does the one tag that says what is the case."""
    assert plain(f"a: {text}") == {"a": text.strip("'\"").removeprefix("!!str").strip()}


@pytest.mark.parametrize("key", ["1", "true", "yes", "2026-11-25", "'null'", "'<<'"])
def test_keys_are_text_too(key: str) -> None:
    """A provider may be called 1."""
    assert plain(f"{key}: x") == {key.strip("'"): "x"}


def test_json_is_yaml() -> None:
    """Settings may be written by a program that knows JSON only."""
    assert plain('{"a": ["x", {"b": "y"}],\n "c": null}') == {"a": ["x", {"b": "y"}], "c": None}


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_value_knows_its_line(ending: str) -> None:
    """The line of a value is that of its key, or of its place in a list."""
    text = ending.join(["a:", "  b:", "    - x", "    - y", "c: z"])
    root = parse(text, "f.yaml").root
    paths = [("a",), ("a", "b"), ("a", "b", 0), ("a", "b", 1), ("c",)]
    assert [root.follow(path)[1].line for path in paths] == [1, 2, 3, 4, 5]


YAML_TEXT = st.text(st.sampled_from(string.printable + "äß€\N{PILE OF POO}"), max_size=20)
TREES = st.recursive(
    YAML_TEXT | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(YAML_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(YAML_TEXT, TREES, min_size=1, max_size=4), st.booleans())
@settings(deadline=None)
def test_what_a_writer_wrote_is_read(value: dict[str, Any], flow: bool) -> None:  # noqa: FBT001
    """Whatever PyYAML writes for texts comes back as the same texts."""
    assert plain(yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)) == value


@pytest.mark.parametrize("loader", LOADERS)
@given(text=st.text(st.sampled_from("ab:-?#&*!|>'\"%@`{}[],~<= \n\t\\0é\x00\x7f"), max_size=60))
@settings(deadline=None)
def test_any_text_is_read_or_refused(loader: type, text: str) -> None:
    """No text whatever ends in another error than `SettingsError`."""
    with contextlib.suppress(SettingsError):
        assert isinstance(parse(text, "f.yaml", loader=loader), Document)


# --- anchors and merges ------------------------------------------------------------


def test_an_alias_repeats_its_anchor_on_its_own_line() -> None:
    """What is wrong with a repeated value is shown where it is repeated."""
    root = parse("a: &x {k: v}\nb: *x\nc: [*x]\n", "f.yaml").root
    assert root.plain() == {"a": {"k": "v"}, "b": {"k": "v"}, "c": [{"k": "v"}]}
    assert root.follow(("b",))[1].line == 2
    assert root.follow(("c", 0))[1].line == 3


@pytest.mark.parametrize(
    ("text", "merged"),
    [
        pytest.param("<<: *x", {"k": "x", "l": "x"}, id="one"),
        pytest.param("<<: *x\n  k: own", {"k": "own", "l": "x"}, id="own keys win"),
        pytest.param("k: own\n  <<: *x", {"k": "own", "l": "x"}, id="in any order"),
        pytest.param("<<: [*y, *x]", {"k": "y", "l": "x"}, id="the first of a list wins"),
        pytest.param("<<: *y\n  <<: *x", {"k": "y", "l": "x"}, id="twice"),
        pytest.param("'<<': *y", {"<<": {"k": "y"}}, id="quoted, it is a key"),
    ],
)
def test_merge_keys_fill_in_what_is_not_set(text: str, merged: object) -> None:
    """`<<` gives defaults: https://yaml.org/type/merge.html."""
    assert plain(f"x: &x {{k: x, l: x}}\ny: &y {{k: y}}\nz:\n  {text}\n")["z"] == merged


# --- form --------------------------------------------------------------------------


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param("", 1, "holds nothing", id="empty"),
        pytest.param("# only a comment\n\n", 1, "holds nothing", id="comments only"),
        pytest.param("---\n...\n", 1, "holds nothing", id="empty document"),
        pytest.param("null", 1, "holds nothing", id="null"),
        pytest.param("a:\n\tb: 1", 2, "tab", id="tab before a key"),
        pytest.param("a: 1\n\tb: 1", 2, "tab", id="tab after a value"),
        pytest.param("a:\n  - b\n\t- c", 3, "tab", id="tab in a list"),
        pytest.param("a: |\n\tx", 2, "tab", id="tab in a block"),
        pytest.param("a: 1\nb: @canary", 2, "quote it", id="reserved character"),
        pytest.param("a: %canary", 1, "quote it", id="percent"),
        pytest.param("a: canary: c", 1, "':' too much", id="colon in a value"),
        pytest.param("a: 1\n  canary: 2", 2, "':' too much", id="indented too far"),
        pytest.param("a:\n  b: 1\n canary: 2", 3, "indentation", id="indented between"),
        pytest.param("- a\ncanary: 1", 2, "indentation", id="list and mapping"),
        pytest.param("x: 1\na: 'canary\nb: c", 2, "never closed", id="open quote"),
        pytest.param('x: 1\na: "canary\nb: c', 2, "never closed", id="open double quote"),
        pytest.param("x: 1\na: [canary\nb: c", 2, "never closed", id="open bracket"),
        pytest.param("x: 1\na: {canary\nb: c", 2, "never closed", id="open brace"),
        pytest.param('a: "\\canary"', 1, "escape", id="unknown escape"),
        pytest.param("a: !e!canary x", 1, "no YAML", id="unknown tag handle"),
        pytest.param("a: canary\x00", 1, "control character", id="NUL"),
        pytest.param("a: 1\nb: canary\x1b[31m", 2, "control character", id="escape character"),
        pytest.param("a: 1\nb: canary\ud800", 2, "control character", id="half a pair"),
        pytest.param("[" * 5000, 1, "deep", id="deep lists"),
        pytest.param("{" * 5000, 1, "deep", id="deep mappings"),
        pytest.param("- " * 5000, 1, "deep", id="deep blocks"),
        pytest.param("? " * 5000, 1, "deep", id="deep keys"),
        pytest.param("a: 1\ncanary", 2, "':' is missing", id="no colon"),
    ],
)
def test_bad_form_is_refused_by_line(loader: type, text: str, line: int, message: str) -> None:
    """Either parser's complaint is put in plain words, with the line, without the value."""
    error = refused(text, loader)
    (problem,) = error.problems
    assert (problem.line, message in problem.message) == (line, True), problem
    assert "canary" not in str(error)
    assert error.__context__ is None


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "field", "line", "message"),
    [
        pytest.param("a: 1\na: 2", "a", 2, "first on line 1", id="duplicate"),
        pytest.param("a:\n  b: 1\n  'b': 2", "a.b", 3, "first on line 2", id="quoted duplicate"),
        pytest.param("a: [{b: 1,\n b: 2}]", "a[0].b", 2, "twice", id="duplicate in a list"),
        pytest.param("a: !!python/object/apply:os.system [canary]", "a", 1, "tag", id="python"),
        pytest.param("a: !!int 5", "a", 1, "tag", id="number"),
        pytest.param("a: !!binary aGk=", "a", 1, "tag", id="binary"),
        pytest.param("a: !vault canary", "a", 1, "tag", id="custom"),
        pytest.param("a: !canary", "a", 1, "quotes", id="a password that looks like a tag"),
        pytest.param("a: ! x", "a", 1, "tag", id="no tag"),
        pytest.param("!!set {a}", "", 1, "tag", id="at the top"),
        pytest.param("a: *canary", "a", 1, "quotes", id="alias of nothing"),
        pytest.param("a: &x [*x]", "a[0]", 1, "nothing above", id="alias of itself"),
        pytest.param("a: 1\n---\nb: 2", "", 2, "second document", id="two documents"),
        pytest.param("? [a]\n: b", "", 1, "key", id="list as a key"),
        pytest.param("a: {~: b}", "a", 1, "key", id="nothing as a key"),
        pytest.param("a: &x b\n*x : c", "", 2, "key", id="alias as a key"),
        pytest.param("a: {<<: canary}", "a.<<", 1, "mapping", id="merge of a text"),
        pytest.param("a: {<<: [canary]}", "a.<<", 1, "mapping", id="merge of texts"),
    ],
)
def test_what_settings_never_need_is_complained_of(
    loader: type, text: str, field: str, line: int, message: str
) -> None:
    """The document is read all the same, so that everything can be said at once."""
    (problem,) = complained(text, loader)
    assert (problem.field, problem.line) == (field, line)
    assert message in problem.message
    assert "canary" not in problem.message


def test_complaints_come_with_what_ends_the_reading() -> None:
    """A duplicate above a broken line is not lost."""
    assert [problem.line for problem in refused("a: 1\na: 2\nb: [").problems] == [2, 3]


# --- size --------------------------------------------------------------------------


def bomb(levels: int, width: int) -> str:
    """Return a small text whose aliases stand for width ** levels values."""
    lines = ["a0: &a0 [" + ", ".join(["x"] * width) + "]"]
    lines += [
        f"a{level}: &a{level} [" + ", ".join([f"*a{level - 1}"] * width) + "]"
        for level in range(1, levels)
    ]
    return "\n".join(lines)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(bomb(9, 9), "values", id="billion laughs"),
        pytest.param(bomb(40, 2), "values", id="doubling"),
        pytest.param(
            "a0: &a0 {k: v}\n"
            + "\n".join(f"a{n}: &a{n} {{l: *a{n - 1}, r: *a{n - 1}}}" for n in range(1, 40)),
            "values",
            id="in mappings",
        ),
        pytest.param(
            "a0: &a0 {k: v}\n" + "\n".join(f"a{n}: &a{n} {{k: *a{n - 1}}}" for n in range(1, 400)),
            "deep",
            id="a chain of aliases",
        ),
    ],
)
def test_bombs_are_refused(loader: type, text: str, message: str) -> None:
    """Aliases count as often as they are used, in number and in depth."""
    assert message in str(refused(text, loader))


def test_too_many_values_are_refused() -> None:
    """Reading ends with the first value that is too much."""
    with pytest.raises(SettingsError, match=f"^f.yaml:{MAX_VALUES - 1}: there are more"):
        parse("a:\n" + "- x\n" * MAX_VALUES + "]", "f.yaml")


# --- files -------------------------------------------------------------------------


def refused_file(path: Path) -> SettingsError:
    """Return the error that a file is refused with."""
    with pytest.raises(SettingsError) as caught:
        read(path)
    return caught.value


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path, mark: bytes) -> None:
    """Some editors put one in front of UTF-8."""
    path = tmp_path / "r.yaml"
    path.write_bytes(mark + "a: é".encode())
    assert plain(read(path)) == {"a": "é"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_other_encodings_are_refused(tmp_path: Path, encoding: str) -> None:
    """The line of the first strange byte is named, not the byte."""
    path = tmp_path / "r.yaml"
    path.write_bytes(("a: 1\n" * 3 + "b: é\n").encode(encoding))
    error = refused_file(path)
    assert "UTF-8" in str(error)
    assert error.problems[0].line == (4 if encoding == "latin-1" else 1)


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    """No more than the limit is read, however large the file."""
    path = tmp_path / "r.yaml"
    with path.open("wb") as file:
        file.truncate(100 * MAX_BYTES)
    assert "MiB" in str(refused_file(path))


@pytest.mark.parametrize("name", ["missing.yaml", "sub", "file/below", "nul\0", "n" * 300])
def test_what_is_no_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    """Missing, a directory, below a file, no name at all: one error that names the path."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "file").touch()
    error = refused_file(tmp_path / name)
    assert error.source == str(tmp_path / name)
    assert "can't be read" in str(error)


@pytest.mark.parametrize("writers", [0, 1], ids=["nobody writes", "somebody may write"])
def test_a_pipe_is_not_waited_for_without_an_end(tmp_path: Path, writers: int) -> None:
    """A reload never hangs on a pipe, be there a writer or not."""
    path = tmp_path / "r.yaml"
    os.mkfifo(path)
    kept = [os.open(path, os.O_RDWR) for _ in range(writers)]
    with pytest.raises(SettingsError, match="nobody wrote to it in time"):
        read(path, patience=0.1)
    for descriptor in kept:
        os.close(descriptor)


@pytest.mark.parametrize("size", [10, 200_000], ids=["short", "longer than a pipe holds"])
def test_a_pipe_in_the_place_of_a_file_is_read(size: int) -> None:
    """As a shell makes it of <(decrypt refresher.yaml)."""
    reader, writer = os.pipe()
    text = "#" * size

    def write() -> None:
        with open(writer, "w") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(text)

    thread = threading.Thread(target=write)
    thread.start()
    assert read(Path(f"/dev/fd/{reader}")) == text
    thread.join()
    os.close(reader)


def test_a_device_is_refused() -> None:
    """What gives nothing, or gives without an end, holds no settings."""
    for device in ("/dev/null", "/dev/zero"):
        assert "no regular file" in str(refused_file(Path(device)))


@pytest.mark.parametrize("kind", ["directory", "fifo", "too large", "no UTF-8", "good"])
def test_no_reading_keeps_a_descriptor(tmp_path: Path, kind: str) -> None:
    """A daemon reads its settings again and again, and wrong ones too."""
    path = tmp_path / "r.yaml"
    _make(path, kind)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with contextlib.suppress(SettingsError):
            read(path, patience=0.05)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def _make(path: Path, kind: str) -> None:
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_bytes({"too large": b"a" * (MAX_BYTES + 1), "no UTF-8": b"\xff"}.get(kind, b"a"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    """The reason is the system's."""
    path = tmp_path / "r.yaml"
    path.touch(mode=0o000)
    assert "ermission" in str(refused_file(path))
