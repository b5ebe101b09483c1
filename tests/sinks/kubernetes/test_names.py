"""What Secrets are called."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.address import canonical
from refresher.sinks.kubernetes.names import LONGEST, SUBDOMAIN, SecretName, secret_name

ECR = "123456789012.dkr.ecr.us-west-2.amazonaws.com"


@pytest.mark.parametrize(
    ("pattern", "registry", "name"),
    [
        ("pull", ECR, "pull"),
        ("{registry}", ECR, ECR),
        ("pull-{registry}", "docker.io", "pull-docker.io"),
        ("{registry}.pull", "registry.example:5000", "registry.example-5000.pull"),
        ("{registry}", "gcr.io/project/sub_x", "gcr.io-project-sub-x"),
        ("p-{registry}", "[::1]:5000", "p-1-5000"),
        ("{registry}", "a_b.example", "a-b.example"),
    ],
)
def test_a_registry_becomes_a_name(pattern: str, registry: str, name: str) -> None:
    """In a pattern; a name alone is for all of them."""
    assert secret_name(pattern).of(registry) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", "A", "-a", "a-", "a_b", "a..b", "a/b", "a b", "a\n", "a" * 254),
        *("{registry}{registry}", "{other}", "{", "-{registry}", "{registry}-"),
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    """A pattern must give names at both of its ends, too."""
    with pytest.raises(ValueError, match=r"is no name|twice"):
        secret_name(text)


def test_registries_of_one_name_share_a_secret() -> None:
    """Each is in it."""
    names = SecretName("{registry}")
    assert names.all(["a.example:5000", "b.example", "a.example-5000"]) == {
        "a.example-5000": ("a.example:5000", "a.example-5000"),
        "b.example": ("b.example",),
    }
    assert SecretName("pull").all(["b", "a"]) == {"pull": ("b", "a")}


def test_what_is_too_long_stays_apart() -> None:
    """Two registries that differ at their ends alone."""
    names = SecretName("{registry}")
    made = {names.of(f"a.example/{'x' * 250}/{end}") for end in "abc"}
    assert len(made) == 3
    assert all(len(each) <= LONGEST and SUBDOMAIN.fullmatch(each) for each in made)


@settings(deadline=None)
@given(st.text(st.sampled_from("ab1.-_:/[]"), min_size=1, max_size=300))
def test_every_registry_has_a_name(text: str) -> None:
    """One that Kubernetes takes."""
    try:
        registry = canonical(text)
    except PermanentError:
        return
    for pattern in ("{registry}", "pull-{registry}", "pull.{registry}.x"):
        name = secret_name(pattern).of(registry)
        assert len(name) <= LONGEST
        assert SUBDOMAIN.fullmatch(name), name
        assert re.fullmatch(r"[a-z0-9.-]+", name)
