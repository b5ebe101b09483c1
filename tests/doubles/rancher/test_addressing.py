"""Bases, the spelling of types, ids and the URLs in answers."""

import pytest

from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.conftest import Client, Connect, code

ROW = "/registrycredentials/1c1"


@pytest.fixture(autouse=True)
def credential(rancher: RancherDouble, project: str) -> str:
    """Add a registry with a credential."""
    return rancher.add_credential(rancher.add_registry(project, "quay.io"), "ann", "canary")


@pytest.mark.parametrize("base", ["/v1", "/v2-beta", "/v1/projects/1a5", "/v2-beta/projects/1a5"])
def test_both_versions_show_the_same_data(
    rancher: RancherDouble, project: str, connect: Connect, base: str
) -> None:
    """An environment key may name its project or leave it out."""
    client = connect(rancher.environment_key(project).pair, base)
    assert [row["id"] for row in client.get("/registries").json()["data"]] == ["1sp1"]


@pytest.mark.parametrize(
    "name",
    ["registryCredential", "registryCredentials", "registrycredential", "registrycredentials"],
)
def test_types_are_singular_or_plural_in_any_case(client: Client, name: str) -> None:
    """Every spelling leads to the same collection."""
    assert client.get(f"/{name}").json()["resourceType"] == "registryCredential"


def test_urls_are_written_in_lower_case(client: Client) -> None:
    """The server lowers every URL, and puts a slash before the question mark of an action."""
    row = client.get("/registryCredential/1c1").json()
    assert row["links"]["self"] == client.base + ROW
    assert row["links"]["registry"] == f"{client.base}{ROW}/registry"
    assert row["actions"]["deactivate"] == f"{client.base}{ROW}/?action=deactivate"


def test_urls_stay_below_the_project_that_was_asked(
    rancher: RancherDouble, project: str, connect: Connect
) -> None:
    """Links of a scoped request are scoped."""
    client = connect(rancher.environment_key(project).pair, f"/v2-beta/projects/{project}")
    assert client.get(ROW).json()["links"]["self"] == client.base + ROW


def test_urls_may_name_another_host(rancher: RancherDouble, client: Client) -> None:
    """A server behind a proxy writes the origin that it was told."""
    rancher.rules.public_url = "https://rancher.example"
    self = client.get(ROW).json()["links"]["self"]
    assert self == f"https://rancher.example/v2-beta{ROW}"


def test_links_can_be_followed(client: Client) -> None:
    """A credential leads to its registry, and a registry to its credentials."""
    registry = client.get(f"{ROW}/registry").json()
    assert (registry["id"], registry["serverAddress"]) == ("1sp1", "quay.io")
    listed = client.get("/registries/1sp1/credentials").json()
    assert [row["id"] for row in listed["data"]] == ["1c1"]
    assert listed["createDefaults"] == {"registryId": "1sp1"}


@pytest.mark.parametrize("link", ["registry/1sp1", "account", "nothing"])
def test_other_links_lead_nowhere(client: Client, link: str) -> None:
    """What is no link of the type is not found."""
    assert code(client.get(f"/registries/1sp1/{link}")) == (404, "Not Found")


def test_the_registry_of_a_credential_may_be_gone(rancher: RancherDouble, client: Client) -> None:
    """A removed registry is not found by the link."""
    gone = rancher.add_registry("1a5", "gone.example", state="removed")
    orphan = rancher.add_credential(gone, "ann", "canary")
    assert client.get(f"/registrycredentials/{orphan}/registry").status_code == 404


@pytest.mark.parametrize("spelling", ["1c1", "1sp1", "1a1", "1zzz1", "1c!1"])
def test_the_prefix_of_an_id_does_not_count(client: Client, spelling: str) -> None:
    """The type is the URL's: 1c1 and 1sp1 are row 1 of it."""
    assert client.get(f"/registries/{spelling}").json()["id"] == "1sp1"
    assert client.get(f"/registrycredentials/{spelling}").json()["id"] == "1c1"


@pytest.mark.parametrize(
    "spelling", ["1", "7", "sp1", "1sp", "1sp1x", "1SP1", "11", "2sp1", "1sp9"]
)
def test_other_ids_are_not_found(client: Client, spelling: str) -> None:
    """A bad form and a number without a row are 404 alike."""
    assert code(client.get(f"/registries/{spelling}")) == (404, "Not Found")


@pytest.mark.parametrize("path", ["/hosts", "/registrys", "/projects/1a5/hosts"])
def test_unknown_types_are_not_found(client: Client, path: str) -> None:
    """Only some types are there."""
    assert code(client.get(path)) == (404, "Not Found")


@pytest.mark.parametrize("path", ["/v3", "/v2", "/v2-beta2/registries"])
def test_unknown_versions_are_not_found(
    rancher: RancherDouble, project: str, connect: Connect, path: str
) -> None:
    """Rancher 1 has no /v3."""
    assert code(connect(rancher.environment_key(project).pair, path).get()) == (404, "Not Found")


def test_the_root_lists_the_versions(
    rancher: RancherDouble, project: str, connect: Connect
) -> None:
    """A bare host tells which bases there are."""
    root = connect(rancher.environment_key(project).pair, "/").get().json()
    assert [version["id"] for version in root["data"]] == ["v1", "v2-beta"]
    assert root["links"]["latest"] == f"{rancher.url}/v2-beta"


@pytest.mark.parametrize("version", ["v1", "v2-beta"])
def test_a_base_shows_where_to_go(
    rancher: RancherDouble, project: str, connect: Connect, version: str
) -> None:
    """A base is a resource with links, and every answer tells where its schemas are."""
    answer = connect(rancher.environment_key(project).pair, f"/{version}").get()
    assert answer.json()["links"]["registries"] == f"{rancher.url}/{version}/registries"
    assert answer.headers["X-API-Schemas"] == f"{rancher.url}/{version}/schemas"


def test_ping_needs_no_key(connect: Connect) -> None:
    """A health check is answered to anybody."""
    answer = connect(None, "/ping").get()
    assert (answer.status_code, answer.text) == (200, "pong")
