"""The command line as a person or a cron job meets it."""

import json
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from refresher import __version__
from refresher.cli import main
from refresher.model.credential import Secret
from refresher.ports import StoredCredential
from refresher.store import open_store
from tests.doubles.aws import AwsDouble
from tests.doubles.aws_faults import access_denied, throttled

ECR = "123456789012.dkr.ecr.us-west-2.amazonaws.com"


class Site:
    """A folder with settings, and the command line in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.settings = folder / "refresher.yaml"
        self.docker = folder / "docker.json"
        self._capsys = capsys
        (folder / "password").write_text("canary-pass-word\n")
        self.write(
            """
            store: store/refresher.db
            providers:
              hub:
                type: static
                registries: [registry.example:5000]
                username: acme
                password_file: password
                expires_at: 2099-01-01T00:00:00Z
            sinks:
              docker: {type: docker-config, path: docker.json}
              store: {type: store}
            """
        )

    def write(self, text: str) -> None:
        """Write the settings."""
        self.settings.write_text(text)

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run a command; return its exit code and what it printed."""
        code = main([*words, "--config", str(self.settings)])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    """Give a folder with a static provider and two sinks."""
    return Site(tmp_path, capsys)


def test_once_does_what_is_due_and_says_until_when(site: Site) -> None:
    """The table names provider, registry, target, result and end."""
    code, out, err = site.run("once")
    assert (code, err) == (0, "")
    assert "registry.example:5000" in out
    assert "created" in out
    assert "2099-01-01 00:00 UTC (in " in out
    assert json.loads(site.docker.read_text())["auths"]["registry.example:5000"]


def test_once_again_has_nothing_to_do(site: Site) -> None:
    """A second run changes nothing and is a success."""
    site.run("once")
    before = site.docker.stat().st_mtime_ns
    code, out, _ = site.run("once")
    assert code == 0
    assert "kept" in out
    assert "not due" in out
    assert site.docker.stat().st_mtime_ns == before


def test_once_as_json_tells_programs_the_same(site: Site) -> None:
    """The document holds every target with its result, and times as ISO 8601."""
    code, out, _ = site.run("once", "--output", "json")
    document = json.loads(out)
    assert (code, document["ok"]) == (0, True)
    provider = document["providers"][0]
    assert provider["expires"] == "2099-01-01T00:00:00Z"
    assert {target["result"] for target in provider["places"]} == {"created"}


def test_once_exits_with_1_when_a_target_failed_and_serves_the_others(site: Site) -> None:
    """A broken config file is named with its place, kept as it is, and hides nobody."""
    site.docker.write_text('{"auths": ')
    code, out, _ = site.run("once")
    assert code == 1
    assert "docker.json:1:" in out
    assert site.docker.read_text() == '{"auths": '
    backend = open_store(str(site.folder / "store/refresher.db"))
    with closing(backend):
        assert backend.store.find("default", "registry.example:5000") is not None


def test_once_exits_with_3_when_another_run_never_ends(site: Site) -> None:
    """A run that is locked out does nothing and says so."""
    site.run("once")
    backend = open_store(str(site.folder / "store/refresher.db"))
    with closing(backend), backend.lock.hold("hub", 1):
        code, out, _ = site.run("once", "--lock-timeout", "0.1")
    assert code == 3
    assert "hub" in out


@pytest.mark.parametrize("command", ["once", "plan", "run", "check", "status"])
def test_wrong_settings_exit_with_2_and_list_everything(site: Site, command: str) -> None:
    """All errors come at once, each with file, line and field, and no value."""
    site.write(
        """
        provders: {}
        providers:
          hub: {type: statik}
          two: {type: static, registries: [a.example], user: canary-user, password: canary-pass}
        """
    )
    code, out, err = site.run(command)
    assert code == 2
    assert out == ""
    for line in (2, 4, 5):
        assert f"{site.settings}:{line}: " in err
    assert "canary" not in err


