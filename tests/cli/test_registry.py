"""The registries of the registry page as people and programs meet them."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.page import PASSWORD, PageSite

DEFAULT = ("--environment", "default")


def test_a_registry_is_added_and_used(page: PageSite) -> None:
    """One command makes the store, the registry and the credential in use."""
    out = page.do("registry", "add", "registry.example:5000", "--username", "acme", *page.file)
    assert out == (
        "registry registry.example:5000 is added to environment default; "
        "credential 1 of acme is in use there\n"
    )
    assert page.secret("registry.example:5000") == PASSWORD


@pytest.mark.parametrize(
    ("typed", "kept", "told"),
    [
        ("dockerhub", "index.docker.io", False),
        ("DockerHub", "index.docker.io", False),
        ("quay", "quay.io", False),
        ("docker.io", "index.docker.io", True),
        ("https://index.docker.io/v1/", "index.docker.io", True),
        ("https://Registry.example/", "Registry.example", True),
        ("http://registry.example:5000", "registry.example:5000", True),
        ("Registry.example", "Registry.example", False),
        ("intranet", "intranet", True),
        ("[2001:db8::1]:5000", "[2001:db8::1]:5000", False),
    ],
    ids=str,
)
def test_what_is_changed_in_an_address_is_said(
    page: PageSite, typed: str, kept: str, *, told: bool
) -> None:
    """Presets are words, a scheme is dropped with a notice, the case stays."""
    code, _, err = page.run("registry", "add", typed, "--username", "acme", *page.file)
    assert code == 0
    assert err.startswith("notice: ") == told
    assert page.document("registry", "show", typed)["address"] == kept


@pytest.mark.parametrize(
    "address",
    ["https://registry.example/team", "registry.example/app:1", "", "a b", "u:canary-pw@host"],
    ids=str,
)
def test_what_is_no_address_is_refused(page: PageSite, address: str) -> None:
    """A path, an image and a login are told apart from a registry, and no store is made."""
    code, out, err = page.run("registry", "add", address, "--username", "acme", *page.file)
    assert (code, out) == (2, "")
    assert "ADDRESS" in err
    assert "canary-pw" not in err
    assert page.rows() is None


def test_the_list_shows_state_credential_and_end(page: PageSite) -> None:
    """Each registry has its line; what has ended says so."""
    page.add("quay.io")
    page.put("past.example", expires=datetime(2020, 1, 1, tzinfo=UTC))
    page.put("later.example", expires=datetime.now(UTC) + timedelta(hours=2, seconds=30))
    page.do("registry", "deactivate", "quay.io")
    lines = page.do("registry", "list").splitlines()
    assert lines[0].split() == [
        *("ENVIRONMENT", "REGISTRY", "STATE", "CREDENTIAL", "IN", "USE", "EXPIRES", "LEFT"),
    ]
    assert [line.split()[1:4] for line in lines[1:]] == [
        ["later.example", "active", "AWS"],
        ["past.example", "active", "AWS"],
        ["quay.io", "inactive", "-"],
    ]
    assert lines[1].endswith("2 h")
    assert "2020-01-01 00:00 UTC  ended " in lines[2]


def test_times_are_told_in_utc(page: PageSite) -> None:
    """An end that was stored in another offset is the same moment."""
    page.put("a.example", expires=datetime.fromisoformat("2099-01-01T05:30:00+05:30"))
    page.put("b.example", expires=datetime.max.replace(tzinfo=UTC) - timedelta(days=1))
    assert "2099-01-01 00:00 UTC" in page.do("registry", "list")


def test_the_list_of_one_environment_or_of_all(page: PageSite) -> None:
    """Environments are apart, and one option shows them together."""
    page.do("environment", "add", "prod")
    page.add("quay.io")
    page.add("quay.io", "--environment", "prod", username="robot")
    (only,) = page.document("registry", "list", "--environment", "prod")["registries"]
    assert (only["environment"], only["in_use"]["username"]) == ("prod", "robot")
    found = page.document("registry", "list", "--all-environments")["registries"]
    assert [each["environment"] for each in found] == ["default", "prod"]
    code, _, err = page.run("registry", "list", "--all-environments", *DEFAULT)
    assert code == 2
    assert "give one" in err


def test_an_environment_is_added_with_its_first_registry(page: PageSite) -> None:
    """As sinks do; it is told, with the nearest one that may have been meant."""
    words = ("registry", "add", "quay.io", "--username", "acme", *page.file, "--environment")
    code, out, err = page.run(*words, "staging")
    assert (code, err) == (0, "notice: environment staging is new, and is added\n")
    assert "quay.io is added to environment staging" in out
    assert "is new, and is added; did you mean staging?" in page.run(*words, "stagin")[2]
    assert page.run("registry", "add", "gcr.io", *words[3:], "staging")[2] == ""
    before = page.rows()
    code, out, err = page.run(*words, "")
    assert (code, out) == (2, "")
    assert "--environment" in err
    assert page.rows() == before


def test_what_is_removed_is_listed_on_request(page: PageSite) -> None:
    """A removed registry is history, and its address can be added again."""
    page.add("quay.io")
    page.do("registry", "deactivate", "quay.io")
    page.do("registry", "remove", "quay.io", "--yes")
    assert page.document("registry", "list")["registries"] == []
    page.add("quay.io", username="again")
    found = page.document("registry", "list", "--removed")["registries"]
    assert sorted(each["state"] for each in found) == ["active", "removed"]


def test_an_empty_list_says_how_to_begin(page: PageSite) -> None:
    """Not a heading over nothing."""
    assert "refresher registry add" in page.do("registry", "list")


@pytest.mark.parametrize("read", ["registry list", "environment list", "setting list"])
def test_reading_makes_no_store(page: PageSite, read: str) -> None:
    """Where nothing is yet, nothing is shown, a notice says so, and no file is left."""
    code, out, err = page.run(*read.split(), "--output", "json")
    assert code == 0
    assert json.loads(out)
    assert err == f"notice: there is no store at {page.store} yet\n"
    assert page.rows() is None


def test_a_registry_is_shown_with_all_its_credentials(page: PageSite) -> None:
    """Numbers, users, states, ages and ends: everything but the secrets."""
    page.add("quay.io", "--email", "acme@mail.example")
    page.do("registry", "credential", "add", "quay.io", "--username", "robot", *page.file)
    out = page.do("registry", "show", "quay.io")
    first, _, headings, *rows = out.splitlines()
    assert first.startswith("registry quay.io of environment default: active, added 20")
    assert headings.split() == [
        *("ID", "USERNAME", "EMAIL", "STATE", "IN", "USE", "AGE", "CHANGED", "EXPIRES", "LEFT")
    ]
    assert [row.split()[:5] for row in rows] == [
        ["2", "robot", "-", "active", "yes"],
        ["1", "acme", "acme@mail.example", "active", "-"],
    ]
    assert PASSWORD not in out


def test_the_document_of_a_registry_is_stable(page: PageSite) -> None:
    """Programs find the same fields, whatever is set."""
    page.add("quay.io")
    document = page.document("registry", "show", "quay.io")
    assert list(document) == [
        *("environment", "address", "state", "created", "in_use", "credentials")
    ]
    assert document["credentials"] == [document["in_use"]]
    assert list(document["in_use"]) == [
        *("id", "username", "email", "state", "created"),
        *("updated", "issued", "expires", "seconds_left"),
    ]
    assert document["in_use"]["expires"] == "unknown"
    assert document["created"].endswith("Z")


def test_every_change_can_be_told_as_a_document(page: PageSite) -> None:
    """What was done to a registry is shown as `show` would show it."""
    added = page.document("registry", "add", "quay", "--username", "acme", *page.file)
    assert added["in_use"]["username"] == "acme"
    edited = page.document("registry", "edit", "quay", "--username", "robot")
    assert edited["in_use"]["username"] == "robot"
    off = page.document("registry", "deactivate", "quay")
    assert (off["state"], off["in_use"]) == ("inactive", None)
    assert page.document("registry", "activate", "quay") == edited
    page.document("registry", "credential", "deactivate", "quay", "1")
    gone = page.document("registry", "credential", "remove", "quay", "1", "--yes")
    assert gone["credentials"] == []
    page.do("registry", "deactivate", "quay")
    assert page.document("registry", "remove", "quay", "--yes")["state"] == "removed"


def test_states_change_and_say_so(page: PageSite) -> None:
    """Active, inactive, active; a state that is there already is no error."""
    page.add("quay.io")
    where = "registry quay.io of environment default is"
    used = "credential 1 of acme is in use there"
    for word, state, now in (
        ("activate", "active already", used),
        ("deactivate", "inactive", "nothing is in use there"),
        ("deactivate", "inactive already", "nothing is in use there"),
        ("activate", "active", used),
    ):
        assert page.do("registry", word, "QUAY.io") == f"{where} {state}; {now}\n"


def test_an_active_registry_is_not_removed(page: PageSite) -> None:
    """Removing takes two steps, so that nobody's pulls end by a slip."""
    page.add("quay.io")
    before = page.rows()
    code, out, err = page.run("registry", "remove", "quay.io", "--yes")
    assert (code, out) == (1, "")
    assert "deactivate it first" in err
    assert page.rows() == before


