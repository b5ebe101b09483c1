"""The static provider: exactly one source of the password, read anew at every fetch."""

import base64
import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from refresher.errors import PermanentError
from refresher.model.credential import NEVER, UNKNOWN, Secret
from refresher.ports import HasInputs, Tools, Validates
from refresher.providers.static import Options, Static, build
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock, ProviderContract

BASE = {"registries": ["docker.io"], "username": "acme"}


def _options(**more: object) -> Options:
    return Options.model_validate({**BASE, **more})


def _tools(env: dict[str, str] | None = None, notices: list[str] | None = None) -> Tools:
    told = [] if notices is None else notices
    return Tools(FakeClock(), MemoryStore(), env or {}, told.append)


def _static(env: dict[str, str] | None = None, **more: object) -> Static:
    return build(_options(**more), _tools(env))


class TestFileContract(ProviderContract):
    """The contract, with a password file."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "hub"
        self.path.write_text("hunter2-hunter2\n")

    def make_provider(self) -> Static:
        """Return a provider that reads the file."""
        return _static(password_file=str(self.path))


class TestInlineContract(ProviderContract):
    """The contract, with the password in the settings."""

    def make_provider(self) -> Static:
        """Return a provider that knows its password."""
        return _static(password="hunter2-hunter2", expires_at="2030-01-01T00:00:00Z")


def test_it_passes_everything_on(tmp_path: Path) -> None:
    """Registries, user name, e-mail and end are those of the settings, the secret the file's."""
    (tmp_path / "hub").write_text("p:a:s:s\r\n")
    provider = _static(
        registries=["https://index.docker.io/v1/", "Registry.Example:5000", "docker.io"],
        password_file=str(tmp_path / "hub"),
        email="ops@acme.example",
        expires_at="never",
    )
    credential = provider.fetch(1)
    assert credential.registries == ("docker.io", "registry.example:5000")
    assert (credential.username, credential.email) == ("acme", "ops@acme.example")
    assert credential.secret == Secret("p:a:s:s")
    assert credential.expires_at is NEVER
    assert credential.issued_at == FakeClock().now()
    assert set(credential.registries) == set(provider.registries)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """A rotated password is used at the next fetch, and a lost one is an error, not the old one."""
    path = tmp_path / "hub"
    path.write_text("first-password\n")
    provider = _static(password_file=str(path))
    assert provider.fetch(1).secret == Secret("first-password")
    path.write_text("second-password\n")
    assert provider.fetch(1).secret == Secret("second-password")
    path.unlink()
    with pytest.raises(PermanentError, match=r"password_file does not exist; its path"):
        provider.fetch(1)


def test_a_relative_file_starts_at_the_settings(tmp_path: Path) -> None:
    """The password file is found beside the settings file."""
    (tmp_path / "hub").write_text("hunter2\n")
    options = Options.model_validate(
        {**BASE, "password_file": "hub"}, context={"directory": tmp_path}
    )
    assert build(options, _tools()).fetch(1).secret == Secret("hunter2")


def test_the_file_is_an_input(tmp_path: Path) -> None:
    """The engine watches the password file; other sources have none."""
    provider = _static(password_file=str(tmp_path / "hub"))
    assert isinstance(provider, HasInputs)
    assert list(provider.inputs()) == [tmp_path / "hub"]
    assert list(_static(password="hunter2").inputs()) == []


def test_the_environment_is_a_source() -> None:
    """The variable is read from the environment that the tools bring."""
    provider = _static({"HUB_PASSWORD": "hunter2\n"}, password_env="HUB_PASSWORD")
    assert provider.fetch(1).secret == Secret("hunter2")
    with pytest.raises(PermanentError, match=r"password_env names .* that is not set"):
        _static({}, password_env="HUB_PASSWORD").fetch(1)


