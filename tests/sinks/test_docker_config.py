"""docker's and podman's file as a target: nothing lost, nothing claimed, nothing open."""

import json
import os
import stat
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from refresher.errors import PermanentError
from refresher.model.authkeys import Format
from refresher.model.credential import NEVER, Credential, Secret
from refresher.model.plan import Absent, Foreign, Value
from refresher.ports import Busy, Change, Outcome, Refused, Written
from refresher.sinks.docker_config import DockerConfig, Options, default_path
from refresher.sinks.files import Seen
from refresher.sinks.locks import exclusive
from refresher.sinks.privatefile import How, PrivateFile
from refresher.testing import SinkContract
from tests.benchmarks.docker_config import write_unchanged
from tests.model.test_authkeys import PODMAN, vectors
from tests.sinks import driver
from tests.sinks.plainuser import plain_user

HOST = "registry.example:5000"
HUB_KEY = "https://index.docker.io/v1/"


class TestDockerContract(SinkContract):
    """docker's config.json."""

    fmt = Format.DOCKER

    @pytest.fixture(autouse=True)
    def _directories(self, tmp_path: Path) -> None:
        self.directories = (tmp_path / str(number) for number in range(100))

    def make_sink(self) -> DockerConfig:
        """Return the sink of a file that is not there yet."""
        return DockerConfig(PrivateFile(next(self.directories) / "config.json"), self.fmt)


class TestPodmanContract(TestDockerContract):
    """podman's auth.json."""

    fmt = Format.PODMAN


class TestInPlaceContract(TestDockerContract):
    """A file that is there, and written in place."""

    def make_sink(self) -> DockerConfig:
        """Return the sink of an empty file."""
        path = next(self.directories)
        path.touch(mode=0o600)
        return DockerConfig(PrivateFile(path, how=How.IN_PLACE))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is, or will be."""
    return tmp_path / "config.json"


def put(sink: DockerConfig, token: str, *registries: str) -> Outcome:
    """Write one token at some registries of the sink's only target."""
    credential = Credential(
        registries or (HOST,), "AWS", Secret(token), issued_at=datetime.now(UTC), expires_at=NEVER
    )
    (target,) = sink.read(())
    changes = [Change(registry, credential) for registry in credential.registries]
    return sink.write(target, changes)


def held(sink: DockerConfig, registry: str = HOST) -> object:
    """Return what the sink's only target holds for a registry, or why that can't be told."""
    (content,) = sink.read([registry]).values()
    return content if isinstance(content, Busy | Refused) else content[registry]


def secrets(sink: DockerConfig, *registries: str) -> list[str | None]:
    """Return the secrets that are held."""
    values = [held(sink, registry) for registry in registries or (HOST,)]
    return [value.secret.reveal() if isinstance(value, Value) else None for value in values]


def fingerprint(path: Path) -> tuple[bytes, int, int]:
    """Return what must not change when nothing is written."""
    status = path.stat()
    return path.read_bytes(), status.st_ino, status.st_mtime_ns


# --- the file ------------------------------------------------------------------------


def test_the_target_is_the_path_as_configured(tmp_path: Path) -> None:
    """The target's name is the path as given, not what links make of it; no other is written."""
    (tmp_path / "link").symlink_to(tmp_path)
    sink = DockerConfig(PrivateFile(tmp_path / "link" / "config.json"))
    assert list(sink.read(())) == [f"{tmp_path}/link/config.json"]
    assert isinstance(sink.write("elsewhere", []), Refused)
    assert not (tmp_path / "config.json").exists()


def test_looking_makes_nothing(tmp_path: Path) -> None:
    """A file that is missing, in a directory that is missing, holds nothing and stays missing."""
    assert held(DockerConfig(PrivateFile(tmp_path / "a" / "config.json"))) == Absent()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("how", list(How))
