"""Passwords for the registry page: from a file, standard input or a person, and nowhere else."""

import base64
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.page import PASSWORD, PageSite
from tests.cli.terminal import CTRL_C, CTRL_D, Terminal
from tests.observe.canary import SLICE, forms, slices

KEY = {
    "type": "service_account",
    "client_email": "robot@project.iam.gserviceaccount.com",
    "private_key": "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n",
    "token_uri": "https://oauth2.googleapis.com/token",
}
ADD = ("registry", "add", "quay.io", "--username", "acme")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (b"pass", "pass"),
        (b"pass\n", "pass"),
        (b"pass\r\n", "pass"),
        (b" pass ", " pass "),
        (b"\xef\xbb\xbfpass", "pass"),
        ("p\N{SNOWMAN}ss".encode(), "p\N{SNOWMAN}ss"),
        (b"a:b", "a:b"),
        (b"x" * 3000, "x" * 3000),
    ],
    ids=lambda value: repr(value)[:20],
)
@pytest.mark.parametrize("way", ["stdin", "file"])
def test_a_password_is_kept_as_it_is(page: PageSite, way: str, given: bytes, kept: str) -> None:
    """One line ending is taken off, nothing else."""
    page.password.write_bytes(given)
    options = page.file if way == "file" else ("--password-stdin",)
    page.do(*ADD, *options, stdin=given)
    assert page.secret("quay.io") == kept


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"canary\npass", "control character at position 6"),
        (b"canary\n\n", "control character at position 6"),
        (b"canary\0", "control character"),
        (b"canary\xff", "is no UTF-8 at byte 6"),
        (b"canary" * 20_000, "is larger than 65536 bytes"),
        (None, "is empty"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_no_client_can_send_is_refused(page: PageSite, given: bytes | None, told: str) -> None:
    """Exit 2, a sentence without the password, and nothing changed."""
    page.add("other.example")
    before = page.rows()
    code, out, err = page.run(*ADD, "--password-stdin", stdin=given)
    assert (code, out) == (2, "")
    assert told in err
    assert "canary" not in err
    assert page.rows() == before
    page.password.write_bytes(given or b"")
    code, out, err = page.run(*ADD, *page.file)
    assert (code, out) == (2, "")
    assert told in err
    assert page.rows() == before


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("canary-pass", "does not exist"),
        (".", "is a directory"),
        ("", "is empty"),
        ('{"canary": 1}', "holds the content itself"),
        ("pipe", "is no regular file"),
    ],
    ids=str,
)
def test_a_path_that_leads_to_no_password_is_refused(page: PageSite, path: str, told: str) -> None:
    """A password in the place of its file is not repeated, and nothing hangs."""
    os.mkfifo(page.folder / "pipe")
    code, out, err = page.run(*ADD, "--password-file", path)
    assert (code, out) == (2, "")
    assert told in err
    assert "canary" not in err
    assert page.rows() is None


@pytest.mark.parametrize(
    ("username", "given", "kept"),
    [
        ("_json_key", json.dumps(KEY, indent=2).encode(), json.dumps(KEY, separators=(",", ":"))),
        (
            "_json_key",
            base64.encodebytes(json.dumps(KEY).encode()),
            json.dumps(KEY, separators=(",", ":")),
        ),
        (
            "_json_key_base64",
            json.dumps(KEY, indent=2).encode(),
            base64.b64encode(json.dumps(KEY, separators=(",", ":")).encode()).decode(),
        ),
    ],
    ids=["pretty", "encoded", "to-be-encoded"],
)
def test_a_service_account_key_is_brought_to_one_line(
    page: PageSite, username: str, given: bytes, kept: str
) -> None:
    """The file that Google made can be given as it is, as `docker login -u _json_key` takes it."""
    page.do("registry", "add", "gcr.io", "--username", username, "--password-stdin", stdin=given)
    assert page.secret("gcr.io") == kept


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (b"canary", "neither JSON nor base64"),
        (json.dumps(KEY | {"type": "authorized_user"}).encode(), "authorized_user"),
    ],
    ids=["no-key", "a-person"],
)
def test_what_is_no_key_is_no_password_of_a_key(page: PageSite, given: bytes, told: str) -> None:
    """The user name says what the password has to be."""
    words = ("registry", "add", "gcr.io", "--username", "_json_key", "--password-stdin")
    code, _, err = page.run(*words, stdin=given)
    assert code == 2
    assert told in err
    assert "canary" not in err


