"""Pulls: which credential a host uses."""

import pytest

from tests.doubles.rancher import Choice, How, RancherDouble
from tests.doubles.rancher.conftest import Client
from tests.doubles.rancher.errors import ApiError
from tests.doubles.rancher.pulls import server_of

SETTING = "registry.whitelist"


@pytest.mark.parametrize(
    ("image", "server"),
    [
        ("quay.io/acme/app", "quay.io"),
        ("docker:quay.io/acme/app:1", "quay.io"),
        ("localhost/app", "localhost"),
        ("localhost:5000/app", "localhost:5000"),
        ("registry:5000/app", "registry:5000"),
        ("192.168.5.0/foo/bar", "192.168.5.0"),
        ("acme/app", None),
        ("ubuntu", None),
        ("ubuntu:14.04", None),
        ("docker:ubuntu", None),
        ("docker:acme/app:1.0", None),
    ],
)
def test_the_registry_of_an_image(image: str, server: str | None) -> None:
    """What is before the first slash names it, if it has a dot or a colon or is localhost."""
    assert server_of(image) == server


@pytest.mark.parametrize(
    ("address", "image", "found"),
    [
        ("quay.io", "quay.io/a", True),
        ("QUAY.IO", "quay.io/a", True),
        ("quay.io", "Quay.IO/a", True),
        ("quay.io", "quay.io:443/a", False),
        ("quay.io:443", "quay.io:443/a", True),
        ("https://quay.io", "quay.io/a", False),
        ("quay.io/", "quay.io/a", False),
        ("index.docker.io", "ubuntu", True),
        ("index.docker.io", "acme/app", True),
        ("docker.io", "ubuntu", False),
        ("index.docker.io", "docker.io/library/ubuntu", False),
    ],
)
def test_an_address_must_be_exact(
    rancher: RancherDouble, project: str, address: str, image: str, *, found: bool
) -> None:
    """Its case does not count, its port does, and Docker Hub has one name."""
    rancher.add_credential(rancher.add_registry(project, address), "ann", "secret")
    expected = ("ann", "secret") if found else None
    assert rancher.pull(project, image).credential == expected


@pytest.mark.parametrize(
    ("choice", "states", "expected"),
    [
        (Choice.OLDEST, ["active", "active", "active"], "0"),
        (Choice.NEWEST, ["active", "active", "active"], "2"),
        (Choice.OLDEST, ["inactive", "active", "active"], "1"),
        (Choice.NEWEST, ["active", "active", "inactive"], "1"),
        (Choice.OLDEST, ["removed", "deactivating", "active"], "2"),
        (Choice.OLDEST, ["inactive", "registering", "purged"], None),
    ],
)
def test_the_credential_is_the_oldest_or_the_newest(
    rancher: RancherDouble,
    project: str,
    choice: Choice,
    states: list[str],
    expected: str | None,
) -> None:
    """The code takes the oldest that is active, the documentation says the newest."""
    rancher.rules.choice, rancher.rules.pace.seconds = choice, 60.0
    registry = rancher.add_registry(project, "quay.io")
    for number, state in enumerate(states):
        rancher.add_credential(registry, "ann", str(number), state=state)
    pair = rancher.pull(project, "quay.io/a").credential
    assert pair == (None if expected is None else ("ann", expected))


def test_the_oldest_is_used_by_default(rancher: RancherDouble, project: str) -> None:
    """The double follows the code where nobody says otherwise."""
    assert rancher.rules.choice is Choice.OLDEST
    assert rancher.pull(project, "quay.io/a").credential is None


@pytest.mark.parametrize("state", ["inactive", "registering", "activating", "removed", "purged"])
def test_both_must_be_active(rancher: RancherDouble, project: str, state: str) -> None:
    """An active credential of a registry that is not is of no use."""
    rancher.rules.pace.seconds = 60.0
    registry = rancher.add_registry(project, "quay.io", state=state)
    rancher.add_credential(registry, "ann", "secret")
    assert rancher.pull(project, "quay.io/a").credential is None


def test_of_two_registries_the_first_counts(rancher: RancherDouble, project: str) -> None:
    """Two rows of one address, as a race makes them: the second is never looked at."""
    rancher.add_registry(project, "quay.io")
    rancher.add_credential(rancher.add_registry(project, "quay.io"), "ann", "secret")
    assert rancher.pull(project, "quay.io/a").credential is None


def test_environments_do_not_share(rancher: RancherDouble, project: str) -> None:
    """A credential serves its own environment alone."""
    rancher.add_credential(rancher.add_registry(project, "quay.io"), "ann", "secret")
    other = rancher.add_project("other")
    assert rancher.pull(other, "quay.io/a").credential is None


def test_a_credential_changed_in_place_serves_old_containers(
    rancher: RancherDouble, project: str, client: Client
) -> None:
    """Instances keep their row, and the row is read at each pull."""
    rancher.add_credential(rancher.add_registry(project, "quay.io"), "ann", "old")
    instance = rancher.create_instance(project, "quay.io/a")
    client.put("/registrycredentials/1c1", {"publicValue": "AWS", "secretValue": "new"})
    assert rancher.pull_again(instance).credential == ("AWS", "new")


