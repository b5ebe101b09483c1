"""Service-account keys: what can be repaired is, every other defect has its own message."""

import base64
import json
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.credential import live_secrets
from refresher.providers.google.file import Kind, parse
from refresher.providers.google.hosts import Trust
from refresher.providers.google.key import ServiceAccountKey, service_account_key
from tests.doubles.google import EMAIL, new_key
from tests.providers.google_support import pem

WHAT = "key_file /run/gcr.json"
Fields = dict[str, Any]


def _fields(**changed: object) -> Fields:
    fields: Fields = {
        "type": "service_account",
        "project_id": "acme",
        "private_key_id": "0123456789abcdef",
        "private_key": pem(),
        "client_email": EMAIL,
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
    }
    return {name: value for name, value in {**fields, **changed}.items() if value is not ...}


def _raw(**changed: object) -> bytes:
    return json.dumps(_fields(**changed), indent=2).encode()


def _key(raw: bytes, trust: Trust | None = None) -> ServiceAccountKey:
    return service_account_key(parse(raw, WHAT), trust or Trust())


def _lines() -> list[str]:
    return pem().strip().split("\n")


def _other_pem(key: Any, form: Any, encryption: Any = None) -> str:
    encoded: bytes = key.private_bytes(
        serialization.Encoding.PEM, form, encryption or serialization.NoEncryption()
    )
    return encoded.decode()


def _rsa() -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem().encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


PKCS1 = serialization.PrivateFormat.TraditionalOpenSSL
PKCS8 = serialization.PrivateFormat.PKCS8
LOCKED = serialization.BestAvailableEncryption(b"passphrase")


def test_a_good_key_is_only_made_one_line() -> None:
    """Fields, their order and the private key stay as they are; indentation goes."""
    key = _key(_raw())
    document = key.document.reveal()
    assert "\n" not in document
    assert document.isascii()
    assert list(json.loads(document).items()) == list(_fields().items())
    assert (key.email, key.universe, key.notices) == (EMAIL, "googleapis.com", ())


def test_what_is_canonical_stays_the_same() -> None:
    """The canonical form of the canonical form is itself."""
    once = _key(_raw(name="Grüße \N{SNOWMAN} \x7f", n=1.5)).document.reveal()
    assert _key(once.encode()).document.reveal() == once


def test_a_key_shows_nothing_of_itself() -> None:
    """A key prints no secret, and makes its private key known to the redactor while it lives."""
    key = _key(_raw())
    for secret in (_lines()[3], _lines()[10]):
        assert secret not in repr(key)
        assert secret not in repr(parse(_raw(), WHAT))
    assert pem() in [secret.reveal() for secret in live_secrets()]


