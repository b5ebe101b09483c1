"""The "auths" documents: every shape is read, a merge loses nothing, and says what it did."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.authdocument import read
from refresher.model.authentry import decode_auth, encode_auth
from refresher.model.authkeys import Format
from refresher.model.credential import NEVER, Credential, Secret
from refresher.model.dockerconfig import Merged, holdings, merge
from refresher.model.jsontext import MalformedError
from refresher.model.plan import Absent, Foreign, Value
from refresher.testing import NASTY_SECRETS
from tests.model.test_authkeys import DOCKER_FILE, PODMAN, vectors

HOST = "registry.example:5000"
HUB = "docker.io"
HUB_KEY = "https://index.docker.io/v1/"


def credential(text: str = "new", username: str = "AWS", email: str | None = None) -> Credential:
    """Return a credential; where it goes is said by the caller."""
    return Credential(
        (HOST,),
        username,
        Secret(text),
        email=email,
        issued_at=datetime(2026, 3, 1, tzinfo=UTC),
        expires_at=NEVER,
    )


def auth(text: str = "new", username: str = "AWS") -> str:
    """Return the auth field of an entry."""
    return base64.b64encode(f"{username}:{text}".encode()).decode()


def merged(
    text: str | bytes,
    *registries: str,
    fmt: Format = Format.DOCKER,
    what: Credential | None = None,
) -> Merged:
    """Merge one credential for some registries into a document."""
    data = text.encode() if isinstance(text, str) else text
    wanted = dict.fromkeys(registries or (HOST,), what or credential())
    return merge(read(data), wanted, fmt)


def text_of(result: Merged) -> str:
    """Return the text of a merged document, and insist that there is one."""
    assert result.data is not None
    return result.data.decode()


def auths_of(result: Merged) -> dict[str, Any]:
    """Return the entries of a merged document."""
    auths = json.loads(text_of(result))["auths"]
    assert isinstance(auths, dict)
    return auths


def held(document: object, registry: str = HOST, fmt: Format = Format.DOCKER) -> object:
    """Return what is held in a document, given as text or as a value."""
    text = document if isinstance(document, str) else json.dumps(document)
    return holdings(read(text.encode()), [registry], fmt)[registry]


# --- the auth field ------------------------------------------------------------


@vectors(DOCKER_FILE, "decode_auth")
def test_auth_is_decoded_as_docker_does(given: Mapping[str, str], expect: Any) -> None:
    """Strict base64, line breaks skipped, cut at the first colon; the rest is refused."""
    pair = decode_auth(given["auth"])
    if "error" in expect:
        assert pair is None
    else:
        assert pair == (expect["username"], Secret(expect["password"]))


@vectors(DOCKER_FILE, "encode_auth")
def test_an_empty_credential_is_refused(given: Mapping[str, str], expect: str) -> None:
    """Where docker encodes an empty user name and password as nothing, here is no such thing."""
    assert not expect
    with pytest.raises(PermanentError, match="user name"):
        encode_auth(given["username"], Secret(given["password"]))


def test_a_colon_in_a_user_name_is_refused() -> None:
    """A user name with a colon can't be told from the secret, so it is refused, unseen."""
    with pytest.raises(PermanentError, match="colon") as caught:
        encode_auth("a:b", Secret("canary"))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("secret", NASTY_SECRETS)
def test_auth_survives_the_round_trip(secret: str) -> None:
    """Any secret, a whole service account's JSON among them, comes back as it was."""
    assert decode_auth(encode_auth("_json_key", Secret(secret))) == ("_json_key", Secret(secret))


