"""What errors of the system mean for a target."""

import errno
import os
from pathlib import Path

import pytest

from refresher.ports import Busy, Refused
from refresher.sinks.faults import outcome

PATH = Path("/home/x/.docker/config.json")


@pytest.mark.parametrize(
    "number",
    [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOENT],
    ids=errno.errorcode.get,
)
def test_time_heals_what_is_used_up_or_gone(number: int) -> None:
    """What is used up, or gone just now, is busy, with the path and the reason."""
    assert outcome(OSError(number, os.strerror(number)), PATH) == Busy(
        f"{PATH}: {os.strerror(number)}"
    )


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EACCES, f"user {os.geteuid()}"),
        (errno.EPERM, f"user {os.geteuid()}"),
        (errno.EROFS, "emptyDir"),
        (errno.EBUSY, "mount its directory"),
        (errno.EXDEV, "mount its directory"),
        (errno.EISDIR, "name a file"),
        (errno.ENOTDIR, "is a file"),
        (errno.ELOOP, "circle"),
        (errno.ENAMETOOLONG, "shorter"),
        (errno.ENOTSUP, os.strerror(errno.ENOTSUP)),
    ],
    ids=lambda value: errno.errorcode.get(value, "") if isinstance(value, int) else "",
)
def test_somebody_has_to_act(number: int, advice: str) -> None:
    """A denial or a wrong path is refused, with the path, the reason and what to do."""
    answer = outcome(OSError(number, os.strerror(number)), PATH)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith(f"{PATH}: {os.strerror(number)}")
    assert advice in answer.reason


def test_an_error_without_a_number_is_told(tmp_path: Path) -> None:
    """An error that has a text only is refused with that text."""
    assert outcome(OSError("odd"), tmp_path) == Refused(f"{tmp_path}: odd")
