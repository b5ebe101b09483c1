"""Credentials: what can be set when, and who sees the password."""

from typing import Any

import pytest

from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.conftest import Client, Connect, code
from tests.doubles.rancher.states import OFFERED

SECRET = "canary-password"


@pytest.fixture
def registry(rancher: RancherDouble, project: str) -> str:
    """Add a registry."""
    return rancher.add_registry(project, "quay.io")


@pytest.fixture
def path(rancher: RancherDouble, registry: str) -> str:
    """Add a credential, and return its path."""
    return f"/registrycredentials/{rancher.add_credential(registry, 'ann', SECRET)}"


def test_a_new_credential(client: Client, registry: str, project: str) -> None:
    """POST answers with the password in clear; later it reads null."""
    body = {"registryId": registry, "publicValue": "ann", "secretValue": SECRET, "name": "n"}
    made = client.post("/registrycredentials", body)
    assert (made.status_code, made.json()["secretValue"]) == (201, SECRET)
    row = client.get(f"/registrycredentials/{made.json()['id']}").json()
    assert (
        row.items()
        >= {
            "id": "1c1",
            "type": "registryCredential",
            "baseType": "credential",
            "kind": "registryCredential",
            "state": "active",
            "accountId": project,
            "registryId": registry,
            "publicValue": "ann",
            "secretValue": None,
            "name": "n",
            "description": None,
        }.items()
    )
    assert "email" not in row


def test_the_password_shows_in_answers_to_post_alone(
    rancher: RancherDouble, client: Client, path: str
) -> None:
    """Actions echo it as creation does; GET, lists, PUT and DELETE show null."""
    assert client.get(path).json()["secretValue"] is None
    assert client.get("/registrycredentials").json()["data"][0]["secretValue"] is None
    assert client.put(path, {"secretValue": "new"}).json()["secretValue"] is None
    assert client.act(path, "deactivate").json()["secretValue"] == "new"
    assert client.delete(path).json()["secretValue"] is None
    assert rancher.credential("1c1").fields["secretValue"] == "new"


@pytest.mark.parametrize(
    ("body", "expected", "field"),
    [
        ({}, "MissingRequired", "registryId"),
        ({"publicValue": "ann"}, "MissingRequired", "registryId"),
        ({"registryId": None}, "NotNullable", "registryId"),
        ({"registryId": "quay.io"}, "InvalidReference", "registryId"),
        ({"registryId": "1sp99"}, "InvalidReference", "registryId"),
        ({"registryId": "7"}, "InvalidReference", "registryId"),
        ({"registryId": 1}, "InvalidReference", "registryId"),
        ({"registryId": "1sp1", "publicValue": "x" * 4097}, "MaxLengthExceeded", "publicValue"),
        ({"registryId": "1sp1", "secretValue": "x" * 4097}, "MaxLengthExceeded", "secretValue"),
        ({"registryId": "1sp1", "name": "x" * 256}, "MaxLengthExceeded", "name"),
    ],
)
def test_bad_values_are_refused(
    client: Client, registry: str, body: dict[str, Any], expected: str, field: str
) -> None:
    """A refusal names the field, and nothing is created."""
    assert registry
    answer = client.post("/registrycredentials", body)
    assert (*code(answer), answer.json()["fieldName"]) == (422, expected, field)
    assert client.get("/registrycredentials").json()["data"] == []


@pytest.mark.parametrize("field", ["publicValue", "secretValue"])
def test_values_may_have_4096_characters(
    rancher: RancherDouble, client: Client, path: str, field: str
) -> None:
    """That many pass, one more is refused and changes nothing."""
    assert client.put(path, {field: "x" * 4096}).status_code == 200
    assert code(client.put(path, {field: "y" * 4097})) == (422, "MaxLengthExceeded")
    assert rancher.credential("1c1").fields[field] == "x" * 4096


