"""A machine with clients and a registry that only they reach."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.doubles.registry import Registry, Tunnel

ECR: Final = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
GOOGLE: Final = "us-docker.pkg.dev"
PRIVATE: Final = "registry.example.com"


class Host:
    """A machine with clients: a home, a registry that only they reach, and `refresher`."""

    def __init__(self, home: Path, registry: Registry, tunnel: Tunnel) -> None:
        self.home = home
        self.registry = registry
        self.proxy = tunnel.url
        self.docker_config = home / ".docker" / "config.json"

    def refresher(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Run the command line and return what it printed."""
        done = self._run([sys.executable, "-m", "refresher", *words], {**os.environ, **(env or {})})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def skopeo(self, *words: str, auth: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run skopeo, which reads docker's config file unless `auth` names another."""
        env = {**os.environ, "HTTPS_PROXY": self.proxy, "NO_PROXY": "127.0.0.1"}
        command, *rest = words
        options = ["--authfile", str(auth)] if auth else []
        side = ["--dest-cert-dir"] if command == "copy" else ["--cert-dir"]
        trust = [*side, str(self.registry.authority.file.parent)]
        return self._run(["skopeo", "--insecure-policy", command, *options, *trust, *rest], env)

    def docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run docker's client."""
        trust = str(self.registry.authority.file)
        env = {**os.environ, "HTTPS_PROXY": self.proxy, "SSL_CERT_FILE": trust}
        return self._run(["docker", *words], env)

    def _run(self, command: list[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env={**env, "HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
        )