def test_an_unchanged_token_is_not_written(path: Path, how: How) -> None:
    """The same token again leaves the bytes, the file and its time alone."""
    path.write_text('{"auths": {"other.example": {"auth": "QTpC"}}, "zz": {"n": 1}}')
    path.chmod(0o600)
    sink = DockerConfig(PrivateFile(path, how=how))
    put(sink, "token", HOST, "docker.io")
    before = fingerprint(path)
    assert put(sink, "token", HOST, "docker.io") == Written()
    assert fingerprint(path) == before


def test_an_unchanged_token_in_a_large_file_is_not_written(tmp_path: Path) -> None:
    """With ten thousand entries of others too, not one byte is written."""
    assert write_unchanged(tmp_path).met


def test_a_mode_is_set_without_a_write(path: Path) -> None:
    """A mode that is tighter than the file's is set even if the token is there already."""
    put(DockerConfig(PrivateFile(path)), "token")
    path.chmod(0o644)
    before = fingerprint(path)
    outcome = put(DockerConfig(PrivateFile(path)), "token")
    assert isinstance(outcome, Written)
    assert "open to others" in outcome.notes[0]
    put(DockerConfig(PrivateFile(path, 0o640)), "token")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert fingerprint(path) == before


@pytest.mark.parametrize("how", list(How))
@pytest.mark.parametrize(
    "links",
    [
        pytest.param([("config.json", "real/real.json")], id="relative"),
        pytest.param([("config.json", "{}/real/real.json")], id="absolute"),
        pytest.param([("config.json", "b"), ("b", "c"), ("c", "real/real.json")], id="chain"),
        pytest.param([("dir", "real"), ("config.json", "dir/real.json")], id="directory"),
        pytest.param([("config.json", "real/../real/real.json")], id="dots"),
    ],
)
@pytest.mark.parametrize("content", ['{"zz": 1}', None], ids=["there", "dangling"])
def test_links_are_followed_and_stay(
    tmp_path: Path, how: How, links: list[tuple[str, str]], content: str | None
) -> None:
    """The file that links lead to is written, and made if it is missing; the links survive."""
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "real.json"
    if content:
        real.write_text(content)
    for name, to in links:
        (tmp_path / name).symlink_to(to.format(tmp_path))
    sink = DockerConfig(PrivateFile(tmp_path / "config.json", how=how))
    put(sink, "token")
    assert secrets(sink) == ["token"]
    assert not real.is_symlink()
    assert json.loads(real.read_text()).get("zz") == (1 if content else None)
    for name, to in links:
        assert (tmp_path / name).readlink() == Path(to.format(tmp_path))
    assert {entry.name for entry in tmp_path.iterdir()} == {"real", *dict(links)}
    assert list(real.parent.iterdir()) == [real]


def test_the_directory_of_a_dangling_link_is_made(tmp_path: Path) -> None:
    """Where a link leads into directories that are missing, they are made, for the owner only."""
    (tmp_path / "config.json").symlink_to("a/b/real.json")
    put(DockerConfig(PrivateFile(tmp_path / "config.json")), "token")
    assert (tmp_path / "a" / "b" / "real.json").is_file()
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o700] * 2


# --- what is in it -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "place"),
    [
        pytest.param(b'{"auths": {"a": {"auth":', "1:25", id="cut off"),
        pytest.param(b'{\n  "auths": {}\n}}', "3:2", id="trailing"),
        pytest.param(b"[]", "1:1", id="list"),
        pytest.param(b'{"auths": "x"}', "1:11", id="auths"),
        pytest.param(b'{"auths": {}, "auths": {}}', "1:15", id="twice"),
        pytest.param(b"\xff\xfe{\0}\0", "1:1", id="UTF-16"),
        pytest.param(b"\0" * 100, "1:1", id="zeros"),
        pytest.param(b'{"x": ' + b"[" * 100_000, "1:7", id="deep"),
    ],
)
@pytest.mark.parametrize("fmt", list(Format))
def test_a_broken_file_is_left_alone(path: Path, content: bytes, place: str, fmt: Format) -> None:
    """A file that can't be parsed is refused with its place, when read and when written."""
    path.write_bytes(content)
    before = fingerprint(path)
    sink = DockerConfig(PrivateFile(path), fmt)
    for answer in (held(sink), put(sink, "token")):
        assert isinstance(answer, Refused)
        assert answer.reason.startswith(f"{path}:{place}: ")
    assert fingerprint(path) == before


