"""The host's own faults: a daemon is frozen, signalled and starved, and its files come and go."""

import contextlib
import fcntl
import json
import operator
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import requires
from tests.doubles.aws import AwsDouble
from tests.doubles.aws_answers import Answers
from tests.doubles.aws_faults import expired_token, hang
from tests.doubles.google import EMAIL, new_key
from tests.doubles.packages import VAULT, install
from tests.end_to_end.service import ECR, Service, ecr, eventually, static

_EAST: Final = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
_CONTAINER: Final = (
    *("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"),
    "--kill-child",
)
_IN_TIME: Final = 5.0
"""Seconds within which it has stopped: half of what `docker stop` waits for by default."""


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """Give a service that is not yet running."""
    return Service(tmp_path)


def short_lived(seconds: float) -> AwsDouble:
    """Return AWS with tokens that live for a few seconds."""
    return AwsDouble(answers=Answers(lifetime=seconds))


def holds_the_latest(service: Service, aws: AwsDouble) -> bool:
    """Tell whether docker would present the token that AWS gave last."""
    return service.passwords().get(ECR) == aws.answers.passwords[-1]


# --- frozen --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("life", "reason"),
    [(15.0, "its renewal time has come"), (6.0, "it has ended")],
    ids=["past the renewal", "past the end"],
)
def test_a_frozen_daemon_catches_up_at_once(service: Service, life: float, reason: str) -> None:
    """A suspended host or a paused container drops no renewal, and the log says how late it is."""
    service.configure(ecr())
    with short_lived(life) as aws, service.running(env=aws.environment()) as process:
        eventually(lambda: aws.calls() and holds_the_latest(service, aws))
        process.send_signal(signal.SIGSTOP)
        time.sleep(9)
        assert aws.calls() == 1
        process.send_signal(signal.SIGCONT)
        eventually(lambda: aws.calls() == 2 and holds_the_latest(service, aws), seconds=10)
        eventually(lambda: len(service.told("fetched")) == 2)
        service.stop()
    assert [line["detail"] for line in service.told("fetched")][1] == reason
    assert not service.told("fault")


# --- stopped -------------------------------------------------------------------------


def as_process_1(service: Service) -> int:
    """Return the outside number of the process that is number 1 inside."""
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children")
    eventually(lambda: children.read_text().strip())
    return int(children.read_text())


@pytest.fixture
def container() -> Sequence[str]:
    """Return what runs a command as process 1 of a container."""
    able = shutil.which("unshare") and (
        subprocess.run([*_CONTAINER, "true"], check=False, capture_output=True).returncode == 0
    )
    requires("unshare", package="util-linux", available=bool(able))
    return _CONTAINER


@pytest.mark.parametrize(
    ("signals", "hangs"),
    [
        pytest.param([signal.SIGTERM], False, id="SIGTERM"),
        pytest.param([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], False, id="all of them"),
        pytest.param([signal.SIGTERM], True, id="SIGTERM while a provider hangs"),
        pytest.param([signal.SIGINT], True, id="SIGINT while a provider hangs"),
        pytest.param([signal.SIGTERM] * 2, True, id="twice while a provider hangs"),
    ],
)
def test_it_stops_as_process_1(
    service: Service, container: Sequence[str], signals: Sequence[int], *, hangs: bool
) -> None:
    """`docker stop` ends it in time and with code 0, whatever is under way."""
    (service.folder / "password").write_text("secret")
    service.configure(static("hub", "password"), ecr())
    with AwsDouble() as aws:
        if hangs:
            aws.fail(hang(), times=9)
        with service.running(*container, env=aws.environment()) as process:
            eventually(lambda: aws.calls() == 1 and "hub.example" in service.passwords())
            inside, started = as_process_1(service), time.monotonic()
            for number in signals:
                # It may have ended by the first.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(inside, number)
                time.sleep(0.05)
            assert process.wait(10) == 0
            assert time.monotonic() - started < _IN_TIME
    assert service.told("stopping")
    assert service.log[-1]["event"] == "stopped"


