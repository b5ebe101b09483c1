"""Keys, accounts and the projects that they may enter."""

from typing import Any

import pytest

from tests.doubles.rancher import KeyKind, RancherDouble
from tests.doubles.rancher.access import Key
from tests.doubles.rancher.conftest import Client, Connect, code

PROJECT_KINDS = [
    KeyKind.ENVIRONMENT,
    KeyKind.AGENT,
    KeyKind.AGENT_ADMIN,
    KeyKind.PROJECT_ADMIN,
]


@pytest.fixture
def other(rancher: RancherDouble, project: str) -> str:
    """Add a second environment, and a registry to each."""
    second = rancher.add_project("other")
    for one in (project, second):
        rancher.add_credential(rancher.add_registry(one, "quay.io"), "ann", "canary")
    return second


def ids(answer: Any) -> list[str]:
    """Return the ids of a collection."""
    return [row["id"] for row in answer.json()["data"]]


@pytest.mark.parametrize(
    "pair",
    [None, ("nobody", "secret"), ("", "")],
    ids=["no key", "an unknown key", "an empty key"],
)
def test_without_a_valid_key_nothing_goes(connect: Connect, pair: tuple[str, str] | None) -> None:
    """A missing or unknown key is 401 with a challenge."""
    answer = connect(pair).get("/registries")
    assert code(answer) == (401, "Unauthorized")
    assert answer.headers["WWW-Authenticate"] == (
        'Basic realm="Enter API access key and secret key as username and password"'
    )
    assert "X-API-ACCOUNT-ID" not in answer.headers


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer x", "Basic /w=="]
)
def test_a_malformed_header_is_no_key(connect: Connect, header: str) -> None:
    """What can't be read is 401."""
    answer = connect(None).get("/registries", headers={"Authorization": header})
    assert answer.status_code == 401


def test_a_wrong_secret_is_refused(rancher: RancherDouble, project: str, connect: Connect) -> None:
    """The access key alone is worth nothing."""
    key = rancher.environment_key(project)
    assert connect((key.access, "wrong")).get("/registries").status_code == 401


def test_the_challenge_can_be_left_out(connect: Connect) -> None:
    """X-API-No-Challenge keeps browsers from asking."""
    answer = connect(None).get("/registries", headers={"X-API-No-Challenge": "true"})
    assert answer.status_code == 401
    assert "WWW-Authenticate" not in answer.headers


def test_an_inactive_key_is_refused(rancher: RancherDouble, project: str, connect: Connect) -> None:
    """A key in state inactive is 401, and lives again with its state."""
    key = rancher.environment_key(project)
    key.active = False
    assert connect(key.pair).get("/registries").status_code == 401
    key.active = True
    assert connect(key.pair).get("/registries").status_code == 200


def test_a_key_dies_with_its_container(
    rancher: RancherDouble, project: str, connect: Connect
) -> None:
    """The key of an agent that is gone is 401."""
    key = rancher.environment_key(project, KeyKind.AGENT)
    rancher.revoke(key)
    assert connect(key.pair).get("/registries").status_code == 401


@pytest.mark.parametrize("kind", PROJECT_KINDS)
@pytest.mark.parametrize("version", ["v1", "v2-beta"])
def test_keys_of_an_environment_may_write(
    rancher: RancherDouble, project: str, connect: Connect, kind: KeyKind, version: str
) -> None:
    """They act as the project, with and without it in the URL."""
    client = connect(rancher.environment_key(project, kind).pair, f"/{version}")
    made = client.post("/registries", {"serverAddress": "quay.io"})
    assert (made.status_code, made.json()["accountId"]) == (201, project)
    scoped = client.post(f"/projects/{project}/registries", {"serverAddress": "gcr.io"})
    assert scoped.status_code == 201


@pytest.mark.parametrize("method", ["post", "put", "delete"])
@pytest.mark.parametrize("kind", ["registries", "registrycredentials"])
def test_an_account_key_without_a_project_only_reads(
    rancher: RancherDouble, project: str, connect: Connect, other: str, *, method: str, kind: str
) -> None:
    """Its schemas are read-only: 405, and no registry of any project is listed."""
    assert other
    client = connect(rancher.account_key(project).pair)
    assert ids(client.get(f"/{kind}")) == []
    path = f"/{kind}" if method == "post" else f"/{kind}/1sp1"
    assert code(getattr(client, method)(path)) == (405, "Method not allowed")
    assert code(client.post(f"/{kind}/1sp1/?action=deactivate")) == (405, "Method not allowed")


@pytest.mark.parametrize(
    ("roles", "prefix", "shown"),
    [
        ("environment", "CATTLE", None),
        ("agent,environment", "CATTLE_ENVIRONMENT", None),
        ("environmentAdmin", "CATTLE", "canary"),
    ],
)
def test_a_container_is_given_a_key(
    rancher: RancherDouble,
    project: str,
    other: str,
    connect: Connect,
    *,
    roles: str,
    prefix: str,
    shown: str | None,
) -> None:
    """Its names depend on the number of roles, and the URL is /v1 without a project."""
    assert other
    given = rancher.container_environment(project, roles)
    assert given["CATTLE_URL"] == given["CATTLE_CONFIG_URL"] == f"{rancher.url}/v1"
    client = connect((given[f"{prefix}_ACCESS_KEY"], given[f"{prefix}_SECRET_KEY"]), "/v1")
    assert client.put("/registrycredentials/1c1", {"name": "x"}).status_code == 200
    assert client.get("/registrycredentials/1c1").json()["secretValue"] == shown