@settings(deadline=None)
@given(st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_any_auth_is_decoded_or_refused(text: str) -> None:
    """No auth field raises; what decodes has a user name."""
    pair = decode_auth(text)
    assert pair is None or pair[0]


# --- what is held ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "expect"),
    [
        pytest.param({"auth": auth("s")}, Value("AWS", Secret("s")), id="auth"),
        pytest.param({"auth": auth("p:q:r")}, Value("AWS", Secret("p:q:r")), id="colons"),
        pytest.param({"auth": auth("s"), "email": "e@x"}, Value("AWS", Secret("s"), "e@x"), id="e"),
        pytest.param({"Auth": auth("s")}, Value("AWS", Secret("s")), id="other letters"),
        pytest.param({"username": "u", "password": "p"}, Value("u", Secret("p")), id="fields"),
        pytest.param({"username": "u"}, Value("u", Secret("")), id="user name alone"),
        pytest.param(
            {"auth": auth("s"), "username": "u", "password": "p"},
            Value("AWS", Secret("s")),
            id="auth wins over fields",
        ),
        pytest.param({"identitytoken": "T"}, Value("<token>", Secret("T")), id="identity token"),
        pytest.param({"identityToken": "T"}, Value("<token>", Secret("T")), id="as jib spells it"),
        pytest.param(
            {"auth": auth("s"), "registrytoken": "T"},
            Value("<token>", Secret("T")),
            id="a token wins over auth",
        ),
        pytest.param({}, Absent(), id="empty"),
        pytest.param(None, Absent(), id="null"),
        pytest.param({"auth": ""}, Absent(), id="empty auth"),
        pytest.param({"auth": "?"}, Absent(), id="no base64"),
        pytest.param({"auth": "bm9jb2xvbg=="}, Absent(), id="no colon"),
        pytest.param({"auth": "/////w=="}, Absent(), id="no UTF-8"),
        pytest.param({"auth": 5}, Absent(), id="a number"),
        pytest.param({"username": True}, Absent(), id="a truth"),
    ],
)
def test_every_shape_of_an_entry_is_read(entry: object, expect: object) -> None:
    """What a client would use is held; what it can't use is absent, and may be replaced."""
    assert held({"auths": {HOST: entry}}) == expect


@vectors(DOCKER_FILE, "ggcr_decode_entry")
def test_other_readers_of_entries_agree(given: Mapping[str, Any], expect: Any) -> None:
    """Entries that go-containerregistry reads are read, those that it refuses are absent."""
    holding = held({"auths": {HOST: given["entry"]}})
    if "error" in expect:
        assert holding == Absent()
    elif "identitytoken" in expect:
        assert holding == Value("<token>", Secret(expect["identitytoken"]))
    else:
        assert holding == Value(expect["username"], Secret(expect["password"]))


def test_podman_reads_no_plain_fields() -> None:
    """Only auth is known to podman, so a user name and a password in fields are nothing to it."""
    entry = {"username": "u", "password": "p"}
    assert held({"auths": {HOST: entry}}, fmt=Format.PODMAN) == Absent()


@pytest.mark.parametrize("fmt", list(Format))
def test_the_old_layout_holds_nothing(fmt: Format) -> None:
    """No client reads a map of hosts at the top, as in .dockercfg: a write has to move them."""
    hosts = {HOST: {"auth": auth("new"), "email": "e@x"}, "other.example": {"auth": auth("t")}}
    assert held(hosts, fmt=fmt) == Absent()
    assert held({"auths": hosts}, fmt=fmt) == Value("AWS", Secret("new"), "e@x")
    assert auths_of(merged(json.dumps(hosts), fmt=fmt)) == hosts


@pytest.mark.parametrize(
    "document",
    [
        {"HttpHeaders": {"auth": "x"}},
        {"features": {"auth": "x"}, HOST: {"auth": auth()}},
        {HOST: "text"},
        {HOST: {"username": "u"}},
        {"credsStore": "", HOST: {"auth": auth()}},
    ],
    ids=["a setting", "a setting and a host", "no entry", "no auth", "a modern setting"],
)
def test_settings_are_not_taken_for_the_old_layout(document: dict[str, Any]) -> None:
    """Unknown keys at the top stay at the top, and are no entries."""
    assert held(document) == Absent()
    assert json.loads(text_of(merged(json.dumps(document)))) == {
        **document,
        "auths": {HOST: {"auth": auth()}},
    }