@pytest.mark.parametrize("how", list(How))
@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(
            '{"auths": {"x.example": {"auth": "?"}}}', "1:12: the entry of x.ex", id="b64"
        ),
        pytest.param('{"auths": {"x.example": {"password": 1}}}', "1:12: the entry", id="field"),
        pytest.param('{"auths": {},\n "psFormat": 1}', "2:14: psFormat", id="setting"),
    ],
)
def test_a_file_that_docker_would_refuse_is_not_claimed(
    path: Path, how: How, content: str, told: str
) -> None:
    """Whatever makes docker do without all entries is told with its place; nothing is written."""
    path.write_text(content)
    before = fingerprint(path)
    sink = DockerConfig(PrivateFile(path, how=how))
    for answer in (held(sink), put(sink, "token")):
        assert isinstance(answer, Refused)
        assert answer.reason.startswith(f"{path}:{told}")
        assert "the file is left as it is, correct or remove that" in answer.reason
    assert fingerprint(path) == before
    assert isinstance(put(DockerConfig(PrivateFile(path), Format.PODMAN), "token"), Written)


def test_what_another_run_is_writing_is_read_after_it(path: Path) -> None:
    """Half a write in place that reads as a bad entry is looked at again under the lock."""
    path.write_text('{"auths": {"x.example": {"auth": "?"}}}')
    sink = DockerConfig(PrivateFile(path))
    with ThreadPoolExecutor(1) as pool:
        with exclusive(path, 1):
            answer = pool.submit(held, sink)
            time.sleep(0.05)
            assert not answer.done()
            path.write_text('{"auths": {"x.example": {"auth": "dTpw"}}}')
        assert answer.result() == Absent()


@pytest.mark.parametrize("content", ["", "\n", "{}", "null", '{"auths": null}'])
@pytest.mark.parametrize("fmt", list(Format))
def test_an_empty_file_is_filled(path: Path, content: str, fmt: Format) -> None:
    """An empty file, which podman would refuse, holds nothing and becomes a valid one."""
    path.write_text(content)
    sink = DockerConfig(PrivateFile(path), fmt)
    assert held(sink) == Absent()
    put(sink, "token")
    assert secrets(sink) == ["token"]
    assert list(json.loads(path.read_text())) == ["auths"]


@pytest.mark.parametrize(
    ("config", "winner"),
    [
        pytest.param({"credsStore": "osxkeychain"}, "credsStore", id="store"),
        pytest.param({"credHelpers": {HOST: "ecr-login"}}, "credHelpers", id="helper"),
    ],
)
def test_a_shadowed_entry_is_never_claimed(
    path: Path, config: Mapping[str, Any], winner: str
) -> None:
    """What a credential store or helper shadows is foreign, a write refused, the file as it was."""
    path.write_text(json.dumps({"auths": {HOST: {}}, **config}))
    before = fingerprint(path)
    sink = DockerConfig(PrivateFile(path))
    holding, outcome = held(sink), put(sink, "token")
    assert isinstance(holding, Foreign)
    assert isinstance(outcome, Refused)
    for reason in (holding.reason, outcome.reason):
        assert winner in reason
        assert HOST in reason
    assert fingerprint(path) == before


def test_a_shadowed_entry_keeps_no_other_from_its_token(path: Path) -> None:
    """The others of the same write are written, and the answer names the one that was not."""
    path.write_text(json.dumps({"credHelpers": {"h.example": "x"}}))
    sink = DockerConfig(PrivateFile(path))
    outcome = put(sink, "token", HOST, "h.example")
    assert isinstance(outcome, Refused)
    assert "h.example" in outcome.reason
    assert HOST not in outcome.reason
    assert secrets(sink, HOST, "h.example") == ["token", None]
    assert json.loads(path.read_text())["credHelpers"] == {"h.example": "x"}


