"""Environments, settings and images of the registry page, and which store it is in."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from refresher.cli import main
from tests.cli.page import PASSWORD, PageSite

ADD = ("registry", "add", "quay.io", "--username", "acme")


def test_environments_come_and_go(page: PageSite) -> None:
    """They are listed with the number of their registries; `default` is always there."""
    assert page.do("environment", "add", "prod") == "environment prod is added\n"
    page.add("quay.io", "--environment", "prod")
    headings, *rows = page.do("environment", "list").splitlines()
    assert headings.split() == ["ENVIRONMENT", "REGISTRIES", "ADDED"]
    assert [row.split()[:2] for row in rows] == [["default", "0"], ["prod", "1"]]
    page.do("registry", "deactivate", "quay.io", "--environment", "prod")
    page.do("registry", "remove", "quay.io", "--environment", "prod", "--yes")
    assert page.do("environment", "remove", "prod", "--yes") == "environment prod is removed\n"
    (only,) = page.document("environment", "list")["environments"]
    assert (only["name"], only["registries"]) == ("default", 0)


def test_environments_as_documents(page: PageSite) -> None:
    """Programs get the name, the time and the count."""
    added = page.document("environment", "add", "prod")
    assert (added["name"], added["registries"]) == ("prod", 0)
    assert added["created"].endswith("Z")
    removed = page.document("environment", "remove", "prod", "--yes")
    assert removed == {"name": "prod", "removed": True}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["environment", "add", "default"], 1, "there is an environment 'default' already"),
        (["environment", "add", " "], 1, "name of an environment"),
        (["environment", "remove", "empty"], 2, "--yes"),
        (["environment", "remove", "prod"], 1, "holds 1 registry"),
        (["environment", "remove", "default", "--yes"], 1, "can't be removed"),
        (["environment", "remove", "prdo", "--yes"], 1, "did you mean prod?"),
        (["environment", "remove", "prod", "--yes"], 1, "holds 1 registry"),
        (["setting", "get", "registry.defualt"], 2, "did you mean registry.default?"),
        (["setting", "set", "registry.defualt", "x.example"], 2, "did you mean registry.default?"),
        (["setting", "set", "registry.default", "https://x.example"], 2, "has a scheme"),
        (["setting", "set", "registry.default", "u:canary@x.example"], 2, "a password"),
        (["setting", "set", "registry.whitelist", "quay.io/team"], 2, "has a path"),
        (["setting", "set", "registry.whitelist", ","], 2, "nothing but commas"),
        (["setting", "set", "registry.credential", "first"], 2, "give newest or oldest"),
        (["setting", "set", "registry.default"], 2, "VALUE"),
        (["resolve", "Upper/Case"], 2, "IMAGE"),
        (["resolve", "quay.io:99999/app"], 2, "IMAGE"),
        (["setting", "set", "registry.whitelist", "quay.io,", "gcr.io"], 2, "in quotes"),
        (["resolve", "quay.io/app", "x"], 2, "1 word(s) too many"),
        (["resolve", "quay.io/app", "--password", "canary"], 2, "none is needed here"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_a_bad_value_changes_nothing(
    page: PageSite, words: list[str], code: int, told: str
) -> None:
    """The exit code and one sentence tell what is wrong."""
    page.do("environment", "add", "empty")
    page.add("quay.io", "--environment", "prod")
    before = page.rows()
    got, out, err = page.run(*words)
    assert (got, out) == (code, ""), err
    assert told in err
    assert "canary" not in err
    assert page.rows() == before


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1250", "utf-8"])
def test_any_terminal_shows_any_name(page: PageSite, encoding: str) -> None:
    """What its encoding lacks is escaped for people; documents are always in UTF-8."""
    name = "\N{SNOWMAN} b\xe5t \N{GRINNING FACE}"
    page.do("environment", "add", name)
    page.add("quay.io", "--environment", name, username="\xe5ngstr\xf6m")
    env = {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding, "REFRESHER_STORE": str(page.store)}
    for words in (("environment", "list"), ("registry", "list", "--all-environments")):
        table = _raw(words, env)
        assert b"REGISTR" in table
        assert table.decode("utf-8" if encoding == "ascii" else encoding)
        json.loads(_raw((*words, "--output", "json"), env).decode("utf-8"))
    got = json.loads(_raw(("get", "quay.io", "--environment", name), env).decode("utf-8"))
    assert got["Username"] == "\xe5ngstr\xf6m"


def _raw(words: tuple[str, ...], env: dict[str, str]) -> bytes:
    command = [sys.executable, "-m", "refresher", *words]
    environment = {**os.environ, **env, "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_settings_are_set_and_set_back(page: PageSite) -> None:
    """An empty value is the default again; what is changed or surprising is said."""
    assert page.do("setting", "get", "registry.default") == "index.docker.io\n"
    told = page.do("setting", "set", "registry.default", "quay.io")
    assert told == "registry.default is quay.io\n"
    assert page.do("setting", "get", "registry.default") == "quay.io\n"
    code, out, err = page.run("setting", "set", "registry.whitelist", " a.example , b.example:1 ")
    assert (code, out) == (0, "registry.whitelist is a.example,b.example:1\n")
    assert "index.docker.io" in err
    assert page.do("setting", "set", "registry.whitelist", "") == "registry.whitelist is empty\n"
    told = page.do("setting", "set", "registry.default", "")
    assert told == "registry.default is index.docker.io\n"


def test_settings_are_listed_with_what_they_mean(page: PageSite) -> None:
    """Whoever does not know their names finds them."""
    page.do("setting", "set", "registry.credential", "oldest")
    headings, *rows = page.do("setting", "list").splitlines()
    assert headings.split() == ["SETTING", "VALUE", "MEANING"]
    assert [row.split()[:2] for row in rows] == [
        ["registry.default", "index.docker.io"],
        ["registry.whitelist", "-"],
        ["registry.credential", "oldest"],
    ]


def test_settings_as_documents(page: PageSite) -> None:
    """Programs learn whether a value was set or is the default."""
    unset = {"name": "registry.credential", "value": "newest", "set": False}
    assert page.document("setting", "get", "registry.credential") == unset
    was_set = {"name": "registry.credential", "value": "oldest", "set": True}
    assert page.document("setting", "set", "registry.credential", "oldest") == was_set
    assert page.document("setting", "list")["settings"][2] == was_set


def test_an_image_is_resolved(page: PageSite) -> None:
    """The table names the registry and the credential, and no password."""
    page.add("dockerhub")
    headings, row = page.do("resolve", "ubuntu").splitlines()
    assert headings.split() == ["IMAGE", "REGISTRY", "CREDENTIAL", "EXPIRES", "LEFT"]
    assert row.split()[:3] == ["docker.io/library/ubuntu", "index.docker.io", "acme"]


def test_an_image_is_resolved_for_programs(page: PageSite) -> None:
    """The document has the end and the seconds that are left, and no password."""
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    page.put("gcr.io", expires=end)
    out = page.do("resolve", "gcr.io/app:1", "--output", "json")
    assert PASSWORD not in out
    document = json.loads(out)
    assert 0 < document["credential"].pop("seconds_left") <= 3600
    assert document == {
        "image": "gcr.io/app:1",
        "environment": "default",
        "registry": "gcr.io",
        "reason": None,
        "detail": None,
        "credential": {
            "username": "AWS",
            "email": None,
            "issued": None,
            "expires": end.isoformat().replace("+00:00", "Z"),
        },
    }


@pytest.mark.parametrize(
    ("image", "reason", "told"),
    [
        ("none.example/app", "no-registry", "no registry none.example"),
        ("off.example/app", "inactive", "off.example of environment default is inactive"),
        ("empty.example/app", "no-active-credential", "has no active credential"),
        ("past.example/app", "expired", "2020-01-01"),
        ("unlisted.example/app", "not-whitelisted", "is not in registry.whitelist"),
    ],
    ids=str,
)
def test_no_answer_has_a_reason(page: PageSite, image: str, reason: str, told: str) -> None:
    """Exit 4; the reason is a sentence for people and a word for programs."""
    for registry in ("off.example", "empty.example", "unlisted.example"):
        page.add(registry)
    page.put("past.example", expires=datetime(2020, 1, 1, tzinfo=UTC))
    page.do("registry", "deactivate", "off.example")
    number = page.document("registry", "show", "empty.example")["in_use"]["id"]
    page.do("registry", "credential", "deactivate", "empty.example", str(number))
    listed = "none.example,off.example,empty.example,past.example,index.docker.io"
    page.do("setting", "set", "registry.whitelist", listed)
    code, out, err = page.run("resolve", image)
    assert (code, out) == (4, "")
    assert told in err
    code, out, err = page.run("resolve", image, "--output", "json")
    assert code == 4
    document = json.loads(out)
    assert (document["reason"], document["credential"]) == (reason, None)
    assert told in document["detail"]


def test_an_unknown_environment_is_no_answer(page: PageSite) -> None:
    """Exit 4 for both who ask what is there, with the nearest name that was meant."""
    page.add("quay.io", "--environment", "prod")
    code, out, err = page.run("resolve", "quay.io/app", "--environment", "prdo")
    assert (code, out) == (4, "")
    assert err == "no answer: there is no environment 'prdo'; did you mean prod?\n"
    code, out, _ = page.run("resolve", "quay.io/app", "--environment", "prdo", "--output", "json")
    assert (code, json.loads(out)["reason"]) == (4, "no-environment")


@pytest.mark.parametrize(
    ("registry", "served"),
    [
        ("quay.io", True),
        ("off.example", False),
        ("empty.example", False),
        ("past.example", False),
        ("none.example", False),
    ],
    ids=str,
)
def test_get_and_resolve_agree(
    page: PageSite, registry: str, monkeypatch: pytest.MonkeyPatch, *, served: bool
) -> None:
    """What pulls get is one thing, whoever asks: the same credential, or exit 4 from both."""
    for each in ("quay.io", "off.example", "empty.example"):
        page.add(each)
    page.put("past.example", expires=datetime(2020, 1, 1, tzinfo=UTC))
    page.do("registry", "deactivate", "off.example")
    number = page.document("registry", "show", "empty.example")["in_use"]["id"]
    page.do("registry", "credential", "deactivate", "empty.example", str(number))
    code, out, _ = page.run("resolve", f"{registry}/app", "--output", "json")
    assert code == (0 if served else 4)
    monkeypatch.setenv("REFRESHER_STORE", str(page.store))
    got = page.run_bare("get", registry)
    assert got[0] == code
    if served:
        assert json.loads(got[1])["Username"] == json.loads(out)["credential"]["username"]


def test_the_oldest_credential_is_what_get_gives_too(
    page: PageSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The preference holds for the daemon's readers as for people."""
    page.add("quay.io")
    page.do("registry", "credential", "add", "quay.io", "--username", "robot", *page.file)
    page.do("setting", "set", "registry.credential", "oldest")
    monkeypatch.setenv("REFRESHER_STORE", str(page.store))
    assert json.loads(page.run_bare("get", "quay.io")[1])["Username"] == "acme"