def test_a_byte_order_mark_hides_every_entry_from_clients() -> None:
    """Clients refuse a file that starts with a mark, so nothing is held until it is gone."""
    text = json.dumps({"auths": {HOST: {"auth": auth()}}})
    assert held("\ufeff" + text) == Absent()
    result = merged("\ufeff" + text)
    assert text_of(result) == text
    assert any("byte order mark" in note for note in result.notes)


@pytest.mark.parametrize("name", ["credsStore", "credsstore", "CREDSSTORE"])
def test_a_store_shadows_an_entry(name: str) -> None:
    """Under a credsStore, in any letters, an entry is foreign: no client would read it."""
    holding = held({"auths": {HOST: {"auth": auth()}}, name: "osxkeychain"})
    assert isinstance(holding, Foreign)
    assert 'credsStore is "osxkeychain"' in holding.reason
    assert HOST in holding.reason


TWINS = [f"https://{HOST}", f"http://{HOST}/v1/", f"{HOST.title()}"]


@pytest.mark.parametrize("fmt", list(Format))
@pytest.mark.parametrize("other", [{"auth": auth("old")}, {"auth": auth("new", "x")}, {}], ids=str)
def test_of_twins_that_differ_none_is_held(other: dict[str, str], fmt: Format) -> None:
    """Without the exact key a client takes any spelling, so all must say the same to be held."""
    ours = {"auth": auth("new")}
    for first, second in ((ours, other), (other, ours)):
        twins = {"auths": {TWINS[0]: first, TWINS[1]: second}}
        assert held(twins, fmt=fmt) == Absent()
        result = merged(json.dumps(twins), fmt=fmt)
        assert auths_of(result) == {HOST: ours}
        assert held(text_of(result), fmt=fmt) == Value("AWS", Secret("new"))
    same = {"auths": {TWINS[0]: {**ours, "email": "e@x"}, TWINS[1]: ours, "x.example": other}}
    assert held(same, fmt=fmt) == Value("AWS", Secret("new"), "e@x")
    exact = {"auths": {TWINS[0]: other, HOST: ours}}
    assert held(exact, fmt=fmt) == Value("AWS", Secret("new"))


@pytest.mark.parametrize("key", ["https://{}/team", "http://{}/team/", "HTTPS://{}/team"])
def test_podman_cuts_a_path_behind_a_scheme(key: str) -> None:
    """Such a key is another's, for the host: neither the path nor the host takes its place."""
    theirs = {key.format(HOST): {"auth": auth("theirs")}}
    for registry in (f"{HOST}/team", HOST):
        result = merged(json.dumps({"auths": theirs}), registry, fmt=Format.PODMAN)
        assert auths_of(result) == {**theirs, registry: {"auth": auth()}}


def test_podman_has_namespaces_of_any_name() -> None:
    """Without a scheme v1 is a namespace to podman, not the old API: its entry stays."""
    theirs = {f"{HOST}/v1": {"auth": auth("theirs")}, f"{HOST}/v2/": {"auth": auth("theirs")}}
    text = json.dumps({"auths": theirs})
    assert auths_of(merged(text, fmt=Format.PODMAN)) == {**theirs, HOST: {"auth": auth()}}
    assert auths_of(merged(text)) == {HOST: {"auth": auth()}}


@pytest.mark.parametrize("fmt", list(Format))
def test_a_token_is_not_written_for_a_user_name(fmt: Format) -> None:
    """The user name that marks an identity token is refused: clients would send it as it is."""
    result = merged("{}", what=credential("canary", "<token>"), fmt=fmt)
    assert result.data is None
    assert "identity token" in result.refused[HOST]
    assert "canary" not in result.refused[HOST]