def test_a_key_that_was_repaired_is_told(page: PageSite) -> None:
    """Raw line breaks inside a value come from forms and shells."""
    given = json.dumps(KEY).replace("\\n", "\n").encode()
    words = ("registry", "add", "gcr.io", "--username", "_json_key", "--password-stdin")
    code, _, err = page.run(*words, stdin=given)
    assert code == 0
    assert err.startswith("notice: ")
    assert page.secret("gcr.io") == json.dumps(KEY, separators=(",", ":"))


@pytest.mark.parametrize(
    "words",
    [
        ("registry", "add", "quay.io"),
        ("registry", "edit", "quay.io"),
        ("registry", "credential", "add", "quay.io"),
        ("registry", "credential", "edit", "quay.io", "1"),
        ("registry", "show", "quay.io"),
        ("setting", "set", "registry.default"),
        ("environment", "add", "prod"),
        ("resolve", "quay.io/app"),
    ],
    ids=lambda words: "-".join(words[:-1]),
)
@pytest.mark.parametrize(
    "attempt",
    [
        ("--password", "canary-hunter2"),
        ("--password=canary-hunter2",),
        ("-p", "canary-hunter2"),
        ("-pcanary-hunter2",),
        ("--pass", "canary-hunter2"),
        ("--passwd=canary-hunter2",),
        ("--password-stdin=canary-hunter2",),
        ("--username", "acme", "canary-hunter2", "canary-hunter3"),
        ("--username", "acme:canary-hunter2"),
        ("canary-hunter2", "canary-hunter3"),
    ],
    ids=lambda words: words[0].partition("=")[0][:20],
)
def test_a_password_in_the_arguments_is_refused_and_not_shown(
    page: PageSite, words: tuple[str, ...], attempt: tuple[str, ...]
) -> None:
    """However it is tried, the answer is exit 2 without the password, and no store is made."""
    code, out, err = page.run(*words, *attempt)
    assert (code, out) == (2, "")
    assert "canary" not in err
    assert page.rows() is None


@pytest.mark.parametrize("attempt", [("--password", "hunter2"), ("-p", "hunter2"), ("hunter2",)])
def test_who_tries_a_password_as_argument_is_told_the_ways(
    page: PageSite, attempt: tuple[str, ...]
) -> None:
    """The refusal is a way on."""
    _, _, err = page.run(*ADD, *attempt)
    assert "a password is never an argument" in err
    assert "--password-stdin" in err
    assert "hunter2" not in err


def test_two_sources_are_one_too_many(page: PageSite) -> None:
    """Nobody has to guess which password counts."""
    code, _, err = page.run(*ADD, "--password-stdin", *page.file, stdin=b"other")
    assert code == 2
    assert "give one" in err
    assert page.rows() is None


def test_without_a_terminal_nobody_is_asked(page: PageSite) -> None:
    """A cron job that lacks the option ends at once and says which."""
    code, _, err = page.run(*ADD)
    assert code == 2
    assert "--password-stdin or --password-file" in err


def _typed(page: PageSite, *words: str, env: Mapping[str, str] | None = None) -> Terminal:
    return Terminal([*words, "--store", str(page.store)], env or {})


def test_a_person_is_asked_and_what_is_typed_is_not_shown(page: PageSite) -> None:
    """The question says whose password; the screen never shows it."""
    with _typed(page, *ADD) as terminal:
        terminal.wait_for("Password for acme at quay.io: ")
        assert not terminal.echoes()
        terminal.type(PASSWORD + "\n")
        assert terminal.end() == 0
        assert terminal.echoes()
    assert PASSWORD not in terminal.screen
    assert page.secret("quay.io") == PASSWORD