def test_an_inline_password_is_warned_about() -> None:
    """A password in the settings works, and a person is told once where it should be."""
    notices: list[str] = []
    provider = build(_options(password="hunter2-hunter2"), _tools(notices=notices))
    assert provider.fetch(1).secret == Secret("hunter2-hunter2")
    assert len(notices) == 1
    assert "password_file" in notices[0]
    assert "hunter2" not in notices[0]


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        pytest.param({}, "here: none", id="none"),
        pytest.param(
            {"password": "hunter2x", "password_env": "X"}, "password_env and password", id="two"
        ),
        pytest.param(
            {"password": "hunter2x", "password_file": "f", "password_env": "X"},
            "password_file and password_env and password",
            id="three",
        ),
    ],
)
def test_exactly_one_source_is_needed(sources: dict[str, str], found: str) -> None:
    """No source, or several, is an error that names those that were found."""
    with pytest.raises(ValidationError, match=found) as caught:
        _options(**sources)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        pytest.param({"registries": []}, "registries", id="no registry"),
        pytest.param({"registries": ["not a host"]}, "registries", id="bad registry"),
        pytest.param({"username": ""}, "username", id="empty user"),
        pytest.param({"username": "a:b"}, "username", id="colon in user"),
        pytest.param({"username": "a\nb"}, "username", id="control in user"),
        pytest.param({"password": 123456789}, "password", id="a number"),
        pytest.param({"password": ""}, "password", id="empty password"),
        pytest.param({"password": "hunter2\tx"}, "password", id="control in password"),
        pytest.param({"email": "ops@b\nc"}, "email", id="control in e-mail"),
        pytest.param({"email": "a" * 321}, "email", id="long e-mail"),
        pytest.param({"email": "ops\udcff@b"}, "email", id="no text in e-mail"),
        pytest.param({"password_file": ""}, "password_file", id="empty path"),
        pytest.param({"password_file": "  "}, "password_file", id="blank path"),
        pytest.param({"password_env": "hunter2-canary"}, "password_env", id="no variable"),
        pytest.param({"password_env": ""}, "password_env", id="no name of a variable"),
        pytest.param({"expires_at": "tomorrow"}, "expires_at", id="no time"),
        pytest.param({"expires_at": "2030-01-01T00:00:00"}, "expires_at", id="no zone"),
        pytest.param({"expires_at": "2030-01-01"}, "expires_at", id="no time of day"),
        pytest.param({"expires_at": date(2030, 1, 1)}, "expires_at", id="a YAML date"),
        pytest.param({"expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at", id="before time"),
        pytest.param({"expires_at": None}, "expires_at", id="null"),
        pytest.param({"pasword": "hunter2"}, "pasword", id="unknown"),
    ],
)
def test_bad_options_are_named(more: dict[str, Any], field: str) -> None:
    """Each bad option is reported at its own name, and no value is repeated."""
    with pytest.raises(ValidationError) as caught:
        _options(**{"password": "canary-password", **more})
    assert [error["loc"][0] for error in caught.value.errors()] == [field]
    for value in ("canary", "hunter2", "123456789"):
        assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2030-01-31T12:00:00Z", datetime(2030, 1, 31, 12, tzinfo=UTC), id="Z"),
        pytest.param("2030-01-31T12:00:00+02:00", datetime(2030, 1, 31, 10, tzinfo=UTC), id="zone"),
        pytest.param(" 2030-01-31 12:00Z ", datetime(2030, 1, 31, 12, tzinfo=UTC), id="short"),
        pytest.param(
            datetime(2030, 1, 31, 12, tzinfo=timezone(timedelta(hours=-5))),
            datetime(2030, 1, 31, 17, tzinfo=UTC),
            id="a YAML time",
        ),
        pytest.param("never", NEVER, id="never"),
        pytest.param(NEVER, NEVER, id="the constant"),
        pytest.param(UNKNOWN, UNKNOWN, id="unknown"),
    ],
)
def test_the_end_is_a_time_or_never(text: object, expected: object) -> None:
    """An ISO time with its zone is kept in UTC; `never` is no time."""
    credential = _static(password="hunter2", expires_at=text).fetch(1)
    assert credential.expires_at == expected


def test_without_an_end_it_is_unknown() -> None:
    """What nobody said is unknown, not never."""
    assert _static(password="hunter2").fetch(1).expires_at is UNKNOWN


def test_a_password_past_its_end_is_refused() -> None:
    """An ended password is an error that says what to renew."""
    provider = _static(password="hunter2", expires_at="2026-03-01T12:00:00Z")
    for attempt in (provider.validate, lambda: provider.fetch(1)):
        with pytest.raises(PermanentError, match="expires_at is 2026-03-01 12:00:00 UTC"):
            attempt()


def test_it_validates_without_anybody(tmp_path: Path) -> None:
    """A missing file or variable is found before the first fetch."""
    assert isinstance(_static(password="hunter2"), Validates)
    _static(password="hunter2").validate()
    with pytest.raises(PermanentError, match="does not exist"):
        _static(password_file=str(tmp_path / "no")).validate()
    with pytest.raises(PermanentError, match="not set"):
        _static(password_env="NO").validate()


def test_options_show_no_password() -> None:
    """Neither repr nor a dump nor the schema of the options holds the inline password."""
    options = _options(password=Secret("canary-password"))
    assert "canary" not in f"{options!r} {options} {options.model_dump()}"
    schema = json.dumps(Options.model_json_schema())
    assert '"writeOnly": true' in schema


@pytest.mark.parametrize(
    ("password", "username", "told"),
    [
        (base64.b64encode(b'{"auths": {}}').decode(), "acme", 1),
        (base64.b64encode(b'{"type": "service_account"}').decode(), "_json_key", 1),
        (base64.b64encode(b'{"type": "service_account"}').decode(), "_json_key_base64", 0),
        ('{"type": "service_account"}', "_json_key", 0),
        (base64.b64encode(b"[1]").decode(), "acme", 0),
        (base64.b64encode(b"\xff\xfe").decode(), "acme", 0),
        ("hunter2-hunter2", "acme", 0),
    ],
    ids=["config", "key", "wanted-so", "document", "list", "binary", "password"],
)
def test_a_document_that_was_encoded_on_the_way_is_told_once(
    tmp_path: Path, password: str, username: str, told: int
) -> None:
    """It is passed on as it is, and the person hears what most registries want."""
    (tmp_path / "hub").write_text(password)
    notices: list[str] = []
    options = _options(password_file=str(tmp_path / "hub"), username=username)
    provider = build(options, _tools(notices=notices))
    assert [provider.fetch(30).secret.reveal() for _ in range(2)] == [password] * 2
    assert len(notices) == told
    assert password not in "".join(notices)
