"""Which backend a location names, and which location is the default."""

from pathlib import Path

import pytest

from refresher.errors import PermanentError
from refresher.store import default_location, open_store
from tests.store.contracts import REGISTRY, named


@pytest.mark.parametrize(
    "location",
    [
        "postgresql+psycopg://refresher:hunter2@db.example/store",
        "POSTGRESQL://db.example/store",
        "mysql://root:hunter2@db.example",
        "sqlite:///var/lib/x.db",
    ],
)
def test_a_url_is_refused(location: str) -> None:
    """What is no PostgreSQL is not supported: the error says what is, and repeats no password."""
    with pytest.raises(PermanentError, match=r"is a URL.*name a file") as caught:
        open_store(location)
    assert "hunter2" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("", "is empty"),
        ("a\0b", "a control character"),
        ("~no-such-user/r.db", "unknown user"),
        (":memory:", "SQLite's name"),
        ("file:refresher.db", "a file: URI"),
        ("file::memory:?cache=shared", "a file: URI"),
        ("file:/var/lib/refresher.db", "is a URL"),
    ],
)
def test_no_path_is_refused(location: str, words: str) -> None:
    """What can be no path, or means something else to SQLite, is an error with a way out."""
    with pytest.raises(PermanentError, match=f"^store.*{words}"):
        open_store(location)


def test_nothing_is_touched_before_the_first_use(tmp_path: Path) -> None:
    """To open a store creates no file."""
    open_store(str(tmp_path / "state" / "refresher.db")).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["a b", "100%41?mode=ro#x", "\N{SNOWMAN}", "\udcff", "memory.db", ":memory:", "file:x"]
)
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    """Characters that mean something in URLs, other scripts and odd bytes name just that file."""
    backend = open_store(str(tmp_path / name))
    backend.store.put("default", {REGISTRY: named("one")})
    backend.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_all_spellings_of_a_path_are_one_location(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative, home and linked spellings lead to one database and so to one set of locks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path)
    spellings = ["r.db", "./x/../r.db", "~/r.db", "link/r.db", str(tmp_path / "r.db")]
    expected = str(tmp_path.resolve() / "r.db")
    assert {open_store(spelling).location for spelling in spellings} == {expected}


def test_a_state_directory_of_a_service_manager_wins(tmp_path: Path) -> None:
    """A service is told where its state belongs; of several directories it is the first."""
    system = tmp_path / "lib"
    system.mkdir()
    given = tmp_path / "given"
    env = {"STATE_DIRECTORY": f"{given}:/other", "HOME": str(tmp_path)}
    assert default_location(env, system) == str(given / "refresher.db")
    assert default_location({**env, "STATE_DIRECTORY": "relative"}, system) == str(
        system / "refresher.db"
    )


def test_the_system_directory_comes_first(tmp_path: Path) -> None:
    """A service's state directory is used where it exists and can be written to."""
    system = tmp_path / "lib"
    system.mkdir()
    env = {"HOME": str(tmp_path)}
    assert default_location(env, system) == str(system / "refresher.db")


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"HOME": "{}", "XDG_STATE_HOME": "{}/state"}, "{}/state/refresher/refresher.db"),
        ({"HOME": "{}"}, "{}/.local/state/refresher/refresher.db"),
        ({"HOME": "{}", "XDG_STATE_HOME": ""}, "{}/.local/state/refresher/refresher.db"),
        ({"HOME": "{}", "XDG_STATE_HOME": "state"}, "{}/.local/state/refresher/refresher.db"),
        ({"XDG_STATE_HOME": "{}/state"}, "{}/state/refresher/refresher.db"),
        ({"HOME": "{}/file"}, "memory"),
        ({"HOME": "", "XDG_STATE_HOME": ""}, "memory"),
        ({}, "memory"),
        ({"HOME": "{}/dangling"}, "memory"),
    ],
    ids=[
        "xdg",
        "home",
        "xdg-empty",
        "xdg-relative",
        "no-home",
        "home-is-a-file",
        "empty",
        "nothing",
        "home-is-a-dangling-link",
    ],
)
def test_the_users_state_comes_next(tmp_path: Path, env: dict[str, str], expected: str) -> None:
    """Without a system directory it is the user's state directory, and without that memory."""
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    env = {name: value.format(tmp_path) for name, value in env.items()}
    assert default_location(env, tmp_path / "absent") == expected.format(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "file"]


def test_what_cannot_be_written_is_passed_over(powerless: Path) -> None:
    """Directories that forbid writing are no place for a store."""
    closed = powerless / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    assert default_location({"HOME": str(closed)}, closed) == "memory"
    home = default_location({"HOME": str(powerless)}, closed)
    assert home == str(powerless / ".local/state/refresher/refresher.db")
