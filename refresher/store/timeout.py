"""What is said when a lock can't be had."""

from refresher.errors import LockTimeoutError


def timed_out(name: str, wait: float) -> LockTimeoutError:
    """Return the error of a run that waited `wait` seconds for the lock of `name`."""
    return LockTimeoutError(
        f"another run held the lock of {name} for longer than {max(wait, 0.0):g} s",
        hint="wait until it is done, or allow a longer wait",
    )
