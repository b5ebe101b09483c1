"""The settings of the registry page."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.registered import Preference
from refresher.model.whitelist import (
    CREDENTIAL,
    DEFAULT,
    NAMES,
    WHITELIST,
    PageSettings,
    accept,
)


@pytest.mark.parametrize(
    ("name", "value", "kept", "words"),
    [
        (DEFAULT, "", "", ()),
        (DEFAULT, " ", "", ()),
        (DEFAULT, " Registry.Example:5000 ", "Registry.Example:5000", ()),
        (DEFAULT, "docker.io", "docker.io", ()),
        (DEFAULT, "localhost", "localhost", ()),
        (WHITELIST, "", "", ()),
        (WHITELIST, "index.docker.io", "index.docker.io", ()),
        (WHITELIST, "index.docker.io, docker.io ,", "index.docker.io,docker.io", ()),
        (WHITELIST, "quay.io", "quay.io", ("Docker Hub are no longer allowed",)),
        (WHITELIST, "docker.io", "docker.io", ("written with it",)),
        (WHITELIST, "Quay.io,index.docker.io", "Quay.io,index.docker.io", ("the same case",)),
        (CREDENTIAL, "oldest", "oldest", ()),
        (CREDENTIAL, " newest ", "newest", ()),
        (CREDENTIAL, "", "", ()),
    ],
)
def test_a_value_is_kept(name: str, value: str, kept: str, words: tuple[str, ...]) -> None:
    """Blanks at the ends go; what may surprise is told."""
    accepted = accept(name, value)
    assert accepted.value == kept
    assert len(accepted.notices) == len(words)
    assert all(part in notice for part, notice in zip(words, accepted.notices, strict=True))
    assert accept(name, kept).value == kept


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (DEFAULT, "https://quay.io", "registry.default: 'https://quay.io' has a scheme"),
        (DEFAULT, "quay.io/acme", "has a path"),
        (DEFAULT, "quay.io/", "has a slash"),
        (DEFAULT, "myhost", "has neither a dot nor a port"),
        (DEFAULT, "quay.io,gcr.io", "registry.default: 'quay.io,gcr.io' is no registry address"),
        (WHITELIST, "gcr.io, quay.io/acme", "registry.whitelist: 'quay.io/acme' has a path"),
        (WHITELIST, "http://quay.io", "has a scheme"),
        (WHITELIST, "quay.io gcr.io", "is no registry address"),
        (WHITELIST, "*.example", "registry.whitelist: '*.example' is no registry address"),
        (WHITELIST, " , ,", "nothing but commas"),
        (CREDENTIAL, "Newest", "can't be 'Newest'; did you mean newest?"),
        (CREDENTIAL, "first", "can't be 'first'"),
        ("registry.whitlist", "", "'registry.whitlist' is no setting; did you mean"),
        ("Registry.Default", "", "did you mean registry.default?"),
        ("nonsense", "", "'nonsense' is no setting"),
    ],
)
def test_what_can_never_match_is_refused(name: str, value: str, words: str) -> None:
    """The message names the setting, or the nearest one, and what to do."""
    with pytest.raises(PermanentError) as caught:
        accept(name, value)
    assert words in str(caught.value)
    assert caught.value.hint


def test_a_password_is_not_repeated() -> None:
    """An address with one is refused by what it is."""
    for name in (DEFAULT, WHITELIST):
        with pytest.raises(PermanentError) as caught:
            accept(name, "user:hunter2@quay.io")
        assert "hunter2" not in f"{caught.value}{caught.value.hint}"


def test_settings_say_what_was_set() -> None:
    """What is not set, or was never accepted, is the default."""
    assert PageSettings.of({}) == PageSettings("", (), Preference.NEWEST)
    assert PageSettings.of(
        {DEFAULT: "quay.io", WHITELIST: "a.example,b.example", CREDENTIAL: "oldest"}
    ) == PageSettings("quay.io", ("a.example", "b.example"), Preference.OLDEST)
    by_hand = {DEFAULT: " ", WHITELIST: ", a.example ,,", CREDENTIAL: "x", "other": "y"}
    assert PageSettings.of(by_hand) == PageSettings("", ("a.example",))


@pytest.mark.parametrize(
    ("whitelist", "registry", "allowed"),
    [
        ((), "anything", True),
        (("a.example",), "a.example", True),
        (("a.example",), "A.example", False),
        (("a.example",), "a.example:443", False),
        (("a.example",), "index.docker.io", False),
        (("index.docker.io",), "Docker.io", True),
        (("docker.io",), "docker.io", True),
        (("docker.io",), "index.docker.io", False),
    ],
)
def test_the_whitelist_is_exact(
    whitelist: tuple[str, ...], registry: str, *, allowed: bool
) -> None:
    """But for Docker Hub, all of whose names are allowed by the first of them."""
    assert PageSettings(whitelist=whitelist).allows(registry) is allowed


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.text(max_size=40))
def test_any_value_is_accepted_or_refused(name: str, value: str) -> None:
    """What is accepted is accepted again as it is kept, and says the same."""
    try:
        kept = accept(name, value).value
    except PermanentError as error:
        assert error.hint  # noqa: PT017 - hypothesis gives both kinds
        return
    assert accept(name, kept).value == kept
    assert PageSettings.of({name: kept}) == PageSettings.of({name: value})
