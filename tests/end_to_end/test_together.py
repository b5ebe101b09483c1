"""Several runs at one store and one config.json: daemons, cron jobs, logins; stuck, killed ones."""

import fcntl
import json
import os
import re
import signal
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import requires
from tests.doubles.aws import AwsDouble
from tests.doubles.aws_answers import Answers, Call, Reply
from tests.doubles.aws_faults import hang
from tests.end_to_end.host import ECR
from tests.end_to_end.runs import started, token

LIFE: Final = 10.0
"""How long a token lives, in seconds: it is renewed after 45 % of that, at the earliest."""

SECONDS: Final = 25.0

SETTINGS: Final = f"""
store: store/refresher.db
log_format: json
providers:
  prod: {{type: ecr, registries: [{ECR}]}}
sinks:
  store: {{type: store}}
  docker: {{type: docker-config, path: docker/config.json}}
"""


@dataclass
class Dated(Answers):
    """Good answers, and when each password was given (Unix time)."""

    given: list[float] = field(default_factory=list)

    def to(self, call: Call) -> Reply:
        """Answer, and remember when."""
        self.given.append(time.time())
        return super().to(call)


class Host:
    """A host on which several runs share their settings."""

    def __init__(self, folder: Path, aws: AwsDouble) -> None:
        self.settings = folder / "refresher.yaml"
        self.settings.write_text(SETTINGS)
        self.config = folder / "docker" / "config.json"
        self.aws = aws

    def run(
        self, *words: str, before: Sequence[str] = ()
    ) -> AbstractContextManager["subprocess.Popen[str]"]:
        """Start a command."""
        env = self.aws.environment()
        return started(*words, settings=self.settings, env=env, before=before)

    def once(self, *options: str) -> tuple[int, str, float]:
        """Run `once`; return exit status, output and seconds."""
        began = time.monotonic()
        with self.run("once", *options) as process:
            output, _ = process.communicate(timeout=30)
        return process.returncode, output, time.monotonic() - began

    def expect_latest(self, calls: int) -> None:
        """Insist that docker would present what AWS gave last, after so many calls."""
        assert token(self.config) == self.aws.answers.passwords[-1]
        assert self.aws.calls() == calls


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """Return a host whose AWS remembers when it gave what."""
    with AwsDouble(answers=Dated()) as aws:
        yield Host(tmp_path, aws)


# --- daemons, cron jobs and logins ---------------------------------------------------


class Watch:
    """Reads config.json again and again, and now and then logs in elsewhere, as docker does."""

    def __init__(self, host: Host, given: list[float]) -> None:
        self.tokens: list[int] = []
        self._host = host
        self._given = given
        self._logins = 0

    def look(self) -> None:
        """Insist on a token that is alive and no older than the last one, and on all the rest."""
        document = json.loads(self._host.config.read_bytes())
        now = time.time()
        auths = document["auths"]
        assert self._logins == 0 or "foreign.example" in auths
        assert document["zz"] == 1
        if ECR in auths:
            password = b64decode(auths[ECR]["auth"]).decode().partition(":")[2]
            number = self._host.aws.answers.passwords.index(password)
            assert now < self._given[number] + LIFE, "it has ended"
            assert number >= max(self.tokens, default=0), "it is older than one before"
            self.tokens.append(number)
        else:
            assert not self.tokens, "it is gone"

    def login(self) -> None:
        """Put an entry of another registry into the file, without a lock, as docker does."""
        self._logins += 1
        path = self._host.config
        temporary = path.with_name("config.json.login")
        while True:
            before, document = path.stat().st_ino, json.loads(path.read_bytes())
            document["auths"]["foreign.example"] = {
                "auth": b64encode(b"u:%d" % self._logins).decode()
            }
            temporary.write_text(json.dumps(document, indent="\t"))
            temporary.chmod(0o600)
            # A login that took an entry of ours back would be its own fault: it has read the
            # file right before.
            if path.stat().st_ino == before:
                temporary.replace(path)
                return