@pytest.mark.parametrize("text", ['{"credHelpers": {"%s": null}, "credsStore": "s"}', "{}"])
def test_a_helper_of_null_is_an_empty_one(text: str) -> None:
    """In docker's format null for a host means the file, as the empty text does."""
    text = text.replace("%s", HOST)
    assert held(text) == Absent()
    assert merged(text).refused == {}


@pytest.mark.parametrize("store", [5, [], {}, True])
def test_podman_knows_no_store(store: object) -> None:
    """What credsStore is does not matter in podman's format, and stays."""
    before = {"credsStore": store}
    result = merged(json.dumps(before), fmt=Format.PODMAN)
    assert json.loads(text_of(result)) == {**before, "auths": {HOST: {"auth": auth()}}}


def test_podman_reads_a_token_next_to_auth_only() -> None:
    """An identitytoken without auth, and any registrytoken, are nothing to podman."""
    fields: dict[str, Any] = {"identitytoken": "T", "registrytoken": "R"}
    assert held({"auths": {HOST: fields}}, fmt=Format.PODMAN) == Absent()
    del fields["identitytoken"]
    fields["auth"] = auth()
    expect = Value("AWS", Secret("new"))
    assert held({"auths": {HOST: fields}}, fmt=Format.PODMAN) == expect


def test_docker_can_hold_no_path() -> None:
    """A path is refused where docker would use it for the whole host; podman takes it."""
    registry = "quay.io/team"
    holding = held({}, registry)
    assert isinstance(holding, Foreign)
    assert "format to podman" in holding.reason
    assert merged("{}", registry).refused == {registry: holding.reason}
    assert auths_of(merged("{}", registry, fmt=Format.PODMAN)) == {registry: {"auth": auth()}}


# --- a merge ----------------------------------------------------------------------


FOREIGN = """{
  "zz": {"n": 1.0, "big": 1e400, "long": 123456789012345678901234567890, "\\u00e9": "\\u003c<é\\/"},
  "auths": {
    "other.example":   {"auth": "Zm9v\\nOmI=", "email": "e@x", "identitytoken": "I", "x": [1,  2]},
    "registry.example:5000/team": {"auth": "QTpC"}, "empty.example": {},
    "null.example": null
  },
  "proxies": {"default": {"httpProxy": "http://p"}}, "credHelpers": {"h.example": "x"},
  "HttpHeaders": {"User-Agent": "u"}, "currentContext": "c", "half": "\\ud800"
}
"""


def test_a_new_entry_is_all_that_changes() -> None:
    """Everything that is not ours keeps every character: numbers, escapes, order, spacing."""
    expected = FOREIGN.replace(
        '"null.example": null',
        f'"null.example": null,\n    "{HOST}": {{\n      "auth": "{auth()}"\n    }}',
    )
    assert text_of(merged(FOREIGN)) == expected


def test_a_renewed_entry_is_all_that_changes() -> None:
    """Of an entry that is there, the auth alone is exchanged; its other fields stay."""
    before = FOREIGN.replace('"empty.example": {}', f'"{HOST}": {{"x": 1e5, "auth": "b", "y":2}}')
    after = before.replace('"auth": "b"', f'"auth": "{auth()}"')
    assert text_of(merged(before)) == after


def test_the_same_token_changes_nothing() -> None:
    """A document that holds the credential is left alone, however it is laid out."""
    for text in (FOREIGN, "{}", '{"auths":{}}'):
        once = merged(text)
        assert merged(text_of(once)) == Merged(None, (), {})


