"""Sealed secrets open in their own row, with a key of the file, and nowhere else."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.store.sealing import recordkey
from refresher.store.sealing.aes import Sealing
from refresher.store.sealing.keyfile import KeyFile
from refresher.store.sealing.seal import SEALED, Plain
from refresher.testing import NASTY_SECRETS

CANARY = "canary-of-sealing"
HOME = ("default", "registry.example:5000")


def sealing(path: Path, *keys: bytes) -> Sealing:
    """Return a seal with a file of these keys, by default of one."""
    path.write_text("\n".join(key.hex() for key in keys or (bytes(32),)))
    return Sealing(KeyFile(path))


@pytest.fixture
def seal(tmp_path: Path) -> Sealing:
    """Give a seal with one key."""
    return sealing(tmp_path / "key", os.urandom(32))


@pytest.mark.parametrize("text", [*NASTY_SECRETS, "", "refresher:sealed:1:", "x" * 10_000])
def test_a_secret_comes_back(seal: Sealing, text: str) -> None:
    """Whatever it looks like, and what is stored shows nothing of it."""
    stored = seal.seal(Secret(text), *HOME)
    assert seal.open(stored, *HOME) == Secret(text)
    assert stored.startswith(SEALED)
    assert len(text) < 8 or text.encode() not in stored.rpartition(b":")[2]


def test_the_form_is_fixed(tmp_path: Path) -> None:
    """A store outlives the version that wrote it: this value was made by the first one."""
    path = tmp_path / "key"
    path.write_text(bytes(range(32)).hex())
    seal = Sealing(KeyFile(path), draw=bytes)
    stored = seal.seal(Secret("pässwörd"), "default", "Registry.Example:5000")
    assert stored == (
        b"refresher:sealed:1:9d6caf6e:AAAAAAAAAAAAAAAAfn8RrcZbQAt6zP/r4r6WNRmYRCd7lOWaQ+I="
    )
    assert seal.open(stored, *HOME) == Secret("pässwörd")


def test_the_same_secret_looks_different_each_time(seal: Sealing) -> None:
    """Nobody sees that two registries have one password."""
    assert seal.seal(Secret(CANARY), *HOME) != seal.seal(Secret(CANARY), *HOME)


def test_the_case_of_an_address_does_not_matter(seal: Sealing) -> None:
    """Addresses of any case are one registry."""
    stored = seal.seal(Secret(CANARY), "default", "Registry.Example:5000")
    assert seal.open(stored, "default", "REGISTRY.example:5000") == Secret(CANARY)


@pytest.mark.parametrize(
    "elsewhere",
    [
        pytest.param(("default", "other.example"), id="another registry"),
        pytest.param(("default", "registry.example"), id="another port"),
        pytest.param(("prod", "registry.example:5000"), id="another environment"),
        pytest.param(("Default", "registry.example:5000"), id="case of the environment"),
        pytest.param(("", "defaultregistry.example:5000"), id="another border"),
        pytest.param(("defaultregistry", ".example:5000"), id="yet another border"),
    ],
)
def test_a_value_does_not_open_in_another_row(seal: Sealing, elsewhere: tuple[str, str]) -> None:
    """Whoever can write to the database can't have a password sent to a registry of theirs."""
    stored = seal.seal(Secret(CANARY), *HOME)
    with pytest.raises(ValueError, match="moved here from another row"):
        seal.open(stored, *elsewhere)


@pytest.fixture(scope="module")
def two_keys(tmp_path_factory: pytest.TempPathFactory) -> Sealing:
    """Give a seal with two keys."""
    return sealing(tmp_path_factory.mktemp("keys") / "key", bytes(32), bytes([1]) * 32)


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_no_change_of_a_value_goes_unnoticed(two_keys: Sealing, data: st.DataObject) -> None:
    """Cut, flipped, lengthened: it is an error, and never another secret."""
    seal = two_keys
    stored = bytearray(seal.seal(Secret(CANARY), *HOME))
    position = data.draw(st.integers(0, len(stored) - 1))
    match data.draw(st.sampled_from(["cut", "flip", "add", "drop"])):
        case "cut":
            del stored[max(position, len(SEALED)) :]
        case "flip":
            stored[max(position, len(SEALED))] ^= 1 << data.draw(st.integers(0, 7))
        case "add":
            stored.insert(max(position, len(SEALED)), data.draw(st.integers(0, 255)))
        case _:
            del stored[max(position, len(SEALED))]
    with pytest.raises((ValueError, PermanentError)) as caught:
        seal.open(bytes(stored), *HOME)
    assert CANARY not in str(caught.value)


def test_base64_has_one_spelling(seal: Sealing) -> None:
    """Bits that no byte has don't go unnoticed either."""
    for length in range(3):
        stored = seal.seal(Secret("x" * length), *HOME)
        if not stored.endswith(b"="):
            continue
        last = stored.rstrip(b"=")[-1:]
        alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        other = alphabet[alphabet.index(last) + 1 :][:1]
        with pytest.raises(ValueError, match="damaged"):
            seal.open(stored.replace(last + b"=", other + b"=", 1), *HOME)


