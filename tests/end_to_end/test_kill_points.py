"""`refresher once` killed at any system call that writes: the next run makes everything good.

AWS is a server on loopback; the store and a config.json are the sinks. REFRESHER_FULL_SWEEP=1 makes
every such call a point.
"""

import json
import os
import shutil
import sqlite3
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from refresher.cli import main
from refresher.model.credential import Secret
from refresher.store import open_store
from tests.doubles.aws import AwsDouble
from tests.tracing import FULL_SWEEP, KILLED, Call, Ended, Tracer, told, writes

ECR: Final = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
FOREIGN: Final = {"auth": "QTpC"}
SETTINGS: Final = f"""
store: store/refresher.db
providers:
  prod: {{type: ecr, registries: [{ECR}]}}
sinks:
  store: {{type: store}}
  docker: {{type: docker-config, path: docker/config.json}}
"""
MODULES: Final = (
    "refresher.cli.once",
    "refresher.providers.ecr",
    "refresher.sinks.docker_config",
    "refresher.sinks.store",
    "refresher.store.sqlite.database",
    "refresher.store.sqlite.locks",
    "refresher.store.records",
    "refresher.store.registries",
    "boto3",
)


def once(settings: str) -> int:
    """Be `refresher once`."""
    return main(["once", "--config", settings, "--timeout", "20"])


@pytest.fixture(scope="module")
def tracer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracer]:
    """Return what runs `once` under strace."""
    with Tracer(tmp_path_factory.mktemp("strace"), *MODULES) as tracer:
        yield tracer


class Host:
    """A host with settings, a store and a config.json, whose state is made again for each run."""

    def __init__(self, folder: Path, aws: AwsDouble, tracer: Tracer) -> None:
        self.folder = folder / "host"
        self.database = self.folder / "store" / "refresher.db"
        self.config = self.folder / "docker" / "config.json"
        self._origin = folder / "origin"
        self._aws = aws
        self._tracer = tracer
        (self.folder / "docker").mkdir(parents=True)
        (self.folder / "refresher.yaml").write_text(SETTINGS)
        self.save({"auths": {"other.example": FOREIGN}, "credHelpers": {"gcr.io": "gcloud"}})
        self.keep()

    def save(self, document: object) -> None:
        """Write config.json as another program does."""
        self.config.write_text(json.dumps(document))
        self.config.chmod(0o600)

    def keep(self) -> None:
        """Begin each run from what is there now."""
        shutil.rmtree(self._origin, ignore_errors=True)
        shutil.copytree(self.folder, self._origin)

    def begin(self) -> None:
        """Bring back the state that was kept."""
        shutil.rmtree(self.folder)
        shutil.copytree(self._origin, self.folder)

    def once(self, call: Call | None = None) -> tuple[Ended, int]:
        """Run `once`, killed at a call, if any; return what came of it and the calls at AWS."""
        before = self._aws.calls()
        watched = {"calls": call.name, "inject": call.killing()} if call else {}
        env = {**os.environ, **self._aws.environment()}
        ended = self._tracer.run(once, str(self.folder / "refresher.yaml"), env=env, **watched)
        return ended, self._aws.calls() - before

    def token(self) -> str | None:
        """Return the password that docker would present; insist that nothing else changed."""
        document = json.loads(self.config.read_text())
        auths = document["auths"]
        assert auths["other.example"] == FOREIGN
        assert document["credHelpers"] == {"gcr.io": "gcloud"}
        return b64decode(auths[ECR]["auth"]).decode().partition(":")[2] if ECR in auths else None

    def stored(self) -> str | None:
        """Return the password that is in use in the store."""
        with closing(open_store(str(self.database))) as backend:
            found = backend.store.find("default", ECR)
        return None if found is None else found.secret.reveal()

    def is_recorded(self, token: str) -> bool:
        """Tell whether the lease is of this token."""
        with closing(open_store(str(self.database))) as backend:
            recorded = backend.records.lease("prod").fingerprint
            return recorded == backend.records.fingerprint("AWS", Secret(token))

    def expect_sound(self) -> None:
        """Insist on a sound database, and on nothing that others could read."""
        for path in (*self.folder.glob("store/**/*"), *self.folder.glob("docker/*")):
            assert not path.stat().st_mode & 0o077, path
        with closing(sqlite3.connect(self.database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    @property
    def latest(self) -> str | None:
        """The latest password that AWS gave, if it gave any."""
        return self._aws.answers.passwords[-1] if self._aws.answers.passwords else None


def _first(host: Host) -> None:
    """Nothing was fetched yet."""


def _renewal(host: Host) -> None:
    """A credential is in place, and due."""
    assert host.once()[0].status == 0
    with closing(sqlite3.connect(host.database)) as connection:
        connection.execute("UPDATE lease SET renew_at = received")
        connection.commit()
    host.keep()


def _repair(host: Host) -> None:
    """A credential is in place and fresh, and somebody has logged out."""
    assert host.once()[0].status == 0
    document = json.loads(host.config.read_text())
    del document["auths"][ECR]
    host.save(document)
    host.keep()


@pytest.mark.parametrize("prepare", [_first, _renewal, _repair], ids=["first", "renewal", "repair"])
def test_a_kill_at_any_step_is_made_good(
    tmp_path: Path, tracer: Tracer, prepare: Callable[[Host], None]
) -> None:
    """A killed run leaves the old credential or the new one, and costs one call more at most."""
    with AwsDouble() as aws:
        host = Host(tmp_path, aws, tracer)
        prepare(host)
        old = host.latest
        ended, needed = host.once()
        assert ended.status == 0, ended.output
        for call in _points(ended.calls):
            host.begin()
            killed, asked = host.once(call)
            with told(call, killed.output):
                assert killed.status == KILLED
                expect_made_good(host, old, asked, needed)


def expect_made_good(host: Host, old: str | None, asked: int, needed: int) -> None:
    """Insist on old or new, and on a next run that supplies everything with no needless call."""
    known = {None, old, host.latest}
    assert host.token() in known
    if host.database.exists():
        host.expect_sound()
    saved = asked == 1 and host.latest in (host.token(), host.stored())
    expected = 0 if saved and host.is_recorded(host.latest or "") else needed
    ended, calls = host.once()
    assert ended.status == 0, ended.output
    assert calls == expected
    assert host.token() == host.stored() == host.latest
    assert host.is_recorded(host.latest or "")
    host.expect_sound()
    # A journal that was not finished counts for nothing, and the next write removes it.
    left = {path.name for path in host.folder.glob("*/*")} - {"refresher.db-journal"}
    assert left == {"config.json", "refresher.db", "refresher.db.locks"}


def _points(calls: tuple[Call, ...]) -> list[Call]:
    points = [call for call in calls if writes(call)]
    return points if FULL_SWEEP else points[::4]
