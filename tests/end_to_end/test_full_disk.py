"""A disk without room, without files or without rights, under config.json or under the store."""

import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.doubles.aws import AwsDouble
from tests.doubles.aws_answers import Answers
from tests.end_to_end.host import ECR
from tests.end_to_end.runs import started, token
from tests.end_to_end.service import eventually
from tests.end_to_end.volume import Volume

SETTINGS: Final = f"""
store: {{store}}/refresher.db
log_format: json
providers:
  prod: {{{{type: ecr, registries: [{ECR}]}}}}
sinks:
  store: {{{{type: store}}}}
  here: {{{{type: docker-config, path: {{here}}/config.json}}}}
  elsewhere: {{{{type: docker-config, path: {{elsewhere}}/config.json}}}}
"""
LIFE: Final = 8.0

FAULTS: Final[dict[str, tuple[Callable[[Volume], None], str]]] = {
    "full": (Volume.fill, "No space left on device|has no room: the disk is full"),
    "no files": (
        Volume.use_up_files,
        "No space left on device|has no room: the disk takes no more files",
    ),
    "read-only": (Volume.make_read_only, "Read-only file system|is read-only|can't be opened"),
}


class Host:
    """A host whose config.json or store is on a small volume, and another config.json is not."""

    def __init__(self, folder: Path, small: str, aws: AwsDouble, volume: Volume) -> None:
        large = folder / "large"
        places = {"store": large, "here": large / "here", "elsewhere": large / "elsewhere"}
        places[small] = folder / "small"
        self._settings = folder / "refresher.yaml"
        self._settings.write_text(SETTINGS.format(**places))
        # From out here the volume is somewhere else.
        places[small] = volume.path
        self._database = places["store"] / "refresher.db"
        self._copied = folder / "copied.db"
        self.here, self.elsewhere = (places[it] / "config.json" for it in ("here", "elsewhere"))
        self._aws = aws
        self._volume = volume

    def run(self, *words: str) -> AbstractContextManager["subprocess.Popen[str]"]:
        """Start a command that sees the volume."""
        env = self._aws.environment()
        return started(*words, settings=self._settings, env=env, before=self._volume.inside)

    def once(self) -> tuple[int, str]:
        """Run `once`; return exit status and output."""
        with self.run("once", "--timeout", "2") as process:
            output, _ = process.communicate(timeout=30)
        return process.returncode, output

    def make_due(self) -> None:
        """Let the renewal time have come."""
        with self._copy() as connection:
            connection.execute("UPDATE lease SET renew_at = received")
            connection.commit()
            self._database.write_bytes(self._copied.read_bytes())

    def stored(self) -> str:
        """Return the password in the store; insist that its database is sound."""
        with self._copy() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            (secret,) = connection.execute("SELECT secret FROM credential").fetchone()
        assert isinstance(secret, bytes)
        return secret.decode()

    @contextmanager
    def _copy(self) -> Iterator[sqlite3.Connection]:
        # SQLite itself would follow the links to the volume to where it is not mounted.
        for suffix in ("", "-journal"):
            source = self._database.with_name(self._database.name + suffix)
            if source.exists():
                shutil.copy(source, self._copied.with_name(self._copied.name + suffix))
        with closing(sqlite3.connect(self._copied)) as connection:
            yield connection

    def holds_latest(self, *configs: Path) -> bool:
        """Tell whether docker would present the latest password in each place."""
        return {token(config) for config in configs} == {self.latest}

    @property
    def latest(self) -> str:
        """The latest password that AWS gave, "" before the first."""
        return (self._aws.answers.passwords or [""])[-1]


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    """Return a small volume at `small` in the test's folder."""
    (tmp_path / "small").mkdir()
    with Volume(tmp_path / "small") as volume:
        yield volume


@pytest.mark.parametrize(("harm", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_config_file_that_can_not_be_written(
    tmp_path: Path, volume: Volume, harm: Callable[[Volume], None], reason: str
) -> None:
    """It stays as it is, the run tells why and fails, the others are served; later it is too."""
    with AwsDouble() as aws:
        host = Host(tmp_path, "here", aws, volume)
        assert host.once()[0] == 0
        before = host.here.read_bytes()
        host.make_due()
        harm(volume)
        status, output = host.once()
        assert status == 1
        assert re.search(f"{tmp_path}/small/config.json: ({reason})", output), output
        assert host.here.read_bytes() == before
        assert token(host.elsewhere) == host.stored() == host.latest
        volume.heal()
        status, output = host.once()
        assert status == 0, output
        assert token(host.here) == host.latest
        assert aws.calls() == 2
        assert {path.name for path in volume.path.iterdir()} == {"config.json"}


@pytest.mark.parametrize(("harm", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_store_that_can_not_be_written(
    tmp_path: Path, volume: Volume, harm: Callable[[Volume], None], reason: str
) -> None:
    """It stays as it is, the run tells why and fails, every file is served; later it is too."""
    with AwsDouble() as aws:
        host = Host(tmp_path, "store", aws, volume)
        assert host.once()[0] == 0
        before = host.stored()
        host.make_due()
        harm(volume)
        status, output = host.once()
        assert status == 1
        assert re.search(f"{tmp_path}/small/refresher.db ({reason})", output), output
        assert host.stored() == before
        assert token(host.here) == token(host.elsewhere) == host.latest
        volume.heal()
        status, output = host.once()
        assert status == 0, output
        assert host.stored() == token(host.here) == token(host.elsewhere) == host.latest
        # What was fetched without a record is fetched once more, and no more than that.
        assert aws.calls() == 3
        assert host.once()[0] == 0
        assert aws.calls() == 3


@pytest.mark.parametrize(
    ("small", "fault"), [("here", "full"), ("here", "read-only"), ("store", "full")]
)
def test_a_daemon_lives_through_it(tmp_path: Path, volume: Volume, small: str, fault: str) -> None:
    """It renews what it can at the usual rhythm, and makes the rest good when it can."""
    harm, reason = FAULTS[fault]
    with AwsDouble(answers=Answers(lifetime=LIFE)) as aws:
        host = Host(tmp_path, small, aws, volume)
        served = [host.elsewhere, *([host.here] if small == "store" else [])]
        with host.run("run") as daemon:
            eventually(lambda: host.holds_latest(host.here, host.elsewhere))
            harm(volume)
            kept, calls = host.here.read_bytes(), aws.calls()
            eventually(lambda: aws.calls() > calls and host.holds_latest(*served))
            assert small == "store" or host.here.read_bytes() == kept
            volume.heal()
            calls = aws.calls()
            eventually(lambda: aws.calls() > calls and host.holds_latest(host.here, host.elsewhere))
            assert aws.calls() <= calls + 2
            assert daemon.poll() is None
            daemon.send_signal(signal.SIGTERM)
            output, _ = daemon.communicate(timeout=10)
        assert host.stored() == host.latest
        assert host.holds_latest(host.here, host.elsewhere)
        assert daemon.returncode == 0
        assert re.search(reason, output)