def test_what_was_done_on_the_way_is_told(path: Path) -> None:
    """Collapsed spellings and a converted layout are told of in the notes of the write."""
    path.write_text(json.dumps({f"https://{HOST}/v1/": {"auth": "QTpC"}}))
    path.chmod(0o600)
    outcome = put(DockerConfig(PrivateFile(path)), "token")
    assert isinstance(outcome, Written)
    assert [".dockercfg" in outcome.notes[0], HOST in outcome.notes[1]] == [True, True]
    assert json.loads(path.read_text())["auths"].keys() == {HOST}


# --- what goes wrong -----------------------------------------------------------------------


@pytest.mark.parametrize("how", list(How))
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda path: path.mkdir(), "Is a directory", id="directory"),
        pytest.param(os.mkfifo, "no regular file", id="pipe"),
        pytest.param(lambda path: path.symlink_to(path.name), "circle", id="circle"),
        pytest.param(lambda path: path.symlink_to("/dev/null"), "no regular file", id="device"),
        pytest.param(lambda path: path.symlink_to("x" * 300), "too long", id="long"),
        pytest.param(
            lambda path: (path.with_name("f").touch(), path.symlink_to("f/x")),
            "is a file",
            id="below a file",
        ),
        pytest.param(
            lambda path: path.write_bytes(bytes(65 << 20)),
            "larger than 64 MiB",
            id="size",
        ),
    ],
)
def test_a_path_that_can_not_be_used_is_refused(
    path: Path, how: How, make: Callable[[Path], object], reason: str
) -> None:
    """Whatever is wrong with the path, the answer names it and why, and nothing is left over."""
    make(path)
    before = sorted(path.parent.iterdir())
    sink = DockerConfig(PrivateFile(path, how=how))
    for answer in (held(sink), put(sink, "token")):
        assert isinstance(answer, Refused)
        assert str(path) in answer.reason
        assert reason in answer.reason
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.parametrize("name", ["a\0b", "a\0b/config.json", "\ud800"], ids=ascii)
def test_what_is_no_path_is_refused(tmp_path: Path, name: str) -> None:
    """A path with characters that no file's name can hold is refused like any other bad path."""
    sink = DockerConfig(PrivateFile(tmp_path / name))
    for answer in (held(sink), put(sink, "token")):
        assert isinstance(answer, Refused)
        assert "is no path" in answer.reason


def test_a_file_that_may_not_be_read_is_refused() -> None:
    """Without the right to read, nothing is told and nothing overwritten."""
    with plain_user() as directory:
        path = directory / "config.json"
        path.write_text("{}")
        path.chmod(0)
        sink = DockerConfig(PrivateFile(path))
        for answer in (held(sink), put(sink, "token")):
            assert answer == Refused(
                f"{path}: Permission denied: let user {os.geteuid()} read and write it and its "
                "directory"
            )


def test_a_lock_that_others_hold_is_busy(path: Path) -> None:
    """A lock that can't be had in time is busy, not an error, and reading goes on."""
    path.write_text("{}")
    sink = DockerConfig(PrivateFile(path, patience=0.02))
    with exclusive(path, 1):
        outcome = put(sink, "token")
        assert held(sink) == Absent()
    assert isinstance(outcome, Busy)
    assert "another process" in outcome.reason


@dataclass(frozen=True, slots=True)
class Contested(PrivateFile):
    """A file that another program, which knows no locks, changes `before` or `after` each write."""

    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)

    def put(self, seen: Seen, data: bytes) -> tuple[str, ...]:
        """Write, with the other program at work."""
        if self.before:
            self.path.write_text(self.before.pop(0))
        notes = PrivateFile.put(self, seen, data)
        if self.after:
            self.path.write_text(self.after.pop(0))
        return notes


def contested(path: Path, when: str, theirs: list[str]) -> Contested:
    """Return a file that the other program changes `before` or `after` each write."""
    return Contested(path, before=theirs) if when == "before" else Contested(path, after=theirs)