@pytest.mark.parametrize(
    ("text", "expect"),
    [
        pytest.param(
            "", '{\n\t"auths": {\n\t\t"h.io": {\n\t\t\t"auth": "A"\n\t\t}\n\t}\n}', id="0"
        ),
        pytest.param(
            "{}", '{\n\t"auths": {\n\t\t"h.io": {\n\t\t\t"auth": "A"\n\t\t}\n\t}\n}', id="1"
        ),
        pytest.param('{"auths":{}}', '{"auths":{"h.io":{"auth":"A"}}}', id="compact"),
        pytest.param(
            "{}\r\n",
            '{\r\n\t"auths": {\r\n\t\t"h.io": {\r\n\t\t\t"auth": "A"\r\n\t\t}\r\n\t}\r\n}\r\n',
            id="empty, CRLF",
        ),
        pytest.param(
            "\n", '{\n\t"auths": {\n\t\t"h.io": {\n\t\t\t"auth": "A"\n\t\t}\n\t}\n}\n', id="line"
        ),
        pytest.param('{"auths": null}\n', '{"auths": {"h.io": {"auth": "A"}}}\n', id="null"),
        pytest.param('{"a":1}', '{"a":1,"auths":{"h.io":{"auth":"A"}}}', id="no auths"),
        pytest.param(
            '{\r\n  "a": 1\r\n}\r\n',
            '{\r\n  "a": 1,\r\n  "auths": {\r\n    "h.io": {\r\n      "auth": "A"\r\n    }'
            "\r\n  }\r\n}\r\n",
            id="CRLF",
        ),
        pytest.param(
            '{"auths": {"a": {}, "b": {}}}',
            '{"auths": {"a": {}, "b": {}, "h.io": {"auth": "A"}}}',
            id="one line",
        ),
        pytest.param(
            '{\n "auths": {"h.io": {}}\n}',
            '{\n "auths": {"h.io": {\n   "auth": "A"\n  }}\n}',
            id="empty entry",
        ),
        pytest.param('{"auths":{"h.io":[]}}', None, id="entry of a wrong type"),
        pytest.param('{"auths":{"h.io":null}}', '{"auths":{"h.io":{"auth":"A"}}}', id="null entry"),
        pytest.param('{"Auths":{}}', '{"Auths":{"h.io":{"auth":"A"}}}', id="other letters"),
    ],
)
def test_a_new_entry_is_laid_out_like_the_rest(text: str, expect: str | None) -> None:
    """Indentation, line ends and spaces are those of the document; a new one is docker's."""
    if expect is None:
        with pytest.raises(MalformedError, match="no object"):
            merged(text, "h.io")
    else:
        assert text_of(merged(text, "h.io")) == expect.replace('"A"', f'"{auth()}"')


SPELLINGS = [HOST, f"{HOST}/", f"https://{HOST}", f"https://{HOST}/v1/", f"http://{HOST}/v2"]
SPELLINGS += [f"HTTPS://{HOST.upper()}/", f"{HOST.title()}", f" {HOST} "]


@pytest.mark.parametrize("fmt", list(Format))
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_another_spelling_is_renewed_not_left_behind(spelling: str, fmt: Format) -> None:
    """Whatever spelling was there, one key is there afterwards and holds the new token."""
    result = merged(json.dumps({"auths": {spelling: {"auth": "old", "x": 1}}}), fmt=fmt)
    assert auths_of(result) == {HOST: {"auth": auth(), "x": 1}}
    assert result.notes == (() if spelling == HOST else (f"collapsed {spelling} into {HOST}",))


@pytest.mark.parametrize("exact", range(len(SPELLINGS)))
def test_all_spellings_become_one(exact: int) -> None:
    """Several spellings collapse into one key, wherever they stand; neighbours stay."""
    order = SPELLINGS[1:]
    order.insert(exact, HOST)
    entries: dict[str, Any] = {"first.example": {}}
    for number, spelling in enumerate(order):
        entries |= {spelling: {"auth": "old", "from": spelling}, f"{number}.example": {}}
    entries |= {f"{HOST}/team": {}, f"{HOST}/Team x": {}, f"https://u:p@{HOST}": {}}
    result = merged(json.dumps({"auths": entries}, indent=2))
    expected: dict[str, Any] = {key: {} for key, entry in entries.items() if not entry}
    assert auths_of(result) == {**expected, HOST: {"auth": auth(), "from": HOST}}
    assert len(result.notes) == 1
    assert all(spelling in result.notes[0] for spelling in order)