def test_an_edit_changes_what_is_given(page: PageSite) -> None:
    """User, e-mail and password change one by one; the rest stays."""
    page.add("quay.io", "--email", "old@mail.example")
    out = page.do("registry", "edit", "quay.io", "--username", "robot")
    assert out.startswith("credential 1 of robot at registry quay.io is changed; ")
    assert out.endswith("; credential 1 of robot is in use there\n")
    assert page.secret("quay.io") == PASSWORD
    page.password.write_text("canary-second-password")
    page.do("registry", "edit", "quay.io", *page.file)
    page.do("registry", "edit", "quay.io", "--email", "")
    (only,) = page.document("registry", "show", "quay.io")["credentials"]
    assert (only["username"], only["email"]) == ("robot", None)
    assert page.secret("quay.io") == "canary-second-password"


def test_an_edit_reaches_another_credential_by_its_number(page: PageSite) -> None:
    """The one in use is the default, not the only one."""
    page.add("quay.io")
    page.do("registry", "credential", "add", "quay.io", "--username", "robot", *page.file)
    page.do("registry", "edit", "quay.io", "--credential", "1", "--username", "older")
    found = page.document("registry", "show", "quay.io")["credentials"]
    assert [each["username"] for each in found] == ["robot", "older"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["edit", "quay.io", "--credential", "7", "--username", "x"], 1, "has no credential 7"),
        (["edit", "quay.io", "--credential", "canary", "--username", "x"], 2, "is no number"),
        (["edit", "quay.io", "--credential", "9" * 30, "--username", "x"], 2, "is no number"),
        (["edit", "quay.io", "--address", "other.example"], 2, "can't be changed"),
        (["edit", "other.example", "--username", "x"], 1, "has no registry other.example"),
        (["show", "other.example"], 1, "has no registry other.example"),
        (["deactivate", "other.example"], 1, "has no registry other.example"),
        (["list", "--environment", "defualt"], 1, "did you mean default?"),
        (["edit", "quay.io", "--username", "x", "--environment", "none"], 1, "no environment"),
        (["edit", "quay.io"], 2, "no terminal"),
        (["remove", "off.example"], 2, "--yes"),
        (["edit", "off.example", "--username", "x"], 1, "no credential is in use"),
        (["edit", "quay.io", "--username", ""], 2, "is empty"),
        (["edit", "quay.io", "--username", "acme:canary-pw"], 2, "colon"),
        (["edit", "quay.io", "--username", "a\tcanary-pw"], 2, "control character"),
        (["edit", "quay.io", "--username", "canary-pw" * 500], 2, "4096 characters"),
        (["edit", "quay.io", "--email", "a\x00canary-pw"], 2, "control character"),
        (["edit", "quay.io", "--email", "canary-pw" * 40], 2, "320 characters"),
        (["credential", "add", "other.example", "--username", "x"], 1, "has no registry"),
        (["credential", "edit", "quay.io", "7", "--username", "x"], 1, "has no credential 7"),
        (["credential", "remove", "quay.io", "1", "--yes"], 1, "deactivate it first"),
        (["credential", "activate", "quay.io", "8"], 1, "has no credential 8"),
        (["credential", "activate", "quay.io", "one"], 2, "is no number"),
        (["add", "QUAY.io", "--username", "acme", "--password-stdin"], 1, "already"),
    ],
    ids=lambda value: "-".join(value)[:50] if isinstance(value, list) else None,
)
def test_a_bad_value_changes_nothing(
    page: PageSite, words: list[str], code: int, told: str
) -> None:
    """The exit code and one sentence tell what is wrong, without what may be a password."""
    page.add("quay.io")
    page.add("off.example")
    page.do("registry", "deactivate", "off.example")
    before = page.rows()
    got, out, err = page.run("registry", *words, stdin=b"canary-pw")
    assert (got, out) == (code, ""), err
    assert told in err
    assert "canary" not in err
    assert page.rows() == before


