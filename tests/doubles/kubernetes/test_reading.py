"""Get and list: selectors, pages, versions.

https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
"""

import base64
import json
from typing import Any

import pytest

from tests.doubles.kubernetes import KubernetesDouble
from tests.doubles.kubernetes.conftest import ACCOUNTS, SECRETS, Client

ALL = "/api/v1/secrets"


def listed(body: Any) -> list[str]:
    """Return the names in a list."""
    return [item["metadata"]["name"] for item in body["items"]]


@pytest.fixture
def seven(kube: KubernetesDouble) -> list[str]:
    """Add seven Secrets and return their names."""
    names = [f"s{number}" for number in range(7)]
    for name in names:
        kube.add_secret(name, "shop", metadata={"labels": {"n": name[1:], "app": "x"}})
    return names


def test_a_list_has_its_items_without_kinds(client: Client, seven: list[str]) -> None:
    """Items of typed lists have neither kind nor apiVersion; the list has a version."""
    body = client.get(SECRETS).body
    assert (body["kind"], body["apiVersion"], listed(body)) == ("SecretList", "v1", seven)
    assert not {"kind", "apiVersion"} & body["items"][0].keys()
    assert body["metadata"] == {"resourceVersion": str(client.kube.revision)}


def test_a_list_can_be_of_all_namespaces(kube: KubernetesDouble, client: Client) -> None:
    """In the order of namespaces and names."""
    kube.add_namespace("bar")
    for name, namespace in (("b", "shop"), ("a", "shop"), ("c", "bar")):
        kube.add_secret(name, namespace)
    assert listed(client.get(ALL).body) == ["c", "a", "b"]
    assert listed(client.get("/api/v1/namespaces/nowhere/secrets").body) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"fieldSelector": "metadata.name=s3"}, ["s3"]),
        ({"fieldSelector": "metadata.name==s3,metadata.namespace=shop"}, ["s3"]),
        ({"fieldSelector": "metadata.name=s3,metadata.namespace=x"}, []),
        ({"fieldSelector": "metadata.name!=s3,type=Opaque"}, []),
        ({"fieldSelector": "type=kubernetes.io/dockerconfigjson", "labelSelector": "n=1"}, ["s1"]),
        ({"labelSelector": "n in (1, 2),app"}, ["s1", "s2"]),
        ({"labelSelector": "n notin (0,1,2,3,4)"}, ["s5", "s6"]),
        ({"labelSelector": "!n"}, []),
        ({"labelSelector": "n!=1,n==1"}, []),
        ({"labelSelector": "n>4,n<6"}, ["s5"]),
        ({"labelSelector": "app>1"}, []),
        ({"labelSelector": ""}, [f"s{number}" for number in range(7)]),
    ],
)
def test_selectors(
    client: Client, seven: list[str], query: dict[str, str], expected: list[str]
) -> None:
    """Fields by equality, labels by equality and sets."""
    assert set(expected) <= set(seven)
    assert listed(client.get(ALL, **query).body) == expected


@pytest.mark.parametrize(
    ("path", "selector", "expected"),
    [
        ("/api/v1/namespaces", "metadata.name=shop", ["shop"]),
        ("/api/v1/namespaces", "status.phase=Terminating", []),
        (ACCOUNTS, "metadata.name=default", ["default"]),
    ],
)
def test_other_types_are_selected_too(
    client: Client, path: str, selector: str, expected: list[str]
) -> None:
    """Namespaces by phase as well."""
    assert listed(client.get(path, fieldSelector=selector).body) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"fieldSelector": "data=x"},
        {"fieldSelector": "metadata.name"},
        {"labelSelector": "a b"},
        {"labelSelector": "a in (x"},
        {"labelSelector": "a,"},
        {"labelSelector": "=x"},
        {"labelSelector": "n>x"},
        {"limit": "x"},
        {"continue_": "%%%"},
        {"continue_": base64.urlsafe_b64encode(b'{"v":"x","rv":1,"start":"a"}').decode()},
        {"continue_": base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v1"}').decode()},
    ],
)
def test_nonsense_is_refused(client: Client, query: dict[str, str]) -> None:
    """400 BadRequest."""
    assert client.get(ALL, **query).refusal[:2] == (400, "BadRequest")


def test_an_unknown_field_is_named(client: Client) -> None:
    """In the words of the server."""
    said = (
        'Unable to find "/v1, Resource=secrets" that match label selector "", field selector '
        '"spec.x=y": field label not supported: spec.x'
    )
    assert client.get(ALL, fieldSelector="spec.x=y").refusal[2] == said


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
def test_a_list_comes_in_pages(client: Client, seven: list[str], limit: int) -> None:
    """Each says how many remain and how to go on; all are of one version."""
    names: list[str] = []
    versions: set[str] = set()
    query: dict[str, Any] = {}
    while True:
        body = client.get(ALL, limit=limit, **query).body
        names += listed(body)
        versions.add(body["metadata"]["resourceVersion"])
        token = body["metadata"].get("continue")
        assert body["metadata"].get("remainingItemCount", 0) == 7 - len(names)
        if not token:
            break
        query = {"continue_": token}
    assert (names, len(versions)) == (seven, 1)


def test_pages_show_one_moment(kube: KubernetesDouble, client: Client, seven: list[str]) -> None:
    """What changes between two pages is not seen: added, changed, deleted."""
    first = client.get(ALL, limit=3).body
    kube.add_secret("s11", "shop")
    kube.delete("secrets", "s4", "shop")
    kube.set_secret("s5", "shop", {".dockerconfigjson": b"{}"})
    rest = client.get(ALL, limit=9, continue_=first["metadata"]["continue"]).body
    assert listed(first) + listed(rest) == seven
    changed = rest["items"][2]
    assert base64.b64decode(changed["data"][".dockerconfigjson"]) == b'{"auths":{}}'
    assert int(rest["items"][1]["metadata"]["resourceVersion"]) < kube.revision - 2


