"""What the kubelet finds in a document, and how ours come into it."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.credential import NEVER, Credential, Secret
from refresher.model.plan import Absent, Value
from refresher.sinks.kubernetes.document import (
    EMPTY,
    Document,
    UnreadableError,
    decoded,
    encoded,
    holdings,
    key_of,
    merged,
    without_flaws,
)
from refresher.testing import NASTY_SECRETS
from tests.sinks.kubernetes import keyring
from tests.sinks.kubernetes.test_keyring import of

NEW = "new"
ECR = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
IMAGES = {
    ECR: f"{ECR}/team/app",
    "docker.io": "acme/app",
    "quay.io": "quay.io/acme/app",
    "registry.example:5000": "registry.example:5000/app",
    "gcr.io/project": "gcr.io/project/app",
    "localhost": "localhost/app",
}


def credential(registry: str, secret: str = NEW, email: str | None = None) -> Credential:
    """Return a credential for a registry."""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    return Credential(
        (registry,), "AWS", Secret(secret), email=email, issued_at=now, expires_at=NEVER
    )


def text(root: object) -> str:
    """Return a document as a Secret holds it."""
    return base64.b64encode(json.dumps(root).encode()).decode()


def document(**auths: Any) -> Document:
    """Return a document with these entries."""
    return decoded(text({"auths": auths}))


def root(made: Document) -> dict[str, Any]:
    """Return what is written for a document."""
    loaded: dict[str, Any] = json.loads(base64.b64decode(encoded(made)))
    return loaded


def entry(username: str, password: str) -> dict[str, str]:
    """Return an entry that holds a login in its `auth` alone."""
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def put(made: Document, *registries: str, secret: str = NEW) -> Document:
    """Return the document with credentials for registries."""
    return merged(made, {each: credential(each, secret) for each in registries})


@pytest.mark.parametrize("registry", IMAGES)
@pytest.mark.parametrize("secret", NASTY_SECRETS, ids=range(len(NASTY_SECRETS)))
def test_pods_find_what_is_written(registry: str, secret: str) -> None:
    """By the kubelet's own rules, alone and first; images of Docker Hub name no registry."""
    made = put(EMPTY, registry, secret=secret)
    found = keyring.logins(
        {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": root(made)}},
        IMAGES[registry],
    )
    assert found == [("AWS", secret)]
    assert holdings(decoded(encoded(made)), [registry]) == {registry: Value("AWS", Secret(secret))}


@pytest.mark.parametrize("image", ["nginx", "acme/app", "docker.io/library/nginx"])
def test_docker_hub_is_found_by_every_name(image: str) -> None:
    """The old key of docker is the one that always works."""
    made = put(EMPTY, "docker.io")
    assert list(root(made)["auths"]) == ["https://index.docker.io/v1/"]
    assert keyring.lookup(made.entries, image) == ["index.docker.io"]


def test_an_entry_is_what_kubectl_writes() -> None:
    """User name, password, e-mail and both in one, for whatever else reads it."""
    (vector,) = of("encode_entry")
    wanted = vector[0]["entry"]
    given = Credential(
        ("a.example",),
        wanted["username"],
        Secret(wanted["password"]),
        email=wanted["email"],
        issued_at=datetime(2026, 3, 1, tzinfo=UTC),
        expires_at=NEVER,
    )
    made = merged(EMPTY, {"a.example": given})
    assert json.dumps(root(made)["auths"]["a.example"], separators=(",", ":")) == vector[1]


def test_all_else_stays() -> None:
    """Entries, unknown members, their order: as they were."""
    before = {
        "z": [1.5, None],
        "auths": {"b.example": entry("u", "p"), "*.c": {}},
        "credsStore": "x",
    }
    after = root(put(decoded(text(before)), "a.example"))
    assert {**after, "auths": {**after["auths"]}} == {
        **before,
        "auths": {**before["auths"], "a.example": after["auths"]["a.example"]},  # type: ignore[dict-item]
    }
    assert list(after) == list(before)
    assert list(after["auths"]) == ["b.example", "*.c", "a.example"]


@pytest.mark.parametrize(
    "held",
    [
        entry("AWS", "new"),
        {"username": "AWS", "password": "new"},
        {"Username": "AWS", "PASSWORD": "new"},
        {**entry("AWS", "new"), "username": "other", "identitytoken": "x"},
        {**entry("AWS", "new"), "email": "a@b.example"},
        {"auth": entry("AWS", "new")["auth"].rstrip("=")},
    ],
)
def test_what_is_right_is_not_written_again(held: dict[str, str]) -> None:
    """In whatever form the kubelet reads it."""
    made = document(**{"a.example": held})
    value = holdings(made, ["a.example"])["a.example"]
    assert isinstance(value, Value)
    assert (value.username, value.secret) == ("AWS", Secret("new"))
    assert put(made, "a.example") is made


def test_an_email_is_written_where_it_differs() -> None:
    """It is part of what is wanted."""
    made = document(**{"a.example": entry("AWS", "new")})
    after = merged(made, {"a.example": credential("a.example", email="a@b.example")})
    assert after.entries["a.example"]["email"] == "a@b.example"


@pytest.mark.parametrize(
    ("registry", "spellings"),
    [
        ("docker.io", ["docker.io", "index.docker.io", "https://registry-1.docker.io/v2/"]),
        ("a.example", ["https://a.example/v1/", "A.example", "http://a.example", "a.example/"]),
        ("a.example:5000", ["https://a.example:5000/v2/"]),
    ],
)
def test_other_spellings_are_collapsed(registry: str, spellings: list[str]) -> None:
    """Else the kubelet would try the old login too, or first."""
    held = {spelling: entry("old", "old") for spelling in [*spellings, "b.example"]}
    after = put(document(**held), registry)
    assert set(after.entries) == {key_of(registry), "b.example"}


def test_two_spellings_that_differ_hold_nothing() -> None:
    """Which one the kubelet tries first is not ours to guess; two that agree are one."""
    held = {"a.example": entry("u", "1"), "https://a.example/v1/": entry("u", "2")}
    assert holdings(document(**held), ["a.example"]) == {"a.example": Absent()}
    held["https://a.example/v1/"] = entry("u", "1")
    assert holdings(document(**held), ["a.example"]) == {"a.example": Value("u", Secret("1"))}


@pytest.mark.parametrize(
    "held",
    [
        None,
        {},
        {"auth": ""},
        {"username": "u"},
        {"password": "p"},
        {"auth": "AAAA"},
        {"auth": "=="},
        {"auth": "dTpw!"},
        {"auth": 5},
        {"password": ["p"], "username": "u"},
        entry("", "p"),
        entry("u", ""),
        "text",
        5,
    ],
    ids=str,
)
def test_an_entry_without_a_login_is_written_anew(held: object) -> None:
    """Whatever else it is; ours is put in its place."""
    made = document(**{"a.example": held})
    assert holdings(made, ["a.example"]) == {"a.example": Absent()}
    assert holdings(put(made, "a.example"), ["a.example"]) == {
        "a.example": Value("AWS", Secret("new"))
    }


@pytest.mark.parametrize(
    "held", [{"auth": "AAAA"}, {"email": False}, "text", {"auth": "no base64"}], ids=str
)
def test_one_bad_entry_of_somebody_else_hides_all(held: object) -> None:
    """The kubelet would read none, so nothing is claimed; a password in its key is not shown."""
    made = document(**{"https://u:canary@b.example": held, "a.example": entry("AWS", "new")})
    for attempt in (lambda: put(made, "a.example"), lambda: holdings(made, ["a.example"])):
        with pytest.raises(UnreadableError, match=r"its entry of b\.example keeps") as caught:
            attempt()
        assert "canary" not in str(caught.value)
    cleaned = without_flaws(made)
    assert list(cleaned.entries) == ["a.example"]
    assert list(root(cleaned)["auths"]) == ["a.example"]


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ("bm9wZQ==", "no JSON object"),
        ("W10=", "no JSON object"),
        ("////", "no JSON object"),
        ("no base64", "no JSON object"),
        (base64.b64encode(b"[" * 100_000).decode(), "no JSON object"),
        (text({"auths": []}).replace("=", "="), ""),
        (text({"auths": ["a"]}), "its auths is no object"),
        (text({"auths": "a"}), "its auths is no object"),
    ],
)
def test_what_is_no_document_is_told(held: str, message: str) -> None:
    """Without what stands there; an empty list is nothing at all."""
    if not message:
        assert decoded(held).entries == {}
        return
    with pytest.raises(UnreadableError, match=message) as caught:
        decoded(held)
    assert caught.value.__context__ is None


