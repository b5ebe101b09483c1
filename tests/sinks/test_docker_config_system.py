"""The docker-config sink on a real system: mounts, full disks, system calls, other clients."""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from refresher.model.authkeys import Format
from refresher.ports import Written
from tests.conftest import requires
from tests.model.test_authloading import DOCUMENTS
from tests.sinks import driver

HOST = "registry.example:5000"
TOKEN = "new-token"
NAMESPACE = ("unshare", "-Urm", "sh", "-euc")
OLD = '{"auths": {"other.example": {"auth": "QTpC"}}}'


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return its output."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write_below(before: Sequence[str], path: Path, token: str = TOKEN, **settings: str) -> str:
    """Write one token in a process of its own, below a command; return the outcome."""
    given = json.dumps({"path": str(path), **settings})
    process = driver.start("write", given, HOST, token, before=before)
    output, _ = process.communicate()
    assert process.returncode == 0
    return output


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    """Return a directory in which a test may mount, in a namespace of its own."""
    requires("unshare", package="util-linux")
    requires(
        "user namespaces that may mount",
        available=run(*NAMESPACE, "mount -t tmpfs none /mnt").returncode == 0,
    )
    (tmp_path / "mounted").mkdir()
    (tmp_path / "real.json").write_text(OLD)
    (tmp_path / "real.json").chmod(0o600)
    (tmp_path / "mounted" / "config.json").touch(mode=0o600)
    return tmp_path


def in_namespace(directory: Path, script: str) -> list[str]:
    """Return the command that mounts, in a directory, and then runs what follows it.

    What is in the directory at the end is listed in the file `left`.
    """
    listing = f'ls -A "{directory}/mounted" > "{directory}/left"'
    shell = f'cd "{directory}"; {script}; cd "$OLDPWD"; "$0" "$@"; {listing}'
    return [*NAMESPACE, f'OLDPWD="$PWD"; {shell}']


def test_a_file_that_is_mounted_alone_is_written_in_place(mounts: Path) -> None:
    """A bind-mounted file keeps its inode, gets the token, and a note advises the directory."""
    before = (mounts / "real.json").stat()
    script = "mount --bind real.json mounted/config.json"
    outcome = write_below(in_namespace(mounts, script), mounts / "mounted" / "config.json")
    after = (mounts / "real.json").stat()
    assert outcome.startswith("Written")
    assert "mount its directory" in outcome
    assert json.loads((mounts / "real.json").read_text())["auths"].keys() == {"other.example", HOST}
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert (mounts / "left").read_text() == "config.json\n"


def test_a_file_that_is_mounted_alone_can_not_be_replaced(mounts: Path) -> None:
    """When only an atomic write is allowed, such a file is refused and stays as it was."""
    script = "mount --bind real.json mounted/config.json"
    path = mounts / "mounted" / "config.json"
    outcome = write_below(in_namespace(mounts, script), path, write="atomic")
    assert outcome.startswith("Refused")
    assert "set write to auto" in outcome
    assert (mounts / "real.json").read_text() == OLD
    assert (mounts / "left").read_text() == "config.json\n"


def test_a_link_to_another_file_system_is_followed(mounts: Path) -> None:
    """A link to a file on another file system is replaced there, not moved across."""
    script = (
        "mount -t tmpfs none mounted; cp real.json mounted/real.json; "
        "ln -s mounted/real.json config.json"
    )
    outcome = write_below(in_namespace(mounts, script), mounts / "config.json")
    assert outcome.startswith("Written")
    assert (mounts / "config.json").is_symlink()
    assert (mounts / "left").read_text() == "real.json\n"


def test_a_read_only_directory_with_a_writable_file_is_written_in_place(mounts: Path) -> None:
    """A writable file that is mounted into a read-only file system gets the token."""
    script = (
        "mount --bind mounted mounted; mount --bind real.json mounted/config.json; "
        "mount -o remount,bind,ro mounted"
    )
    outcome = write_below(in_namespace(mounts, script), mounts / "mounted" / "config.json")
    assert outcome.startswith("Written")
    assert "Read-only file system" in outcome
    assert HOST in (mounts / "real.json").read_text()


@pytest.mark.parametrize("write", ["auto", "atomic", "in-place"])
@pytest.mark.parametrize("name", ["config.json", "missing.json", "missing/config.json"])
def test_a_read_only_file_system_is_refused(mounts: Path, write: str, name: str) -> None:
    """A Secret's or ConfigMap's mount is a permanent fault with advice, never a crash."""
    script = "mount --bind mounted mounted; mount -o remount,bind,ro mounted"
    path = mounts / "mounted" / name
    outcome = write_below(in_namespace(mounts, script), path, write=write)
    assert outcome.startswith("Refused")
    assert f"{path}: Read-only file system" in outcome
    assert "emptyDir" in outcome