def test_no_settings_say_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever just types `refresher once` is told the two ways on."""
    monkeypatch.chdir(tmp_path)
    assert main(["once"]) == 2
    err = capsys.readouterr().err
    assert "--config FILE" in err
    assert "refresher once --registry" in err


def test_settings_in_the_working_folder_are_found(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """./refresher.yaml needs no option, and the environment can name another file."""
    monkeypatch.chdir(site.folder)
    assert main(["once"]) == 0
    monkeypatch.setenv("REFRESHER_CONFIG", str(site.folder / "missing.yaml"))
    assert main(["once"]) == 2


def test_plan_writes_nothing(site: Site) -> None:
    """The dry run shows what would be created and leaves no file."""
    code, out, _ = site.run("plan")
    assert code == 0
    assert "create" in out
    assert "would fetch" in out
    assert not site.docker.exists()


def test_status_shows_every_place(site: Site) -> None:
    """State, end, time left and next renewal stand for each registry and target."""
    site.run("once")
    code, out, _ = site.run("status")
    assert code == 0
    assert [word for word in ("docker:", "store:default", "fresh", "2099") if word not in out] == []


def test_status_as_json(site: Site) -> None:
    """Programs get the seconds that are left."""
    site.run("once")
    _, out, _ = site.run("status", "--output", "json")
    document = json.loads(out)
    assert document["ok"] is True
    assert all(place["seconds_left"] > 0 for place in document["places"])


def test_status_before_the_first_run_says_that_nothing_is_there(site: Site) -> None:
    """A configured provider is pending until it was asked."""
    code, out, _ = site.run("status")
    assert code == 0
    assert "pending" in out


def test_status_exits_with_1_when_something_ended(site: Site) -> None:
    """A dead credential is visible in the exit code and in the health check."""
    with AwsDouble() as aws:
        _use(aws, site)
        aws.answers.lifetime = 2.0
        site.run("once")
        _wait_for(lambda: "dead" in site.run("status")[1])
        assert site.run("status")[0] == 1
        code, out, _ = site.run("status", "--health")
    assert code == 1
    assert "need attention" in out


def test_status_health_is_one_line(site: Site) -> None:
    """A health check wants one word and an exit code."""
    site.run("once")
    assert site.run("status", "--health") == (0, "healthy\n", "")


def test_status_without_settings_shows_the_default_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing recorded it says how to begin, and leaves no file behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    assert main(["status"]) == 0
    assert "refresher once" in capsys.readouterr().out
    assert not (tmp_path / "state").exists()


def test_check_finds_nothing_wrong(site: Site) -> None:
    """Good settings are counted, and nothing is written."""
    code, out, _ = site.run("check")
    assert code == 0
    assert out == "no findings: 1 provider(s), 2 sink(s)\n"
    assert not site.docker.exists()


def test_check_exits_with_2_for_a_file_that_a_provider_lacks(site: Site) -> None:
    """A missing password file is a setting to repair; nobody is asked."""
    (site.folder / "password").unlink()
    code, out, _ = site.run("check")
    assert code == 2
    assert "password_file" in out


def test_check_exits_with_1_on_a_finding(site: Site) -> None:
    """A denied identity and a shadowed entry are found before they hurt."""
    site.docker.write_text('{"credsStore": "desktop"}')
    code, out, _ = site.run("check")
    assert code == 1
    assert "credsStore" in out
    with AwsDouble() as aws:
        _use(aws, site)
        aws.fail(access_denied())
        code, out, _ = site.run("check")
        assert code == 1
        assert "GetAuthorizationToken" in out
        assert site.run("check", "--offline")[0] == 0


def test_check_warns_of_an_interval_that_is_longer_than_a_life(site: Site) -> None:
    """The real expiry wins, and the person is told that the setting means nothing."""
    with AwsDouble() as aws:
        _use(aws, site, extra="interval: 13h")
        code, out, _ = site.run("check")
    assert code == 1
    assert "interval" in out


def test_get_prints_one_credential(site: Site) -> None:
    """The answer is the credential helpers' document."""
    code, out, _ = site.run("get", "registry.example:5000")
    assert code == 0
    assert json.loads(out) == {
        "ServerURL": "registry.example:5000",
        "Username": "acme",
        "Secret": "canary-pass-word",
    }