@pytest.mark.parametrize(
    ("fmt", "key"), [(Format.DOCKER, HUB_KEY), (Format.PODMAN, HUB)], ids=["docker", "podman"]
)
@pytest.mark.parametrize(
    "alias", [HUB, "index.docker.io", "registry-1.docker.io", HUB_KEY, "https://index.docker.io/v1"]
)
def test_docker_hub_has_the_key_that_its_client_reads(fmt: Format, key: str, alias: str) -> None:
    """Any alias of Docker Hub becomes the one key that the format's clients look for."""
    for before in ({}, {alias: {"auth": "old"}}):
        result = merged(json.dumps({"auths": before}), HUB, fmt=fmt)
        assert auths_of(result) == {key: {"auth": auth()}}


def test_stale_tokens_go_from_our_entry_only() -> None:
    """Tokens and fields that say something else are dropped where we write, kept elsewhere."""
    stale = {"identitytoken": "I", "RegistryToken": "R", "username": "u", "password": "p"}
    before = {"auths": {HOST: {**stale, "AUTH": "x", "email": "e"}, "other.example": stale}}
    after = auths_of(merged(json.dumps(before)))
    assert after == {HOST: {"email": "e", "auth": auth()}, "other.example": stale}


def test_fields_that_are_right_stay() -> None:
    """A user name and a password that say the same as auth are no reason to write."""
    entry = {"auth": auth(), "username": "AWS", "password": "new", "identitytoken": ""}
    assert merged(json.dumps({"auths": {HOST: entry}})).data is None


def test_an_entry_of_nothing_but_stale_fields_is_laid_out_anew() -> None:
    """When no field stays, the entry holds the credential and nothing else."""
    before = '{"auths":{"' + HOST + '":{"identitytoken":"I"}}}'
    assert auths_of(merged(before)) == {HOST: {"auth": auth()}}


@pytest.mark.parametrize(
    ("before", "brought", "after"),
    [
        ("old@x", None, "old@x"),
        ("old@x", "new@x", "new@x"),
        (None, "new@x", "new@x"),
        (None, None, None),
    ],
)
def test_an_email_is_kept_unless_a_new_one_comes(
    before: str | None, brought: str | None, after: str | None
) -> None:
    """An e-mail that is there stays; one that the credential brings is written."""
    entry = {"auth": "x"} | ({"email": before} if before else {})
    result = merged(json.dumps({"auths": {HOST: entry}}), what=credential(email=brought))
    assert auths_of(result)[HOST].get("email") == after


def test_the_old_layout_is_written_in_the_new_one() -> None:
    """Hosts at the top move under auths, none is lost, and a note says so."""
    hosts = {HUB_KEY: {"auth": "QTpC", "email": "é@x"}, HOST: {"auth": "old"}}
    result = merged(json.dumps(hosts, indent=4) + "\n")
    expected = {"auths": {**hosts, HOST: {"auth": auth()}}}
    assert text_of(result) == json.dumps(expected, indent=4) + "\n"
    assert any(".dockercfg" in note for note in result.notes)


def test_what_is_shadowed_is_refused_and_the_rest_is_merged() -> None:
    """One registry with a helper does not keep the others from their credentials."""
    before = {"credHelpers": {"h.example": "ecr-login"}, "auths": {"h.example": {}}}
    result = merged(json.dumps(before), "h.example", HOST)
    assert list(result.refused) == ["h.example"]
    assert 'credHelpers["h.example"] is "ecr-login"' in result.refused["h.example"]
    assert json.loads(text_of(result)) == {
        **before,
        "auths": {"h.example": {}, HOST: {"auth": auth()}},
    }


