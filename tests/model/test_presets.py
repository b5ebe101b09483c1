"""Addresses that people type: presets, schemes, paths, and what no image can name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.address import canonical
from refresher.model.pageaddress import PageAddress, look_up
from refresher.model.presets import PRESETS, known_address, new_address

HUB = "index.docker.io"
KEPT = [
    ("registry.example", "registry.example"),
    ("  Registry.example:5000 ", "Registry.example:5000"),
    ("localhost", "localhost"),
    ("10.0.0.1:5000", "10.0.0.1:5000"),
    ("[2001:DB8::1]:5000", "[2001:DB8::1]:5000"),
    ("index.docker.io", HUB),
    ("dockerhub", HUB),
    (" DOCKERHUB ", HUB),
    ("quay", "quay.io"),
]
CHANGED = [
    ("https://Registry.example/", "Registry.example"),
    ("http://registry.example:5000", "registry.example:5000"),
    ("registry.example/", "registry.example"),
    ("https://registry.example/v2/", "registry.example"),
    ("docker.io", HUB),
    ("Registry-1.Docker.IO", HUB),
    ("INDEX.docker.io", HUB),
    ("https://index.docker.io/v1/", HUB),
]
UNNAMEABLE = ["intranet", "hub", "under_score"]


@pytest.mark.parametrize(("text", "address"), KEPT, ids=[text for text, _ in KEPT])
def test_what_is_kept_as_typed_needs_no_word(text: str, address: str) -> None:
    """Case and port stay; a preset stands for its address."""
    assert new_address(text) == PageAddress(address)


@pytest.mark.parametrize(("text", "address"), CHANGED, ids=[text for text, _ in CHANGED])
def test_what_is_changed_is_said(text: str, address: str) -> None:
    """One notice names both spellings."""
    typed = new_address(text)
    assert typed.address == address
    (notice,) = typed.notices
    assert text in notice
    assert address in notice


@pytest.mark.parametrize("text", UNNAMEABLE)
def test_what_no_image_can_name_is_kept_and_said(text: str) -> None:
    """It may be the default registry, or be read by `get`."""
    typed = new_address(text)
    assert typed.address == text
    assert "no image can name" in typed.notices[0]


@pytest.mark.parametrize(
    "text",
    ["quay.io/team", "https://quay.io/team/", "docker.io/library", "quay.io/v2/team"],
)
def test_a_path_is_refused_with_the_host_to_give(text: str) -> None:
    """A registry has none, and its credential serves all paths."""
    with pytest.raises(PermanentError, match="has a path") as caught:
        new_address(text)
    assert caught.value.hint.startswith("add ")
    assert "/" not in caught.value.hint


@pytest.mark.parametrize("text", ["", " ", "a b", "quay.io:0", "quay.io:x", "u:canary@quay.io"])
def test_what_is_no_address_is_refused_by_both(text: str) -> None:
    """Whether it is added or looked for, and without a login that is in it."""
    for read in (new_address, known_address):
        with pytest.raises(PermanentError) as caught:
            read(text)
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize(("text", "address"), KEPT + CHANGED, ids=str)
def test_what_was_added_is_found_by_any_spelling(text: str, address: str) -> None:
    """Presets and schemes lead to the row that they made."""
    assert known_address(text) == known_address(address) == look_up(address)


def test_a_path_can_be_looked_for() -> None:
    """Sinks put credentials at paths, and people look after them."""
    assert known_address("https://Quay.io/team/") == "quay.io/team"
    assert known_address("docker.io/team") == "index.docker.io/team"


def test_no_preset_hides_a_registry() -> None:
    """Each word is one that docker takes for a user of Docker Hub."""
    assert all("." not in word and ":" not in word for word in PRESETS)
    assert "localhost" not in PRESETS


@given(st.text(max_size=40))
@settings(deadline=None)
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """Nothing else is raised, and what is kept is stable."""
    try:
        typed = new_address(text)
    except PermanentError:
        return
    assert new_address(typed.address).address == typed.address
    assert canonical(typed.address) == canonical(known_address(text))
