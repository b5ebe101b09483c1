"""The redactor, attacked with one secret in every form that outputs are known to have shown."""

import base64
import enum
import json
import random
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.model.credential import Secret
from refresher.observe.redact import Redactor
from refresher.testing import NASTY_SECRETS
from tests.observe.canary import forms, leaks

RANDOM = random.Random(42)  # noqa: S311 - the same canaries in every run
TOKEN = base64.b64encode(RANDOM.randbytes(2200)).decode()
PEM_BODY = "\n".join(base64.b64encode(RANDOM.randbytes(48)).decode() for _ in range(26))
PEM = f"-----BEGIN PRIVATE KEY-----\n{PEM_BODY}\n-----END PRIVATE KEY-----\n"
KEY = json.dumps(
    {
        "type": "service_account",
        "project_id": "acme-production-1234",
        "private_key_id": RANDOM.randbytes(20).hex(),
        "private_key": PEM,
        "client_email": "pusher@acme-production-1234.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
)
CANARIES = {
    "token": TOKEN,
    "json key": KEY,
    "8 characters": "pa55w0rd",
    "11 characters": "pa55:w0rd/x",
    "12 characters": "pa55w0rd+abc",
    "quotes": "it's \"quoted\" <twice> & 'thrice' \"\"''\\\\'\"",
    "only quotes": "'\"" * 20,
    "not latin": "påsswörd-\N{SNOWMAN}-\N{PILE OF POO}-пароль-很长的密码",
    "same characters": "a" * 40,
    "period of nine": "abcdefghi" * 9,
    "dots": "pa.ss~wo_rd-12.34~56_78-90",
} | {f"nasty {i}": text for i, text in enumerate(NASTY_SECRETS) if len(text) >= 8}
USERS = ("AWS", "_json_key", "me", "oauth2accesstoken", "ops@example.com")
LINE = (
    "cannot write /var/lib/refresher/config.json for 123456789012.dkr.ecr.us-west-2.amazonaws.com"
)


def redactor(*texts: str) -> Redactor:
    """Return a redactor that knows these secrets and no other."""
    live = [Secret(text) for text in texts]
    return Redactor(lambda: live)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
def test_no_form_of_a_secret_remains(canary: str, user: str) -> None:
    """No 12 characters in a row of any form get through, and what stands around them does."""
    redact = redactor(canary).redact
    for name, form in forms(canary, user).items():
        output = redact(f"answer from the registry <{form}> was odd")
        assert leaks(output, form.strip('"')) == [], name
        assert leaks(output, canary) == [], name
        assert output.startswith("answer from the registry "), name
        assert output.endswith(" was odd"), name


@pytest.mark.parametrize("length", [8, 9, 10, 11, 12, 13, 14, 64, 2700])
@pytest.mark.parametrize("before", range(7))
def test_base64_is_found_at_every_alignment(before: int, length: int) -> None:
    """Whatever precedes a secret in what was encoded, the whole run of base64 goes."""
    canary = secrets.token_urlsafe(length)[:length]
    redact = redactor(canary).redact
    for after in range(4):
        text = "?" * before + canary + "!" * after
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(text.encode()).decode()
            for form in (encoded, encoded.rstrip("="), f"/v2/{encoded}", f"x{encoded}"):
                assert redact(f"<{form}>") == "<***>"


@pytest.mark.parametrize("length", [12, 13, 14, 15, 16, 17, 40, 200])
@pytest.mark.parametrize("form", ["raw", "quote, all", "quote, lower case", "base64"])
@pytest.mark.parametrize("canary", [TOKEN, PEM_BODY.replace("\n", "")], ids=["token", "key body"])
def test_a_cut_off_secret_is_found(canary: str, form: str, length: int) -> None:
    """Any 12 characters of a form are as secret as the whole, wherever they were cut out."""
    text = forms(canary)[form]
    redact = redactor(canary).redact
    for start in range(0, len(text) - length, 11 + length):
        shown = text[start : start + length]
        assert leaks(redact(f"<{shown}>"), shown) == [], start


@pytest.mark.parametrize("escape", [json.dumps, repr], ids=["json", "repr"])
def test_a_cut_off_key_is_found(escape: Callable[[str], str]) -> None:
    """A part of a JSON key that holds 12 characters of its private key is masked so far."""
    text = escape(KEY)
    redact = redactor(KEY).redact
    for start in range(text.index("BEGIN"), text.index("END"), 7):
        shown = text[start : start + 80]
        assert leaks(redact(f"<{shown}>"), shown) == [], start


@given(
    canary=st.text(
        st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="*"), min_size=8
    ),
    user=st.sampled_from(USERS),
    data=st.data(),
)
@settings(deadline=None)
def test_any_secret_is_found_in_any_form(canary: str, user: str, data: st.DataObject) -> None:
    """The forms hold no surprise for secrets that nobody thought of."""
    name, form = data.draw(st.sampled_from(sorted(forms(canary, user).items())))
    output = redactor(canary).redact(f"({form})")
    assert leaks(output, canary) == [], name
    if len(canary) >= 12:
        assert leaks(output, form.strip('"')) == [], name


