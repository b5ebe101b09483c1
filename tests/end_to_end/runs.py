"""Commands of `refresher` as processes, and what docker would find after them."""

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.end_to_end.host import ECR

_ROOT: Final = Path(__file__).parents[2]


@contextmanager
def started(
    *words: str, settings: Path, env: Mapping[str, str], before: Sequence[str] = ()
) -> Iterator["subprocess.Popen[str]"]:
    """Start a command, with the words of `before` in front of it, and give its process.

    Its output and its errors come in one pipe. It is killed in the end, if it still runs.
    """
    command, *options = words
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "refresher", command, "--config", str(settings), *options],
        cwd=_ROOT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def token(config: Path, registry: str = ECR) -> str | None:
    """Return the password that docker would present at a registry, None if it has none."""
    try:
        auths = json.loads(config.read_bytes())["auths"]
    except FileNotFoundError:
        return None
    entry = auths.get(registry)
    return None if entry is None else b64decode(entry["auth"]).decode().partition(":")[2]
