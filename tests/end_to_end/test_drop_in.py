"""`refresher` in the place of Rancher's ECR updater: started with its environment alone."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.doubles.aws import AwsDouble, without_aws
from tests.doubles.rancher import Key, RancherDouble
from tests.end_to_end.service import eventually

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final = ROOT / "config" / "rancher"
ECR: Final = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
OTHER: Final = "210987654321.dkr.ecr.us-west-2.amazonaws.com"
LOOPBACK: Final = "127.0.0.1"


class Container:
    """An environment, and a host in which `refresher` runs with it; `said` is all that it said."""

    def __init__(self, folder: Path, aws: AwsDouble, rancher: RancherDouble) -> None:
        self.folder = folder
        self.aws = aws
        self.rancher = rancher
        self.project = rancher.add_project("production")
        self.said = ""
        self.events: list[dict[str, Any]] = []
        self.env = {
            **without_aws(os.environ),
            **aws.environment(),
            **rancher.container_environment(self.project),
            "AWS_REGION": "us-west-2",
            "REFRESHER_LISTEN": f"{LOOPBACK}:0",
            "PYTHONPATH": str(ROOT),
        }

    def add(self, address: str) -> str:
        """Add a registry with an old credential, and return the id of the credential."""
        return self.rancher.add_credential(
            self.rancher.add_registry(self.project, address), "AWS", "old"
        )

    def secret(self, row: str) -> str:
        """Return the secret that a credential has in Rancher."""
        return str(self.rancher.credential(row).fields["secretValue"])

    def pulled(self, image: str) -> tuple[str, str] | None:
        """Return what Rancher presents when a host pulls the image."""
        return self.rancher.pull(self.project, image).credential

    def token(self) -> tuple[str, str]:
        """Return the latest credential that AWS gave."""
        return "AWS", self.aws.answers.passwords[-1]

    def run(self, *words: str, code: int = 0, env: Mapping[str, str] | None = None) -> str:
        """Run a command to its end, insist on its exit code, and return what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "refresher", *words],
            env={**self.env, **(env or {})},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        self.said += "" if words[0] == "get" else said
        return said

    @contextmanager
    def running(self, *words: str, env: Mapping[str, str] | None = None) -> Iterator[None]:
        """Run the daemon; its log is in `events`. It has to end well."""
        with subprocess.Popen(
            [sys.executable, "-m", "refresher", *(words or ("run",))],
            env={**self.env, **(env or {})},
            cwd=self.folder,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            reader = threading.Thread(target=self._read, args=(process,))
            reader.start()
            try:
                yield
                process.send_signal(signal.SIGTERM)
                assert process.wait(5) == 0
            finally:
                process.kill()
                reader.join(10)

    def told(self, name: str) -> list[dict[str, Any]]:
        """Return the events of that name so far."""
        return [event for event in self.events if event["event"] == name]

    def asked(self, request: str) -> tuple[str, str]:
        """Send a request line as a health check does, and return the status line and the body."""
        eventually(lambda: self.told("listening"))
        port = int(self.told("listening")[0]["detail"].rpartition(":")[2])
        with socket.create_connection((LOOPBACK, port), 5) as connection:
            connection.sendall(f"{request}\r\n\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
        head, _, body = answer.partition("\r\n\r\n")
        return head.splitlines()[0], body

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.said += line
            self.events.append(json.loads(line))


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    """Give a container in an environment of Rancher. No secret of it may ever be said."""
    with AwsDouble() as aws, RancherDouble() as rancher:
        made = Container(tmp_path, aws, rancher)
        yield made
        secrets = [value for name, value in made.env.items() if name.endswith("_SECRET_KEY")]
        for secret in [
            *secrets,
            *aws.answers.passwords,
            aws.environment()["AWS_SECRET_ACCESS_KEY"],
        ]:
            assert secret not in made.said


def _keys(key: Key, prefix: str = "CATTLE") -> dict[str, str]:
    return {f"{prefix}_ACCESS_KEY": key.access, f"{prefix}_SECRET_KEY": key.secret}


def _settings_of(container: Container, form: str) -> dict[str, str]:
    """Return the variables of one of the ways in which people start it."""
    rancher, project = container.rancher, container.project
    rancher.add_project("another")
    scoped = f"{rancher.url}/v2-beta/projects/{project}"
    match form:
        case "label":
            return rancher.container_environment(project)
        case "labels of several roles":
            names = rancher.container_environment(project, "agent,environment")
            return {"CATTLE_ACCESS_KEY": "", "CATTLE_SECRET_KEY": "", **names}
        case "the agent's URL":
            return {"CATTLE_URL": "", "CATTLE_CONFIG_URL": f"{rancher.url}/v1"}
        case "environment key":
            return {"CATTLE_URL": scoped, **_keys(rancher.environment_key(project))}
        case "bare host":
            return {"CATTLE_URL": rancher.url, **_keys(rancher.environment_key(project))}
        case _:
            return {"CATTLE_URL": f"{scoped}/schemas", **_keys(rancher.account_key(project))}


@pytest.mark.parametrize(
    "form",
    [
        "label",
        "labels of several roles",
        "the agent's URL",
        "environment key",
        "bare host",
        "account key, URL with schemas",
    ],
)
def test_one_run_renews_the_credential_in_place(container: Container, form: str) -> None:
    """Whichever way the server and the keys are named; the host is the one that AWS names."""
    row, foreign = container.add(ECR), container.add("quay.io")
    container.run("once", env=_settings_of(container, form))
    assert container.secret(row) == container.token()[1]
    assert container.secret(foreign) == "old"
    assert container.pulled(f"{ECR}/app") == container.token()
    assert (container.aws.calls(), container.rancher.writes()) == (1, 1)


@pytest.mark.parametrize("address", [f"https://{ECR}", f"HTTP://{ECR.upper()}/"])
def test_an_address_may_be_spelt_otherwise(container: Container, address: str) -> None:
    """By scheme and by case."""
    row = container.add(address)
    container.run("once")
    assert container.secret(row) == container.token()[1]


def test_several_accounts_are_served_by_one_call(container: Container) -> None:
    """And no other registry than theirs."""
    container.add(ECR)
    container.add(OTHER)
    container.aws.answers.account = "999999999999"
    container.run("once", env={"AWS_ECR_REGISTRY_IDS": "123456789012, 210987654321"})
    assert container.aws.calls() == 1
    assert container.pulled(f"{ECR}/app") == container.pulled(f"{OTHER}/app") == container.token()


def test_a_registry_that_is_missing_is_told_and_made_where_that_is_wished(
    container: Container,
) -> None:
    """AUTO_CREATE says it; without it nothing is written, and the run tells by its code."""
    assert "there is no such registry" in container.run("once", code=1)
    assert container.rancher.writes() == 0
    container.run("once", env={"AUTO_CREATE": "true"})
    assert container.pulled(f"{ECR}/app") == container.token()


def test_check_tells_of_a_registry_that_is_missing_before_the_first_token(
    container: Container,
) -> None:
    """Which registry that is, AWS alone knows; the way out is that of the environment."""
    said = container.run("check", code=1)
    assert f"rancher: 1a5: {ECR}: there is no such registry" in said
    assert "or set AUTO_CREATE=true" in said
    assert "no findings" in container.run("check", env={"AUTO_CREATE": "true"})
    assert container.rancher.writes() == 0


def test_an_offline_check_asks_nobody(container: Container) -> None:
    """Neither AWS nor Rancher; keys that can't be used are found all the same."""
    container.run("check", "--offline")
    said = container.run("check", "--offline", code=2, env={"CATTLE_ACCESS_KEY": "a:b"})
    assert "the access key holds a colon" in said
    assert container.aws.calls() == len(container.rancher.asked()) == 0


def test_a_role_is_assumed(container: Container) -> None:
    """Its account is the one whose registry is supplied."""
    container.add(OTHER)
    container.run("once", env={"AWS_ROLE_ARN": "arn:aws:iam::210987654321:role/puller"})
    assert container.aws.last("AssumeRole").form["RoleArn"].endswith("role/puller")
    assert container.pulled(f"{OTHER}/app") == container.token()


def test_the_other_commands_know_the_environment(container: Container) -> None:
    """Health is not said before the first credential is in place; `get` prints what Rancher has."""
    container.add(ECR)
    container.run("status", "--health", code=1)
    assert "would fetch" in container.run("plan")
    assert container.rancher.writes() == 0
    container.run("once")
    container.run("once")
    assert "healthy" in container.run("status", "--health")
    assert f"{ECR} " in container.run("status")
    assert "no findings" in container.run("check")
    answer = json.loads(container.run("get", ECR))
    assert (answer["Username"], answer["Secret"]) == container.token()
    assert container.pulled(f"{ECR}/app") == container.token()


@pytest.mark.parametrize("command", ["once", "run", "status", "get"])
def test_half_an_environment_ends_a_command(container: Container, command: str) -> None:
    """The message names the variable, and nobody is asked."""
    words = ("get", ECR) if command == "get" else (command,)
    said = container.run(*words, code=2, env={"CATTLE_SECRET_KEY": ""})
    assert "environment: CATTLE_SECRET_KEY: is not set" in said
    assert container.aws.calls() == len(container.rancher.asked()) == 0


def test_a_settings_file_counts_instead(container: Container) -> None:
    """And it is told which variables are not used."""
    container.add(ECR)
    (container.folder / "refresher.yaml").write_text(
        "store: memory\n"
        "providers: {hub: {type: static, registries: [hub.example], username: me, password: x}}\n"
        "sinks: {docker: {type: docker-config, path: config.json}}\n"
    )
    said = container.run("once", env={"AUTO_CREATE": "true", "LOG_LEVEL": "nonsense"})
    assert "AUTO_CREATE, LOG_LEVEL: not used, since a settings file is" in said
    assert container.aws.calls() == len(container.rancher.asked()) == 0


def test_health_of_records_in_memory_is_asked_of_the_daemon(container: Container) -> None:
    """As the image's health check does where no volume can be written."""
    with socket.create_server((LOOPBACK, 0)) as free:
        port = free.getsockname()[1]
    env = {"REFRESHER_STORE": "memory", "REFRESHER_LISTEN": f"0.0.0.0:{port}"}
    health = ("status", "--health")
    assert f"no daemon answers at 0.0.0.0:{port}" in container.run(*health, code=1, env=env)
    with container.running(env=env):
        eventually(lambda: container.told("write-failed") or container.told("skipped"))
        assert "1 provider(s) need attention" in container.run(*health, code=1, env=env)
    container.add(ECR)
    with container.running(env=env):
        eventually(lambda: container.told("written"))
        assert "healthy" in container.run(*health, env=env)
    off = {**env, "REFRESHER_LISTEN": "off"}
    assert "and nothing listens: set store, or listen" in container.run(*health, code=1, env=off)


def test_the_daemon_outlives_a_server_that_is_down(container: Container) -> None:
    """From its start; it supplies the server as soon as that is back, and then renews in place."""
    row = container.add(ECR)
    container.aws.answers.lifetime = 8.0
    container.rancher.stop()
    with container.running():
        assert container.asked("GET /ping HTTP/1.0") == ("HTTP/1.0 200 OK", "pong!")
        eventually(lambda: container.told("fetched"))
        container.rancher.start()
        eventually(lambda: container.secret(row) != "old")
        first = container.secret(row)
        eventually(lambda: container.secret(row) != first)
    assert container.pulled(f"{ECR}/app") == ("AWS", container.secret(row))


def test_the_compose_files_run(container: Container) -> None:
    """With a region alone, on an instance with a role; the health check gets its answer."""
    row = container.add(ECR)
    service, health = _service("docker-compose.yml"), _service("rancher-compose.yml")
    given = {"AWS_REGION": "us-west-2"}
    env = {name: _interpolated(text, given) for name, text in service["environment"].items()}
    instance = {
        "AWS_EC2_METADATA_DISABLED": "false",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": container.aws.url,
    }
    assert env["AWS_ACCESS_KEY_ID"] == ""
    with container.running(*service["command"].split(), env={**env, **instance}):
        status, _ = container.asked(health["health_check"]["request_line"])
        assert status.endswith("200 OK")
        eventually(lambda: container.secret(row) != "old")
    assert container.aws.calls("ImdsCredentials") > 0


def _service(name: str) -> dict[str, Any]:
    (service,) = yaml.safe_load((COMPOSE / name).read_text())["services"].values()
    assert isinstance(service, dict)
    return service


def _interpolated(text: str, given: Mapping[str, str]) -> str:
    """Return the text as Rancher Compose reads it: what nobody gives is blank."""
    return re.sub(r"\$\{(\w+)\}", lambda match: given.get(match[1], ""), text)
