"""What the settings ask for, merged and looked up."""

from pathlib import Path

import pytest

from refresher.model.image import ImageReference
from refresher.registry.policy import Mode, Policy


def image(text: str) -> ImageReference:
    """Return an image by its name."""
    return ImageReference.parse(text)


def test_the_strictest_mode_rules_and_all_names_count() -> None:
    """A provider of several routes satisfies every one of them."""
    one = Policy(Mode.LOGIN, (image("a/b"),), (Path("/a"),), ("x",), ("r",))
    two = Policy(Mode.PULL, (image("a/b"), image("a/c")), (Path("/b"),), ("y", "x"), ("r",))
    assert Policy.strictest([one, two]) == Policy.strictest([one, two, one])
    assert Policy.strictest([one, two]) == Policy(
        Mode.PULL,
        (image("a/b"), image("a/c")),
        (Path("/a"), Path("/b")),
        ("x", "y"),
        ("r",),
    )


def test_what_is_off_adds_nothing() -> None:
    """A host that is insecure for a route without a check is not insecure for the others."""
    off = Policy(Mode.OFF, insecure=("registry.example",), realms=("10.0.0.1",))
    login = Policy(Mode.LOGIN)
    assert Policy.strictest([off, login]) == login
    assert Policy.strictest([off]) == Policy.strictest([]) == Policy()


@pytest.mark.parametrize(
    ("registry", "found"),
    [
        ("docker.io", ["acme/app:1", "ubuntu"]),
        ("docker.io/acme", ["acme/app:1"]),
        ("docker.io/acm", []),
        ("docker.io/acme/app", ["acme/app:1"]),
        ("registry.example:5000", ["registry.example:5000/team/app"]),
        ("registry.example:5000/team", ["registry.example:5000/team/app"]),
        ("registry.example", []),
    ],
)
def test_images_are_found_by_registry(registry: str, found: list[str]) -> None:
    """An image belongs to the registry, or the part of one, that it is below."""
    policy = Policy(
        Mode.PULL, (image("acme/app:1"), image("registry.example:5000/team/app"), image("ubuntu"))
    )
    assert policy.images_at(registry) == tuple(map(image, found))


def test_the_default_port_makes_no_other_host() -> None:
    """A host is the same with the port that it has anyway, and no other."""
    policy = Policy(Mode.LOGIN, insecure=("a.example:443", "b.example", "c.example:80"))
    hosts = ("a.example", "a.example:443", "b.example:443", "c.example", "b.example:5000")
    assert [policy.is_insecure(host) for host in hosts] == [True, True, True, False, False]