@pytest.mark.parametrize("write", ["auto", "in-place"])
def test_a_full_disk_loses_nothing(mounts: Path, write: str) -> None:
    """Without space the write is busy, the file whole, and no new file is left over."""
    script = (
        "mount -t tmpfs -o size=64k none mounted; cp real.json mounted/config.json; "
        "dd if=/dev/zero of=mounted/filler bs=4k count=14 2>/dev/null"
    )
    check = 'cmp "$PWD/real.json" "$PWD/mounted/config.json"'
    command = in_namespace(mounts, script)
    command[-1] = command[-1] + f'; cd "{mounts}"; {check}'
    path = mounts / "mounted" / "config.json"
    outcome = write_below(command, path, token="x" * 50_000, write=write)
    assert outcome.startswith("Busy")
    assert f"{path}: No space left on device" in outcome
    assert (mounts / "left").read_text() == "config.json\nfiller\n"


@pytest.mark.parametrize("there", [True, False], ids=["there", "new"])
def test_no_system_call_opens_the_file_to_others(tmp_path: Path, there: bool) -> None:  # noqa: FBT001 - a parameter
    """Even with umask 000, nothing is ever created or changed with rights for others.

    And the content is on the disk before the new file takes its place, once.
    """
    requires("strace")
    trace, path = tmp_path / "trace", tmp_path / "new" / "config.json"
    if there:
        path.parent.mkdir(mode=0o700)
        path.write_text(OLD)
        path.chmod(0o600)
    calls = "openat,open,creat,mkdir,mkdirat,chmod,fchmod,fchmodat,rename,renameat,renameat2,fsync"
    below = ["sh", "-c", 'umask 000; exec "$0" "$@"']
    below += ["strace", "-f", "-y", "-o", str(trace), "-e", f"trace={calls}"]
    assert write_below(below, path).startswith("Written")
    ours = [line for line in trace.read_text().splitlines() if str(path.parent) in line]
    created = [line for line in ours if "O_CREAT" in line]
    assert len(created) == 1
    assert "O_EXCL" in created[0]
    modes = [
        int(mode, 8)
        for line in ours
        if "O_CREAT" in line or "chmod" in line or "mkdir" in line
        for mode in re.findall(r", (0[0-7]+)\)", line)
    ]
    assert len(modes) >= len(created)
    assert not [mode for mode in modes if mode & 0o077]
    order = [found[1] for line in ours if (found := re.search(r"(fsync|rename)\w*\(", line))]
    assert order == ["fsync", "rename"]


@pytest.mark.parametrize("fmt", ["docker", "podman"])
def test_skopeo_finds_what_was_written(tmp_path: Path, fmt: str) -> None:
    """The library of podman, buildah and skopeo reads both formats, Docker Hub among them."""
    requires("skopeo")
    path = tmp_path / "auth.json"
    sink = driver.make_sink({"path": str(path), "format": fmt})
    for registry in (HOST, "docker.io"):
        assert isinstance(driver.write(sink, registry, TOKEN), Written)
        found = run("skopeo", "login", "--get-login", "--authfile", str(path), registry)
        assert found.stdout == "AWS\n"


@pytest.mark.parametrize(("document", "refusing"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_the_clients_refuse_what_is_refused(
    tmp_path: Path, document: dict[str, Any], refusing: frozenset[Format]
) -> None:
    """The clients do without the very documents that hold nothing for their format."""
    requires("skopeo")
    requires("docker", package="docker.io", available=_is_docker())
    path = tmp_path / "config.json"
    path.write_text(json.dumps(document))
    docker = run("docker", "--config", str(tmp_path), "context", "show")
    assert ("Error parsing config file" in docker.stderr) == (Format.DOCKER in refusing)
    skopeo = run("skopeo", "login", "--get-login", "--authfile", str(path), HOST)
    assert (skopeo.stdout != "AWS\n") == (Format.PODMAN in refusing)


def test_docker_finds_and_keeps_what_was_written(tmp_path: Path) -> None:
    """The CLI of docker keeps our entries when it saves, and removes the one it is told to."""
    requires("docker", package="docker.io", available=_is_docker())
    path = tmp_path / "config.json"
    sink = driver.make_sink({"path": str(path)})
    keys = {HOST: HOST, "docker.io": "https://index.docker.io/v1/", "h.example": "h.example"}
    for registry in keys:
        driver.write(sink, registry, TOKEN)
    written = json.loads(path.read_text())
    for registry, key in keys.items():
        named = [] if registry == "docker.io" else [registry]
        run("docker", "--config", str(tmp_path), "logout", *named)
        assert json.loads(path.read_text())["auths"].keys() == set(keys.values()) - {key}
        driver.write(sink, registry, TOKEN)
    assert json.loads(path.read_text()) == written


def _is_docker() -> bool:
    return shutil.which("docker") is not None and run("docker", "--version").returncode == 0


def test_a_killed_run_leaves_the_file_whole(tmp_path: Path) -> None:
    """Killed at any moment, a run leaves a valid file, and the next one clears up behind it."""
    path = tmp_path / "config.json"
    path.write_text(OLD)
    process = driver.start("renew", json.dumps({"path": str(path)}), HOST, "100000")
    while HOST not in path.read_text():
        assert process.poll() is None
    process.kill()
    process.communicate()
    assert json.loads(path.read_text())["auths"].keys() == {"other.example", HOST}
    (tmp_path / "unrelated").touch()
    driver.write(driver.make_sink({"path": str(path)}), HOST, "last")
    assert {entry.name for entry in tmp_path.iterdir()} == {"config.json", "unrelated"}