def scopes(project: str) -> dict[str, dict[str, Any]]:
    """Return the ways to name a project: options of a request."""
    return {
        "header": {"headers": {"X-API-Project-Id": project}},
        "query": {"params": {"projectId": project}},
    }


@pytest.mark.parametrize("way", ["path", "header", "query"])
def test_an_account_key_with_a_project_may_write(
    rancher: RancherDouble, project: str, connect: Connect, way: str
) -> None:
    """The project may be named in the path, a header or the query."""
    key = rancher.account_key(project)
    base = f"/v2-beta/projects/{project}" if way == "path" else "/v2-beta"
    options = scopes(project).get(way, {})
    made = connect(key.pair, base).post("/registries", {"serverAddress": "quay.io"}, **options)
    assert (made.status_code, made.json()["accountId"]) == (201, project)


def test_a_login_may_name_the_project_as_its_user(
    rancher: RancherDouble, project: str, connect: Connect
) -> None:
    """The user x-api-bearer=<project> takes the token of a login."""
    key = rancher.account_key(project)
    client = connect((f"x-api-bearer={project}", key.token))
    assert client.post("/registries", {"serverAddress": "quay.io"}).status_code == 201
    assert connect((f"x-api-bearer={project}", "wrong")).get("/registries").status_code == 401


def forbidden(rancher: RancherDouble, project: str, other: str) -> dict[str, tuple[Key, str]]:
    """Return keys with projects that they may not enter."""
    asleep = rancher.add_project("asleep", state="inactive")
    return {
        "unknown, account": (rancher.account_key(project), "1a99"),
        "unknown, admin": (rancher.admin_key(), "1a99"),
        "inactive, admin": (rancher.admin_key(), asleep),
        "inactive, member": (rancher.account_key(asleep), asleep),
        "no member": (rancher.account_key(project), other),
        "another environment": (rancher.environment_key(project), other),
    }


@pytest.mark.parametrize(
    "case",
    [
        "unknown, account",
        "unknown, admin",
        "inactive, admin",
        "inactive, member",
        "no member",
        "another environment",
    ],
)
def test_closed_projects_are_forbidden(
    rancher: RancherDouble, project: str, other: str, connect: Connect, case: str
) -> None:
    """Unknown, inactive, or not one's own: 403, whatever names the project."""
    key, asked = forbidden(rancher, project, other)[case]
    client = connect(key.pair)
    assert code(client.get(f"/projects/{asked}/registries")) == (403, "Forbidden")
    for options in scopes(asked).values():
        assert code(client.get("/registries", **options)) == (403, "Forbidden")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("5", (403, "Forbidden")),
        ("1", (403, "Forbidden")),
        ("1a", (403, "Forbidden")),
        ("1a5x", (400, "InvalidFormat")),
        ("Default", (400, "InvalidFormat")),
    ],
)
def test_malformed_projects_are_refused(
    rancher: RancherDouble, connect: Connect, asked: str, expected: tuple[int, str]
) -> None:
    """An id that is empty once parsed is 403, one that is no number 400."""
    assert code(connect(rancher.admin_key().pair).get(f"/projects/{asked}/schemas")) == expected


def test_the_key_of_an_inactive_environment_is_refused(
    rancher: RancherDouble, project: str, connect: Connect
) -> None:
    """The account that it stands for is inactive."""
    key = rancher.environment_key(project)
    rancher.set_project(project, "inactive")
    assert connect(key.pair).get("/registries").status_code == 401


def test_rows_of_other_projects_are_not_found(client: Client, other: str) -> None:
    """Each environment sees and changes its own."""
    assert other
    assert ids(client.get("/registries")) == ["1sp1"]
    assert code(client.get("/registries/1sp2")) == (404, "Not Found")
    assert code(client.put("/registries/1sp2", {"name": "x"})) == (404, "Not Found")
    assert code(client.delete("/registries/1sp2")) == (404, "Not Found")
    assert code(client.post("/registries/1sp2/?action=deactivate")) == (404, "Not Found")


def test_an_admin_enters_every_project(
    rancher: RancherDouble, other: str, connect: Connect
) -> None:
    """With a project in the URL an admin may write there."""
    client = connect(rancher.admin_key().pair, f"/v2-beta/projects/{other}")
    assert ids(client.get("/registries")) == ["1sp2"]
    assert client.put("/registries/1sp2", {"name": "x"}).status_code == 200


def test_an_admin_reads_any_row_by_its_id(
    rancher: RancherDouble, other: str, connect: Connect
) -> None:
    """Without a project an admin lists nothing, reads by id, and sees the data column."""
    assert other
    client = connect(rancher.admin_key().pair)
    assert ids(client.get("/registries")) == []
    row = client.get("/registries/1sp2").json()
    assert row["data"] == {"fields": {"serverAddress": "quay.io"}}
    assert client.put("/registries/1sp2", {"name": "x"}).status_code == 405