@pytest.mark.parametrize(
    ("keys", "code", "told"),
    [
        (CTRL_C, 130, ""),
        ("canary-pa" + CTRL_C, 130, ""),
        (CTRL_D, 130, ""),
        ("\n", 2, "it is empty"),
        ("canary\x16\tpass\n", 2, "control character at position 6"),
        ("{\n", 2, "first line of a document"),
        ("x" * 4095 + "\n", 2, "longer than a terminal's line"),
        (b"canary\xff\n", 2, "no text in the terminal's encoding"),
    ],
    ids=["interrupt", "late-interrupt", "end", "empty", "control", "document", "long", "bytes"],
)
def test_who_gives_no_password_after_all_changes_nothing(
    page: PageSite, keys: str | bytes, code: int, told: str
) -> None:
    """Each way out ends with its exit code, the same rows and a terminal that shows again."""
    page.add("other.example")
    before = page.rows()
    with _typed(page, *ADD, env={"PYTHONUTF8": "1"}) as terminal:
        terminal.wait_for("quay.io: ")
        terminal.type(keys)
        assert terminal.end() == code
        assert terminal.echoes()
    assert told in terminal.screen
    assert "canary" not in terminal.screen
    assert "Traceback" not in terminal.screen
    assert page.rows() == before


def test_a_stop_at_the_question_leaves_a_terminal_that_shows(page: PageSite) -> None:
    """SIGTERM ends the process at once, and the shell after it is usable."""
    with _typed(page, *ADD) as terminal:
        terminal.wait_for("quay.io: ")
        terminal.signal(signal.SIGTERM)
        assert terminal.end() == 143
        assert terminal.echoes()
    assert page.secret("quay.io") is None