def test_a_credential_needs_no_user_and_no_password(client: Client, registry: str) -> None:
    """Both are optional, and null."""
    made = client.post("/registrycredentials", {"registryId": registry}).json()
    assert (made["publicValue"], made["secretValue"]) == (None, None)


def test_a_registry_of_another_project_is_no_reference(
    rancher: RancherDouble, client: Client
) -> None:
    """It is refused as if it were not there."""
    foreign = rancher.add_registry(rancher.add_project("other"), "quay.io")
    answer = client.post("/registrycredentials", {"registryId": foreign})
    assert code(answer) == (422, "InvalidReference")


def test_a_removed_registry_passes(rancher: RancherDouble, client: Client, project: str) -> None:
    """The reference is to a row, whatever its state."""
    removed = rancher.add_registry(project, "quay.io", state="removed")
    assert client.post("/registrycredentials", {"registryId": removed}).status_code == 201


def test_a_registry_may_have_several_credentials(client: Client, registry: str) -> None:
    """Even with one user name."""
    body = {"registryId": registry, "publicValue": "ann", "secretValue": SECRET}
    made = [client.post("/registrycredentials", body).json()["id"] for _ in range(3)]
    assert made == ["1c1", "1c2", "1c3"]


def test_only_given_fields_change(rancher: RancherDouble, client: Client, path: str) -> None:
    """The others keep their values, and a registry is never changed for another."""
    other = rancher.add_registry("1a5", "gcr.io")
    changed = client.put(path, {"publicValue": "bob", "registryId": other}).json()
    assert (changed["publicValue"], changed["registryId"]) == ("bob", "1sp1")
    assert rancher.credential("1c1").fields["secretValue"] == SECRET


def test_numbers_become_text(rancher: RancherDouble, client: Client, path: str) -> None:
    """A value is kept as text, whatever JSON says it is."""
    client.put(path, {"secretValue": 123})
    assert rancher.credential("1c1").fields["secretValue"] == "123"


@pytest.mark.parametrize("state", OFFERED)
def test_a_change_is_taken_in_any_state(
    rancher: RancherDouble, client: Client, path: str, state: str
) -> None:
    """PUT answers 200 at once, starts no process and leaves the state alone, even when removed."""
    rancher.rules.pace.seconds = 60.0
    rancher.set_state(rancher.credential("1c1"), state)
    answer = client.put(path, {"secretValue": "new"})
    assert (answer.status_code, answer.json()["state"]) == (200, state)
    assert rancher.credential("1c1").fields["secretValue"] == "new"
    assert rancher.credential("1c1").state == state


def test_the_email_is_not_known_any_more(client: Client, registry: str) -> None:
    """Unknown fields are ignored, so that it can be sent always."""
    body = {"registryId": registry, "email": "not-really@required.anymore"}
    answer = client.post("/registrycredentials", body)
    assert answer.status_code == 201
    assert "email" not in answer.json()
    assert client.put("/registrycredentials/1c1", {"email": ""}).status_code == 200


def test_v1_still_has_the_email(
    rancher: RancherDouble, project: str, connect: Connect, registry: str
) -> None:
    """The frozen schema keeps it, with at least one character."""
    client = connect(rancher.environment_key(project).pair, "/v1")
    body = {"registryId": registry, "email": "a@b"}
    assert client.post("/registrycredentials", body).json()["email"] == "a@b"
    assert code(client.put("/registrycredentials/1c1", {"email": ""})) == (422, "MinLengthExceeded")


def test_old_servers_ask_for_the_email(
    rancher: RancherDouble, client: Client, registry: str
) -> None:
    """Before 2017-03-20 it was required at creation."""
    rancher.rules.email_required = True
    answer = client.post("/registrycredentials", {"registryId": registry})
    assert (*code(answer), answer.json()["fieldName"]) == (422, "MissingRequired", "email")
    body = {"registryId": registry, "email": "a@b"}
    assert client.post("/registrycredentials", body).json()["email"] == "a@b"
    assert client.put("/registrycredentials/1c1", {"publicValue": "x"}).status_code == 200