def test_a_stop_during_the_start_is_not_lost_to_process_1(
    service: Service, container: Sequence[str]
) -> None:
    """From the moment it takes signals, a single one ends it."""
    (service.folder / "password").write_text("secret")
    service.configure(static("hub", "password"))
    with service.running(*container) as process:
        inside = as_process_1(service)
        eventually(lambda: _catches(inside, signal.SIGTERM))
        os.kill(inside, signal.SIGTERM)
        # 143 before the daemon has begun, as a shell tells of a process that SIGTERM ended.
        assert process.wait(_IN_TIME) in (0, 143)


def _catches(process: int, number: int) -> bool:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (mask,) = (line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(mask, 16) >> (number - 1) & 1)


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8])
def test_a_stop_at_any_moment_of_the_start_ends_it(service: Service, delay: float) -> None:
    """Whether it has begun or not, it ends, and says nothing of a crash."""
    (service.folder / "password").write_text("secret")
    service.configure(static("hub", "password"))
    with service.running() as process:
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        assert process.wait(_IN_TIME) in (0, 143, -signal.SIGTERM)
    assert {line["event"] for line in service.log} <= {
        *("started", "fetched", "written", "stopping", "stopped")
    }


# --- reloaded ------------------------------------------------------------------------


def resources(process: int) -> tuple[int, int]:
    """Return how many threads and open files a process has."""
    folder = Path(f"/proc/{process}")
    return len(list((folder / "task").iterdir())), len(list((folder / "fd").iterdir()))


def test_a_storm_of_hangups_costs_no_call_and_leaks_nothing(service: Service) -> None:
    """Two hundred reloads during renewals: one call per renewal, and the last settings win."""
    life = 4.0
    (service.folder / "password").write_text("secret")
    service.configure(static("hub", "password"), ecr())
    with short_lived(life) as aws, service.running(env=aws.environment()) as process:
        eventually(lambda: len(service.passwords()) == 2)
        process.send_signal(signal.SIGHUP)
        eventually(lambda: service.told("reloaded"))
        eventually(lambda: aws.calls() >= 2)
        before = resources(process.pid)
        for _ in range(200):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.01)
        service.configure(static("hub", "password"), static("new", "password"), ecr())
        process.send_signal(signal.SIGHUP)
        eventually(lambda: "new.example" in service.passwords(), seconds=10)
        # A new provider has a connection and a thread of its own; two hundred duties have none.
        eventually(lambda: max(map(operator.sub, resources(process.pid), before)) < 10)
        eventually(lambda: aws.calls() >= 5)
        service.stop()
        calls = aws.calls()
    fetched = service.told("fetched", provider="prod")
    assert len(fetched) == calls
    assert {line["detail"] for line in fetched[1:]} == {"its renewal time has come"}


def _bad_yaml(service: Service) -> None:
    service.settings.write_text("providers: {hub: [\n")


def _unknown_key(service: Service) -> None:
    service.configure(static("new", "password"), provders="{}")


def _missing(service: Service) -> None:
    service.settings.unlink()


def _directory(service: Service) -> None:
    service.settings.mkdir()


def _pipe(service: Service) -> None:
    service.settings.rmdir()
    os.mkfifo(service.settings)


def _circle(service: Service) -> None:
    service.settings.unlink()
    service.settings.symlink_to(service.settings.name)


def _empty(service: Service) -> None:
    service.settings.unlink()
    service.settings.touch()


def _binary(service: Service) -> None:
    service.settings.write_bytes(b"\xff\xfe\x00")


def _no_access(service: Service) -> None:
    service.configure(static("new", "password"))
    service.settings.chmod(0o000)


def _plugin(name: str) -> Callable[[Service], None]:
    def write(service: Service) -> None:
        service.configure(f"other: {{type: {name}, url: https://vault.example}}")

    return write


_WRONG: Final[dict[str, Callable[[Service], None]]] = {
    "bad YAML": _bad_yaml,
    "an unknown key": _unknown_key,
    "missing": _missing,
    "a directory": _directory,
    "a pipe": _pipe,
    "a circle of links": _circle,
    "empty": _empty,
    "binary": _binary,
    "an unknown plug-in": _plugin("nobody-knows"),
    "a plug-in that can't be imported": _plugin("unwell"),
    "a plug-in that exits": _plugin("leaving"),
    "a plug-in with a bug": _plugin("buggy"),
}
"""What the settings become one after the other, each from the one before."""