@pytest.mark.parametrize("choice", Choice)
def test_a_new_row_strands_old_containers(
    rancher: RancherDouble, project: str, client: Client, choice: Choice
) -> None:
    """They stay with the row that was theirs, inactive or removed."""
    rancher.rules.choice = choice
    rancher.add_credential(rancher.add_registry(project, "quay.io"), "ann", "old")
    instance = rancher.create_instance(project, "quay.io/a")
    body = {"registryId": "1sp1", "publicValue": "ann", "secretValue": "new"}
    assert client.post("/registrycredentials", body).status_code == 201
    client.act("/registrycredentials/1c1", "deactivate")
    assert client.delete("/registrycredentials/1c1").status_code == 200
    assert client.state("/registrycredentials/1c1") == "removed"
    assert rancher.pull(project, "quay.io/a").credential == ("ann", "new")
    assert rancher.pull_again(instance).credential == ("ann", "old")


def test_a_refused_credential_is_followed_by_an_anonymous_try(
    rancher: RancherDouble, project: str
) -> None:
    """The agent tries both, and fails where neither is taken."""
    rancher.add_credential(rancher.add_registry(project, "quay.io"), "ann", "old")
    assert rancher.pull(project, "quay.io/a").how is How.CREDENTIAL
    anonymous = rancher.pull(project, "quay.io/a", lambda _server, pair: pair is None)
    assert anonymous.how is How.ANONYMOUS
    nothing = rancher.pull(project, "quay.io/a", lambda _server, _pair: False)
    assert nothing.how is How.FAILED


def test_a_present_image_is_not_pulled_again(rancher: RancherDouble, project: str) -> None:
    """Old credentials do not block it; an image that failed is tried again."""
    rancher.add_credential(rancher.add_registry(project, "quay.io"), "ann", "old")
    instance = rancher.create_instance(project, "quay.io/a")
    assert rancher.pull_again(instance, lambda _server, _pair: False).how is How.FAILED
    assert rancher.pull_again(instance).how is How.CREDENTIAL
    assert rancher.pull_again(instance, lambda _server, _pair: False).how is How.PRESENT


@pytest.mark.parametrize(
    ("default", "image", "server", "text"),
    [
        ("gcr.io", "acme/app", "gcr.io", "gcr.io/acme/app"),
        ("gcr.io", "docker:ubuntu", "gcr.io", "gcr.io/ubuntu"),
        ("gcr.io", "quay.io/a", "quay.io", "quay.io/a"),
        ("", "ubuntu", "index.docker.io", "ubuntu"),
        ("  ", "ubuntu", "index.docker.io", "ubuntu"),
    ],
)
def test_the_default_registry_takes_short_names(
    rancher: RancherDouble, project: str, *, default: str, image: str, server: str, text: str
) -> None:
    """An image without a registry becomes one of the default's, if that is not blank."""
    rancher.set_setting("registry.default", default)
    instance = rancher.create_instance(project, image)
    assert (instance.server, instance.image) == (server, text)


def test_existing_containers_keep_their_registry(rancher: RancherDouble, project: str) -> None:
    """The default counts when a container is created."""
    instance = rancher.create_instance(project, "ubuntu")
    rancher.set_setting("registry.default", "gcr.io")
    assert rancher.pull_again(instance).server == "index.docker.io"


@pytest.mark.parametrize(
    ("whitelist", "default", "image", "allowed"),
    [
        ("", "", "quay.io/a", True),
        (" , ", "", "quay.io/a", True),
        ("quay.io", "", "quay.io/a", True),
        ("gcr.io,  quay.io ", "", "quay.io/a", True),
        ("Quay.io", "", "quay.io/a", False),
        ("quay.io", "", "quay.io:443/a", False),
        ("gcr.io", "", "quay.io/a", False),
        ("quay.io", "", "ubuntu", False),
        ("docker.io", "", "ubuntu", False),
        ("quay.io,index.docker.io", "", "ubuntu", True),
        ("quay.io", "quay.io", "ubuntu", True),
        ("index.docker.io", "quay.io", "ubuntu", False),
    ],
)
def test_the_whitelist(
    rancher: RancherDouble,
    project: str,
    whitelist: str,
    default: str,
    image: str,
    *,
    allowed: bool,
) -> None:
    """It is exact, tolerates spaces, and leaves out Docker Hub unless it is named."""
    rancher.set_setting(SETTING, whitelist)
    rancher.set_setting("registry.default", default)
    if allowed:
        rancher.create_instance(project, image)
        return
    with pytest.raises(ApiError) as refusal:
        rancher.create_instance(project, image)
    assert (refusal.value.status, refusal.value.code) == (422, "InvalidOption")
    assert refusal.value.message == "The provided registry is not whitelisted"


def test_the_whitelist_is_for_new_containers_alone(
    rancher: RancherDouble, project: str, client: Client
) -> None:
    """It stops neither pulls nor registries nor credentials."""
    instance = rancher.create_instance(project, "quay.io/a")
    rancher.set_setting(SETTING, "gcr.io")
    assert rancher.pull_again(instance).how is How.ANONYMOUS
    made = client.post("/registries", {"serverAddress": "quay.io"})
    assert made.status_code == 201
    body = {"registryId": made.json()["id"]}
    assert client.post("/registrycredentials", body).status_code == 201