@given(text=st.text(), canary=st.text(min_size=8))
@settings(deadline=None)
def test_any_text_can_be_redacted(text: str, canary: str) -> None:
    """The redactor raises nothing, lone surrogates and control characters included."""
    assert canary not in redactor(canary).redact(text + canary + text) or set(canary) == {"*"}


@given(text=st.text(st.characters(codec="ascii")))
@settings(deadline=None)
def test_text_without_a_secret_stays(text: str) -> None:
    """What holds no secret is not touched."""
    assert redactor(TOKEN).redact(text) == text


@pytest.mark.parametrize("byte", [0x80, 0xFF])
def test_secrets_and_texts_with_lone_surrogates_are_redacted(byte: int) -> None:
    """Undecodable bytes of the environment reach the redactor as surrogates and don't stop it."""
    stray = bytes([byte]).decode("utf-8", "surrogateescape")
    canary = f"pass{stray}word-from-environment"
    for text in (canary, repr(canary), json.dumps(canary), f"{stray}%41{canary}"):
        assert leaks(redactor(canary).redact(f"{stray} {text}"), canary) == []


def test_lines_of_a_private_key_are_found_one_by_one() -> None:
    """A key that is printed line by line, indented or joined, is masked line by line."""
    redact = redactor(KEY).redact
    for line in PEM_BODY.splitlines():
        assert redact(f"  12 | {line}") == "  12 | ***"
    assert leaks(redact(PEM_BODY.replace("\n", "")), PEM_BODY.replace("\n", "")) == []
    assert redact(KEY) == "***"


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach https://oauth2.googleapis.com/token",
        "pusher@acme-production-1234.iam.gserviceaccount.com may not push",
        "the key has no -----BEGIN PRIVATE KEY----- line in private_key",
        "type is not service_account",
        LINE,
    ],
)
def test_what_is_public_in_a_google_key_stays_readable(text: str) -> None:
    """A message that names the key's account or end point helps, and tells no secret."""
    assert redactor(KEY, TOKEN).redact(text) == text


@pytest.mark.parametrize("canary", ['{"password": not quite', '{"a":' * 3000, '["a", "list"]'])
def test_a_secret_that_only_begins_like_json_is_found(canary: str) -> None:
    """A secret is looked into for its public parts, and may turn out to have none."""
    assert redactor(canary).redact(f"<{canary}>") == "<***>"


def test_a_secret_is_found_beside_others() -> None:
    """Several secrets in one text, touching each other, all go."""
    other = "another-secret-of-mine"
    redact = redactor(TOKEN, other).redact
    assert redact(f"a {TOKEN}{other} b {other} c") == "a *** b *** c"


@pytest.mark.parametrize("text", ["", "a", "1234567"])
def test_secrets_shorter_than_8_characters_are_not_looked_for(text: str) -> None:
    """Masking `a` everywhere would leave no readable log."""
    assert redactor(text).redact("a 1234567 b") == "a 1234567 b"


def test_secrets_are_known_as_long_as_they_live() -> None:
    """By default the secrets are those alive in the process, at the moment of use."""
    redact = Redactor().redact
    secret = Secret("a-secret-that-comes-and-goes")
    assert redact("x a-secret-that-comes-and-goes") == "x ***"
    del secret
    assert redact("x a-secret-that-comes-and-goes") == "x a-secret-that-comes-and-goes"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://ops:hunter2@example.com/v2/", "https://ops:***@example.com/v2/"),
        ("proxy http://:pw@127.0.0.1:3128", "proxy http://:***@127.0.0.1:3128"),
        ("Authorization: Basic b3BzOnB3", "Authorization: Basic ***"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': 'Bearer ***'}"),
        ("{b'authorization': b'Bearer abc'}", "{b'authorization': b'Bearer ***'}"),
        ('"Authorization":"bearer abc","x":1', '"Authorization":"bearer ***","x":1'),
        (f"key: {PEM}", "key: -----BEGIN PRIVATE KEY-----***\n-----END PRIVATE KEY-----\n"),
        (
            json.dumps(PEM.replace("PRIVATE", "RSA PRIVATE")),
            '"-----BEGIN RSA PRIVATE KEY-----***\\n-----END RSA PRIVATE KEY-----\\n"',
        ),
        (f"cut off {PEM[:200]}", "cut off -----BEGIN PRIVATE KEY-----***"),
    ],
)
def test_secrets_that_nobody_wrapped_are_known_by_their_looks(text: str, expected: str) -> None:
    """Passwords in URLs, authorization headers and private keys go, whoever made them."""
    assert redactor().redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:5000/v2/",
        "https://example.com:8443/a@sha256:0123456789abcdef",
        "authorization failed: basic authentication is off",
        "the key has no -----BEGIN PRIVATE KEY----- line",
        LINE,
    ],
)
def test_what_only_looks_similar_stays(text: str) -> None:
    """Ports, digests and plain words are no secrets."""
    assert redactor().redact(text) == text


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "db_password", "client-secret", "token", "access_token",
        "identitytoken", "AuthorizationToken", "X-Amz-Security-Token", "X-Registry-Auth",
        "Authorization", "auth", "auths", "Set-Cookie", "apiKey", "aws_secret_access_key",
        "private_key", "passphrase", "credentials", "tokens",
    ],
)  # fmt: skip
def test_values_under_telling_names_are_masked(name: str) -> None:
    """The name of a field is enough, whatever the value is."""
    tree = {"outer": [{name: "abc"}, {name: ["abc"]}, {name: {"x": 1}}, {name: b"abc"}]}
    assert redactor().redact_tree(tree) == {"outer": [{name: "***"}] * 4}