def test_wrong_settings_leave_the_old_ones_in_use(service: Service) -> None:
    """Whatever a reload finds, renewals go on; the first right settings are taken again."""
    site = service.folder / "site"
    site.mkdir()
    sources = {
        "unwell": "import no_such_module",
        "leaving": "raise SystemExit('no licence')",
        "buggy": VAULT.replace("return Vault(options.url", "return 1 / 0"),
    }
    for name, source in sources.items():
        install(site, f"acme_{name}", source, {"refresher.providers": {name: f"acme_{name}"}})
    refused: list[str] = []
    wrong = dict(_WRONG) if os.geteuid() == 0 else {**_WRONG, "no access": _no_access}
    (service.folder / "password").write_text("secret")
    service.configure(static("hub", "password"), ecr())
    path = os.pathsep.join([str(site), os.getcwd()])  # noqa: PTH109 - of text
    with (
        short_lived(4.0) as aws,
        service.running(env={**aws.environment(), "PYTHONPATH": path}) as process,
    ):
        eventually(lambda: len(service.passwords()) == 2)
        for name, spoil in wrong.items():
            spoil(service)
            process.send_signal(signal.SIGHUP)
            refused.append(name)
            eventually(lambda: len(service.told("reload-failed")) == len(refused))
        calls = aws.calls()
        eventually(lambda: aws.calls() >= calls + 2)
        (site / "acme_unwell.py").write_text(VAULT)
        _plugin("unwell")(service)
        process.send_signal(signal.SIGHUP)
        eventually(lambda: "v.example" in service.passwords())
        service.stop()
    assert all("the old settings stay" in line["hint"] for line in service.told("reload-failed"))
    assert not service.told("fault")


# --- secrets that move ---------------------------------------------------------------