@pytest.mark.parametrize(
    ("make", "notice"),
    [
        pytest.param(lambda: _raw().replace(b"\\n", b"\n"), "raw line breaks", id="raw newlines"),
        pytest.param(
            lambda: _raw().replace(b"\\n", b"\r\n"), "raw line breaks", id="raw windows newlines"
        ),
        pytest.param(
            lambda: _raw().replace(b"\\n", b"\\\\n"), "doubly escaped", id="double escapes"
        ),
        pytest.param(
            lambda: _raw().replace(b"\\n", b"\\\\\\\\n"), "doubly escaped", id="fourfold escapes"
        ),
        pytest.param(
            lambda: _raw().replace(b"\\n", b"\\\\r\\\\n"), "doubly escaped", id="double CRLF"
        ),
        pytest.param(
            lambda: _raw(private_key="".join(_lines())), "misplaced", id="newlines removed"
        ),
        pytest.param(
            lambda: _raw(private_key=" ".join(_lines())), "misplaced", id="newlines to spaces"
        ),
        pytest.param(
            lambda: _raw(private_key=textwrap.indent(pem(), "  ")), "misplaced", id="indented"
        ),
        pytest.param(
            lambda: _raw(private_key="\n\n".join(_lines())), "misplaced", id="blank lines"
        ),
        pytest.param(lambda: _raw().decode().encode("utf-16"), "UTF-16", id="UTF-16"),
        pytest.param(
            lambda: base64.b64encode(_raw().decode().encode("utf-16")), "UTF-16", id="b64 UTF-16"
        ),
        pytest.param(
            lambda: base64.b64encode(_raw().replace(b"\\n", b"\n")), "raw line", id="b64 raw"
        ),
    ],
)
def test_damage_with_one_meaning_is_repaired_and_told(
    make: Callable[[], bytes], notice: str
) -> None:
    """Line breaks that a form or a shell changed are restored, and a person is told."""
    key = _key(make())
    assert json.loads(key.document.reveal())["private_key"] == pem()
    assert "\n" not in key.document.reveal()
    assert [notice in told for told in key.notices] == [True]
    assert all(WHAT in told for told in key.notices)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: base64.b64encode(_raw()), id="one line"),
        pytest.param(lambda: base64.encodebytes(_raw()), id="wrapped at 76"),
        pytest.param(lambda: base64.encodebytes(_raw()).replace(b"\n", b"\r\n"), id="windows"),
        pytest.param(lambda: base64.b64encode(_raw()).rstrip(b"="), id="no padding"),
        pytest.param(lambda: base64.b64encode(_raw(a=".") + b" ").rstrip(b"="), id="no padding 2"),
        pytest.param(lambda: base64.urlsafe_b64encode(_raw(name="??>>")), id="URL alphabet"),
        pytest.param(lambda: b"\xef\xbb\xbf" + base64.b64encode(_raw()) + b"\n", id="with BOM"),
        pytest.param(lambda: base64.b64encode(b"\xef\xbb\xbf" + _raw()), id="BOM inside"),
        pytest.param(lambda: b"\xef\xbb\xbf" + _raw(), id="JSON with BOM"),
        pytest.param(lambda: b"\r\n \t" + _raw() + b"\r\n\n", id="JSON in white space"),
        pytest.param(lambda: _raw(private_key=pem().replace("\n", "\r\n")), id="CRLF in the key"),
        pytest.param(lambda: _raw(client_email=f" {EMAIL}\n"), id="white space around a value"),
        pytest.param(lambda: _raw(universe_domain=...), id="no universe"),
        pytest.param(lambda: _raw(universe_domain=None), id="null universe"),
        pytest.param(lambda: _raw(token_uri="http://127.0.0.1:8080/token"), id="loopback"),
        pytest.param(
            lambda: _raw(token_uri="https://accounts.google.com/o/oauth2/token"), id="old URL"
        ),
        pytest.param(
            lambda: _raw(token_uri="https://oauth2-acme.p.googleapis.com/token"), id="private"
        ),
    ],
)
def test_other_spellings_are_read_silently(make: Callable[[], bytes]) -> None:
    """Base64, a byte order mark and white space change nothing about a key."""
    key = _key(make())
    assert key.notices == ()
    loaded = json.loads(key.document.reveal())
    assert (loaded["private_key"], loaded["client_email"]) == (pem(), EMAIL)


def test_pkcs1_is_an_rsa_key_too() -> None:
    """`RSA PRIVATE KEY` is accepted as it is, and on one line."""
    pkcs1 = _other_pem(_rsa(), PKCS1)
    for text in (pkcs1, pkcs1.replace("\n", "")):
        key = _key(_raw(private_key=text))
        assert json.loads(key.document.reveal())["private_key"] == pkcs1


def test_a_key_of_usual_length_is_taken() -> None:
    """Google's keys have 2048 bits; the other tests use shorter ones to be fast."""
    full = new_key(2048)
    key = _key(_raw(private_key=full))
    assert json.loads(key.document.reveal())["private_key"] == full


DEFECTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty"),
    "white space": (lambda: b" \n", "is empty"),
    "truncated in a text": (lambda: _raw()[:700], "ends in the middle"),
    "truncated between fields": (lambda: _raw().rstrip(b"}\n "), "ends in the middle"),
    "truncated base64": (lambda: base64.b64encode(_raw())[:800], "ends in the middle"),
    "odd base64": (lambda: base64.b64encode(_raw())[:801], "neither JSON nor base64 of JSON"),
    "base64 of something": (lambda: base64.b64encode(b"hello world"), "neither JSON nor base64"),
    "twice base64": (lambda: base64.b64encode(base64.b64encode(_raw())), "neither JSON nor"),
    "a path": (lambda: b"/run/secrets/gcr.json\n", "neither JSON nor base64"),
    "YAML": (lambda: b"type: service_account\n", "neither JSON nor base64"),
    "two documents": (lambda: _raw() + _raw(), "goes on after the end"),
    "a comma too many": (lambda: _raw()[:-2] + b",}", "no valid JSON in line"),
    "single quotes": (lambda: _raw().replace(b'"', b"'"), "no valid JSON in line 2"),
    "raw breaks and cut": (lambda: _raw().replace(b"\\n", b"\n")[:700], "ends in the middle"),
    "a list": (lambda: b"[" + _raw() + b"]", "is a JSON list"),
    "encoded twice": (lambda: json.dumps(_raw().decode()).encode(), "encoded twice"),
    "a field twice": (
        lambda: _raw().replace(b'"project_id"', b'"client_email"'),
        "has client_email more than once",
    ),
    "an odd field twice": (
        lambda: _raw(MIIE=1).replace(b'"project_id"', b'"MIIE"'),
        "has a field more than once",
    ),
    "NaN": (lambda: _raw(n=float("nan")), "a number that JSON does not have"),
    "a huge number": (lambda: _raw(n=7.5).replace(b"7.5", b"1e999"), "a number that JSON does"),
    "a long integer": (lambda: _raw(n=7.5).replace(b"7.5", b"9" * 5000), "has no end"),
    "deep nesting": (lambda: b"[" * 60_000, "has no end"),
    "a .p12 file": (lambda: b"\x30\x82\x09\xa0\x02\x01\x03", "no text at byte 1"),
    "UTF-16 without BOM": (lambda: _raw().decode().encode("utf-16-le"), "no text at byte 1"),
    "UTF-32": (lambda: _raw().decode().encode("utf-32"), "no text at byte"),
    "odd UTF-16": (lambda: _raw().decode().encode("utf-16")[:-1], "no text at byte"),
    "PEM alone": (lambda: pem().encode(), "a private key alone"),
    "OAuth client": (lambda: b'{"installed": {"client_id": "x"}}', "OAuth client file"),
    "OAuth web client": (lambda: b'{"web": {"client_id": "x"}}', "OAuth client file"),
    "authorized_user": (lambda: _raw(type="authorized_user"), "login of a person .authorized"),
    "external_account": (lambda: _raw(type="external_account"), "an external identity"),
    "external person": (
        lambda: _raw(type="external_account_authorized_user"),
        "login of a person from outside",
    ),
    "impersonated": (lambda: _raw(type="impersonated_service_account"), "an impersonation"),
    "GDCH": (lambda: _raw(type="gdch_service_account"), "Google Distributed Cloud"),
    "no type": (lambda: _raw(type=...), "has no type"),
    "empty type": (lambda: _raw(type=""), "has no type"),
    "odd type": (lambda: _raw(type="canary"), "unknown type"),
    "type is no text": (lambda: _raw(type=["service_account"]), "unknown type"),
    "empty object": (lambda: b"{}", "has no type"),
    "no email": (lambda: _raw(client_email=...), "has no client_email"),
    "empty email": (lambda: _raw(client_email=""), "has an empty client_email"),
    "blank email": (lambda: _raw(client_email=" "), "has an empty client_email"),
    "null email": (lambda: _raw(client_email=None), "client_email that is no text"),
    "no address": (lambda: _raw(client_email="acme"), "client_email that is no address"),
    "no private key": (lambda: _raw(private_key=...), "has no private_key"),
    "empty private key": (lambda: _raw(private_key=""), "has an empty private_key"),
    "private key is an object": (lambda: _raw(private_key={}), "private_key that is no text"),
    "no token_uri": (lambda: _raw(token_uri=...), "has no token_uri"),
    "token_uri http": (
        lambda: _raw(token_uri="http://oauth2.googleapis.com/token"),
        "token_uri in .* is no https URL",
    ),
    "token_uri elsewhere": (
        lambda: _raw(token_uri="https://oauth2.evil.example/token"),
        "the host oauth2.evil.example, which is not Google's",
    ),
    "token_uri no URL": (lambda: _raw(token_uri="oauth2.googleapis.com"), "is no URL"),
    "no PEM": (lambda: _raw(private_key="canary"), "has no '-----BEGIN"),
    "public key": (
        lambda: _raw(
            private_key=_rsa()
            .public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        ),
        "is a public key",
    ),
    "certificate": (
        lambda: _raw(private_key=pem().replace("PRIVATE KEY", "CERTIFICATE")),
        "is a certificate",
    ),
    "odd label": (
        lambda: _raw(private_key=pem().replace("PRIVATE KEY", "NOTHING")),
        "is no private key",
    ),
    "encrypted": (lambda: _raw(private_key=_other_pem(_rsa(), PKCS8, LOCKED)), "is encrypted"),
    "encrypted PKCS 1": (
        lambda: _raw(private_key=_other_pem(_rsa(), PKCS1, LOCKED)),
        "is encrypted",
    ),
    "EC": (
        lambda: _raw(private_key=_other_pem(ec.generate_private_key(ec.SECP256R1()), PKCS8)),
        "is no RSA key",
    ),
    "EC of OpenSSL": (
        lambda: _raw(private_key=_other_pem(ec.generate_private_key(ec.SECP256R1()), PKCS1)),
        "is no RSA key",
    ),
    "Ed25519": (
        lambda: _raw(private_key=_other_pem(ed25519.Ed25519PrivateKey.generate(), PKCS8)),
        "is no RSA key",
    ),
    "OpenSSH": (
        lambda: _raw(private_key=_other_pem(_rsa(), serialization.PrivateFormat.OpenSSH)),
        "is an OpenSSH key",
    ),
    "no END": (lambda: _raw(private_key="\n".join(_lines()[:-1])), "it has no '-----END' line"),
    "another END": (
        lambda: _raw(private_key=pem().replace("END PRIVATE", "END RSA PRIVATE")),
        "BEGIN and an END line that do not match",
    ),
    "no body": (
        lambda: _raw(private_key="\n".join((_lines()[0], _lines()[-1]))),
        "nothing between its BEGIN and END",
    ),
    "backslashes lost": (
        lambda: _raw(private_key=pem().replace("\n", "n")),
        "lost the backslashes",
    ),
    "a stray character": (
        lambda: _raw(private_key=pem().replace(_lines()[3], f"\N{SNOWMAN}!{_lines()[3][2:]}")),
        "no base64 at position 128",
    ),
    "a line lost": (
        lambda: _raw(private_key="\n".join(_lines()[:5] + _lines()[6:])),
        "does not decode",
    ),
    "lines swapped": (
        lambda: _raw(
            private_key="\n".join([*_lines()[:5], _lines()[6], _lines()[5], *_lines()[7:]])
        ),
        "does not decode",
    ),
}