def test_two_daemons_a_cron_job_and_logins_share_one_file(host: Host) -> None:
    """One call per renewal, and whoever reads the file at any time finds the newest live token."""
    host.config.parent.mkdir()
    host.config.write_text('{"auths": {}, "zz": 1}')
    answers = host.aws.answers
    assert isinstance(answers, Dated)
    answers.lifetime = LIFE
    watch = Watch(host, answers.given)
    with ExitStack() as stack:
        daemons = [stack.enter_context(host.run("run")) for _ in range(2)]
        runs = [stack.enter_context(host.run("once"))]
        began = time.monotonic()
        cron, logins = (count(began, every) for every in (2.5, 0.3))
        run_next, log_in_next = next(cron), next(logins)
        while (now := time.monotonic()) < began + SECONDS:
            watch.look()
            if now >= log_in_next:
                watch.login()
                log_in_next = next(logins)
            if now >= run_next:
                runs.append(stack.enter_context(host.run("once")))
                run_next = next(cron)
            time.sleep(0.002)
        for daemon in daemons:
            daemon.send_signal(signal.SIGTERM)
        outputs = [process.communicate(timeout=10)[0] for process in (*daemons, *runs)]
        assert {process.returncode for process in (*daemons, *runs)} == {0}, outputs
    errors = [line for output in outputs for line in output.splitlines() if '"error"' in line]
    # With so short a life the answer has to come within a second; on a busy host it may not.
    late = [line for line in errors if "no answer within" in line]
    assert late == errors
    # A second call for one renewal follows the first one sooner than the next renewal does. Who
    # was given up makes one; a cron job that then succeeded tells nothing of the first.
    gaps = [later - earlier for earlier, later in pairwise(answers.given)]
    assert sum(gap < 0.45 * LIFE - 0.1 for gap in gaps) <= len(late) + 1
    assert len(answers.given) > SECONDS / LIFE
    assert watch.tokens[-1] >= len(answers.given) - 2


@pytest.mark.parametrize("number", [2, 5])
def test_runs_that_start_together_make_one_call(host: Host, number: int) -> None:
    """Each supplies the places, and the ones that come later find that nothing is due."""
    with ExitStack() as stack:
        runs = [stack.enter_context(host.run("once")) for _ in range(number)]
        outputs = [run.communicate(timeout=30)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * number, outputs
    assert sum("prod: fetched" in output for output in outputs) == 1
    host.expect_latest(calls=1)


# --- stuck and killed ----------------------------------------------------------------


@contextmanager
def stuck(host: Host) -> Iterator["subprocess.Popen[str]"]:
    """Give a run that is stopped while it asks AWS, so that it holds the provider's lock."""
    host.aws.fail(hang())
    with host.run("once") as process:
        while not host.aws.calls():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)
        yield process


def test_a_stopped_run_is_waited_for_and_then_named(host: Host) -> None:
    """Who can't have the lock gives up in time, with a code of its own, and tells who holds it."""
    with stuck(host) as holder:
        status, output, seconds = host.once("--lock-timeout", "0.5")
    assert status == 3
    assert seconds < 3
    assert (
        f"another run (process {holder.pid}) held the lock of prod for longer than 0.5 s" in output
    )
    assert host.aws.calls() == 1


def test_a_killed_run_frees_its_lock_at_once(host: Host) -> None:
    """Whoever waits for the lock of a run that is killed goes on in that moment."""
    with stuck(host) as holder, host.run("once") as waiting:
        time.sleep(0.7)
        assert waiting.poll() is None
        holder.kill()
        killed = time.monotonic()
        output, _ = waiting.communicate(timeout=30)
    assert time.monotonic() - killed < 3
    assert waiting.returncode == 0, output
    host.expect_latest(calls=2)
    assert host.once()[0] == 0
    host.expect_latest(calls=2)


def test_a_file_that_another_program_keeps_locked_is_given_up_in_time(host: Host) -> None:
    """The run ends in time and tells which place it could not write; the others are served."""
    host.config.parent.mkdir()
    directory = os.open(host.config.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        status, output, seconds = host.once("--timeout", "2")
    finally:
        os.close(directory)
    assert status == 1
    assert seconds < 4
    assert "store:default" in output
    assert re.search(r"docker.*(busy|failed|no answer)", output), output
    assert host.once()[0] == 0
    host.expect_latest(calls=1)


def test_a_file_system_that_hangs_does_not_keep_the_run(host: Host, tmp_path: Path) -> None:
    """Under a sink whose disk never answers, the run ends in time, and the others are served."""
    requires("strace")
    (trace := tmp_path / "trace").touch()
    hanging = ("-e", "trace=fsync,exit_group", "-e", "inject=fsync:delay_enter=60000000")
    started = time.monotonic()
    with host.run("once", "--timeout", "2", before=("strace", "-f", "-o", str(trace), *hanging)):
        # No process whose thread is in such a call is gone before that: what it does counts.
        while "exit_group(1)" not in trace.read_text():
            assert time.monotonic() - started < 5
            time.sleep(0.05)
    assert host.once()[0] == 0
    host.expect_latest(calls=1)