class Mounted:
    """A Secret as Kubernetes mounts it: all of it is swapped by one link (`..data`).

    https://github.com/kubernetes/kubernetes/blob/v1.31.0/pkg/volume/util/atomic_writer.go
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.file = folder / "password"
        self._versions = 0

    def write(self, text: str) -> None:
        """Put a new version in the place of the old one."""
        self._versions += 1
        data, version = self.folder / "..data", self.folder / f"..2026_{self._versions}"
        version.mkdir()
        (version / "password").write_text(text)
        old = data.resolve() if data.is_symlink() else None
        partial = self.folder / "..data_tmp"
        partial.symlink_to(version.name)
        partial.replace(data)
        if old is None:
            self.file.symlink_to("..data/password")
        else:
            shutil.rmtree(old)


def rename(path: Path, text: str) -> None:
    """Replace a file as editors and careful programs do."""
    partial = path.with_name("partial")
    partial.write_text(text)
    partial.replace(path)


def test_swapped_secrets_are_taken_up_by_themselves(service: Service) -> None:
    """Renamed over, written in place, behind a link, a mounted Secret: each is seen, once."""
    folder = service.folder
    mounted = Mounted(folder / "mounted")
    linked = folder / "linked"
    key, new = (_google_key() for _ in range(2))
    for name in ("renamed", "in-place", "same-size", "removed", "behind-1", "still"):
        (folder / name).write_text("first")
    linked.symlink_to("behind-1")
    mounted.write("first")
    (folder / "key.json").write_text(key)
    files = {
        name: folder / name for name in ("renamed", "in-place", "same-size", "removed", "linked")
    }
    providers = [static(name, path) for name, path in {**files, "mounted": mounted.file}.items()]
    google = "google: {type: gcr, registries: [gcr.io], key_file: key.json, auth: json-key}"
    service.configure(*providers, google, static("still", "still"))
    with service.running():
        eventually(lambda: len(service.passwords()) == 8)
        files["removed"].unlink()
        rename(files["renamed"], "second")
        files["in-place"].write_text("second")
        files["same-size"].write_text("secon")
        (folder / "behind-2").write_text("second")
        linked.unlink()
        linked.symlink_to("behind-2")
        mounted.write("second")
        rename(folder / "key.json", new)
        files["removed"].write_text("second")
        expected = {f"{name}.example": "second" for name in (*files, "mounted")}
        expected |= {"same-size.example": "secon", "still.example": "first"}
        expected["gcr.io"] = json.dumps(json.loads(new), separators=(",", ":"))
        eventually(lambda: service.passwords() == expected)
        time.sleep(1)
        service.stop()
    fetches = {name: len(service.told("fetched", provider=name)) for name in (*files, "google")}
    assert set(fetches.values()) == {2}
    assert len(service.told("fetched", provider="still")) == 1


def _google_key() -> str:
    fields = {"type": "service_account", "private_key": new_key(), "client_email": EMAIL}
    return json.dumps({**fields, "token_uri": "https://oauth2.googleapis.com/token"})


_AWS_FILES: Final = """
[profile keys]
region = us-west-2
[profile web]
region = us-east-1
role_arn = arn:aws:iam::123456789012:role/puller
web_identity_token_file = {token}
"""


def test_swapped_aws_keys_and_tokens_serve_the_next_renewal(service: Service) -> None:
    """Keys and token files are read at each call, also when AWS has just ended the old ones."""
    folder = service.folder
    config, keys, token = (folder / name for name in ("config", "credentials", "token"))
    config.write_text(_AWS_FILES.format(token=token))
    token.write_text("web-token-1")
    _write_keys(keys, "AKIAFIRSTFIRSTFIRST0")
    service.configure(
        f"keys: {{type: ecr, registries: [{ECR}], profile: keys}}",
        f"web: {{type: ecr, registries: [{_EAST}], profile: web}}",
    )
    with short_lived(6.0) as aws:
        env = {name: value for name, value in aws.environment().items() if "KEY" not in name}
        env |= {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(keys)}
        with service.running(env=env):
            eventually(lambda: len(service.passwords()) == 2)
            _write_keys(keys, "AKIASECONDSECOND0000")
            rename(token, "web-token-2")
            eventually(lambda: _signed_by(aws, "AKIASECONDSECOND0000"))
            eventually(lambda: "web-token-2" in _web_tokens(aws))
            aws.fail(expired_token(), times=1)
            calls = aws.calls()
            eventually(lambda: aws.calls() >= calls + 4)
            service.stop()
        tokens = _web_tokens(aws)
        asked = len(service.told("fetched"))
        assert aws.calls() == asked + 1
    assert tokens == sorted(tokens)
    assert not service.told("fetch-failed")


def _write_keys(path: Path, key: str) -> None:
    secret = "aws_secret_access_key = dummy-secret-access-key"
    rename(path, f"[keys]\naws_access_key_id = {key}\n{secret}\n")


def _signed_by(aws: AwsDouble, key: str) -> bool:
    return any(call.access_key == key for call in tuple(aws.requests))


def _web_tokens(aws: AwsDouble) -> list[str]:
    asked = [each for each in tuple(aws.requests) if each.operation == "AssumeRoleWithWebIdentity"]
    return [each.form["WebIdentityToken"] for each in asked]


# --- secrets that come late ----------------------------------------------------------


def test_a_secret_that_comes_late_is_taken_up_by_itself(service: Service) -> None:
    """Missing, empty, below no directory, a directory itself: it is used once it is there."""
    folder = service.folder
    names = ("missing", "empty", "below", "directory", "dangling", "google", "ready")
    files = {name: folder / name for name in names} | {"below": folder / "no" / "below"}
    files["empty"].touch()
    files["directory"].mkdir()  # as Docker makes of a missing file that is to be mounted
    files["dangling"].symlink_to("not-yet")
    files["ready"].write_text("in time")
    key = "google: {type: gcr, registries: [gcr.io], key_file: google, auth: json-key}"
    service.configure(*(static(name, files[name]) for name in files if name != "google"), key)
    with service.running():
        eventually(lambda: "ready.example" in service.passwords())
        late = [name for name in names if name != "ready"]
        eventually(lambda: all(service.told("fetch-failed", provider=name) for name in late))
        files["missing"].write_text("late")
        files["empty"].write_text("late")
        files["below"].parent.mkdir()
        files["below"].write_text("late")
        files["directory"].rmdir()
        files["directory"].write_text("late")
        (folder / "not-yet").write_text("late")
        files["google"].write_text(_google_key())
        eventually(lambda: len(service.passwords()) == len(names))
        service.stop()
    passwords = {name: service.passwords()[f"{name}.example"] for name in late if name != "google"}
    assert set(passwords.values()) == {"late"}


# --- directories that go -------------------------------------------------------------


def test_a_config_directory_that_goes_and_comes_is_served_again(service: Service) -> None:
    """Removed, made anew by somebody else, replaced by a link: all is repaired without a call."""
    service.configure(ecr(), drift_interval=1)
    folder = service.config.parent
    with AwsDouble() as aws, service.running(env=aws.environment()):
        eventually(lambda: aws.calls() and holds_the_latest(service, aws))
        shutil.rmtree(folder)
        eventually(lambda: holds_the_latest(service, aws))
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
        rename(service.config, '{"auths": {"other.example": {"auth": "eDp5"}}}')
        eventually(lambda: holds_the_latest(service, aws))
        assert service.passwords()["other.example"] == "y"
        elsewhere = folder.rename(folder.with_name("elsewhere"))
        (elsewhere / "config.json").unlink()
        with contextlib.suppress(FileExistsError):
            folder.symlink_to(elsewhere)
        eventually(lambda: holds_the_latest(service, aws))
        service.stop()
        assert aws.calls() == 1
    assert service.told("drift")


def test_a_store_directory_that_goes_stops_no_renewal(service: Service) -> None:
    """The records begin anew, at the cost of one call, and the places are served throughout."""
    life = 4.0
    service.configure(ecr(), drift_interval=1)
    with short_lived(life) as aws, service.running(env=aws.environment()):
        eventually(lambda: aws.calls() and holds_the_latest(service, aws))
        started, before = time.monotonic(), aws.calls()
        shutil.rmtree(service.folder / "store")
        eventually(lambda: aws.calls() >= before + 3)
        eventually(lambda: holds_the_latest(service, aws))
        assert aws.calls() - before <= (time.monotonic() - started) / (life * 0.45) + 2
        service.stop()
        assert (service.folder / "store" / "refresher.db").exists()
    assert not service.told("fault")


# --- what the host does not give -----------------------------------------------------


def shell(script: str) -> Sequence[str]:
    """Return the words that run a command after `script`, in the same process."""
    return ("sh", "-c", f'{script}; exec "$@"', "sh")


_POOR: Final = {
    "no HOME": "unset HOME",
    "a HOME that is nowhere": "export HOME=/nonexistent/home",
    "no standard input": "exec <&-",
    "no standard output": "exec >&-",
    "no standard error": "exec 2>&-",
    "no standard stream at all": "exec <&- >&- 2>&-",
    "a full disk as standard error": "exec 2>/dev/full",
    "a directory that is gone": 'gone=$(mktemp -d); cd "$gone"; rmdir "$gone"',
    "no environment but the path": 'exec env -i PATH="$PATH" PYTHONPATH="$PYTHONPATH" '
    "AWS_ACCESS_KEY_ID=AKIADUMMYDUMMYDUMMY0 AWS_SECRET_ACCESS_KEY=dummy "
    'AWS_ENDPOINT_URL_ECR="$AWS_ENDPOINT_URL_ECR" "$@"',
}


@pytest.mark.parametrize("lack", _POOR)
def test_it_renews_whatever_the_host_does_not_give(service: Service, lack: str) -> None:
    """Homes and standard streams are a comfort, no need; no file of ours takes their place."""
    service.configure(ecr())
    with (
        short_lived(3.0) as aws,
        service.running(*shell(_POOR[lack]), env=aws.environment()) as process,
    ):
        eventually(lambda: aws.calls() >= 2 and holds_the_latest(service, aws))
        streams = [Path(f"/proc/{process.pid}/fd/{number}").readlink() for number in range(3)]
        service.stop()
    assert not [stream for stream in streams if service.folder in stream.parents]


def test_few_open_files_are_enough(service: Service) -> None:
    """What can't be opened now is opened later: everybody is served under a limit of 64."""
    (service.folder / "password").write_text("secret")
    providers = [static(f"p{number}", "password") for number in range(30)]
    service.configure(*providers, ecr())
    with (
        short_lived(3.0) as aws,
        service.running(*shell("ulimit -n 64"), env=aws.environment()) as process,
    ):
        eventually(lambda: len(service.passwords()) == 31)
        calls = aws.calls()
        eventually(lambda: aws.calls() >= calls + 3 and holds_the_latest(service, aws))
        assert resources(process.pid)[1] < 60
        service.stop()
    assert not service.told("fault")