def test_plain_secrets_stay_readable(seal: Sealing) -> None:
    """What was stored before there was a key opens as it is."""
    assert seal.open(Plain().seal(Secret(CANARY), *HOME), *HOME) == Secret(CANARY)
    assert not seal.is_current(CANARY.encode())


def test_a_new_first_key_seals_and_the_old_one_opens(tmp_path: Path) -> None:
    """Rotation is a line above the others, and nothing is lost on the way."""
    old, new = os.urandom(32), os.urandom(32)
    path = tmp_path / "key"
    seal = sealing(path, old)
    before = seal.seal(Secret(CANARY), *HOME)
    assert seal.is_current(before)
    sealing(path, new, old)
    after = seal.seal(Secret(CANARY), *HOME)
    assert [seal.is_current(each) for each in (before, after)] == [False, True]
    assert seal.open(before, *HOME) == seal.open(after, *HOME) == Secret(CANARY)
    sealing(path, new)
    assert seal.open(after, *HOME) == Secret(CANARY)
    with pytest.raises(PermanentError, match="does not hold"):
        seal.open(before, *HOME)


def test_a_wrong_key_names_the_file(seal: Sealing, tmp_path: Path) -> None:
    """And the row, so that a person knows which key is meant."""
    stored = seal.seal(Secret(CANARY), *HOME)
    other = tmp_path / "other"
    with pytest.raises(PermanentError) as caught:
        sealing(other, os.urandom(32)).open(stored, *HOME)
    assert f"store_key_file {other} does not hold" in str(caught.value)
    assert "registry registry.example:5000 of environment default" in str(caught.value)
    assert CANARY not in str(caught.value)


def test_without_a_key_the_setting_is_named(seal: Sealing) -> None:
    """A sealed secret is an error there, not a password that no registry takes."""
    with pytest.raises(PermanentError) as caught:
        Plain().open(seal.seal(Secret(CANARY), *HOME), *HOME)
    assert "store_key_file" in caught.value.hint
    assert "REFRESHER_STORE_KEY_FILE" in caught.value.hint


def test_a_newer_form_is_told(seal: Sealing) -> None:
    """It is neither damaged nor plain."""
    stored = seal.seal(Secret(CANARY), *HOME).replace(b":1:", b":2:", 1)
    with pytest.raises(PermanentError, match="newer version"):
        seal.open(stored, *HOME)


@pytest.mark.parametrize("body", [b"", b"AAAA", b"!", base64.b64encode(bytes(27))])
def test_too_short_a_value_is_damaged(seal: Sealing, body: bytes) -> None:
    """There is no room for a nonce and a tag."""
    head, _, _ = seal.seal(Secret(CANARY), *HOME).rpartition(b":")
    with pytest.raises(ValueError, match="damaged"):
        seal.open(head + b":" + body, *HOME)


def test_text_that_is_no_unicode_is_refused_without_being_carried(seal: Sealing) -> None:
    """The error of a codec would hold the whole secret."""
    with pytest.raises(PermanentError, match="Unicode") as caught:
        seal.seal(Secret(f"{CANARY}\udc80"), *HOME)
    assert caught.value.__context__ is None
    assert CANARY not in str(caught.value)


def test_cryptography_is_loaded_when_a_secret_is_sealed_and_no_sooner(tmp_path: Path) -> None:
    """Its 25 ms are for those who have a key, and then not before they need it."""
    path = tmp_path / "key"
    path.write_text(bytes(32).hex())
    script = f"""
import sys, pathlib
from refresher.model.credential import Secret
from refresher.store.sealing.keyfile import KeyFile
from refresher.store.sealing.aes import Sealing
seal = Sealing(KeyFile(pathlib.Path({str(path)!r})))
seal.open(b"plain", "default", "r.example")
assert not any(name.startswith("cryptography") for name in sys.modules)
seal.seal(Secret("x"), "default", "r.example")
assert "cryptography" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])


def test_the_key_of_the_fingerprints_is_sealed_too(seal: Sealing) -> None:
    """With it, weak passwords could be guessed by their fingerprints."""
    key = os.urandom(32)
    stored = recordkey.from_key(key, seal)
    assert key not in stored
    assert recordkey.to_key(stored, seal) == key
    with pytest.raises(PermanentError, match="the key of the fingerprints is sealed"):
        recordkey.to_key(stored, Plain())
    # Neither it nor a secret can take the place of the other.
    with pytest.raises(ValueError, match="moved here"):
        seal.open(stored, *HOME)
    with pytest.raises(ValueError, match="moved here"):
        recordkey.to_key(seal.seal(Secret(key.hex()), *HOME), seal)


def test_a_plain_key_of_the_fingerprints_is_its_bytes(seal: Sealing) -> None:
    """As it always was; and it stays readable when there is a key to seal with."""
    key = os.urandom(32)
    assert recordkey.from_key(key, Plain()) == key
    assert recordkey.to_key(key, Plain()) == recordkey.to_key(key, seal) == key


@pytest.mark.parametrize("stored", [None, "text", b"", b"short", 7])
def test_what_is_no_key_of_the_fingerprints_is_unreadable(stored: object) -> None:
    """Then it counts as absent."""
    with pytest.raises(ValueError, match=r".+"):
        recordkey.to_key(stored, Plain())
