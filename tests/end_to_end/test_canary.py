"""No form of any secret in any output, whatever fails, at the most talkative level."""

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.doubles.aws import AwsDouble
from tests.doubles.aws_faults import Fault as AwsFault
from tests.doubles.google import Fault as GoogleFault
from tests.doubles.google import GoogleDouble, new_key
from tests.observe.canary import SLICE, forms, slices

_STATIC = f"canary-{secrets.token_urlsafe(24)}:with/colons+and%signs"
_SETTINGS = """
store: {folder}/store/refresher.db
log_level: debug
log_format: {style}
drift_interval: 1
providers:
  static: {{type: static, registries: [static.example], username: acme, password_file: password}}
  env: {{type: static, registries: [env.example], username: acme, password_env: CANARY}}
  ecr: {{type: ecr, registries: [123456789012.dkr.ecr.us-west-2.amazonaws.com]}}
  public: {{type: ecr-public}}
  key: {{type: gcr, registries: [gcr.io], key_file: key.json}}
  key64: {{type: gcr, registries: [eu.gcr.io], key_file: key.json, auth: json-key-base64}}
  token: {{type: gcr, registries: [us-docker.pkg.dev], key_file: key.json, auth: access-token}}
sinks:
  store: {{type: store}}
  memory: {{type: memory}}
  good: {{type: docker-config, path: good.json}}
  podman: {{type: docker-config, path: podman.json, format: podman}}
  broken: {{type: docker-config, path: broken.json}}
  shadowed: {{type: docker-config, path: shadowed.json}}
  nowhere: {{type: docker-config, path: password/inside/a/file.json}}
"""


class Scene:
    """Every provider and every sink, some of which fail, and all that was printed so far."""

    def __init__(self, folder: Path, aws: AwsDouble, google: GoogleDouble) -> None:
        self.folder = folder
        self.aws = aws
        self.google = google
        self.printed = ""
        self.pem = new_key(1024)
        self.env = {**os.environ, **aws.environment(), "CANARY": _STATIC}
        (folder / "password").write_text(_STATIC)
        (folder / "key.json").write_text(json.dumps(google.service_account_key(self.pem)))
        (folder / "broken.json").write_text('{"auths": {"x": {"auth": "' + _STATIC)
        (folder / "shadowed.json").write_text('{"credsStore": "desktop"}')
        self.write("json")

    def write(self, style: str) -> None:
        """Write the settings, with the log in `style`."""
        text = _SETTINGS.format(folder=self.folder, style=style)
        (self.folder / "refresher.yaml").write_text(text)

    def run(self, *words: str) -> None:
        """Run a command and keep what it printed."""
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-m", "refresher", *words, *self._config],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        self.printed += done.stdout + done.stderr

    def run_daemon(self, seconds: float) -> None:
        """Run the daemon for a while, with a reload, and keep what it printed."""
        command = [sys.executable, "-m", "refresher", "run", *self._config]
        with subprocess.Popen(
            command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as daemon:
            time.sleep(seconds)
            daemon.send_signal(signal.SIGHUP)
            time.sleep(0.5)
            daemon.send_signal(signal.SIGTERM)
            assert daemon.stdout is not None
            self.printed += daemon.stdout.read()
            assert daemon.wait(10) == 0

    def fail_everywhere(self) -> None:
        """Make each service echo secrets in its errors, as real ones have done."""
        echo = f"the token {' '.join(self.aws.answers.passwords)} of {_STATIC} is not welcome"
        for code in ("AccessDeniedException", "ExpiredTokenException", "ServerException", "Odd"):
            self.aws.fail(AwsFault(400, code, echo), times=2)
        self.aws.fail(AwsFault(200, body=echo.encode()), times=2)
        tokens = " ".join(self.tokens)
        for error in ("invalid_grant", "unauthorized_client", "odd"):
            body = {"error": error, "error_description": f"{tokens} {self.pem}"}
            self.google.faults.append(GoogleFault(400, body))
        self.google.faults.append(GoogleFault(200, f"{tokens} {self.pem}"))

    @property
    def tokens(self) -> list[str]:
        """The access tokens that are held somewhere."""
        auths = json.loads((self.folder / "good.json").read_text())["auths"]
        entry = base64.b64decode(auths["us-docker.pkg.dev"]["auth"]).decode()
        return [entry.partition(":")[2]]

    def secrets(self) -> Mapping[str, list[str]]:
        """Return every secret that is in play, by what it is."""
        body = "".join(self.pem.splitlines()[1:-1])
        return {
            "static password": [_STATIC],
            "ECR password": self.aws.answers.passwords,
            "Google token": self.tokens,
            "private key": [body, *self.pem.splitlines()[1:-1]],
        }

    @property
    def _config(self) -> list[str]:
        return ["--config", str(self.folder / "refresher.yaml")]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Start the doubles."""
    with AwsDouble() as aws, GoogleDouble() as google:
        yield Scene(tmp_path, aws, google)


def test_no_output_holds_a_secret(scene: Scene) -> None:
    """Every provider, every sink, every command, good and failing: nothing leaks."""
    scene.run("once", "--timeout", "30")
    scene.fail_everywhere()
    scene.run("check")
    (scene.folder / "store" / "refresher.db").unlink()
    scene.run("once", "--timeout", "2", "--output", "json")
    for command in ("status", "plan"):
        scene.run(command)
        scene.run(command, "--output", "json")
    for style in ("json", "console"):
        scene.write(style)
        scene.run_daemon(3.0)
    assert "refused" in scene.printed.lower()
    seen = {scene.printed[at : at + SLICE] for at in range(len(scene.printed))}
    for what, texts in scene.secrets().items():
        for text in texts:
            for form, shown in forms(text).items():
                assert seen.isdisjoint(slices(shown)), f"{what} as {form}"
