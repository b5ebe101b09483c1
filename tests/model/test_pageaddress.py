"""Registry addresses as the store spells them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.pageaddress import is_hub, look_up, nameable, read, spelled


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("docker.io", "index.docker.io"),
        ("Registry-1.Docker.io", "index.docker.io"),
        ("INDEX.docker.io/acme", "index.docker.io/acme"),
        ("docker.io:443", "docker.io:443"),
        ("hub.docker.io", "hub.docker.io"),
        ("Quay.io/docker.io", "Quay.io/docker.io"),
        ("", ""),
        ("%", "%"),
    ],
)
def test_docker_hub_has_one_spelling(address: str, expected: str) -> None:
    """Every name of it becomes one; whatever else it is given stays."""
    assert spelled(address) == expected
    assert spelled(expected) == expected


@pytest.mark.parametrize(
    ("typed", "kept", "words"),
    [
        ("quay.io", "quay.io", ()),
        ("Registry.Example:5000", "Registry.Example:5000", ()),
        ("index.docker.io", "index.docker.io", ()),
        ("localhost", "localhost", ()),
        ("https://quay.io", "quay.io", ("kept as quay.io",)),
        (" HTTP://Quay.io/v2/ ", "Quay.io", ("kept as Quay.io",)),
        ("quay.io/", "quay.io", ("kept as quay.io",)),
        ("docker.io", "index.docker.io", ("kept as index.docker.io",)),
        ("https://index.docker.io/v1/", "index.docker.io", ("kept as index.docker.io",)),
        ("myhost", "myhost", ("no image can name myhost",)),
        ("https://myhost/", "myhost", ("kept as myhost", "no image can name myhost")),
        ("MyHost", "MyHost", ()),
    ],
)
def test_an_address_is_kept_as_typed(typed: str, kept: str, words: tuple[str, ...]) -> None:
    """What is changed, and what can never be used, is told."""
    found = read(typed)
    assert found.address == kept
    assert len(found.notices) == len(words)
    assert all(part in notice for part, notice in zip(words, found.notices, strict=True))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("quay.io/acme", "quay.io/acme has a path"),
        ("https://quay.io/acme/app/", "has a path"),
        ("quay.io/acme:latest", "is no repository"),
        ("", "is no registry address"),
        ("a b", "is no registry address"),
        ("host:0", "is no registry address"),
        ("user:hunter2@quay.io", "before '@'"),
    ],
)
def test_what_is_no_address_of_a_registry_is_refused(typed: str, words: str) -> None:
    """A path too, with what to type instead; a password is not repeated."""
    with pytest.raises(PermanentError, match=words) as caught:
        read(typed)
    assert caught.value.hint
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("HTTPS://Quay.io/v2/", "quay.io"),
        ("docker.io", "index.docker.io"),
        ("gcr.io/Acme".lower(), "gcr.io/acme"),
        ("https://registry-1.docker.io/acme", "index.docker.io/acme"),
    ],
)
def test_what_is_looked_up_may_have_a_path(typed: str, expected: str) -> None:
    """Sinks put credentials there too."""
    assert look_up(typed) == expected


@settings(deadline=None)
@given(st.text(st.characters(codec="ascii"), max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """What is kept needs no further change, and is found by what was typed."""
    try:
        kept = read(text).address
    except PermanentError:
        return
    assert read(kept).address == kept
    assert look_up(text) == look_up(kept) == kept.lower()
    assert is_hub(kept) is (kept == "index.docker.io")
    assert isinstance(nameable(kept), bool)
