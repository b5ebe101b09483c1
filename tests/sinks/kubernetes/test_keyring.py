"""The oracle of the other tests is held to the kubelet's own tables."""

import json
from pathlib import Path
from typing import Any

import pytest

from refresher.model.plan import Absent, Value
from refresher.sinks.kubernetes import document
from tests.sinks.kubernetes import keyring

DATA = Path(__file__).parents[2] / "data"
KEYRING = json.loads((DATA / "k8s_keyring.json").read_text())
SECRETS = json.loads((DATA / "k8s_secrets.json").read_text())


def of(*ops: str) -> list[tuple[Any, Any]]:
    """Return the vectors of some operations."""
    return [(each["input"], each["expect"]) for each in KEYRING if each["input"]["op"] in ops]


@pytest.mark.parametrize(("given", "expected"), of("urls_match"))
def test_keys_fit_images(given: dict[str, str], expected: bool) -> None:  # noqa: FBT001 - a table
    """By labels of the host, by port, and by the beginning of the path."""
    assert keyring.matches(given["glob"], given["target"]) is expected


@pytest.mark.parametrize(("given", "expected"), of("lookup"))
def test_keys_are_looked_up(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """Longer ones come first."""
    assert keyring.lookup(given["auths_keys"], given["image"]) == expected["matched"]


@pytest.mark.parametrize(("given", "expected"), of("is_default_registry"))
def test_images_of_docker_hub_are_known(given: dict[str, str], expected: bool) -> None:  # noqa: FBT001 - a table
    """They may name no registry."""
    assert keyring.is_default(given["image"]) is expected


@pytest.mark.parametrize(("given", "expected"), of("decode_auth", "decode_entry"))
def test_entries_are_decoded_as_by_the_kubelet(
    given: dict[str, Any], expected: dict[str, Any]
) -> None:
    """By the oracle, and by the sink."""
    entry = given.get("entry", {"auth": given.get("auth")})
    text = document.encoded(document.Document({"auths": {"a.example": entry}}, {}, frozenset()))
    if "error" in expected:
        with pytest.raises(ValueError, match="not decodable"):
            keyring.decode_entry(entry)
        assert document.decoded(text).flawed == {"a.example"}
        return
    assert keyring.decode_entry(entry) == (expected["username"], expected["password"])
    held = document.holdings(document.decoded(text), ["a.example"])["a.example"]
    assert isinstance(held, Value)
    assert (held.username, held.secret.reveal()) == (expected["username"], expected["password"])


@pytest.mark.parametrize(
    "vector",
    [each for each in SECRETS if "image" in each["input"]],
    ids=lambda vector: vector["name"],
)
def test_secrets_give_logins(vector: dict[str, Any]) -> None:
    """Of the right type, with the right key; the host's own logins follow."""
    given = vector["input"]
    found = [list(login) for login in keyring.logins(given, given["image"])]
    if given["default_keyring"]:
        found.append(given["default_keyring"])
    assert found == vector["expect"]


@pytest.mark.parametrize(
    ("given", "expected"), of("lookup"), ids=lambda given: str(given.get("image", ""))[:40]
)
def test_the_sink_reads_keys_as_the_kubelet_does(
    given: dict[str, Any], expected: dict[str, Any]
) -> None:
    """What it makes of a key is what the kubelet makes of it."""
    assert expected["matched"] == [
        key for key in keyring.index(given["auths_keys"]) if key in expected["matched"]
    ]
    made = {document.kubelet_key(key) for key in given["auths_keys"]}
    assert made == set(keyring.index(given["auths_keys"]))


def test_what_nothing_stands_for_is_absent() -> None:
    """A pattern serves pods, and is no entry of a registry: ours is written beside it."""
    text = document.encoded(
        document.Document(
            {"auths": {"*.example": {"username": "a", "password": "b"}}}, {}, frozenset()
        )
    )
    assert document.holdings(document.decoded(text), ["a.example"]) == {"a.example": Absent()}
