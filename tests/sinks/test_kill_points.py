"""The config file when a run is killed at any system call, or any system call fails.

Every call that changes something is a point in each scene; the calls that only look are points in
the plainest one. REFRESHER_FULL_SWEEP=1 makes every call a point of every scene and every error.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from refresher.ports import Written
from refresher.sinks.docker_config import DockerConfig
from refresher.sinks.privatefile import How, PrivateFile
from tests.sinks import driver
from tests.sinks.test_attributes import ACCESS, access_list, put_attribute
from tests.tracing import ERRORS, FULL_SWEEP, KILLED, Call, Tracer, told, writes

HOST: Final = "registry.example:5000"
TOKEN: Final = "the new token"
CALLS: Final = "%file,%desc,exit_group"
FOREIGN: Final = '{"auths": {"other.example": {"auth": "QTpC"}}, "zz": "'
LEFTOVER: Final = ".refresher-3f15b0ca-0123456789abcdef"


def deliver(path: str, how: str, mode: str) -> None:
    """Look at the target as the engine does, write the token there, and print the outcome.

    A `mode` of "" is the default.
    """
    sink = DockerConfig(PrivateFile(Path(path), int(mode, 8) if mode else None, How(how)))
    sink.read([HOST])
    print(driver.write(sink, HOST, TOKEN))  # noqa: T201 - its result


@dataclass(frozen=True)
class Scene:
    """A config file below a folder: how it stands there, and how it is written."""

    prepare: Callable[[Path], object]
    how: How = How.AUTO
    mode: str = ""
    name: str = "config.json"

    def set_up(self, folder: Path) -> "State":
        """Make the folder as it is before a run."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(0o700)
        (folder / "unrelated").write_text("of somebody else")
        self.prepare(folder)
        return State.of(folder)

    def arguments(self, folder: Path) -> tuple[str, str, str]:
        """Return the words of the job."""
        return str(folder / self.name), self.how.value, self.mode


@dataclass(frozen=True)
class State:
    """What is in a folder: the content and the mode of each file, where each link leads."""

    files: Mapping[str, bytes]
    modes: Mapping[str, int]
    owners: Mapping[str, int]
    links: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, bytes]]

    @classmethod
    def of(cls, folder: Path) -> "State":
        """Look at a folder."""
        entries = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*"))}
        links = {name: str(path.readlink()) for name, path in entries.items() if path.is_symlink()}
        files = {name: path for name, path in entries.items() if path.is_file()}
        return cls(
            {name: path.read_bytes() for name, path in files.items() if name not in links},
            {name: path.lstat().st_mode & 0o777 for name, path in entries.items()},
            {name: path.lstat().st_uid for name, path in entries.items()},
            links,
            {
                name: {key: os.getxattr(path, key) for key in os.listxattr(path)}
                for name, path in files.items()
            },
        )


def existing(text: str, mode: int = 0o600) -> Callable[[Path], object]:
    """Return what makes a config file with a text."""

    def prepare(folder: Path) -> None:
        (folder / "config.json").write_text(text)
        (folder / "config.json").chmod(mode)

    return prepare


def linked(folder: Path) -> None:
    """Make a link to a config file elsewhere."""
    (folder / "elsewhere").mkdir()
    existing(FOREIGN + '"}')(folder / "elsewhere")
    (folder / "config.json").symlink_to("elsewhere/config.json")


def owned(folder: Path) -> None:
    """Make a config file of another user (if this one may), which a third may read by a list."""
    existing(FOREIGN + '"}')(folder)
    put_attribute(folder / "config.json", ACCESS, access_list())
    if os.geteuid() == 0:
        os.chown(folder / "config.json", 1234, 1234)


def littered(folder: Path) -> None:
    """Make a config file, and what a killed run has left beside it."""
    existing(FOREIGN + '"}')(folder)
    (folder / LEFTOVER).write_text("half a token")
    (folder / LEFTOVER).chmod(0o600)


def held(folder: Path) -> None:
    """Make a config file that holds the token already, and lets others read it."""
    existing(FOREIGN + '"}')(folder)
    sink = DockerConfig(PrivateFile(folder / "config.json"))
    driver.write(sink, HOST, TOKEN)
    (folder / "config.json").chmod(0o644)


SCENES: Final = {
    "replaced": Scene(existing(FOREIGN + '"}')),
    "new": Scene(lambda folder: folder, name="a/b/config.json"),
    "linked": Scene(linked),
    "in place, shorter": Scene(existing(FOREIGN + 'z"}' + " " * 500), How.IN_PLACE),
    "in place, longer": Scene(existing(FOREIGN + '"}'), How.IN_PLACE, "0600"),
    "in place, loose": Scene(existing(FOREIGN + '"}', 0o644), How.IN_PLACE, "0600"),
    "loose": Scene(existing(FOREIGN + '"}', 0o644), mode="0600"),
    "loose, the same token": Scene(held, mode="0600"),
    "another's, with an access list": Scene(owned),
    "littered": Scene(littered),
}
PLAINEST: Final = "replaced"


