"""The settings: global, and for admins only."""

import pytest

from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.conftest import Client, Connect, code

NAMES = ["registry.default", "registry.whitelist"]


@pytest.fixture
def admin(rancher: RancherDouble, connect: Connect) -> Client:
    """Return a client with an admin's key."""
    return connect(rancher.admin_key().pair)


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_is_empty_at_first(admin: Client, name: str) -> None:
    """The database has none."""
    setting = admin.get(f"/settings/{name}").json()
    assert (
        setting.items()
        >= {
            "id": name,
            "type": "activeSetting",
            "baseType": "setting",
            "name": name,
            "value": "",
            "activeValue": "",
            "inDb": False,
        }.items()
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_admin_changes_a_setting(rancher: RancherDouble, admin: Client, name: str) -> None:
    """PUT with a value is all it takes; null empties it."""
    changed = admin.put(f"/settings/{name}", {"value": "quay.io, gcr.io", "name": "ignored"})
    assert changed.status_code == 200
    assert (
        changed.json().items()
        >= {
            "name": name,
            "value": "quay.io, gcr.io",
            "activeValue": "quay.io, gcr.io",
            "inDb": True,
            "source": "Database",
        }.items()
    )
    assert rancher.setting(name) == "quay.io, gcr.io"
    admin.put(f"/settings/{name}", {"value": None})
    assert rancher.setting(name) == ""


def test_an_admin_lists_settings(admin: Client) -> None:
    """They are all there."""
    assert [row["name"] for row in admin.get("/settings").json()["data"]] == NAMES
    assert admin.get("/settings").json()["resourceType"] == "setting"


@pytest.mark.parametrize("name", ["api.host", "REGISTRY.DEFAULT"])
def test_other_settings_are_not_found(admin: Client, name: str) -> None:
    """The double knows two."""
    assert code(admin.get(f"/settings/{name}")) == (404, "Not Found")


@pytest.mark.parametrize("who", ["environment", "user", "admin in a project"])
@pytest.mark.parametrize("name", NAMES)
def test_nobody_else_finds_them(
    rancher: RancherDouble, project: str, connect: Connect, who: str, name: str
) -> None:
    """They are not public: 404 to read and 405 to write, for whoever acts as a project as well."""
    base = f"/v2-beta/projects/{project}" if who == "admin in a project" else "/v2-beta"
    key = {
        "environment": rancher.environment_key(project),
        "user": rancher.account_key(project),
        "admin in a project": rancher.admin_key(),
    }[who]
    client = connect(key.pair, base)
    assert code(client.get(f"/settings/{name}")) == (404, "Not Found")
    assert client.get("/settings").json()["data"] == []
    assert code(client.put(f"/settings/{name}", {"value": "x"})) == (405, "Method not allowed")
