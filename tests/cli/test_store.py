"""`refresher store`, and what the other commands make of a sealed store."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from refresher.cli import main

CANARY = "canary-of-the-store-command"


class Site:
    """A folder with settings and a store, and the command line in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.settings = folder / "refresher.yaml"
        self.key = folder / "key"
        self._capsys = capsys
        (folder / "password").write_text(CANARY)
        self.write()

    def write(self, extra: str = "") -> None:
        """Write the settings."""
        self.settings.write_text(
            "store: store.db\nproviders:\n  hub: {type: static, registries: [r.example], "
            "username: ann, password_file: password}\nsinks: {store: {type: store}}\n" + extra
        )

    def seal(self, *keys: bytes) -> None:
        """Configure these keys."""
        self.key.write_text("\n".join(key.hex() for key in keys))
        self.key.chmod(0o600)
        self.write("store_key_file: key\n")

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run a command; return its exit code and what it printed."""
        code = main([*words, "--config", str(self.settings)])
        captured = self._capsys.readouterr()
        assert CANARY not in captured.err
        return code, captured.out, captured.err

    def secrets(self) -> list[bytes]:
        """Return what stands in the store: the secrets, and the key of the fingerprints."""
        query = "SELECT secret FROM credential UNION ALL SELECT value FROM fingerprint_key"
        with closing(sqlite3.connect(self.folder / "store.db")) as connection:
            return [row[0] for row in connection.execute(query)]

    @property
    def content(self) -> bytes:
        """What is in the file of the store."""
        return (self.folder / "store.db").read_bytes()


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    """Give a folder with a provider and the store."""
    return Site(tmp_path, capsys)


def test_a_backup_can_be_used_as_a_store(site: Site) -> None:
    """It is told where it is, and `get` finds everything in it."""
    site.run("once")
    copy = site.folder / "copy.db"
    code, out, err = site.run("store", "backup", str(copy))
    assert (code, err) == (0, "")
    assert out == f"copied {site.folder / 'store.db'} to {copy}: {copy.stat().st_size} bytes\n"
    os.replace(copy, site.folder / "store.db")  # noqa: PTH105 - as a person restores it
    assert CANARY in site.run("get", "r.example")[1]


def test_a_backup_replaces_nothing_unasked(site: Site) -> None:
    """The hint names the option."""
    site.run("once")
    copy = site.folder / "copy.db"
    copy.write_text("precious")
    code, _, err = site.run("store", "backup", str(copy))
    assert code == 1
    assert "exists" in err
    assert "--force" in err
    assert copy.read_text() == "precious"
    assert site.run("store", "backup", str(copy), "--force")[0] == 0


def test_a_store_on_a_server_has_its_own_tools(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """pg_dump is named, and nobody is asked."""
    code = main(["store", "backup", str(site.folder / "x"), "--store", "postgresql://db.invalid/r"])
    assert code == 1
    assert "pg_dump" in capsys.readouterr().err


def test_resealing_tells_how_many(site: Site) -> None:
    """Plain ones first, then none, then those of the old key; and `get` reads on."""
    site.run("once")
    assert CANARY.encode() in site.content
    first, second = os.urandom(32), os.urandom(32)
    site.seal(first)
    assert site.run("store", "reseal")[:2] == (0, "sealed 1 secret(s)\n")
    assert CANARY.encode() not in site.content
    assert site.run("store", "reseal")[:2] == (0, "sealed 0 secret(s), 1 were already\n")
    site.seal(second, first)
    assert site.run("store", "reseal")[:2] == (0, "sealed 1 secret(s)\n")
    site.seal(second)
    assert CANARY in site.run("get", "r.example")[1]


def test_resealing_without_a_key_names_the_setting(site: Site) -> None:
    """Nothing is done."""
    site.run("once")
    code, _, err = site.run("store", "reseal")
    assert code == 1
    assert "store_key_file" in err


def test_the_environment_names_the_key_file_where_no_settings_do(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a command without settings."""
    site.run("once")
    site.key.write_text(os.urandom(32).hex())
    site.key.chmod(0o600)
    monkeypatch.setenv("REFRESHER_STORE_KEY_FILE", str(site.key))
    assert site.run("store", "reseal")[:2] == (0, "sealed 1 secret(s)\n")
    site.settings.write_text("store: store.db\n")
    assert CANARY in site.run("get", "r.example")[1]
    monkeypatch.delenv("REFRESHER_STORE_KEY_FILE")
    code, _, err = site.run("get", "r.example")
    assert code == 1
    assert "store_key_file" in err


@pytest.mark.parametrize("keys", [(), (bytes(32),)], ids=["no key", "wrong key"])
def test_a_run_without_the_right_key_fails_and_changes_no_secret(
    site: Site, keys: tuple[bytes, ...]
) -> None:
    """What is lost then is not the secret but a setting, and that is said."""
    site.seal(os.urandom(32))
    site.run("once")
    before = site.secrets()
    site.write()
    if keys:
        site.seal(*keys)
    code, out, err = site.run("once")
    assert code == 1
    assert "store_key_file" in out + err
    assert site.secrets() == before


def test_a_run_that_needs_the_key_for_its_records_alone_says_so(site: Site) -> None:
    """Else every run would fetch anew, and give a reason that is none."""
    site.seal(os.urandom(32))
    docker = "{type: docker-config, path: config.json}"
    text = site.settings.read_text().replace("{type: store}", docker)
    site.settings.write_text(text)
    assert site.run("once")[0] == 0
    sealed = site.key.read_text()
    site.key.write_text(os.urandom(32).hex())
    code, _, err = site.run("once")
    assert code == 1
    assert err.count("the key of the fingerprints was sealed with a key that store_key_file") == 1
    site.key.write_text(sealed)
    assert site.run("once")[0] == 0
    code, out, err = site.run("once")
    assert (code, err) == (0, "")
    assert "hub: not due" in out


@pytest.mark.parametrize("content", [None, "canary-key", ""])
def test_check_finds_a_key_file_that_is_none(site: Site, content: str | None) -> None:
    """A setting to repair, before anything is sealed; the line is not shown."""
    site.seal()
    if content is None:
        site.key.unlink()
    else:
        site.key.write_text(content)
    code, out, _ = site.run("check")
    assert code == 2
    assert out.startswith("store: store_key_file ")
    assert "canary" not in out


def test_a_key_file_that_is_open_to_others_is_told(site: Site) -> None:
    """By every command that uses it, and in the way of none."""
    site.seal(os.urandom(32))
    site.key.chmod(0o644)
    code, _, err = site.run("once")
    assert code == 0
    assert "is open to others (mode 0644)" in err
    code, _, err = site.run("check")
    assert code == 0
    assert "is open to others (mode 0644)" in err


def test_an_unknown_word_is_told(site: Site) -> None:
    """With the commands that there are."""
    code, _, err = site.run("store", "restore")
    assert code == 2
    assert "restore" in err