def test_an_image_without_a_registry_comes_from_the_default_one(page: PageSite) -> None:
    """As on Rancher's page; the text's own registry wins."""
    page.add("quay.io")
    page.do("setting", "set", "registry.default", "quay.io")
    assert page.document("resolve", "team/app")["registry"] == "quay.io"
    code, _, err = page.run("resolve", "docker.io/team/app")
    assert code == 4
    assert "index.docker.io" in err


def test_the_store_is_where_the_settings_say(page: PageSite) -> None:
    """A settings file in the working folder names the store, whatever else it holds."""
    settings = page.folder / "refresher.yaml"
    settings.write_text("store: named/here.db\n")
    assert page.run_bare(*ADD, *page.file)[0] == 0
    assert (page.folder / "named" / "here.db").exists()
    listed = page.run_bare("registry", "list", "--config", str(settings), "--output", "json")
    assert len(json.loads(listed[1])["registries"]) == 1


@pytest.mark.parametrize("way", ["relative", "~/refresher.db", "link.db"])
def test_every_spelling_of_a_path_is_one_store(
    page: PageSite, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """What is added by one is listed, resolved and backed up by another."""
    page.add("quay.io")
    (page.folder / "link.db").symlink_to(page.store)
    monkeypatch.setenv("HOME", str(page.folder))
    location = page.store.name if way == "relative" else way
    for words in (("registry", "list"), ("resolve", "quay.io/app"), ("store", "backup", "copy.db")):
        code, out, err = page.run_bare(*words, "--store", location)
        assert (code, err) == (0, "")
        assert "quay.io" in out or "copy.db" in out
    monkeypatch.setenv("REFRESHER_STORE", location)
    assert page.run_bare("status")[0] == 0
    assert "quay.io" in page.run_bare("registry", "list")[1]


def test_the_home_of_an_unknown_user_is_told(page: PageSite) -> None:
    """Whether the store would be read, written or copied."""
    for words in (("registry", "list"), ("environment", "add", "x"), ("store", "backup", "copy")):
        code, _, err = page.run_bare(*words, "--store", "~nobody-at-all/x.db")
        assert code == 1
        assert "home of an unknown user" in err


def test_the_option_comes_before_the_settings_and_they_before_the_variable(
    page: PageSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--store, then `store:`, then REFRESHER_STORE, then the default place."""
    monkeypatch.setenv("REFRESHER_STORE", str(page.folder / "variable.db"))
    assert page.run_bare(*ADD, *page.file)[0] == 0
    assert (page.folder / "variable.db").exists()
    (page.folder / "refresher.yaml").write_text("store: settings.db\n")
    assert page.run_bare(*ADD, *page.file)[0] == 0
    assert (page.folder / "settings.db").exists()
    page.add("quay.io")
    assert page.store.exists()


def test_without_any_word_the_default_place_is_used(
    page: PageSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as the daemon's."""
    monkeypatch.setenv("STATE_DIRECTORY", str(page.folder / "state"))
    assert page.run_bare(*ADD, *page.file)[0] == 0
    assert (page.folder / "state" / "refresher.db").exists()


def test_reading_needs_no_place_to_write(page: PageSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container that is read-only the answer is a sentence, no crash."""
    monkeypatch.setattr("tempfile.tempdir", str(page.folder / "missing"))
    code, out, err = page.run("registry", "list")
    assert (code, out) == (1, "")
    assert f"there is no store at {page.store} yet" in err


@pytest.mark.parametrize("how", ["option", "settings", "variable"])
def test_memory_is_no_place_for_people(
    page: PageSite, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would be gone with the command is refused, and the way on is told."""
    words = [*ADD, *page.file]
    if how == "option":
        words += ["--store", "memory"]
    elif how == "settings":
        (page.folder / "refresher.yaml").write_text("store: memory\n")
    else:
        monkeypatch.setenv("REFRESHER_STORE", "memory")
    code, out, err = page.run_bare(*words)
    assert (code, out) == (2, "")
    assert "--store FILE" in err


def test_no_writable_place_is_told(
    page: PageSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the default would be memory, the person learns why and what to do."""
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    if Path("/var/lib/refresher").exists():
        pytest.skip("this host has a place of its own")
    code, _, err = page.run_bare(*ADD, *page.file)
    assert code == 2
    assert "no place for the store is writable" in err


@pytest.mark.parametrize("location", ["file:x", ":memory:", ""], ids=str)
def test_what_is_no_location_is_refused(
    page: PageSite, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option and the variable name a place that can be one, and are named themselves."""
    code, _, err = page.run_bare("registry", "list", "--store", location)
    assert code == 2
    assert "--store" in err
    if location:
        monkeypatch.setenv("REFRESHER_STORE", location)
        code, _, err = page.run_bare("registry", "list")
        assert code == 2
        assert "REFRESHER_STORE" in err


def test_wrong_settings_are_told_and_nothing_is_made(page: PageSite) -> None:
    """As for every other command."""
    (page.folder / "refresher.yaml").write_text("stroe: x.db\n")
    code, _, err = page.run_bare(*ADD, *page.file)
    assert code == 2
    assert "did you mean store?" in err
    assert sorted(each.name for each in page.folder.iterdir()) == ["password", "refresher.yaml"]


@pytest.mark.parametrize(
    "words",
    [["registry"], ["registry", "credential"], ["environment"], ["setting"]],
    ids="-".join,
)
def test_help_is_at_hand(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A family alone prints what belongs to it; every command explains itself."""
    main(words)
    captured = capsys.readouterr()
    assert "Commands:" in captured.out + captured.err
    assert main([*words, "--help"]) == 0
    out = capsys.readouterr().out
    for line in out.partition("Commands:\n")[2].splitlines():
        assert "..." not in line
        assert main([*words, line.split()[0], "--help"]) == 0


def test_the_presets_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """A newcomer finds the words of Rancher's page."""
    main(["registry", "add", "--help"])
    out = capsys.readouterr().out
    assert "dockerhub" in out
    assert "quay" in out
    assert "--password-stdin" in out