def logins(count: int) -> list[str]:
    """Return what the other program writes: its own entry alone, another one each time."""
    return [f'{{"auths": {{"login-{number}.example": {{}}}}}}' for number in range(count)]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_concurrent_login_is_neither_lost_nor_winning(path: Path, when: str, count: int) -> None:
    """A change right before a write is kept, one right after it does not lose our entry."""
    sink = DockerConfig(contested(path, when, logins(count)))
    assert isinstance(put(sink, "token"), Written)
    assert secrets(sink) == ["token"]
    assert f"login-{count - 1}.example" in json.loads(path.read_text())["auths"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_file_that_never_rests_is_busy(path: Path, when: str) -> None:
    """After the write and three more the sink gives up: nothing is claimed."""
    theirs = logins(10)
    outcome = put(DockerConfig(contested(path, when, theirs)), "token")
    assert isinstance(outcome, Busy)
    assert len(theirs) == 6
    assert str(path) in outcome.reason


def test_many_runs_and_a_login_lose_nothing(path: Path) -> None:
    """Eight processes renew eight registries while logins go on without a lock.

    Every read finds a valid file. A login that read the file before a renewal and
    replaced it afterwards has taken that renewal with it, which no lock of ours can
    prevent: one look at the target, as the engine takes it, finds and repairs that.
    """
    path.write_text('{"auths": {}, "zz": 1}')
    stop = path.with_name("stop")
    settings = json.dumps({"path": str(path)})
    registries = [f"r{number}.example" for number in range(8)]
    login = driver.start("login", str(path), str(stop))
    runs = [driver.start("renew", settings, registry, "50") for registry in registries]
    while any(run.poll() is None for run in runs):
        assert json.loads(path.read_text())["zz"] == 1
        time.sleep(0.001)
    stop.touch()
    for process in (*runs, login):
        process.communicate()
        assert process.returncode == 0
    sink = DockerConfig(PrivateFile(path))
    wanted = [f"{registry}-50" for registry in registries]
    for registry, token in zip(registries, wanted, strict=True):
        if secrets(sink, registry) != [token]:
            put(sink, token, registry)
    assert secrets(sink, *registries) == wanted
    assert "foreign.example" in json.loads(path.read_text())["auths"]
    assert sorted(path.parent.iterdir()) == [path, stop]


# --- the settings --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fmt", "env", "expect"),
    [
        pytest.param("docker", {}, "{home}/.docker/config.json", id="docker"),
        pytest.param("docker", {"DOCKER_CONFIG": "/d"}, "/d/config.json", id="docker, set"),
        pytest.param("docker", {"DOCKER_CONFIG": ""}, "{home}/.docker/config.json", id="empty"),
        pytest.param("podman", {"REGISTRY_AUTH_FILE": "/a/b"}, "/a/b", id="podman, set"),
        pytest.param("podman", {}, "{home}/run/containers/auth.json", id="podman"),
    ],
)
def test_without_a_path_it_is_the_clients_own_file(
    tmp_path: Path, fmt: str, env: Mapping[str, str], expect: str
) -> None:
    """The default path is the one at which the format's client looks, by the environment."""
    (tmp_path / "run").mkdir()
    home = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    sink = driver.make_sink({"format": fmt}, home | dict(env))
    assert list(sink.read(())) == [expect.format(home=tmp_path)]


@vectors(PODMAN, "primary_path")
def test_podmans_own_file(tmp_path: Path, given: Mapping[str, Any], expect: Any) -> None:
    """The file that podman writes is found as podman finds it, on every system.

    An override is what `path` is for; a root for all paths is nothing that we know.
    """
    if given["override"]:
        return
    env = {"HOME": str(tmp_path)}
    if given["XDG_RUNTIME_DIR"]:
        env["XDG_RUNTIME_DIR"] = given["XDG_RUNTIME_DIR"].replace("$TMP", str(tmp_path))
    if isinstance(expect, dict):
        with pytest.raises(PermanentError, match="XDG_RUNTIME_DIR"):
            default_path(Format.PODMAN, env, user=1000, platform=given["os"])
        return
    for name, value in (("$HOME", tmp_path), ("$TMP", tmp_path), ("$UID", 1000)):
        expect = expect.replace(name, str(value))
    assert str(default_path(Format.PODMAN, env, user=1000, platform=given["os"])) == expect


