"""Lists: filters, order, pages."""

from typing import Any

import pytest

from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.conftest import Client


@pytest.fixture(autouse=True)
def rows(rancher: RancherDouble, project: str) -> None:
    """Add two registries of three credentials."""
    quay = rancher.add_registry(project, "quay.io")
    rancher.add_registry(project, "gcr.io", state="inactive")
    for user in ("ann", "bob"):
        rancher.add_credential(quay, user, "canary")
    rancher.add_credential("1sp2", None, None, state="inactive")
    rancher.registry("1sp1").fields["name"] = "Quay"


def ids(client: Client, path: str) -> list[str]:
    """Return the ids that a list shows."""
    return [row["id"] for row in client.get(path).json()["data"]]


def test_a_list_tells_about_itself(client: Client) -> None:
    """It has every field of a collection."""
    listed = client.get("/registries").json()
    data = listed.pop("data")
    assert [row["serverAddress"] for row in data] == ["quay.io", "gcr.io"]
    names = [
        "accountId",
        "created",
        "driverName",
        "externalId",
        "id",
        "kind",
        "name",
        "removeTime",
        "removed",
        "state",
        "uuid",
    ]
    url = f"{client.base}/registries"
    assert listed == {
        "type": "collection",
        "resourceType": "registry",
        "links": {"self": url},
        "createTypes": {},
        "actions": {},
        "sortLinks": {name: f"{url}?sort={name}" for name in names},
        "pagination": {
            "first": None,
            "previous": None,
            "next": None,
            "limit": 100,
            "total": None,
            "partial": False,
        },
        "sort": None,
        "filters": dict.fromkeys(names),
        "createDefaults": {},
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("id=1sp2", ["1sp2"]),
        ("id=1c2", ["1sp2"]),
        ("id=1sp1&id=1sp2", []),
        ("id_ne=1sp1", ["1sp2"]),
        ("name=Quay", ["1sp1"]),
        ("name=quay", []),
        ("name_ne=Quay", []),
        ("name_null", ["1sp2"]),
        ("name_notnull=", ["1sp1"]),
        ("name_prefix=Qu", ["1sp1"]),
        ("name_like=%25ua%25", ["1sp1"]),
        ("name_like=ua", []),
        ("name_notlike=%25x%25", ["1sp1"]),
        ("state=active", ["1sp1"]),
        ("state_ne=active", ["1sp2"]),
        ("state_prefix=act", ["1sp1", "1sp2"]),
        ("kind=registry", ["1sp1", "1sp2"]),
        ("kind=storagePool", []),
        ("accountId=1a5", ["1sp1", "1sp2"]),
        ("accountId=1a9", []),
        ("accountId=nonsense", []),
        ("externalId_null", ["1sp1", "1sp2"]),
        ("driverName=rancher-nfs", []),
        ("created_gt=2026-01-01T00:00:00Z", ["1sp1", "1sp2"]),
        ("created_gte=2026-03-01T12:00:00Z", ["1sp1", "1sp2"]),
        ("created_lt=2026-03-01T12:00:00Z", []),
        ("created_lte=2026-03-01T12:00:00Z", ["1sp1", "1sp2"]),
        ("created_gt=2026-01-01", ["1sp1", "1sp2"]),
        ("created=nonsense", []),
        ("created_gt=nonsense", []),
        ("removed_null", ["1sp1", "1sp2"]),
        ("removed_null=true&removeTime_null=1", ["1sp1", "1sp2"]),
        ("name=Quay&state=active", ["1sp1"]),
        ("name=Quay&state=inactive", []),
        ("state=active&state=inactive", []),
        ("state=active&state_ne=active", ["1sp2"]),
        ("state_ne=active&state=active", ["1sp1"]),
    ],
)
def test_filters(client: Client, query: str, expected: list[str]) -> None:
    """Repeated parameters must all hold; of two modifiers on one field the last wins."""
    assert ids(client, f"/registries?{query}") == expected


@pytest.mark.parametrize(
    "query",
    [
        "serverAddress=quay.io",
        "serverAddress_eq=quay.io",
        "serverAddress=nobody.example",
        "name_sounds=Quay",
        "name_lt=Quay",
        "description=x",
        "colour=red",
        "_=1",
        "limit=nonsense",
        "marker=nonsense",
        "marker=mnonsense",
        "sort=serverAddress&order=desc",
    ],
)
def test_unknown_filters_are_ignored_in_silence(client: Client, query: str) -> None:
    """An address is no column of the database, so that every registry is listed."""
    assert ids(client, f"/registries?{query}") == ["1sp1", "1sp2"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("registryId=1sp1", ["1c1", "1c2"]),
        ("registryId_ne=1sp1", ["1c3"]),
        ("registryId=quay.io", []),
        ("registryId_null", []),
        ("publicValue=ann", ["1c1"]),
        ("publicValue_null", ["1c3"]),
        ("publicValue_ne=ann", ["1c2"]),
        ("secretValue=other", ["1c1", "1c2", "1c3"]),
        ("secretValue_prefix=c", ["1c1", "1c2", "1c3"]),
        ("externalId=x", ["1c1", "1c2", "1c3"]),
    ],
)
def test_filters_of_credentials(client: Client, query: str, expected: list[str]) -> None:
    """A registry and a user name can be asked for, a password can not."""
    assert ids(client, f"/registrycredentials?{query}") == expected


