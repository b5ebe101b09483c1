"""Refusals: their form, and who gets a page in the place of JSON."""

import json

import pytest

from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.conftest import Client, code


def test_a_refusal_is_a_document(client: Client) -> None:
    """It has the fields of every error; a status without a code of its own has words twice."""
    answer = client.get("/registries/1sp1")
    body = answer.json()
    assert len(body.pop("id")) == 36
    assert body == {
        "type": "error",
        "baseType": "error",
        "links": {},
        "actions": {},
        "status": 404,
        "code": "Not Found",
        "message": "Not Found",
        "detail": None,
    }
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("body", [b"{", b"nonsense", b"\xff", b'{"serverAddress": "a"'])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_bad_json_is_refused(
    rancher: RancherDouble, client: Client, project: str, body: bytes, method: str
) -> None:
    """What can't be parsed is 400."""
    path = (
        f"/registries/{rancher.add_registry(project, 'quay.io')}"
        if method == "PUT"
        else "/registries"
    )
    answer = client.session.request(method, client.base + path, data=body, timeout=10)
    assert code(answer) == (400, "InvalidBodyContent")


@pytest.mark.parametrize("body", [None, [], "text", 1])
def test_other_json_is_as_if_empty(client: Client, body: object) -> None:
    """A list or a word has no fields."""
    assert code(client.post("/registries", body)) == (422, "MissingRequired")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/registries"),
        ("DELETE", "/registries"),
        ("PATCH", "/registries"),
        ("POST", "/registries/1sp1"),
        ("PATCH", "/registries/1sp1"),
        ("POST", "/schemas"),
        ("DELETE", "/projects/1a5"),
    ],
)
def test_methods_that_make_no_sense_are_not_allowed(client: Client, method: str, path: str) -> None:
    """Whether the row exists or not."""
    answer = client.session.request(method, client.base + path, json={}, timeout=10)
    assert code(answer) == (405, "Method not allowed")


@pytest.mark.parametrize(
    ("agent", "accept", "page"),
    [
        ("Mozilla/5.0", "*/*", True),
        ("Mozilla/5.0", "text/html,*/*;q=0.8", True),
        ("Mozilla/5.0", "application/json", False),
        ("curl/8", "*/*", False),
    ],
)
@pytest.mark.parametrize("path", ["/registries", "/registries/1sp1"])
def test_browsers_get_a_page(
    client: Client, agent: str, accept: str, path: str, *, page: bool
) -> None:
    """Who calls itself Mozilla and takes anything is shown HTML, with refusals as well."""
    answer = client.get(path, headers={"User-Agent": agent, "Accept": accept})
    assert answer.headers["Content-Type"].startswith("text/html" if page else "application/json")
    assert answer.text.startswith("<!DOCTYPE html>") is page


@pytest.mark.parametrize(("asked", "kind"), [("html", "text/html"), ("json", "application/json")])
def test_the_form_can_be_asked_for(client: Client, asked: str, kind: str) -> None:
    """`_format` overrules the browser."""
    headers = {"User-Agent": "Mozilla/5.0" if asked == "json" else "curl", "Accept": "*/*"}
    answer = client.get(f"/registries?_format={asked}", headers=headers)
    assert answer.headers["Content-Type"].startswith(kind)


def test_slashes_are_escaped(client: Client) -> None:
    """The JSON of Cattle writes them so, and means the same."""
    answer = client.get("/registries")
    assert "http:\\/\\/127.0.0.1" in answer.text
    assert json.loads(answer.text)["links"]["self"] == f"{client.base}/registries"
