"""The file with the keys of a store: what it may hold, and what is said of what it may not."""

import base64
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.credential import live_secrets
from refresher.store.sealing.keyfile import Key, KeyFile, parse

RAW = bytes(range(32))
OTHER = bytes(range(1, 33))
HEX = RAW.hex()
BASE64 = base64.b64encode(RAW).decode()
ODD = base64.b64encode(b"\xfb\xff" * 16).decode()
PATH = Path("/etc/keys")


def read(text: str | bytes) -> tuple[Key, ...]:
    """Return the keys in a text, or in bytes."""
    return parse(text.encode() if isinstance(text, str) else text, PATH)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(HEX, id="hexadecimal"),
        pytest.param(HEX.upper(), id="upper case"),
        pytest.param(BASE64, id="base64"),
        pytest.param(BASE64.rstrip("="), id="no padding"),
        pytest.param(f"{BASE64}\n", id="a line"),
        pytest.param(f"{BASE64}\r\n", id="a line of Windows"),
        pytest.param(f"  {BASE64}\t\n\n", id="spaces"),
        pytest.param(f"# made in March\n\n{BASE64}\n", id="comment"),
        pytest.param(b"\xef\xbb\xbf" + BASE64.encode(), id="byte order mark"),
        pytest.param(f"{BASE64}\n{HEX}\n{BASE64}\n", id="the same one three times"),
    ],
)
def test_a_key_has_many_spellings(text: str | bytes) -> None:
    """What the usual commands write is a key, with whatever an editor adds."""
    (key,) = read(text)
    assert key.raw() == RAW
    assert key.id == read(HEX)[0].id


def test_both_alphabets_of_base64_are_read() -> None:
    """RFC 4648 has two, in sections 4 and 5."""
    assert "+" in ODD
    assert "/" in ODD
    url_safe = ODD.replace("+", "-").replace("/", "_")
    assert read(url_safe)[0].raw() == read(ODD)[0].raw() == b"\xfb\xff" * 16


def test_keys_stay_in_order() -> None:
    """The first one seals."""
    assert [key.raw() for key in read(f"{OTHER.hex()}\n{BASE64}\n")] == [OTHER, RAW]
    assert len({key.id for key in read(f"{OTHER.hex()}\n{BASE64}\n")}) == 2


@pytest.mark.parametrize(
    ("line", "number"),
    [
        pytest.param(HEX[:-1], 1, id="a digit too few"),
        pytest.param(f"{HEX}0", 1, id="a digit too many"),
        pytest.param(base64.b64encode(RAW[:31]).decode(), 1, id="31 bytes"),
        pytest.param(base64.b64encode(RAW + b"!").decode(), 1, id="33 bytes"),
        pytest.param(BASE64[:-2] + "!=", 1, id="no base64"),
        pytest.param(f"{BASE64}=", 1, id="two equals signs"),
        pytest.param(f"{HEX} {HEX}", 1, id="two on a line"),
        pytest.param(f"key: {BASE64}", 1, id="a name before it"),
        pytest.param(f'"{BASE64}"', 1, id="quotes"),
        pytest.param(f"{HEX}\n# two\n\ncanary-canary", 4, id="a later line"),
        pytest.param(RAW.decode("latin-1"), 1, id="raw bytes"),
        pytest.param(BASE64.encode("utf-16").decode("latin-1"), 1, id="UTF-16"),
    ],
)
def test_what_is_no_key_is_named_by_its_line_and_never_shown(line: str, number: int) -> None:
    """A person finds it, and nobody else learns anything."""
    with pytest.raises(PermanentError) as caught:
        read(line.encode("latin-1"))
    said = f"{caught.value} {caught.value.hint}"
    assert f"store_key_file /etc/keys holds no key on line {number}" in said
    assert "openssl rand" in said
    assert all(part not in said for part in (HEX[:20], BASE64[:20], "canary"))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("text", ["\n", "# nothing\n", " \n\t\n"])
def test_a_file_needs_a_key(text: str) -> None:
    """One that was only commented out is none."""
    with pytest.raises(PermanentError, match="store_key_file /etc/keys holds no key"):
        read(text)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_keys_or_an_error(raw: bytes) -> None:
    """Nothing else is raised, and each key has 32 bytes."""
    try:
        keys = read(raw)
    except PermanentError:
        return
    assert all(len(key.raw()) == 32 for key in keys)


@settings(deadline=None)
@given(
    raws=st.lists(st.binary(min_size=32, max_size=32), min_size=1, unique=True),
    as_hex=st.booleans(),
)
def test_any_keys_are_read_back(*, raws: list[bytes], as_hex: bool) -> None:
    """In either spelling, all of them, in order."""
    lines = [raw.hex() if as_hex else base64.b64encode(raw).decode() for raw in raws]
    assert [key.raw() for key in read("\n".join(lines))] == raws


def test_a_key_shows_nothing() -> None:
    """Neither a key nor its file prints it, and the redactor knows it while it lives."""
    (key,) = read(BASE64)
    assert BASE64 not in repr(key)
    assert BASE64 in [secret.reveal() for secret in live_secrets()]
    assert repr(KeyFile(PATH)) == "KeyFile('/etc/keys')"


def test_a_new_key_counts_at_once(tmp_path: Path) -> None:
    """A file of the same size, written at the same moment, is still another one."""
    path = tmp_path / "key"
    path.write_text(HEX)
    file = KeyFile(path)
    assert file.read()[0].raw() == RAW
    assert file.read() is file.read()
    path.write_text(OTHER.hex())
    assert file.read()[0].raw() == OTHER


def test_a_broken_file_is_an_error_until_it_is_repaired(tmp_path: Path) -> None:
    """Each use tells it, naming the setting; then all is well again."""
    path = tmp_path / "key"
    file = KeyFile(path)
    with pytest.raises(PermanentError, match="store_key_file"):
        file.read()
    path.write_text(HEX)
    assert file.read()[0].raw() == RAW
    path.write_text("")
    with pytest.raises(PermanentError, match="store_key_file"):
        file.read()


@pytest.mark.parametrize(
    ("mode", "exposed"),
    [
        (0o600, False),
        (0o400, False),
        (0o440, False),
        (0o640, False),
        (0o444, True),
        (0o644, True),
        (0o660, True),
        (0o602, True),
        (0o601, True),
    ],
)
def test_a_file_that_is_open_to_others_is_told(tmp_path: Path, mode: int, *, exposed: bool) -> None:
    """A group that may read it is one that was given it, as Kubernetes does by fsGroup."""
    path = tmp_path / "key"
    path.write_text(HEX)
    path.chmod(mode)
    said = KeyFile(path).exposure()
    assert bool(said) == exposed
    assert not exposed or (f"mode {mode:04o}" in said and str(path) in said)


def test_a_missing_file_is_not_open_to_others(tmp_path: Path) -> None:
    """That it is missing is told by whoever reads it."""
    assert KeyFile(tmp_path / "key").exposure() == ""


def test_what_is_no_file_is_not_open_to_others(tmp_path: Path) -> None:
    """Nobody is told to take the rights of a directory away; that it is none is told elsewhere."""
    tmp_path.chmod(0o755)
    assert KeyFile(tmp_path).exposure() == ""