def test_get_exits_with_4_without_an_answer(site: Site) -> None:
    """Nothing is printed on standard output, the reason on standard error."""
    code, out, err = site.run("get", "other.example")
    assert (code, out) == (4, "")
    assert "other.example" in err


def test_get_without_settings_asks_the_default_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host of no cloud is looked up where a person may have put it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert main(["get", "registry.example"]) == 4
    backend = open_store(str(tmp_path / "refresher.db"))
    stored = StoredCredential("acme", Secret("by hand"))
    with closing(backend):
        backend.store.put("default", {"registry.example": stored})
    capsys.readouterr()
    assert main(["get", "registry.example"]) == 0
    assert json.loads(capsys.readouterr().out)["Secret"] == "by hand"


def test_get_prefers_the_settings_in_the_working_folder(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A settings file that is there knows better than the host's name."""
    monkeypatch.chdir(site.folder)
    assert main(["get", "registry.example:5000"]) == 0
    assert json.loads(capsys.readouterr().out)["Username"] == "acme"


def test_registry_and_config_exclude_each_other(site: Site) -> None:
    """Nobody has to guess which of the two counts."""
    code, _, err = site.run("once", "--registry", ECR)
    assert code == 2
    assert "--registry" in err


def test_throttling_is_waited_out_by_once(site: Site) -> None:
    """A cron job that meets a throttled API ends in success."""
    with AwsDouble() as aws:
        _use(aws, site)
        aws.fail(throttled(), times=2)
        code, _, _ = site.run("once")
        assert code == 0
        assert aws.calls() == 3


def test_hosts_of_one_region_cost_one_call(site: Site) -> None:
    """The number of registries does not show at the API."""
    hosts = ", ".join(f"{account}.dkr.ecr.us-west-2.amazonaws.com" for account in _accounts(200))
    with AwsDouble() as aws:
        _use(aws, site, hosts=hosts)
        assert site.run("once")[0] == 0
        assert aws.calls() == 1
    assert len(json.loads(site.docker.read_text())["auths"]) == 200


def test_two_runs_started_together_make_one_call(site: Site) -> None:
    """The second waits for the first, looks again, and succeeds with nothing due."""
    with AwsDouble() as aws:
        _use(aws, site)
        command = [sys.executable, "-m", "refresher", "once", "--config", str(site.settings)]
        runs = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(4)]
        assert [run.wait(60) for run in runs] == [0, 0, 0, 0]
        assert aws.calls() == 1


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`version` and `--version` agree."""
    assert main(["version"]) == 0
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"refresher {__version__}\n" * 2


def test_help_lists_the_commands_without_importing_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Help is there at once."""
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("run", "once", "plan", "status", "check", "get"))


@pytest.mark.parametrize(
    "words", [["nonsense"], ["once", "--nonsense"], ["get"], ["once", "--timeout", "0"]], ids=str
)
def test_wrong_words_exit_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped command is no crash."""
    assert main(words) == 2
    assert capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_crash(site: Site) -> None:
    """`refresher status | head -0` ends quietly."""
    site.run("once")
    command = [sys.executable, "-m", "refresher", "status", "--config", str(site.settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_a_full_disk_behind_the_output_is_no_bug(site: Site) -> None:
    """Whoever redirected the output is told in a line, and no report is asked for."""
    command = [sys.executable, "-m", "refresher", "once", "--config", str(site.settings)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: the output can't be written: No space left on device\n"


@pytest.mark.parametrize(
    "image", ["quay.io/team/app:1", "quay.io/app@sha256:0123", "u:p@host", "a b"], ids=str
)
def test_get_wants_a_registry_and_no_image(site: Site, image: str) -> None:
    """A pasted image name is told apart from a registry."""
    code, out, err = site.run("get", image)
    assert (code, out) == (2, "")
    assert "REGISTRY" in err


def test_status_forgets_places_that_are_no_longer_supplied(site: Site) -> None:
    """A path that left the settings can't make the status sick for ever."""
    site.run("once")
    site.write(site.settings.read_text().replace("docker.json", "other.json"))
    site.run("once")
    _, out, _ = site.run("status")
    assert "other.json" in out
    assert "docker.json" not in out


