"""The facts of other tools' test suites that the double keeps to.

Two rows are for the sink, which has to make `/v2-beta` of a `/v1` in its URL, and to follow
`pagination.next`; the double serves both (`test_addressing`, `test_collections`).
"""

from typing import Any

import pytest

from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.conftest import Client, Connect
from tests.model.vectors import vectors

ROWS = {row.get("name", "keyring"): row for row in vectors("rancher1.json")}
OF_THE_SINK = {"v1 URL rewritten", "paging"}


def row(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the input of a row and what is expected."""
    return ROWS[name]["input"], ROWS[name]["expect"]


def test_the_rows_are_known() -> None:
    """Each is tested here, or the sink's."""
    assert set(ROWS) - OF_THE_SINK == {
        "auth",
        "create credential",
        "create registry",
        "find registry",
        "keyring",
        "list credentials",
        "update",
    }


def test_an_image_finds_its_registry(rancher: RancherDouble, project: str) -> None:
    """An IP address is a registry like any other."""
    given, expected = row("keyring")
    for address in given["registries"]:
        rancher.add_credential(rancher.add_registry(project, address), address, "secret")
    pull = rancher.pull(project, given["image"])
    assert (pull.credential is not None) is expected["found"]
    assert pull.credential == ("192.168.5.0", "secret")


@pytest.mark.parametrize("name", ["find registry", "list credentials"])
def test_lists_have_these_fields(
    rancher: RancherDouble, project: str, connect: Connect, name: str
) -> None:
    """Links and actions are under names of their own."""
    given, expected = row(name)
    rancher.add_credential(rancher.add_registry(project, "quay.io"), "ann", "secret")
    path = given["GET"].replace("<id>", project)
    first = connect(rancher.environment_key(project).pair, path).get().json()["data"][0]
    for field in expected["fields"]:
        outer, _, inner = field.partition(" ")[0].partition(".")
        assert outer in first
        assert not inner or inner in first[outer]


def test_a_credential_is_updated_in_place(
    rancher: RancherDouble, project: str, client: Client
) -> None:
    """By PUT to where its own link leads."""
    given, expected = row("update")
    rancher.add_credential(rancher.add_registry(project, "quay.io"), "ann", "secret")
    own = client.get("/registrycredentials/1c1").json()["links"]["self"]
    answer = client.session.put(own, json=given["body"], timeout=10)
    assert answer.status_code == expected["status"]
    assert rancher.credential("1c1").fields["publicValue"] == given["body"]["publicValue"]


def test_a_registry_and_its_credential_are_created(client: Client) -> None:
    """In that order."""
    for name in ("create registry", "create credential"):
        given, expected = row(name)
        assert client.post(given["POST"], given["body"]).status_code == expected["status"]


def test_keys_are_a_basic_pair(rancher: RancherDouble, project: str, connect: Connect) -> None:
    """The access key is the user, the secret key the password."""
    assert row("auth")[1]["ok"]
    assert connect(rancher.environment_key(project).pair).get("/registries").status_code == 200