def test_names_of_members_are_read_as_go_does() -> None:
    """Without regard to case."""
    made = decoded(text({"AUTHS": {"a.example": entry("u", "p")}}))
    assert holdings(made, ["a.example"]) == {"a.example": Value("u", Secret("p"))}
    assert list(root(put(made, "b.example"))) == ["AUTHS"]


def test_an_identity_token_is_refused() -> None:
    """The kubelet would send it as a password."""
    token = Credential(
        ("a.example",),
        "<token>",
        Secret("t"),
        issued_at=datetime(2026, 3, 1, tzinfo=UTC),
        expires_at=NEVER,
    )
    with pytest.raises(PermanentError, match="identity token, which the kubelet does not know"):
        merged(EMPTY, {"a.example": token})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["a.example", "b.example", "https://a.example/v1/", "docker.io", "*"])
ENTRIES = st.dictionaries(
    st.sampled_from(["auth", "username", "password", "email", "Auth", "x"]),
    st.sampled_from(["dTpw", "u", "", "====", 5, None]),
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), JSON), st.dictionaries(KEYS | st.text(), ENTRIES | JSON))
def test_any_document_is_read_or_refused(others: dict[str, Any], auths: dict[str, Any]) -> None:
    """What is merged holds ours by the oracle, everybody else's as it was, and is stable."""
    given = decoded(text({**others, "auths": auths}))
    try:
        made = put(given, "a.example")
    except UnreadableError:
        assert given.flawed
        return
    again = decoded(encoded(made))
    assert again.root == made.root
    assert holdings(again, ["a.example"]) == {"a.example": Value("AWS", Secret("new"))}
    assert put(again, "a.example") is again
    theirs = {key for key in auths if "a.example" not in key.lower()}
    assert {key: again.entries[key] for key in theirs} == {key: auths[key] for key in theirs}


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Nothing else is raised."""
    for held in (base64.b64encode(content).decode(), content.decode("latin-1")):
        try:
            decoded(held)
        except UnreadableError:
            continue
