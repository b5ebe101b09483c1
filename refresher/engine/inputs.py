"""The state of a provider's input files, as a digest that changes when one of them does."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from refresher.ports import Provider


def digest(provider: Provider) -> str:
    """Return a digest of the provider's input files, empty if it has none.

    Made from inode, size and change time of what each path leads to: mounted
    Secrets swap a link, editors swap a file, and both show. No content is read.
    """
    # An isinstance check of a protocol costs more than all the rest, and this is asked often.
    inputs = getattr(provider, "inputs", None)
    if inputs is None:
        return ""
    try:
        return _digest(inputs())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plug-in's fault must not stop the daemon's tick
        return f"error {type(error).__name__}"


def _digest(paths: Iterable[Path]) -> str:
    states = [f"{path}:{_state(path)}" for path in paths]
    if not states:
        return ""
    return hashlib.sha256("\n".join(states).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _state(path: Path) -> str:
    try:
        status = path.stat()
    except OSError as error:
        return f"error {error.errno}"
    return f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
