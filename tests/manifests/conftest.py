"""What the tests share: each way to install, rendered."""

import pytest

from tests.manifests.rendering import (
    CHART,
    KUSTOMIZE,
    Document,
    as_they_stand,
    composed,
    kustomized,
    sent,
    templating,
)

COMPONENTS = sorted(each.name for each in (KUSTOMIZE / "components").iterdir())
VALUES = {each.stem: each for each in (CHART / "ci").glob("*-values.yaml")}
COMPOSED = ("base", *(f"base+{each}" for each in COMPONENTS), "base+all-namespaces+cronjob")


DIFFERENT = pytest.mark.parametrize(
    "documents", ["files", "example", "cronjob-values"], indirect=True, scope="module"
)
"""The ways whose settings differ: one namespace, all, and some."""


@pytest.fixture(scope="module", params=["files", "example", *COMPOSED, *sorted(VALUES)])
def documents(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[Document]:
    """Render one way to install."""
    way: str = request.param
    if way in VALUES:
        done = templating("-f", str(VALUES[way]))
        assert done.returncode == 0, done.stderr
        return sent(done.stdout)
    if way == "files":
        return as_they_stand(KUSTOMIZE / "base")
    if way == "example":
        return kustomized(KUSTOMIZE / "example")
    return composed(tmp_path_factory.mktemp("own"), way.split("+")[1:])