@pytest.mark.parametrize(
    "name", ["password_file", "token_uri", "private_key_id", "expires", "registries", "author"]
)
def test_values_under_other_names_stay(name: str) -> None:
    """A path to a password is no password."""
    assert redactor().redact_tree({name: "abc"}) == {name: "abc"}


@pytest.mark.parametrize("value", ["", None, [], {}, 0, False])
def test_empty_values_stay_under_telling_names(value: object) -> None:
    """That a password is missing is worth knowing."""
    assert redactor().redact_tree({"password": value}) == {"password": value}


class _Odd:
    def __str__(self) -> str:
        return f"odd {TOKEN}"


class _Broken:
    def __str__(self) -> str:
        raise RuntimeError(TOKEN)


class _Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (1.5, 1.5),
        (1234567890, "***"),
        ("x " + TOKEN, "x ***"),
        (TOKEN.encode(), "***"),
        (bytearray(b"\xff abc"), "\\xff abc"),
        (memoryview(TOKEN.encode()), "***"),
        (Secret("x"), "***"),
        (("a", TOKEN), ["a", "***"]),
        (frozenset({TOKEN}), ["***"]),
        ({TOKEN: {1: TOKEN}}, {"***": {"1": "***"}}),
        (Path("/run/secrets"), "/run/secrets"),
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01 00:00:00+00:00"),
        (_Odd(), "odd ***"),
        (_Broken(), "<_Broken that can't be shown>"),
        (_Colour.RED, "_Colour.RED"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_every_type_are_redacted(value: object, expected: object) -> None:
    """What comes out is plain data, and no way of wrapping a secret hides it from the redactor."""
    assert redactor(TOKEN, "1234567890").redact_tree(value) == expected


def test_a_value_that_holds_itself_comes_to_an_end() -> None:
    """Depth is bounded, so a loop can't stop the log."""
    loop: list[object] = []
    loop.append(loop)
    assert "***" in str(redactor().redact_tree(loop))


def test_a_redactor_serves_many_threads_while_secrets_come_and_go() -> None:
    """Each use sees at least the secrets that were alive when it began."""
    live = {name: Secret(f"secret-of-thread-{name}") for name in range(8)}
    shared = Redactor(lambda: list(live.values()))
    start = threading.Barrier(8)

    def use(name: int) -> list[str]:
        start.wait()
        seen = []
        for turn in range(50):
            live[name] = secret = Secret(f"secret-of-thread-{name}-in-turn-{turn}")
            seen.append(shared.redact(f"<{secret.reveal()}>"))
        return seen

    with ThreadPoolExecutor(8) as pool:
        assert {text for seen in pool.map(use, range(8)) for text in seen} == {"<***>"}


def test_a_line_is_redacted_fast_however_many_secrets_live() -> None:
    """300 characters take about 0.2 ms (asserted: 5 ms, for slow machines), with 20 as with 1."""
    line = (LINE * 4)[:300]

    def best(count: int) -> float:
        redact = redactor(*(secrets.token_urlsafe(2250) for _ in range(count))).redact
        redact(line)
        return min(_seconds(lambda: redact(line)) for _ in range(30))

    assert best(20) <= min(0.005, 3 * best(1))


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


@pytest.mark.parametrize(
    "text",
    ["a" * 50_000, "%" * 50_000, "%25" * 20_000, "QUFB" * 12_000, "-" * 50_000, "://a:" * 10_000],
    ids=["run", "percent", "quoted", "base64", "dashes", "urls"],
)
def test_long_hostile_text_takes_bounded_time(text: str) -> None:
    """What a server sends can't make the redactor's work explode."""
    redact = redactor(TOKEN).redact
    assert _seconds(lambda: redact(text)) < 5
