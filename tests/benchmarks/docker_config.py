"""The docker-config sink on a file with ten thousand entries of others."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from refresher.model.credential import NEVER, Credential, Secret
from refresher.ports import Change, Written
from refresher.sinks.docker_config import DockerConfig
from refresher.sinks.privatefile import PrivateFile
from tests.benchmarks.report import Result

_ENTRIES: Final = 10_000
_ROUNDS: Final = 5
_TOKEN: Final = 2_700  # characters, as ECR's
_BUDGET: Final = 150.0


def merge_and_write(directory: Path) -> Result:
    """Measure one renewal, the best of a few: read, merge, write, verify."""
    path, sink = _file(directory)
    best = min(_write(sink, path, f"token-{number}") for number in range(_ROUNDS))
    return Result(f"docker config, {_ENTRIES} entries: renew one", best * 1000, _BUDGET, "ms")


def write_unchanged(directory: Path) -> Result:
    """Measure what a renewal with the same token writes to the disk."""
    path, sink = _file(directory)
    _write(sink, path, "token")
    before = path.stat()
    _write(sink, path, "token")
    after = path.stat()
    same = (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    written = 0 if same else after.st_size
    return Result(f"docker config, {_ENTRIES} entries: same token", written, 0, "bytes")


def _file(directory: Path) -> tuple[Path, DockerConfig]:
    path = directory / "config.json"
    entries = {
        f"host-{number}.example:5000": {"auth": "Zm9vOmJhcg=="} for number in range(_ENTRIES)
    }
    path.write_text(json.dumps({"auths": entries}, indent="\t"))
    path.chmod(0o600)
    return path, DockerConfig(PrivateFile(path))


def _write(sink: DockerConfig, path: Path, token: str) -> float:
    credential = Credential(
        ("registry.example",),
        "AWS",
        Secret(token.ljust(_TOKEN, "x")),
        issued_at=datetime.now(UTC),
        expires_at=NEVER,
    )
    start = time.perf_counter()
    outcome = sink.write(str(path), [Change("registry.example", credential)])
    taken = time.perf_counter() - start
    if not isinstance(outcome, Written):
        raise TypeError(f"the benchmark could not write: {outcome}")
    return taken