@pytest.mark.parametrize("content", ['{"credsStore": "desktop"}', '{"auths": '], ids=str)
def test_status_shows_a_place_that_fails(site: Site, content: str) -> None:
    """An entry that no client reads any more is not fresh, whatever was written before."""
    site.run("once")
    site.docker.write_text(content)
    assert site.run("once")[0] == 1
    code, out, _ = site.run("status")
    assert code == 1
    assert "failing" in out
    assert site.run("status", "--health")[0] == 1


def test_health_is_not_given_before_anything_is_recorded(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that keeps its records elsewhere, or none, does not look healthy."""
    assert site.run("status", "--health")[0] == 1
    monkeypatch.chdir(site.folder.parent)
    assert main(["status", "--health"]) == 1


def test_a_bug_exits_with_70_and_a_report_without_secrets(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw is reported for us, and shows no password."""
    secret = Secret("canary-pass-word")

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError(secret.reveal())

    monkeypatch.setattr("refresher.cli.once.run_once", fail)
    code, _, err = site.run("once")
    assert code == 70
    assert "ZeroDivisionError" in err
    assert secret.reveal() not in err


def _use(aws: AwsDouble, site: Site, *, hosts: str = ECR, extra: str = "") -> None:
    monkeypatch = pytest.MonkeyPatch()
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    site.write(
        f"""
        store: aws/refresher.db
        providers:
          prod:
            type: ecr
            registries: [{hosts}]
            {extra}
        sinks:
          docker: {{type: docker-config, path: aws.json}}
        """
    )
    site.docker = site.folder / "aws.json"


def _accounts(count: int) -> list[str]:
    return [f"{100_000_000_000 + number}" for number in range(count)]


def _wait_for(condition: object) -> None:
    pause = threading.Event()
    for _ in range(200):
        if condition():  # type: ignore[operator]
            return
        pause.wait(0.05)
    raise AssertionError("it never came true")


@pytest.mark.parametrize("closing_of", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_a_closed_stream_changes_no_verdict(site: Site, closing_of: str) -> None:
    """Whoever closes a stream does not want its text; the work and the exit code stay."""
    command = f'"{sys.executable}" -m refresher once --config "{site.settings}" {closing_of}'
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0
    assert site.docker.exists()


def test_once_with_a_store_that_can_not_be_used_has_failed(site: Site) -> None:
    """The places are supplied all the same, and cron hears that the next run fetches anew."""
    (site.folder / "store").mkdir()
    (site.folder / "store" / "refresher.db").write_text("garbage")
    code, out, err = site.run("once")
    assert code == 1
    assert "error: hub: the store" in err
    assert "created" in out
    assert (site.folder / "store" / "refresher.db").read_text() == "garbage"


def test_two_sinks_over_one_file_are_refused(site: Site) -> None:
    """They would undo each other's entries, whatever spelling leads to the file."""
    (site.folder / "link.json").symlink_to("docker.json")
    again = "again: {type: docker-config, path: ./link.json, format: podman}"
    site.write(site.settings.read_text().replace("store: {type: store}", again))
    code, _, err = site.run("once")
    assert code == 2
    assert "sinks.again: writes to the same place as docker" in err
    assert not site.docker.exists()


def test_a_helper_program_does_not_outlive_the_run(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A credential_process that hangs ends with the command, with all that it started."""
    (site.folder / "aws").write_text(
        "[profile slow]\ncredential_process = sh -c 'sleep 4217 & wait'\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(site.folder / "aws"))
    site.write(
        f"""
        store: memory
        providers: {{prod: {{type: ecr, registries: [{ECR}], profile: slow}}}}
        sinks: {{docker: {{type: docker-config, path: aws.json}}}}
        """
    )
    command = [sys.executable, "-m", "refresher", "once", "--timeout", "2"]
    done = subprocess.run(
        [*command, "--config", str(site.settings)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    _wait_for(lambda: not _running("sleep 4217"))


def _running(words: str) -> bool:
    def command_of(process: Path) -> str:
        try:
            return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""

    return any(command_of(each).startswith(words) for each in Path("/proc").glob("[0-9]*"))