# A client reads its own fields in any case, and a number there keeps it from the whole file.
FIELD = st.text(max_size=5).filter(lambda name: name.casefold() not in {"auth", "email"})
ENTRY = st.dictionaries(FIELD, st.integers() | st.text(max_size=5), max_size=3)
NAMES = st.text(max_size=6) | st.sampled_from([*SPELLINGS, HUB_KEY, HUB, f"{HOST}/team"])


@settings(deadline=None)
@given(
    entries=st.dictionaries(NAMES, ENTRY, max_size=6),
    rest=st.dictionaries(st.text(max_size=5).map(lambda text: "_" + text), ENTRY, max_size=3),
    indent=st.sampled_from([None, 0, 2, "\t"]),
    fmt=st.sampled_from(list(Format)),
)
def test_a_merge_holds_and_loses_nothing(
    entries: dict[str, Any], rest: dict[str, Any], indent: int | str | None, fmt: Format
) -> None:
    """After any merge the credentials are held, all else is as it was, and it is final."""
    before = {**rest, "auths": entries}
    result = merged(json.dumps(before, indent=indent), HOST, HUB, fmt=fmt)
    if result.data is None:
        return
    after = json.loads(result.data)
    spelled = {*SPELLINGS, HUB_KEY, HUB}
    assert {key: after["auths"].get(key) for key in entries if key not in spelled} == {
        key: entry for key, entry in entries.items() if key not in spelled
    }
    assert {key: value for key, value in after.items() if key != "auths"} == rest
    for registry in (HOST, HUB):
        holding = held(result.data.decode(), registry, fmt)
        assert isinstance(holding, Value)
        assert (holding.username, holding.secret) == ("AWS", Secret("new"))
    assert merged(result.data, HOST, HUB, fmt=fmt).data is None


# --- what docker and podman test ---------------------------------------------------


@vectors(DOCKER_FILE, "load+save")
def test_documents_that_docker_loads_and_saves(given: Mapping[str, Any], expect: Any) -> None:
    """What docker keeps is kept; what it drops (unknown keys, an e-mail) is kept all the same."""
    if "text" not in given:
        return  # a dangling link: see the tests of the sink
    before = json.loads(given["text"])
    if before.get("credsStore"):
        assert list(merged(given["text"]).refused) == [HOST]
        return
    after = json.loads(text_of(merged(given["text"])))
    auths = after["auths"]
    assert auths.pop(HOST) == {"auth": auth()}
    assert after == {"auths": {}, **before}
    if "username" in expect:
        holding = held(given["text"], HUB)
        assert holding == Value(expect["username"], Secret(expect["password"]))


@vectors(DOCKER_FILE, "load")
def test_documents_that_docker_loads(given: Mapping[str, Any], expect: Any) -> None:
    """Nothing is an empty document, a broken one is refused, both kinds of fields are read."""
    if "entry" in given:
        holding = held({"auths": {HOST: given["entry"]}})
        token = expect.get("identitytoken")
        user, secret = ("<token>", token) if token else (expect["username"], expect["password"])
        assert holding == Value(user, Secret(secret))
    elif "error_contains" in expect:
        with pytest.raises(MalformedError):
            read(given["text"].encode())
    elif "mode" not in given:
        assert held(given.get("text", "") or "") == Absent()


@vectors(DOCKER_FILE, "save")
def test_documents_that_docker_saves(given: Mapping[str, Any], expect: Any) -> None:
    """A new document is laid out as docker's, and an entry holds auth alone.

    docker drops User-Agent headers when it saves; here they are not ours to drop.
    """
    if "auth" in given:
        what = credential(given["auth"]["password"], given["auth"]["username"])
        assert auths_of(merged("", "a.io", what=what)) == {"a.io": expect["entry"]}
    elif given.get("state") == {}:
        entry = f'"{HOST}": {{\n\t\t\t"auth": "{auth()}"\n\t\t}}'
        text = expect["text"].replace("{}", f"{{\n\t\t{entry}\n\t}}")
        assert text_of(merged("")) == text
    elif "state" in given:
        after = json.loads(text_of(merged(json.dumps(given["state"]))))
        assert after["HttpHeaders"] == given["state"]["HttpHeaders"]