def test_without_access_control_everybody_is_admin(
    rancher: RancherDouble, other: str, connect: Connect
) -> None:
    """There is no 401: no key and a wrong one do as well."""
    rancher.rules.access_control = False
    for pair in (None, ("nobody", "wrong")):
        client = connect(pair)
        assert client.get("/settings/registry.default").status_code == 200
        assert ids(client.get("/projects")) == ["1a5", "1a6"]
        assert ids(client.get(f"/projects/{other}/registries")) == ["1sp2"]
        assert client.put(f"/projects/{other}/registries/1sp2", {"name": "x"}).status_code == 200
        assert client.put("/registries/1sp2", {"name": "x"}).status_code == 405


def test_answers_tell_who_asked(rancher: RancherDouble, project: str, connect: Connect) -> None:
    """Headers name the account that a request acts as, and the one that logged in."""
    own = connect(rancher.environment_key(project).pair).get("/registries").headers
    assert (own["x-api-account-id"], own["X-API-USER-ID"]) == (project, project)
    assert (own["X-API-ACCOUNT-KIND"], own["X-API-ACCOUNT-NAME"]) == ("project", "production")
    scoped = connect(rancher.admin_key().pair, f"/v2-beta/projects/{project}").get("/registries")
    assert (scoped.headers["X-API-ACCOUNT-ID"], scoped.headers["X-API-USER-ID"]) == (project, "1a1")
    assert scoped.headers["X-API-Schemas"] == f"{rancher.url}/v2-beta/projects/{project}/schemas"
    admin = connect(rancher.admin_key().pair).get("/registries").headers
    assert (admin["X-API-ACCOUNT-ID"], admin["X-API-ACCOUNT-KIND"]) == ("1a1", "admin")


@pytest.mark.parametrize(
    ("kind", "visible"),
    [
        (KeyKind.ENVIRONMENT, False),
        (KeyKind.AGENT, False),
        (KeyKind.AGENT_ADMIN, True),
        (KeyKind.PROJECT_ADMIN, True),
    ],
)
def test_few_read_passwords(
    rancher: RancherDouble,
    project: str,
    other: str,
    connect: Connect,
    kind: KeyKind,
    *,
    visible: bool,
) -> None:
    """Only a projectadmin and the role environmentAdmin are shown them by GET."""
    assert other
    client = connect(rancher.environment_key(project, kind).pair)
    shown = "canary" if visible else None
    assert client.get("/registrycredentials/1c1").json()["secretValue"] == shown
    assert client.get("/registrycredentials").json()["data"][0]["secretValue"] == shown


@pytest.mark.parametrize(
    ("name", "query", "expected"),
    [
        ("environment", "", ["1a5"]),
        ("environment", "?all=true", ["1a5"]),
        ("member of one", "", ["1a6"]),
        ("member of one", "?all=true", ["1a6"]),
        ("member of both", "", ["1a5", "1a6"]),
        ("admin", "", []),
        ("admin", "?all=true", ["1a5", "1a6"]),
        ("admin", "?all=true&name=other", ["1a6"]),
        ("admin", "?all=true&id=1a6", ["1a6"]),
        ("admin", "?all=true&description=nothing", ["1a5", "1a6"]),
        ("member of both", "?limit=1", ["1a5"]),
    ],
)
def test_projects_are_those_that_one_may_enter(
    rancher: RancherDouble,
    project: str,
    other: str,
    connect: Connect,
    *,
    name: str,
    query: str,
    expected: list[str],
) -> None:
    """An environment key sees its own, a user what it is a member of, an admin all if asked."""
    keys = {
        "environment": rancher.environment_key(project),
        "member of one": rancher.account_key(other),
        "member of both": rancher.account_key(project, other),
        "admin": rancher.admin_key(),
    }
    assert ids(connect(keys[name].pair).get(f"/projects{query}")) == expected


def test_a_project_is_found_by_its_uuid(
    rancher: RancherDouble, other: str, connect: Connect
) -> None:
    """As by its id and its name."""
    client = connect(rancher.admin_key().pair)
    uuid = client.get(f"/projects/{other}").json()["uuid"]
    assert ids(client.get(f"/projects?all=true&uuid={uuid}")) == [other]


def test_a_project_alone_is_a_resource(
    rancher: RancherDouble, project: str, other: str, connect: Connect
) -> None:
    """The URL of a project shows it to who may enter; to others it is not there."""
    client = connect(rancher.account_key(project).pair)
    row = client.get(f"/projects/{project}/").json()
    assert (row["type"], row["name"], row["state"]) == ("project", "production", "active")
    assert row["links"]["registries"] == f"{rancher.url}/v2-beta/projects/{project}/registries"
    for hidden in (other, "1a99", "zzz"):
        assert code(client.get(f"/projects/{hidden}")) == (404, "Not Found")
    assert code(client.put(f"/projects/{project}", {"name": "x"})) == (405, "Method not allowed")
