"""`refresher run` as a host keeps it: settings in a folder, a log that somebody reads, signals."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ECR: Final = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
PATIENCE: Final = 30.0
"""The longest wait in seconds for what should come true: more than one look of the daemon."""


def eventually(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until the condition holds, `seconds` at most."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.04)


class Service:
    """`refresher run` on the settings in a folder, which name a config.json there as their sink."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "refresher.yaml"
        self.config = folder / "docker" / "config.json"
        self.log: list[dict[str, Any]] = []
        self.process: subprocess.Popen[bytes]

    def configure(self, *providers: str, **settings: object) -> None:
        """Write the settings: a line for each provider, and what else there is to set."""
        settings = {"store": "store/refresher.db", "drift_interval": 3600, **settings}
        lines = [f"{name}: {value}" for name, value in settings.items()]
        lines += ["log_format: json", "providers:", *(f"  {each}" for each in providers)]
        lines += ["sinks:", f"  docker: {{type: docker-config, path: {self.config}}}"]
        partial = self.settings.with_suffix(".partial")
        partial.write_text("\n".join([*lines, ""]))
        partial.replace(self.settings)

    @contextlib.contextmanager
    def running(
        self, *before: str, env: Mapping[str, str] | None = None, read: bool = True
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run it, with the words of `before` in front of the command; nothing stays of it.

        Without `read` nobody reads its log.
        """
        command = [*before, sys.executable, "-m", "refresher", "run", "--config"]
        self.process = subprocess.Popen(
            [*command, str(self.settings)],
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.getcwd(), **(env or {})},  # noqa: PTH109 - of text
        )
        assert self.process.stderr is not None
        reader = threading.Thread(target=self.read, args=[self.process.stderr.fileno()])
        if read:
            reader.start()
        try:
            yield self.process
        finally:
            self.process.kill()
            self.process.wait()
            if read:
                reader.join()
            self.process.stderr.close()

    def read(self, descriptor: int) -> None:
        """Take in its log from a pipe, until the end of it."""
        with open(descriptor, "rb", closefd=False) as lines:
            for line in lines:
                is_event = line.startswith(b"{")
                self.log.append(json.loads(line) if is_event else {"event": line.decode()})

    def told(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """Return the lines of the log that tell of an event with these fields."""
        wanted = {"event": event, **fields}.items()
        return [line for line in self.log if wanted <= line.items()]

    def passwords(self) -> dict[str, str]:
        """Return what docker would present, by registry."""
        try:
            auths = json.loads(self.config.read_text()).get("auths", {})
        except FileNotFoundError:
            return {}
        return {name: _password(entry) for name, entry in auths.items()}

    def stop(self) -> None:
        """Send SIGTERM, and insist that it ends well within five seconds."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(5) == 0


def _password(entry: Mapping[str, str]) -> str:
    return b64decode(entry["auth"]).decode().partition(":")[2]


def static(name: str, password_file: Path | str) -> str:
    """Return the settings of a static provider, for a registry of its name."""
    registry = f"{name}.example"
    options = f"registries: [{registry}], username: acme, password_file: {password_file}"
    return f"{name}: {{type: static, {options}}}"


def ecr(name: str = "prod") -> str:
    """Return the settings of a provider that asks AWS."""
    return f"{name}: {{type: ecr, registries: [{ECR}]}}"
