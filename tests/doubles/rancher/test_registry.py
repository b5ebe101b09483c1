"""Registries: what can be set, and what an address must be."""

import threading
from typing import Any

import pytest

from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.conftest import Client, Connect, code

ADDRESS = "quay.io"


def create(client: Client, address: str = ADDRESS, **fields: Any) -> Any:
    """Create a registry and return it as POST does."""
    answer = client.post("/registries", {"serverAddress": address, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_new_registry(client: Client, project: str) -> None:
    """POST answers with every field, and the registry becomes active by itself."""
    made = create(client, name="Quay", description="ours")
    assert made["state"] == "registering"
    row = client.get(f"/registries/{made['id']}").json()
    assert (
        row.items()
        >= {
            "id": "1sp1",
            "type": "registry",
            "baseType": "storagePool",
            "kind": "registry",
            "state": "active",
            "accountId": project,
            "serverAddress": ADDRESS,
            "name": "Quay",
            "description": "ours",
            "created": "2026-03-01T12:00:00Z",
            "createdTS": 1772366400000,
            "removed": None,
            "removeTime": None,
            "transitioning": "no",
            "transitioningMessage": None,
            "transitioningProgress": None,
            "driverName": None,
            "externalId": None,
            "volumeAccessMode": None,
            "blockDevicePath": None,
            "volumeCapabilities": None,
        }.items()
    )
    assert row["uuid"] == made["uuid"]
    assert "data" not in row


@pytest.mark.parametrize(
    ("body", "expected", "field"),
    [
        ({}, "MissingRequired", "serverAddress"),
        ({"name": "x"}, "MissingRequired", "serverAddress"),
        ({"serverAddress": None}, "NotNullable", "serverAddress"),
        ({"serverAddress": ""}, "MinLengthExceeded", "serverAddress"),
        ({"serverAddress": "a", "name": "x" * 256}, "MaxLengthExceeded", "name"),
        ({"serverAddress": "a", "description": "x" * 1025}, "MaxLengthExceeded", "description"),
    ],
)
def test_bad_values_are_refused(
    client: Client, body: dict[str, Any], expected: str, field: str
) -> None:
    """A refusal names the field and has no message, and nothing is created."""
    answer = client.post("/registries", body)
    assert code(answer) == (422, expected)
    assert (answer.json()["fieldName"], answer.json()["message"]) == (field, None)
    assert client.get("/registries").json()["data"] == []


@pytest.mark.parametrize(
    "address", ["https://quay.io/", "http://x/v1", "a b", "Quay.IO", "x" * 5000]
)
def test_the_server_checks_no_host(client: Client, address: str) -> None:
    """Any text is an address, schemes and paths included."""
    assert create(client, address)["serverAddress"] == address


def test_the_longest_texts_pass(client: Client) -> None:
    """A name has 255 characters and a description 1,024, and both may be null."""
    made = create(client, name="x" * 255, description="y" * 1024)
    changed = client.put(f"/registries/{made['id']}", {"name": None, "description": None})
    assert (changed.json()["name"], changed.json()["description"]) == (None, None)


def test_the_address_never_changes(client: Client) -> None:
    """PUT drops it without a word, and changes the rest."""
    made = create(client)
    answer = client.put(f"/registries/{made['id']}", {"serverAddress": "gcr.io", "name": "new"})
    assert answer.status_code == 200
    assert (answer.json()["serverAddress"], answer.json()["name"]) == (ADDRESS, "new")


def test_what_is_unknown_or_read_only_is_dropped(client: Client) -> None:
    """Nobody sets a state, an owner or a field that does not exist."""
    made = create(client, state="purged", accountId="1a99", driverName="d", hello=1, id="1sp77")
    assert (made["id"], made["accountId"], made["driverName"]) == ("1sp1", "1a5", None)
    assert "hello" not in made


@pytest.mark.parametrize("second", [ADDRESS, "QUAY.IO", "Quay.io"])
def test_an_address_is_used_once(client: Client, second: str) -> None:
    """In one project the same address in any case is refused; the refusal names no field."""
    create(client)
    answer = client.post("/registries", {"serverAddress": second})
    assert code(answer) == (400, "ServerAddressUsed")
    assert "fieldName" not in answer.json()


@pytest.mark.parametrize("second", ["https://quay.io", "quay.io/", "quay.io:443"])
def test_other_spellings_are_other_addresses(client: Client, second: str) -> None:
    """Nothing is normalised."""
    create(client)
    assert create(client, second)["id"] == "1sp2"


@pytest.mark.parametrize(
    ("state", "free"),
    [
        ("active", False),
        ("inactive", False),
        ("removing", False),
        ("removed", True),
        ("purged", True),
    ],
)
def test_an_address_is_free_once_its_registry_is_removed(
    rancher: RancherDouble, client: Client, project: str, state: str, *, free: bool
) -> None:
    """An inactive registry still holds it."""
    rancher.rules.pace.seconds = 60.0
    rancher.add_registry(project, ADDRESS, state=state)
    answer = client.post("/registries", {"serverAddress": ADDRESS})
    assert answer.status_code == (201 if free else 400)


def test_other_projects_may_have_the_address(
    rancher: RancherDouble, client: Client, connect: Connect
) -> None:
    """Each environment has registries of its own."""
    create(client)
    create(connect(rancher.environment_key(rancher.add_project("other")).pair))


def test_the_check_can_be_raced(rancher: RancherDouble, project: str, connect: Connect) -> None:
    """It reads and then inserts, so that two at once get two rows."""
    rancher.race(2)
    clients = [connect(rancher.environment_key(project).pair) for _ in range(2)]
    threads = [threading.Thread(target=create, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(clients[0].get("/registries").json()["data"]) == 2
    assert code(clients[0].post("/registries", {"serverAddress": ADDRESS}))[0] == 400


def test_a_race_with_nobody_ends(rancher: RancherDouble, client: Client) -> None:
    """Who waits for another that does not come goes on alone."""
    rancher.race(2, patience=0.05)
    create(client)
    create(client, "gcr.io")
