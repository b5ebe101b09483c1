"""Trees of settings: lines, paths, and no value in a repr."""

import pytest

from refresher.settings.tree import FieldPath, Node, field_name, tree

PLAIN = {"providers": {"prod": {"registries": ["one", "two"], "email": None}}, "store": "memory"}


def test_a_tree_gives_back_what_it_was_made_of() -> None:
    """Dicts, lists, texts and None survive."""
    assert tree(PLAIN).plain() == PLAIN


def test_other_values_become_text() -> None:
    """There is nothing but text in a tree."""
    assert tree({"a": 1, "b": ("x",)}).plain() == {"a": "1", "b": ["x"]}


@pytest.mark.parametrize(
    ("path", "taken", "line"),
    [
        pytest.param((), (), 1, id="nowhere"),
        pytest.param(("a", 0), ("a", 0), 2, id="to the end"),
        pytest.param(("a", 7), ("a",), 1, id="past the end of a list"),
        pytest.param(("b", "c"), (), 1, id="no such key"),
        pytest.param(("a", "list[str]", 0), ("a", 0), 2, id="a step that is none is left out"),
        pytest.param(("a", 0, 0), ("a", 0), 2, id="into a text"),
    ],
)
def test_a_path_is_followed_as_far_as_it_goes(path: FieldPath, taken: FieldPath, line: int) -> None:
    """The nearest node answers for what is not there."""
    root = Node({"a": Node([Node("x", 2)], 1)}, 1)
    found, node = root.follow(path)
    assert (found, node.line) == (taken, line)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param((), "", id="the top"),
        pytest.param(
            ("providers", "prod", "registries", 0), "providers.prod.registries[0]", id="list"
        ),
        pytest.param((0, "a"), "[0].a", id="list at the top"),
        pytest.param(("a\nb", "c"), "a....c", id="a line break"),
        pytest.param(("k" * 5000,), "k" * 40 + "...", id="long keys are cut"),
        pytest.param(("password:canary",), "password...", id="a value after a colon"),
        pytest.param(("password=canary",), "password...", id="a value after an equals sign"),
        pytest.param(("pass word",), "pass...", id="a space"),
        pytest.param(("é",), "...", id="another script"),
        pytest.param(("a", "<<"), "a.<<", id="a merge key"),
    ],
)
def test_paths_are_written_as_people_write_them(path: FieldPath, name: str) -> None:
    """Keys are joined by dots, positions stand in brackets, and what no name holds is cut."""
    assert field_name(path) == name


def test_a_repr_shows_no_value() -> None:
    """Any value may be a password."""
    assert "canary" not in repr(tree({"password": "canary", "more": ["canary"]}))


def test_size_and_height_count_shared_nodes_as_often_as_they_stand_there() -> None:
    """A shared node costs as much as it would cost written out."""
    shared = Node([Node("x"), Node("y")])
    both = Node({"a": shared, "b": shared})
    assert (both.size, both.height) == (7, 3)


def test_texts_are_found_at_every_depth() -> None:
    """Values only: keys may be shown."""
    assert list(tree({"a": ["x", {"b": "y"}], "c": None}).texts()) == ["x", "y"]