@vectors(PODMAN, "write_docker_compat")
def test_documents_that_podman_writes_for_docker(given: Mapping[str, Any], expect: Any) -> None:
    """A registry has its key, a namespace is refused, and what else is there is kept."""
    result = merged(json.dumps(given.get("existing", {})), given["login_key"])
    if expect.get("error"):
        assert given["login_key"] in result.refused
        return
    after = json.loads(text_of(result))
    assert after["auths"].pop(expect.get("written_key", given["login_key"])) == {"auth": auth()}
    assert after == {"auths": {}, **given.get("existing", {})}


@vectors(PODMAN, "lookup_text")
def test_an_empty_file_is_no_error(given: Mapping[str, Any], expect: Any) -> None:
    """An empty file, which podman refuses, is an empty document, and a write repairs it."""
    assert "error_contains" in expect
    assert held(given["text"], fmt=Format.PODMAN) == Absent()
    assert auths_of(merged(given["text"], fmt=Format.PODMAN)) == {HOST: {"auth": auth()}}


# --- what is refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        pytest.param(b'{"auths": {"a": {"auth": "x"', (1, 29), "delimiter", id="cut off"),
        pytest.param(b"[]", (1, 1), "no object", id="a list"),
        pytest.param(b'{"auths": "x"}', (1, 11), "auths is no object", id="auths a text"),
        pytest.param(b'{"auths": []}', (1, 11), "auths is no object", id="auths a list"),
        pytest.param(b'{"auths": {},\n "auths": {}}', (2, 2), "twice", id="auths twice"),
        pytest.param(b'{"auths": {},\n "Auths": {}}', (2, 2), "twice", id="in two spellings"),
        pytest.param(b'{"auths": {"a": {}, "a": {}}}', (1, 21), "twice", id="an entry twice"),
        pytest.param(b'{"auths": {"a": {"x": 1, "x": 2}}}', (1, 17), "twice", id="a field twice"),
        pytest.param(b'{"auths": {"a": "x"}}', (1, 17), "entry of auths", id="an entry a text"),
        pytest.param(b'{"credHelpers": []}', (1, 17), "credHelpers", id="credHelpers a list"),
        pytest.param(b'{"credHelpers": {"a": 1}}', (1, 17), "credHelpers", id="a helper a number"),
        pytest.param(b'{\n"\xff": 1}', (2, 2), "not UTF-8", id="no UTF-8"),
        pytest.param('{"é": \ud800'.encode("utf-8", "surrogatepass"), (1, 7), "UTF-8", id="half"),
        pytest.param("{}".encode("utf-16"), (1, 1), "UTF-16", id="UTF-16"),
        pytest.param(b"[" * 200_000, (1, 1), "deeply", id="deep nesting"),
    ],
)
def test_what_can_not_be_changed_safely_is_refused(
    data: bytes, place: tuple[int, int], message: str
) -> None:
    """A document that is broken, or that no client can read, is refused with the place."""
    with pytest.raises(MalformedError, match=message) as caught:
        read(data)
    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize("name", ["auths", "credHelpers", "credsStore"])
def test_null_is_as_good_as_missing(name: str) -> None:
    """A known key whose value is null counts as not set."""
    assert held({name: None}) == Absent()
    assert auths_of(merged(json.dumps({name: None}))) == {HOST: {"auth": auth()}}


@settings(deadline=None)
@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No content of a file raises anything but MalformedError."""
    try:
        document = read(data)
    except MalformedError:
        return
    assert holdings(document, [HOST], Format.DOCKER)
