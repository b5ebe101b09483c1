"""Schemas: what go-rancher reads before it calls anything."""

from typing import Any

import pytest

from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.conftest import Client, Connect, code

NAMES = ["registry", "registryCredential", "project", "setting"]


def schemas(client: Client, path: str = "/schemas") -> dict[str, Any]:
    """Return the schemas by name."""
    return {schema["id"]: schema for schema in client.get(path).json()["data"]}


@pytest.mark.parametrize("name", ["registry", "registryCredential"])
def test_an_environment_key_may_do_everything(client: Client, name: str) -> None:
    """Its schemas say so, with where to go."""
    schema = schemas(client)[name]
    assert schema["collectionMethods"] == ["GET", "POST"]
    assert schema["resourceMethods"] == ["GET", "PUT", "DELETE"]
    plural = {"registry": "registries", "registryCredential": "registrycredentials"}[name]
    assert schema["links"]["collection"] == f"{client.base}/{plural}"
    assert schema["links"]["self"] == f"{client.base}/schemas/{name.lower()}"
    assert set(schema["resourceActions"]) == {
        "activate",
        "create",
        "deactivate",
        "purge",
        "remove",
        "update",
    }


@pytest.mark.parametrize("who", ["user", "admin"])
@pytest.mark.parametrize("name", ["registry", "registryCredential"])
def test_an_account_key_only_reads(
    rancher: RancherDouble, project: str, connect: Connect, who: str, name: str
) -> None:
    """Outside of a project the schemas are read-only; inside they are not."""
    key = rancher.account_key(project) if who == "user" else rancher.admin_key()
    client = connect(key.pair)
    schema = schemas(client)[name]
    assert (schema["collectionMethods"], schema["resourceMethods"]) == (["GET"], ["GET"])
    assert schema["resourceActions"] == {}
    assert not any(field["create"] for field in schema["resourceFields"].values())
    scoped = schemas(client, f"/projects/{project}/schemas")[name]
    assert "POST" in scoped["collectionMethods"]
    assert scoped["links"]["collection"].startswith(f"{client.base}/projects/{project}/")


def test_every_type_has_a_schema(client: Client) -> None:
    """One document has them all, and each can be read alone."""
    found = schemas(client)
    assert sorted(found) == sorted(NAMES)
    for name, schema in found.items():
        assert client.get(f"/schemas/{name}").json() == schema
    assert code(client.get("/schemas/host")) == (404, "Not Found")


def test_fields_say_what_they_take(client: Client) -> None:
    """An address is for creation alone, a password has 4,096 characters."""
    found = schemas(client)
    address = found["registry"]["resourceFields"]["serverAddress"]
    assert address.items() >= {"create": True, "update": False, "required": True}.items()
    assert (address["nullable"], address["minLength"]) == (False, 1)
    fields = found["registryCredential"]["resourceFields"]
    assert (fields["secretValue"]["type"], fields["secretValue"]["maxLength"]) == ("password", 4096)
    assert fields["registryId"]["type"] == "reference[registry]"


def test_filters_are_columns(client: Client) -> None:
    """Neither an address nor a password can be asked for."""
    found = schemas(client)
    assert "serverAddress" not in found["registry"]["collectionFilters"]
    filters = found["registryCredential"]["collectionFilters"]
    assert "secretValue" not in filters
    assert filters["registryId"]["modifiers"] == ["eq", "ne", "null", "notnull"]