@pytest.mark.parametrize(("make", "message"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_named(make: Callable[[], bytes], message: str) -> None:
    """Each kind of bad file has a message of its own, with the file's name and nothing in it."""
    with pytest.raises(PermanentError, match=message) as caught:
        _key(make())
    told = f"{caught.value} {caught.value.hint}"
    assert WHAT in told
    assert "canary" not in told
    assert not any(line in told for line in _lines()[1:-1])
    assert caught.value.__context__ is None


def test_the_defects_have_different_messages() -> None:
    """The wrong kinds of file can be told apart by their messages."""
    wrong = ("OAuth client", "authorized_user", "external_account", "empty email", "no type")
    messages = set()
    for name in wrong:
        with pytest.raises(PermanentError) as caught:
            _key(DEFECTS[name][0]())
        messages.add(str(caught.value))
    assert len(messages) == len(wrong)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        pytest.param({"type": kind.value}, kind, id=kind.name)
        for kind in Kind
        if kind not in (Kind.OAUTH_CLIENT, Kind.UNKNOWN)
    ],
)
def test_the_kind_of_a_file_is_its_type(fields: Fields, kind: Kind) -> None:
    """Every type that Google writes is known."""
    assert parse(json.dumps(fields).encode(), WHAT).kind is kind


def test_a_sovereign_key_needs_its_universe() -> None:
    """A key of another cloud is taken only where the settings name that cloud."""
    raw = _raw(universe_domain="S3NS.example", token_uri="https://oauth2.s3ns.example/token")
    for written in (raw, _raw(universe_domain="S3NS.example")):
        with pytest.raises(PermanentError, match=r"for the cloud s3ns\.example") as caught:
            _key(written)
        assert caught.value.hint.endswith("set universe_domain: s3ns.example")
    with pytest.raises(PermanentError, match="universe_domain that is no domain"):
        _key(_raw(universe_domain="canary\nx"))
    assert _key(raw, Trust("s3ns.example")).universe == "s3ns.example"


def test_a_host_can_be_trusted_by_name() -> None:
    """A token_uri elsewhere is taken where the settings trust its host, and https alone."""
    trust = Trust(hosts=("tokens.acme.example",))
    assert _key(_raw(token_uri="https://tokens.acme.example/t"), trust)
    with pytest.raises(PermanentError, match="no https"):
        _key(_raw(token_uri="http://tokens.acme.example/t"), trust)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_a_file_or_an_error(raw: bytes) -> None:
    """Whatever bytes a file holds, the answer is an object or a named error."""
    try:
        file = parse(raw, WHAT)
    except PermanentError as error:
        assert str(error).startswith(WHAT)  # noqa: PT017 - either way is right
    else:
        assert isinstance(file.fields, dict)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=25)
@given(st.dictionaries(st.text().filter(lambda name: name not in _fields()), JSON, max_size=4))
def test_unknown_fields_travel_along(more: Fields) -> None:
    """What Google may add to its files one day is kept, in any script, on one ASCII line."""
    document = _key(_raw(**more)).document.reveal()
    assert document.isascii()
    assert document.isprintable()
    assert json.loads(document) == _fields(**more)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1800), st.integers(0, 60))
def test_a_cut_key_is_never_taken(start: int, length: int) -> None:
    """Taking any piece out of the private key's body is noticed."""
    body = "".join(_lines()[1:-1])
    start %= len(body)
    cut = body[:start] + body[start + length :]
    text = "\n".join((_lines()[0], *textwrap.wrap(cut, 64), _lines()[-1], ""))
    if cut == body:
        assert _key(_raw(private_key=text))
        return
    with pytest.raises(PermanentError, match="private_key"):
        _key(_raw(private_key=text))
