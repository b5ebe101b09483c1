"""What a real server refuses. Sources: pkg/apis/core/validation, k8s.io/apimachinery validation.

The messages about dockerconfigjson, `type` and the size were recorded from a server of 1.36.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles.kubernetes import KubernetesDouble
from tests.doubles.kubernetes.conftest import (
    SECRETS,
    Client,
    coded,
    pull_secret,
)
from tests.doubles.kubernetes.kinds import SECRET
from tests.doubles.kubernetes.strategies import flaws

VECTORS = Path(__file__).parents[2] / "data" / "k8s_secrets.json"
DOCKER = "kubernetes.io/dockerconfigjson"


def message(client: Client, body: Any) -> str:
    """Return what 422 says after the name."""
    status, reason, said = client.post(SECRETS, body).refusal
    assert (status, reason) == (422, "Invalid")
    return str(said).partition(" is invalid: ")[2]


def test_a_refusal_has_causes(client: Client) -> None:
    """One for each flaw; several are put in brackets."""
    body = {"metadata": {"name": "A", "labels": {"x": " "}}, "type": DOCKER}
    reply = client.post(SECRETS, body)
    details = reply.body["details"]
    causes = details.pop("causes")
    assert details == {"name": "A", "kind": "Secret"}
    assert [(cause["reason"], cause["field"]) for cause in causes] == [
        ("FieldValueInvalid", "metadata.name"),
        ("FieldValueInvalid", "metadata.labels"),
        ("FieldValueRequired", "data[.dockerconfigjson]"),
    ]
    assert reply.body["message"].startswith('Secret "A" is invalid: [metadata.name: Invalid value')
    assert reply.body["message"].endswith(", data[.dockerconfigjson]: Required value]")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("nope", "invalid character 'o' in literal null (expecting 'u')"),
        ("", "unexpected end of JSON input"),
        ('{"auths":', "unexpected end of JSON input"),
        ("x", "invalid character 'x' looking for beginning of value"),
        ('{"a":NaN}', "invalid character 'N' looking for beginning of value"),
        ("\udcff", "invalid character '\N{REPLACEMENT CHARACTER}' looking for beginning of value"),
        (
            "[]",
            "json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        (
            '"secret"',
            "json: cannot unmarshal string into Go value of type map[string]interface {}",
        ),
        ("true", "json: cannot unmarshal bool into Go value of type map[string]interface {}"),
        ("7", "json: cannot unmarshal number into Go value of type map[string]interface {}"),
    ],
)
def test_a_pull_secret_must_be_json(client: Client, content: str, said: str) -> None:
    """An object, that is; the message shows no content."""
    redacted = 'Invalid value: "<secret contents redacted>"'
    expected = f"data[.dockerconfigjson]: {redacted}: {said}"
    assert message(client, pull_secret("a", content)) == expected


@pytest.mark.parametrize("content", ["{}", "null", '{"auths":{}}', "\n{}\n"])
def test_any_object_will_do(client: Client, content: str) -> None:
    """The server does not look inside."""
    assert client.post(SECRETS, pull_secret("a", content)).status == 201


@pytest.mark.parametrize(
    ("type_", "keys"),
    [
        (DOCKER, [".dockerconfigjson"]),
        ("kubernetes.io/dockercfg", [".dockercfg"]),
        ("kubernetes.io/tls", ["tls.crt", "tls.key"]),
        ("kubernetes.io/ssh-auth", ["ssh-privatekey"]),
        ("kubernetes.io/basic-auth", ["username", "password"]),
    ],
)
def test_types_demand_their_keys(client: Client, type_: str, keys: list[str]) -> None:
    """A missing key is "Required value"."""
    said = message(client, {"metadata": {"name": "a"}, "type": type_, "data": coded(x="1")})
    assert all(f"data[{key}]: Required value" in said for key in keys)


def test_an_account_token_names_its_account(client: Client) -> None:
    """By an annotation."""
    type_ = "kubernetes.io/service-account-token"
    said = message(client, {"metadata": {"name": "a"}, "type": type_})
    assert said == "metadata.annotations[kubernetes.io/service-account.name]: Required value"


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case["name"])
        for case in json.loads(VECTORS.read_text())
        if case["input"].get("op") == "apiserver_validate"
    ],
)
def test_vectors(client: Client, case: dict[str, Any]) -> None:
    """What the recorded cases say of a server."""
    body = {"metadata": {"name": "a"}, **case["input"]["secret"]}
    assert (client.post(SECRETS, body).status == 201) is case["expect"]["accepted"]


@pytest.mark.parametrize("method", ["put", "patch"])
def test_the_type_is_immutable(kube: KubernetesDouble, client: Client, method: str) -> None:
    """A PUT without a type means Opaque, and is refused as well."""
    kube.add_secret("a", "shop")
    body = pull_secret("a", type="Opaque")
    said = 'Secret "a" is invalid: type: Invalid value: "Opaque": field is immutable'
    assert getattr(client, method)(f"{SECRETS}/a", body).refusal == (422, "Invalid", said)
    del body["type"]
    assert client.put(f"{SECRETS}/a", body).refusal == (422, "Invalid", said)


def test_an_immutable_secret_can_not_change(kube: KubernetesDouble, client: Client) -> None:
    """Neither its data nor the flag; labels can, and it can be deleted."""
    kube.add_secret("a", "shop", immutable=True)
    detail = "Forbidden: field is immutable when `immutable` is set"
    for patch, field in (({"data": coded(x="1")}, "data"), ({"immutable": None}, "immutable")):
        said = f'Secret "a" is invalid: {field}: {detail}'
        assert client.patch(f"{SECRETS}/a", patch).refusal == (422, "Invalid", said)
    assert client.patch(f"{SECRETS}/a", {"metadata": {"labels": {"x": "y"}}}).status == 200
    assert client.delete(f"{SECRETS}/a").status == 200


@pytest.mark.parametrize("values", [[1024 * 1024], [1024 * 1024 - 5, 5]])
def test_a_secret_may_have_one_mebibyte(client: Client, values: list[int]) -> None:
    """All values together, decoded; one byte more is "Too long"."""
    data = {f"k{n}": base64.b64encode(b"x" * size).decode() for n, size in enumerate(values)}
    assert client.post(SECRETS, {"metadata": {"name": "a"}, "data": data}).status == 201
    data["more"] = base64.b64encode(b"x").decode()
    said = message(client, {"metadata": {"name": "b"}, "data": data})
    assert said == "data: Too long: may not be more than 1048576 bytes"


def test_a_request_may_have_three_mebibytes(client: Client) -> None:
    """More is 413."""
    body = {"metadata": {"name": "a"}, "data": {"x": "x" * 3 * 1024 * 1024}}
    assert client.post(SECRETS, body).refusal[:2] == (413, "RequestEntityTooLarge")


@given(st.dictionaries(st.sampled_from("abcd"), st.binary(max_size=50)))
@settings(deadline=None, max_examples=50)
def test_sizes_are_those_of_the_decoded_values(data: dict[str, bytes]) -> None:
    """Whatever the padding."""
    pad = b"x" * (1024 * 1024 - sum(map(len, data.values())))
    for extra, right in ((b"", True), (b"x", False)):
        values = {**data, "pad": pad + extra}
        encoded = {key: base64.b64encode(value).decode() for key, value in values.items()}
        body = {"metadata": {"name": "a"}, "type": "Opaque", "data": encoded}
        assert (flaws(SECRET, body) == []) is right


@pytest.mark.parametrize("key", ["a b", "", "..", "a/b", "ä"])
def test_keys_of_data(client: Client, key: str) -> None:
    """Letters, digits, `-`, `_` and `.`."""
    said = message(client, {"metadata": {"name": "a"}, "data": {key: ""}})
    assert said.startswith(f"data[{key}]: Invalid value: ")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b'"x"',
        b'{"kind":"Pod"}',
        b'{"apiVersion":"v2"}',
        b'{"metadata":[]}',
        b'{"metadata":{"name":7}}',
        b'{"metadata":{"labels":[]}}',
        b'{"metadata":{"labels":{"a":1}}}',
        b'{"data":{"a":1}}',
        b'{"data":"x"}',
        b'{"data":{"a":"%"}}',
        b'{"data":{"a":"abc"}}',
        b'{"immutable":"yes"}',
    ],
)
def test_what_is_no_secret_is_a_bad_request(client: Client, body: bytes) -> None:
    """400, before anything is validated (endpoints/handlers/rest.go)."""
    assert client.post(SECRETS, body).refusal[:2] == (400, "BadRequest")


def test_bodies_are_json(client: Client) -> None:
    """415 for another Content-Type."""
    reply = client.call("POST", SECRETS, pull_secret("a"), "text/plain")
    assert reply.refusal[:2] == (415, "UnsupportedMediaType")


def test_unknown_fields_are_dropped_and_told(client: Client) -> None:
    """In a header Warning; 400 with fieldValidation=Strict."""
    body = pull_secret("a", datum={"x": 1})
    body["metadata"]["color"] = "red"
    reply = client.post(SECRETS, body)
    warned = '299 - "unknown field \\"metadata.color\\"", 299 - "unknown field \\"datum\\""'
    assert (reply.status, reply.headers["Warning"]) == (201, warned)
    assert "datum" not in reply.body
    strict = client.post(SECRETS, body | {"metadata": {"name": "b"}}, fieldValidation="Strict")
    said = 'Secret in version "v1" cannot be handled as a Secret: strict decoding error: '
    assert strict.refusal == (400, "BadRequest", f'{said}unknown field "datum"')


def test_nulls_and_empty_maps_are_nothing(client: Client) -> None:
    """They are not kept."""
    body = {"metadata": {"name": "a", "labels": {}, "annotations": None}, "data": {"x": None}}
    body |= {"immutable": None}
    kept = client.post(SECRETS, body).body
    assert not {"labels", "annotations"} & kept["metadata"].keys()
    assert (kept["data"], "immutable" in kept) == ({"x": ""}, False)
