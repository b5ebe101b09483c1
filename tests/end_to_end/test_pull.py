"""Real clients push to and pull from a real registry with what `refresher once` wrote."""

import json
import time
from pathlib import Path

import pytest

from tests.conftest import requires
from tests.doubles.aws import AwsDouble
from tests.doubles.google import GoogleDouble, new_key
from tests.doubles.registry import write_image
from tests.end_to_end.host import ECR, GOOGLE, PRIVATE, Host


def test_an_ecr_token_lets_a_client_push_and_pull(host: Host, tmp_path: Path) -> None:
    """From GetAuthorizationToken to a pushed image with one command and no settings file."""
    image = f"docker://{ECR}/team/app:1"
    with AwsDouble() as aws:
        out = host.refresher("once", "--registry", ECR, env=aws.environment())
        password = aws.answers.passwords[-1]
    assert ECR in out
    host.registry.let_in("AWS", password)
    pushed = host.skopeo("copy", write_image(tmp_path / "image"), image)
    assert pushed.returncode == 0, pushed.stderr
    inspected = host.skopeo("inspect", "--raw", image)
    assert inspected.returncode == 0, inspected.stderr
    assert json.loads(inspected.stdout)["schemaVersion"] == 2


def test_an_ended_token_is_turned_away_until_the_next_run(host: Host) -> None:
    """The registry answers 401 to a token that it no longer knows, and takes the renewed one."""
    image = f"docker://{ECR}/team/app"
    with AwsDouble() as aws:
        aws.answers.lifetime = 2.0
        host.refresher("once", "--registry", ECR, env=aws.environment())
        host.registry.let_in("AWS", "the token of another hour")
        refused = host.skopeo("list-tags", image)
        assert "unauthorized" in refused.stderr
        time.sleep(1.2)
        host.refresher("once", "--registry", ECR, env=aws.environment())
        host.registry.let_in("AWS", aws.answers.passwords[-1])
        accepted = host.skopeo("list-tags", image)
    assert aws.calls() == 2
    assert "unauthorized" not in accepted.stderr


@pytest.mark.parametrize("style", ["docker", "podman"])
def test_a_static_credential_serves_both_kinds_of_file(
    host: Host, tmp_path: Path, style: str
) -> None:
    """A password from a file reaches docker's config.json and podman's auth.json."""
    (tmp_path / "password").write_text("p:a:s:s word\n")
    auth = tmp_path / "auth" / "auth.json"
    settings = tmp_path / "refresher.yaml"
    settings.write_text(
        f"""
        store: memory
        providers:
          hub:
            type: static
            registries: [{PRIVATE}]
            username: acme
            password_file: password
        sinks:
          file: {{type: docker-config, format: {style}, path: {auth}}}
        """
    )
    host.refresher("once", "--config", str(settings))
    host.registry.let_in("acme", "p:a:s:s word")
    image = f"docker://{PRIVATE}/team/app:1"
    pushed = host.skopeo("copy", write_image(tmp_path / "image"), image, auth=auth)
    assert pushed.returncode == 0, pushed.stderr
    assert host.skopeo("inspect", "--raw", image, auth=auth).returncode == 0


def test_dockers_own_client_reads_what_was_written(host: Host, tmp_path: Path) -> None:
    """`docker manifest inspect` finds the credential in ~/.docker/config.json."""
    requires("docker", package="docker.io")
    with AwsDouble() as aws:
        host.refresher("once", "--registry", ECR, env=aws.environment())
        host.registry.let_in("AWS", aws.answers.passwords[-1])
    host.skopeo("copy", write_image(tmp_path / "image"), f"docker://{ECR}/team/app:1")
    shown = host.docker("manifest", "inspect", f"{ECR}/team/app:1")
    assert shown.returncode == 0, shown.stderr
    host.registry.let_in("AWS", "another")
    refused = host.docker("manifest", "inspect", f"{ECR}/team/app:1")
    assert refused.returncode != 0


def test_get_answers_what_the_registry_accepts(host: Host, tmp_path: Path) -> None:
    """The credential that `get` prints pulls, and asking costs no second call."""
    with AwsDouble() as aws:
        first = json.loads(host.refresher("get", ECR, env=aws.environment()))
        second = json.loads(host.refresher("get", ECR, env=aws.environment()))
        assert aws.calls() == 1
    assert first == second
    assert first["ServerURL"] == ECR
    host.registry.let_in(first["Username"], first["Secret"])
    pushed = host.skopeo("copy", write_image(tmp_path / "image"), f"docker://{ECR}/team/app:1")
    assert pushed.returncode == 0, pushed.stderr


def test_a_service_account_key_lets_a_client_push_and_pull(host: Host, tmp_path: Path) -> None:
    """The key's JSON travels whole, as one line, through the config file to the registry."""
    with GoogleDouble() as google:
        key = google.service_account_key(new_key())
    (tmp_path / "key.json").write_text(json.dumps(key, indent=2))
    settings = tmp_path / "refresher.yaml"
    settings.write_text(
        f"""
        store: memory
        providers:
          gcr: {{type: gcr, registries: [{GOOGLE}], key_file: key.json}}
        sinks:
          docker: {{type: docker-config}}
        """
    )
    host.refresher("once", "--config", str(settings))
    answer = json.loads(host.refresher("get", GOOGLE, "--config", str(settings)))
    assert answer["Username"] == "_json_key"
    assert json.loads(answer["Secret"]) == key
    host.registry.let_in("_json_key", answer["Secret"])
    image = f"docker://{GOOGLE}/project/repo/app:1"
    pushed = host.skopeo("copy", write_image(tmp_path / "image"), image)
    assert pushed.returncode == 0, pushed.stderr
    assert host.skopeo("inspect", "--raw", image).returncode == 0


def test_an_access_token_of_the_google_environment_lets_a_client_push(
    host: Host, tmp_path: Path
) -> None:
    """One command and no settings file: the environment's key becomes a token of an hour."""
    with GoogleDouble() as google:
        google.fixed_token = "ya29.token-of-this-test"
        (tmp_path / "key.json").write_text(json.dumps(google.service_account_key(new_key())))
        env = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json")}
        out = host.refresher("once", "--registry", GOOGLE, env=env)
        assert google.calls["token"] == 1
    assert "in 59 min" in out
    host.registry.let_in("oauth2accesstoken", google.fixed_token)
    image = f"docker://{GOOGLE}/project/repo/app:1"
    pushed = host.skopeo("copy", write_image(tmp_path / "image"), image)
    assert pushed.returncode == 0, pushed.stderr