def test_credentials_change_one_by_one(page: PageSite) -> None:
    """A second credential takes over, is deactivated, activated, removed; the first stays."""
    page.add("quay.io")
    at = "at registry quay.io of environment default is"
    for words, told in (
        (
            ("add", "--username", "robot", *page.file),
            "credential 2 of robot is added to registry quay.io; credential 2 of robot",
        ),
        (("deactivate", "2"), f"credential 2 of robot {at} inactive; credential 1 of acme"),
        (("activate", "2"), f"credential 2 of robot {at} active; credential 2 of robot"),
        (
            ("edit", "2", "--username", "other"),
            "credential 2 of other at registry quay.io is changed; credential 2 of other",
        ),
        (("deactivate", "2"), f"credential 2 of other {at} inactive; credential 1 of acme"),
        (("remove", "2", "--yes"), f"credential 2 of other {at} removed; credential 1 of acme"),
    ):
        word, *rest = words
        out = page.do("registry", "credential", word, "quay.io", *rest)
        assert out == f"{told} is in use there\n"
    assert len(page.document("registry", "show", "quay.io")["credentials"]) == 1


def test_the_oldest_credential_is_in_use_where_a_setting_says_so(page: PageSite) -> None:
    """As Rancher's code does it: the page, `get` and `resolve` agree."""
    page.add("quay.io")
    page.do("setting", "set", "registry.credential", "oldest")
    out = page.do("registry", "credential", "add", "quay.io", "--username", "robot", *page.file)
    assert out.endswith("; credential 1 of acme is in use there\n")
    assert page.document("registry", "show", "quay.io")["in_use"]["id"] == 1
    assert page.document("resolve", "quay.io/app")["credential"]["username"] == "acme"


def test_an_empty_registry_says_how_to_go_on(page: PageSite) -> None:
    """Without any credential the way to add one is told."""
    page.add("quay.io")
    page.do("registry", "credential", "deactivate", "quay.io", "1")
    page.do("registry", "credential", "remove", "quay.io", "1", "--yes")
    assert "refresher registry credential add" in page.do("registry", "show", "quay.io")


def test_what_others_wrote_does_not_steer_the_terminal(page: PageSite) -> None:
    """A user name of the daemon with escape sequences is shown with them escaped."""
    page.add("quay.io")
    page.do("registry", "edit", "quay.io", "--username", "a\N{RIGHT-TO-LEFT OVERRIDE}b")
    assert "a\\u202eb" in page.do("registry", "show", "quay.io")
    assert "a\\u202eb" in page.do("registry", "list")


def test_a_credential_at_a_path_can_be_looked_after(page: PageSite) -> None:
    """Sinks may put one there, and people must be able to see it and to switch it off."""
    page.put("quay.io/team")
    assert page.document("registry", "show", "quay.io/team")["in_use"]["username"] == "AWS"
    page.do("registry", "deactivate", "quay.io/team")
    assert page.secret("quay.io/team") is None
