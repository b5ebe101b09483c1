"""Uses the docker-config sink from a process of its own, for tests that need one.

    python -m tests.sinks.driver write '{"path": "config.json"}' registry.example TOKEN
    python -m tests.sinks.driver renew '{"path": "config.json"}' registry.example 50
    python -m tests.sinks.driver login config.json stop

`write` prints the outcome. `renew` writes a number of tokens, and repeats a write that
is busy. `login` does what `docker login` does, again and again and without a lock, until
the file `stop` is there.
"""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from refresher.clock import SystemClock
from refresher.model.credential import NEVER, Credential, Secret
from refresher.ports import Busy, Change, Outcome, Tools
from refresher.sinks.docker_config import DockerConfig, Options, build
from refresher.store.memory import MemoryStore


def start(*arguments: str, before: Sequence[str] = ()) -> "subprocess.Popen[str]":
    """Start this module in a process of its own, below the command `before`."""
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [*before, sys.executable, "-m", "tests.sinks.driver", *arguments],
        cwd=root,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def make_sink(settings: Mapping[str, object], env: Mapping[str, str] | None = None) -> DockerConfig:
    """Return the sink that these settings configure."""
    tools = Tools(SystemClock(), MemoryStore(), env or {})
    return build(Options.model_validate(settings), tools)


def write(sink: DockerConfig, registry: str, token: str) -> Outcome:
    """Write one token at one registry of the sink's only target."""
    credential = Credential(
        (registry,), "AWS", Secret(token), issued_at=datetime.now(UTC), expires_at=NEVER
    )
    (target,) = sink.read(())
    return sink.write(target, [Change(registry, credential)])


def renew(sink: DockerConfig, registry: str, count: int) -> None:
    """Write `count` tokens, one after the other."""
    for number in range(1, count + 1):
        while isinstance(write(sink, registry, f"{registry}-{number}"), Busy):
            time.sleep(0.01)


def login(path: Path, stop: Path) -> None:
    """Read, change and replace the file like docker: a new file, a rename, no lock."""
    temporary = path.with_name(f"{path.name}.login")
    number = 0
    while not stop.exists():
        number += 1
        document = json.loads(path.read_bytes())
        document["auths"]["foreign.example"] = {"auth": base64.b64encode(b"u:%d" % number).decode()}
        temporary.write_text(json.dumps(document, indent="\t"))
        temporary.replace(path)
        time.sleep(0.003)


def main(command: str, first: str, *rest: str) -> None:
    """Run one command."""
    match command:
        case "write":
            print(write(make_sink(json.loads(first), os.environ), *rest))  # noqa: T201 - its result
        case "renew":
            renew(make_sink(json.loads(first)), rest[0], int(rest[1]))
        case _:
            login(Path(first), Path(rest[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