def test_filters_are_repeated(client: Client) -> None:
    """A list says what was asked."""
    filters = client.get("/registries?state_ne=removed&name=Quay").json()["filters"]
    assert filters["state"] == [{"modifier": "ne", "value": "removed"}]
    assert filters["name"] == [{"modifier": "eq", "value": "Quay"}]


@pytest.mark.parametrize("state", ["removed", "purged"])
def test_removed_rows_can_be_asked_for(
    rancher: RancherDouble, client: Client, project: str, state: str
) -> None:
    """They are left out, unless a query says `_removed`."""
    gone = rancher.add_registry(project, "gone.example", state=state)
    for query in ("", "?removed_notnull", "?removed_null", "?state_notnull"):
        assert gone not in ids(client, f"/registries{query}")
    assert ids(client, "/registries?_removed") == ["1sp1", "1sp2", gone]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=id&order=desc", ["1sp2", "1sp1"]),
        ("sort=state&order=ASC", ["1sp1", "1sp2"]),
        ("sort=state&order=desc", ["1sp2", "1sp1"]),
        ("sort=name", ["1sp2", "1sp1"]),
        ("sort=name&order=desc", ["1sp1", "1sp2"]),
        ("order=desc", ["1sp1", "1sp2"]),
    ],
)
def test_order(client: Client, query: str, expected: list[str]) -> None:
    """By default the ids ascend; nulls come first."""
    assert ids(client, f"/registries?{query}") == expected


def test_an_order_can_be_reversed(client: Client) -> None:
    """A sorted list says how, and where its reverse is."""
    sort = client.get("/registries?sort=name").json()["sort"]
    assert (sort["name"], sort["order"]) == ("name", "asc")
    assert [
        row["id"] for row in client.session.get(sort["reverse"], timeout=10).json()["data"]
    ] == [
        "1sp1",
        "1sp2",
    ]


@pytest.fixture
def many(rancher: RancherDouble, project: str) -> int:
    """Add registries for more than two pages, and return how many there are."""
    for number in range(248):
        rancher.add_registry(project, f"r{number}.example")
    return 250


def pages(client: Client, path: str) -> list[list[dict[str, Any]]]:
    """Return all pages of a list, following `next` while it is partial."""
    listed = client.get(path).json()
    found = [listed["data"]]
    while listed["pagination"]["partial"]:
        listed = client.session.get(listed["pagination"]["next"], timeout=10).json()
        found.append(listed["data"])
    assert listed["pagination"]["next"] is None
    return found


def test_a_long_list_comes_in_pages(client: Client, many: int) -> None:
    """A page has 100 rows, and the pages together have all, once, in the order of their ids."""
    found = pages(client, "/registries")
    assert [len(page) for page in found] == [100, 100, 50]
    assert [row["id"] for page in found for row in page] == [f"1sp{n + 1}" for n in range(many)]


def test_a_marker_is_an_offset(client: Client, many: int) -> None:
    """The next page is named by how many rows came before; other parameters stay."""
    assert many
    listed = client.get("/registries?limit=20&state=active&marker=m20").json()
    assert listed["pagination"]["next"] == (
        f"{client.base}/registries?limit=20&state=active&marker=m40"
    )
    assert (listed["pagination"]["limit"], listed["pagination"]["total"]) == (20, None)


@pytest.mark.parametrize(
    ("limit", "given", "shown"),
    [("7", 7, 7), ("0", 3000, 250), ("-1", 3000, 250), ("9999", 3000, 250), ("250", 250, 250)],
)
def test_a_limit_is_capped(client: Client, many: int, limit: str, given: int, shown: int) -> None:
    """Zero and less mean the most there is, 3,000."""
    assert many
    listed = client.get(f"/registries?limit={limit}").json()
    assert (listed["pagination"]["limit"], len(listed["data"])) == (given, shown)


def test_a_page_after_the_last_is_empty(client: Client) -> None:
    """A marker may point behind the end."""
    listed = client.get("/registries?marker=m500").json()
    assert (listed["data"], listed["pagination"]["partial"]) == ([], False)


def test_documented_limits_can_be_set(rancher: RancherDouble, client: Client, many: int) -> None:
    """The documentation says 1,000 where the code says 3,000."""
    assert many
    rancher.rules.max_limit = 200
    assert len(client.get("/registries?limit=-1").json()["data"]) == 200