@pytest.fixture(scope="module")
def tracer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracer]:
    """Return what runs a delivery under strace."""
    with Tracer(tmp_path_factory.mktemp("strace")) as tracer:
        yield tracer


@dataclass
class Sweep:
    """One scene, and the ways in which its delivery may be cut short."""

    scene: Scene
    folder: Path
    tracer: Tracer

    def __post_init__(self) -> None:
        """Let one delivery run to its end."""
        self.before = self.scene.set_up(self.folder)
        whole = self.tracer.run(deliver, *self.scene.arguments(self.folder), calls=CALLS)
        assert whole.output.startswith("Written"), whole.output
        self.after = State.of(self.folder)
        self.calls = whole.calls

    def points(self, *, all_calls: bool) -> list[Call]:
        """Return the calls at which it is cut short."""
        if all_calls or FULL_SWEEP:
            return list(self.calls)
        return [call for call in self.calls if writes(call)]

    def cut(self, call: Call, inject: str) -> tuple[int, str]:
        """Run it anew with something injected at a call; return exit status and outcome."""
        self.scene.set_up(self.folder)
        arguments = self.scene.arguments(self.folder)
        ended = self.tracer.run(deliver, *arguments, calls=call.name, inject=inject)
        return ended.status, ended.output

    def expect_nothing_lost(self) -> None:
        """Insist on the file before or the whole new one, readable for nobody else, links kept."""
        now = State.of(self.folder)
        target = str((self.folder / self.scene.name).resolve().relative_to(self.folder.resolve()))
        content = now.files.get(target)
        if content != self.before.files.get(target):
            assert content is not None
            assert content.rstrip() == self.after.files[target].rstrip()
            assert self.scene.how is How.IN_PLACE or content == self.after.files[target]
            assert now.modes[target] == self.after.modes[target]
        assert now.files["unrelated"] == b"of somebody else"
        assert now.links == self.before.links
        loosest = self.after.modes[target]
        for name, mode in now.modes.items():
            known = name in self.before.modes
            assert known or not mode & 0o077 & ~loosest, f"{name} has mode {mode:o}"

    def expect_nothing_left(self) -> None:
        """Insist that it left no file of ours over."""
        made = State.of(self.folder).files.keys() - self.before.files.keys()
        assert made <= self.after.files.keys()

    def expect_healed(self) -> None:
        """Insist that the next run does all that the whole one had done, and clears up."""
        path, how, mode = self.scene.arguments(self.folder)
        sink = DockerConfig(PrivateFile(Path(path), int(mode, 8) if mode else None, How(how)))
        assert isinstance(driver.write(sink, HOST, TOKEN), Written)
        assert State.of(self.folder) == self.after


@pytest.fixture(params=SCENES)
def sweep(request: pytest.FixtureRequest, tmp_path: Path, tracer: Tracer) -> Sweep:
    """Return the sweep of each scene."""
    return Sweep(SCENES[request.param], tmp_path / "scene", tracer)


def test_a_kill_at_any_call_loses_nothing(sweep: Sweep) -> None:
    """Killed at any call, a run leaves the old file or the new one, and the next one clears up."""
    for call in sweep.points(all_calls=sweep.scene is SCENES[PLAINEST]):
        status, _ = sweep.cut(call, call.killing())
        with told(call):
            assert status == KILLED
            sweep.expect_nothing_lost()
            sweep.expect_healed()


def test_a_call_that_fails_is_told_and_loses_nothing(sweep: Sweep) -> None:
    """Whatever call fails, and how, the file is the old or the new one, and the reason is told."""
    plainest = sweep.scene is SCENES[PLAINEST]
    for number, call in enumerate(sweep.points(all_calls=plainest)):
        if call.name in ("write", "exit_group"):
            continue
        for error in _errors(call, number, plainest=plainest):
            status, outcome = sweep.cut(call, call.failing(error))
            with told(call, error, outcome):
                assert status == 0
                sweep.expect_nothing_lost()
                expect_reason(outcome, error, sweep.scene.arguments(sweep.folder)[0])
                if not call.name.startswith(("unlink", "getdents")):
                    sweep.expect_nothing_left()
                sweep.expect_healed()


def _errors(call: Call, number: int, *, plainest: bool) -> Sequence[str]:
    """Return all errors, or one that is another for the next call."""
    every = FULL_SWEEP or (plainest and writes(call))
    return ERRORS if every else [ERRORS[number % len(ERRORS)]]


def expect_reason(outcome: str, error: str, path: str) -> None:
    """Insist that an outcome is `Written`, or says at which file and with what error it is not."""
    assert outcome.startswith(("Written(", "Busy(", "Refused("))
    if not outcome.startswith("Written("):
        assert f"{path}: {os.strerror(getattr(errno, error))}" in outcome