# --- a log that nobody reads ---------------------------------------------------------


def _talkative(service: Service) -> None:
    """Let each pass have a lot to say: five hundred entries that no client would read."""
    service.config.parent.mkdir()
    names = [f"registry-{number}.example" for number in range(500)]
    service.config.write_text(json.dumps({"credHelpers": dict.fromkeys(names, "desktop")}))
    (service.folder / "password").write_text("secret")
    many = f"many: {{type: static, registries: {json.dumps(names)}, username: acme, "
    service.configure(many + "password_file: password}", ecr(), drift_interval=1, log_level="debug")


@pytest.fixture
def unread(service: Service) -> Service:
    """Give a talkative service, whose log nobody will read."""
    _talkative(service)
    return service


def shrink(process: subprocess.Popen[bytes]) -> int:
    """Make the pipe of its log as small as pipes can be; return the end to read from."""
    assert process.stderr is not None
    fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)
    return process.stderr.fileno()


def test_a_log_that_nobody_reads_stops_no_renewal(unread: Service) -> None:
    """Tokens of three seconds stay fresh; once somebody reads, the log says what is missing."""
    with short_lived(3.0) as aws, unread.running(env=aws.environment(), read=False) as process:
        log = shrink(process)
        eventually(lambda: aws.calls() and holds_the_latest(unread, aws))
        # A mebibyte waits by then, at some hundred kilobytes a second.
        end = time.monotonic() + 8
        while time.monotonic() < end:
            calls = aws.calls()
            eventually(lambda calls=calls: aws.calls() > calls, seconds=4)  # type: ignore[misc]
            eventually(lambda: holds_the_latest(unread, aws), seconds=2)
        reader = threading.Thread(target=unread.read, args=[log])
        reader.start()
        eventually(lambda: unread.told("log-lost"))
        unread.stop()
        reader.join()
    (lost,) = unread.told("log-lost")
    assert int(lost["detail"].rpartition(" ")[2]) > 0
    assert unread.told("stopping")
    assert unread.log[-1]["event"] == "stopped"


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGTERM] * 30], ids=["one", "many"])
def test_it_stops_although_nobody_reads_its_log(unread: Service, signals: Sequence[int]) -> None:
    """What can't be written does not keep the process, even while a provider hangs as well."""
    with short_lived(3.0) as aws, unread.running(env=aws.environment(), read=False) as process:
        shrink(process)
        eventually(lambda: aws.calls() and holds_the_latest(unread, aws))
        aws.fail(hang(), times=9)
        calls = aws.calls()
        eventually(lambda: aws.calls() > calls)
        started = time.monotonic()
        for number in signals:
            process.send_signal(number)
            time.sleep(0.1)
        assert process.wait(10) in (0, 143)
        assert time.monotonic() - started < _IN_TIME


_CRASH: Final = """
import gc
enable = gc.enable
def crash():
    gc.enable = enable
    raise ZeroDivisionError("a bug")
gc.enable = crash
"""
"""What Python runs at its start: the daemon meets an error that nobody foresaw."""


@pytest.mark.parametrize("read", [True, False], ids=["read", "not read"])
def test_a_crash_is_reported_and_waits_for_no_reader(service: Service, *, read: bool) -> None:
    """The report comes out where somebody reads it, and keeps nobody from a new start."""
    (service.folder / "password").write_text("secret")
    (service.folder / "sitecustomize.py").write_text(_CRASH)
    service.configure(static("hub", "password"))
    path = os.pathsep.join([str(service.folder), os.getcwd()])  # noqa: PTH109 - of text
    fill = "" if read else "head -c 65536 /dev/zero >&2"
    before = shell(fill) if fill else ()
    with service.running(*before, env={"PYTHONPATH": path}, read=False) as process:
        assert process.wait(10) == 70
        assert process.stderr is not None
        report = process.stderr.read()
    if read:
        assert b"refresher stopped on a bug of its own" in report
        assert b"ZeroDivisionError: a bug" in report