def test_an_interrupt_while_the_store_is_busy_changes_nothing(page: PageSite) -> None:
    """Who waits for another writer can give up."""
    page.add("other.example")
    before = page.rows()
    with closing(sqlite3.connect(page.store, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with _typed(page, *ADD) as terminal:
            terminal.wait_for("quay.io: ")
            terminal.type(PASSWORD + "\n")
            terminal.wait_for("quay.io: \r\n")
            terminal.type(CTRL_C)
            assert terminal.end() == 130
    assert "Traceback" not in terminal.screen
    assert page.rows() == before


def test_a_terminal_is_no_pipe_for_a_password(page: PageSite) -> None:
    """Standard input would be shown while it is typed."""
    with _typed(page, *ADD, "--password-stdin") as terminal:
        assert terminal.end() == 2
    assert "takes a pipe or a file" in terminal.screen


def test_nobody_types_a_password_for_nothing(page: PageSite) -> None:
    """What can be known before is said before the question."""
    page.add("quay.io")
    for words, told in (
        (ADD, "is there already"),
        (("registry", "credential", "add", "x.example", "--username", "a"), "has no registry"),
        ((*ADD, "--environment", " prod"), "no blank at its ends"),
    ):
        with _typed(page, *words) as terminal:
            assert terminal.end() in (1, 2)
        assert told in terminal.screen
        assert "Password" not in terminal.screen


@pytest.mark.parametrize(
    ("words", "whose"),
    [
        (("registry", "edit", "quay"), "acme"),
        (("registry", "edit", "quay", "--username", "robot", "--password-prompt"), "robot"),
        (("registry", "credential", "edit", "quay", "1"), "acme"),
    ],
    ids=["in-use", "both", "by-number"],
)
def test_an_edit_asks_for_the_new_password(
    page: PageSite, words: tuple[str, ...], whose: str
) -> None:
    """Where nothing else is to change, or where it is asked for."""
    page.add("quay.io")
    with _typed(page, *words) as terminal:
        terminal.wait_for(f"Password for {whose} at quay.io: ")
        terminal.type("canary-new-password\n")
        assert terminal.end() == 0
    assert page.secret("quay.io") == "canary-new-password"


_REMOVALS = {
    "registry": ("registry", "remove", "quay.io"),
    "credential": ("registry", "credential", "remove", "quay.io", "1"),
    "environment": ("environment", "remove", "prod"),
}


@pytest.mark.parametrize(
    ("what", "keys", "code"),
    [
        ("registry", "y\n", 0),
        ("registry", "n\n", 1),
        ("registry", "\n", 1),
        ("registry", CTRL_C, 130),
        ("registry", CTRL_D, 130),
        ("credential", "y\n", 0),
        ("credential", "n\n", 1),
        ("environment", "y\n", 0),
        ("environment", "n\n", 1),
    ],
    ids=repr,
)
def test_removing_is_asked_about(page: PageSite, what: str, keys: str, code: int) -> None:
    """Only a clear yes removes."""
    page.add("quay.io")
    page.do("environment", "add", "prod")
    page.do("registry", "credential", "deactivate", "quay.io", "1")
    page.do("registry", "deactivate", "quay.io")
    before = page.rows()
    with _typed(page, *_REMOVALS[what]) as terminal:
        terminal.wait_for("for good? [y/N]: ")
        terminal.type(keys)
        assert terminal.end() == code
    assert (page.rows() == before) == (code != 0)


def test_no_output_and_no_file_but_the_store_holds_the_password(page: PageSite) -> None:
    """Through the real process, good and failing: not in arguments, output, errors or crashes."""
    printed = ""
    commands = [
        [*ADD, "--password-stdin"],
        [*ADD, "--password-stdin"],
        ["registry", "credential", "add", "quay.io", "--username", "b", "--password-stdin"],
        ["registry", "edit", "quay.io", "--password-stdin", "--output", "json"],
        ["registry", "edit", "gone.example", "--password-stdin"],
        ["registry", "add", "a b", "--username", "acme", "--password-stdin"],
        ["registry", "list", "--removed"],
        ["registry", "show", "quay.io", "--output", "json"],
        ["resolve", "quay.io/app", "--output", "json"],
    ]
    for command in commands:
        printed += _run(page, command)
    page.store.write_bytes(b"no database" * 100)
    for command in commands[:3]:
        printed += _run(page, command)
    _refuse_shown(printed)


# A bug of ours that quotes every variable of every function that is at work.
_CRASH = """
import sqlite3, sys
def connect(*_, **__):
    frame, seen = sys._getframe(1), []
    while frame:
        seen.append(str(frame.f_locals))
        frame = frame.f_back
    raise RuntimeError(" ".join(seen))
sqlite3.connect = connect
from refresher.cli import main
sys.exit(main())
"""


def test_a_crash_report_holds_no_password(page: PageSite) -> None:
    """Even a fault that quotes the variables of all functions shows none."""
    report = _run(page, [*ADD, "--password-stdin"], "-c", _CRASH)
    assert "RuntimeError" in report
    assert "Secret" in report
    _refuse_shown(report)


def _refuse_shown(printed: str) -> None:
    seen = {printed[at : at + SLICE] for at in range(len(printed))}
    for form, shown in forms(PASSWORD).items():
        assert seen.isdisjoint(slices(shown)), form


def _run(page: PageSite, command: list[str], *program: str) -> str:
    done = subprocess.run(
        [
            *(sys.executable, "-X", "dev", *(program or ("-m", "refresher"))),
            *(*command, "--store", str(page.store)),
        ],
        input=PASSWORD + "\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode in (0, 1, 2, 70), done.stderr
    return done.stdout + done.stderr


def test_the_store_is_its_owners_alone(page: PageSite) -> None:
    """Whatever the umask, nobody else reads the passwords."""
    before = os.umask(0)
    try:
        page.add("quay.io")
    finally:
        os.umask(before)
    assert stat.S_IMODE(page.store.stat().st_mode) == 0o600


def test_two_people_at_once_make_one_registry(page: PageSite) -> None:
    """One of them is told that it is there; the credential in use is whole."""
    command = [
        *(sys.executable, "-m", "refresher", *ADD, *page.file, "--store", str(page.store)),
    ]
    people = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=_ROOT)
        for _ in range(4)
    ]
    ends = [person.communicate(timeout=60) for person in people]
    assert sorted(person.returncode for person in people) == [0, 1, 1, 1]
    assert sum(b"is there already" in err for _, err in ends) == 3
    assert page.secret("quay.io") == PASSWORD


_ROOT = Path(__file__).parents[2]