@pytest.mark.usefixtures("seven")
def test_a_selected_list_does_not_count_the_rest(client: Client) -> None:
    """The count is unset with selectors (ListMeta)."""
    metadata = client.get(ALL, limit=3, labelSelector="app=x").body["metadata"]
    assert metadata.keys() == {"resourceVersion", "continue"}
    assert "continue" not in client.get(ALL, limit=7, labelSelector="app=x").body["metadata"]


@pytest.mark.usefixtures("seven")
def test_a_continue_token_expires(kube: KubernetesDouble, client: Client) -> None:
    """410 Expired brings a token to go on inconsistently (etcd3/errors.go)."""
    token = client.get(ALL, limit=3).body["metadata"]["continue"]
    kube.delete("secrets", "s4", "shop")
    kube.compact()
    reply = client.get(ALL, limit=3, continue_=token)
    assert (reply.status, reply.body["reason"]) == (410, "Expired")
    assert "inconsistent list" in reply.body["message"]
    fresh = reply.body["metadata"]["continue"]
    assert json.loads(base64.urlsafe_b64decode(fresh + "==")[:60].split(b",")[1][5:]) == -1
    assert listed(client.get(ALL, limit=9, continue_=fresh).body) == ["s3", "s5", "s6"]


def test_a_token_and_a_version_exclude_each_other(client: Client, seven: list[str]) -> None:
    """400 for both at once."""
    assert len(seven) == 7
    token = client.get(ALL, limit=3).body["metadata"]["continue"]
    said = "specifying resource version is not allowed when using continue"
    reply = client.get(ALL, continue_=token, resourceVersion="5")
    assert reply.refusal == (400, "BadRequest", said)


def test_a_list_can_be_of_a_version(kube: KubernetesDouble, client: Client) -> None:
    """Exact shows that moment, NotOlderThan the latest; too old is 410, still to come 504."""
    kube.add_secret("a", "shop")
    then = kube.revision
    kube.add_secret("b", "shop")
    exact = client.get(ALL, resourceVersion=then, resourceVersionMatch="Exact").body
    assert (listed(exact), exact["metadata"]["resourceVersion"]) == (["a"], str(then))
    assert listed(client.get(ALL, resourceVersion=then, limit=5).body) == ["a"]
    assert listed(client.get(ALL, resourceVersion=then).body) == ["a", "b"]
    newer = client.get(ALL, resourceVersion=then, resourceVersionMatch="NotOlderThan", limit=5)
    assert listed(newer.body) == ["a", "b"]
    kube.compact()
    gone = client.get(ALL, resourceVersion=then, resourceVersionMatch="Exact")
    said = "The resourceVersion for the provided list is too old."
    assert gone.refusal == (410, "Expired", said)
    future = client.get(ALL, resourceVersion=kube.revision + 1)
    assert future.refusal[:2] == (504, "Timeout")
    assert future.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "query",
    [{"resourceVersion": "0", "resourceVersionMatch": "Exact"}, {"resourceVersionMatch": "Exact"}],
)
def test_a_match_needs_a_version(client: Client, query: dict[str, str]) -> None:
    """422 about ListOptions."""
    status, reason, message = client.get(ALL, **query).refusal
    assert (status, reason) == (422, "Invalid")
    assert message.startswith(
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
    )


def test_a_version_may_be_asked_for_in_one_namespace(
    kube: KubernetesDouble, client: Client
) -> None:
    """What changed in others since does not matter, however often it is asked for."""
    kube.add_namespace("other")
    kube.add_secret("a", "shop")
    then = kube.revision
    for name, namespace in (("b", "other"), ("c", "shop")):
        kube.add_secret(name, namespace)
    for number in range(12):
        kube.add_service_account(f"a{number}", "other")
        client.get(SECRETS)
        exact = client.get(SECRETS, resourceVersion=then, resourceVersionMatch="Exact").body
        assert listed(exact) == ["a"]


def test_any_version_ignores_the_limit(client: Client, seven: list[str]) -> None:
    """With resourceVersion=0 the watch cache gives all; newer servers may not."""
    assert listed(client.get(ALL, resourceVersion=0, limit=3).body) == seven
    client.kube.rules.limit_any = True
    assert listed(client.get(ALL, resourceVersion=0, limit=3).body) == seven[:3]


def test_a_large_answer_is_compressed_where_asked(kube: KubernetesDouble, client: Client) -> None:
    """From 128 KiB on, for those who accept gzip (responsewriters/writers.go)."""
    for number in range(3):
        kube.add_secret(f"a{number}", "shop", {"x": b"x" * 65536}, type_="Opaque")
    client.get(SECRETS)
    connection = client.connections[0]
    for path, compressed in ((SECRETS, True), (f"{SECRETS}/a0", False)):
        headers = {"Accept-Encoding": "gzip", "Authorization": f"Bearer {client.token}"}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        assert (response.headers["Content-Encoding"] == "gzip") is compressed
        response.read()


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("application/vnd.kubernetes.protobuf, */*", 200),
        ("application/yaml;q=0.9,application/json;q=0.5", 200),
        ("application/vnd.kubernetes.protobuf", 406),
        ("text/html", 406),
    ],
)
def test_only_json_is_spoken(client: Client, accept: str, status: int) -> None:
    """Who takes nothing else gets 406."""
    client.get(SECRETS)
    headers = {"Accept": accept, "Authorization": f"Bearer {client.token}"}
    client.connections[0].request("GET", SECRETS, headers=headers)
    response = client.connections[0].getresponse()
    response.read()
    assert response.status == status
