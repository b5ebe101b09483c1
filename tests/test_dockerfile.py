"""What the image promises, read from its Dockerfile: no engine builds it here."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile as (name, arguments)."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    split = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [(name, arguments) for name, arguments in split]


def final(steps: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the instructions of the last stage."""
    last = max(index for index, (name, _) in enumerate(steps) if name == "FROM")
    return steps[last:]


def test_every_base_has_a_version(steps: list[tuple[str, str]]) -> None:
    """A build next month starts from the same release of Python."""
    stages = [arguments.split() for name, arguments in steps if name == "FROM"]
    known = {stage[2] for stage in stages if len(stage) == 3}
    for base, *_ in stages:
        assert base in known or re.fullmatch(r"python:3\.\d+-slim-\w+", base)


def test_the_container_runs_as_a_numbered_user_that_is_not_root(
    steps: list[tuple[str, str]],
) -> None:
    """Kubernetes' runAsNonRoot reads the number and nothing else."""
    users = [arguments for name, arguments in final(steps) if name == "USER"]
    assert users == ["65532:65532"]


def test_only_what_is_needed_is_copied(steps: list[tuple[str, str]]) -> None:
    """No test, setting or secret of the builder's folder can end up in the image."""
    copied = [arguments for name, arguments in steps if name in {"COPY", "ADD"}]
    assert copied == [
        "pyproject.toml README.md LICENSE ./",
        "refresher ./refresher",
        "--from=build /opt/refresher /opt/refresher",
    ]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert allowed == {"LICENSE", "README.md", "pyproject.toml", "refresher"}


@pytest.mark.parametrize(
    ("instruction", "arguments"),
    [("ENTRYPOINT", ["refresher"]), ("CMD", ["run"])],
    ids=["entry point", "default command"],
)
def test_the_process_is_started_without_a_shell(
    steps: list[tuple[str, str]], instruction: str, arguments: list[str]
) -> None:
    """As process 1 itself, so that SIGTERM reaches it."""
    assert json.loads(dict(final(steps))[instruction]) == arguments


def test_the_health_check_asks_the_status_command(steps: list[tuple[str, str]]) -> None:
    """Health is what `refresher status --health` says, started without a shell."""
    _, _, command = dict(final(steps))["HEALTHCHECK"].partition("CMD ")
    assert json.loads(command) == ["refresher", "status", "--health"]


def test_health_is_served_to_whoever_runs_the_container(steps: list[tuple[str, str]]) -> None:
    """On every address of it; settings and options come before the variable."""
    last = dict(final(steps))
    assert last["EXPOSE"] == "8080"
    assert "REFRESHER_LISTEN=0.0.0.0:8080" in last["ENV"].split()


def test_one_folder_is_writable_and_is_home_and_volume(steps: list[tuple[str, str]]) -> None:
    """A read-only root file system is enough: all that is written goes there."""
    last = dict(final(steps))
    assert last["VOLUME"] == last["WORKDIR"] == "/var/lib/refresher"
    assert "HOME=/var/lib/refresher " in last["ENV"]
    assert "PYTHONDONTWRITEBYTECODE=1" in last["ENV"]
    assert "--mode=0700 --owner=65532 --group=65532 /var/lib/refresher" in last["RUN"]
