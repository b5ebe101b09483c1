"""The server's settings that make a credential useless there."""

import pytest

from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.faults import page
from tests.sinks.rancher.conftest import QUAY, MakeSink

ALL = (QUAY, "docker.io", "registry.example:5000")


@pytest.mark.parametrize(
    ("whitelist", "unlisted"),
    [
        ("", []),
        (" , ,", []),
        ("quay.io, index.docker.io ,registry.example:5000", []),
        ("quay.io", ["index.docker.io", "registry.example:5000"]),
        ("docker.io,quay.io,registry.example", ["index.docker.io", "registry.example:5000"]),
        ("index.docker.io,registry.example:5000,QUAY.io", ["quay.io"]),
    ],
)
def test_a_registry_that_is_not_listed_is_told(
    rancher: RancherDouble, make: MakeSink, whitelist: str, unlisted: list[str]
) -> None:
    """The list is compared exactly, but for spaces, and Docker Hub is index.docker.io."""
    rancher.set_setting("registry.whitelist", whitelist)
    told = make(rancher.admin_key(), environments="all").advise(ALL)
    assert [
        f"does not hold {name}, so Rancher refuses its images" in each
        for name, each in zip(unlisted, told, strict=True)
    ] == [True] * len(unlisted)
    assert all(each.startswith(rancher.host) for each in told)


def test_a_case_that_differs_is_pointed_out(rancher: RancherDouble, make: MakeSink) -> None:
    """It looks right, and is not."""
    rancher.set_setting("registry.whitelist", "Quay.IO")
    (told,) = make(rancher.admin_key(), environments="all").advise([QUAY])
    assert told.endswith("it holds Quay.IO, and the case counts")


@pytest.mark.parametrize(
    ("default", "told"),
    [("", 0), ("  ", 0), ("index.docker.io", 0), ("quay.io", 1), (" quay.io", 1)],
)
def test_a_default_takes_images_from_docker_hub(
    rancher: RancherDouble, make: MakeSink, default: str, told: int
) -> None:
    """Those that name no registry are then pulled from elsewhere."""
    rancher.set_setting("registry.default", default)
    made = make(rancher.admin_key(), environments="all")
    assert len(made.advise(ALL)) == told
    assert made.advise([QUAY]) == ()


def test_who_is_no_admin_is_told_nothing(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """The settings are not theirs to see, and that is no finding."""
    rancher.set_setting("registry.whitelist", "nothing.example")
    for key in (rancher.environment_key(project), rancher.account_key(project)):
        assert make(key).advise(ALL) == ()


def test_the_scope_of_an_admin_does_not_matter(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """The settings are global, whatever environment the URL names."""
    rancher.set_setting("registry.whitelist", "nothing.example")
    made = make(rancher.admin_key(), url=f"{rancher.url}/v2-beta/projects/{project}")
    assert len(made.advise(ALL)) == 3


def test_what_fails_is_told_by_the_read(rancher: RancherDouble, make: MakeSink) -> None:
    """Not twice."""
    made = make(rancher.admin_key(), environments="all")
    rancher.fail(page(500), None)
    assert made.advise(ALL) == ()
    with rancher.down():
        assert made.advise(ALL) == ()
    assert make(access_key_env="NOT_SET", environments="all").advise(ALL) == ()