@pytest.mark.parametrize(
    ("env", "reason"),
    [
        pytest.param({}, "HOME is not set", id="unset"),
        pytest.param({"HOME": ""}, "HOME is not set", id="empty"),
        pytest.param({"HOME": "/nonexistent"}, "HOME is /nonexistent", id="missing"),
    ],
)
def test_without_a_home_the_path_must_be_set(env: Mapping[str, str], reason: str) -> None:
    """A home that is not there is said at the start, and nothing is made in a wrong place."""
    with pytest.raises(PermanentError, match=reason) as caught:
        driver.make_sink({}, env)
    assert "set path" in caught.value.hint
    assert driver.make_sink({"path": "/x/config.json"}, env)


@pytest.mark.parametrize(
    ("text", "mode"), [("0600", 0o600), ("0640", 0o640), ("0o644", 0o644), ("660", 0o660)]
)
def test_a_mode_is_octal(text: str, mode: int) -> None:
    """A mode is what chmod takes it for, quoted or not, with or without a zero."""
    assert Options.model_validate({"mode": text}).mode == mode


@pytest.mark.parametrize("mode", ["0400", "0700", "0666x", "", "u=rw", "01600", "0620", 640, 400])
def test_a_mode_that_serves_nobody_is_refused(mode: object) -> None:
    """A mode must be octal, let the owner read and write, and nobody write blindly or execute."""
    with pytest.raises(ValidationError, match="0640"):
        Options.model_validate({"mode": mode})


@pytest.mark.parametrize("settings", [{"format": "helm"}, {"write": "often"}, {"paht": "x"}])
def test_unknown_settings_are_refused(settings: dict[str, str]) -> None:
    """A value or a name that is not known is an error."""
    with pytest.raises(ValidationError):
        Options.model_validate(settings)


def test_a_sink_shows_what_it_is() -> None:
    """The representation names the path and the format."""
    sink = driver.make_sink({"path": "/x/auth.json", "format": "podman"})
    assert repr(sink) == "DockerConfig('/x/auth.json', 'podman')"


def test_a_loose_file_is_tightened_although_its_token_is_current(path: Path) -> None:
    """A set mode counts from the next look, not from the next renewal."""
    put(DockerConfig(PrivateFile(path)), "token")
    path.chmod(0o644)
    before = path.read_bytes()
    strict = DockerConfig(PrivateFile(path, 0o600))
    assert held(strict) == Absent()
    assert isinstance(put(strict, "token"), Written)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == before
    assert secrets(strict, HOST) == ["token"]


def test_validation_finds_a_file_that_is_open_to_others(path: Path) -> None:
    """`check` tells what a write would only note."""
    path.write_text("{}")
    path.chmod(0o644)
    with pytest.raises(PermanentError, match=r"open to others \(mode 0644\)"):
        DockerConfig(PrivateFile(path)).validate()
    DockerConfig(PrivateFile(path, 0o600)).validate()


def test_validation_finds_what_is_no_file(tmp_path: Path) -> None:
    """A directory in the place of the file is told as a write would tell it."""
    with pytest.raises(PermanentError, match=str(tmp_path)):
        DockerConfig(PrivateFile(tmp_path)).validate()


def test_validation_writes_nothing(tmp_path: Path) -> None:
    """A directory that is not there yet is no obstacle, and is not made."""
    DockerConfig(PrivateFile(tmp_path / "new" / "deep" / "config.json")).validate()
    assert not (tmp_path / "new").exists()


def test_validation_finds_a_place_that_can_not_be_written() -> None:
    """/proc takes no files, not even root's."""
    with pytest.raises(PermanentError, match="can't be written"):
        DockerConfig(PrivateFile(Path("/proc/self/new/config.json"))).validate()
