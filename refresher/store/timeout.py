"""What is said when a lock can't be had."""

from refresher.errors import LockTimeoutError


def timed_out(name: str, wait: float, holder: str = "") -> LockTimeoutError:
    """Return the error of a run that waited `wait` seconds for the lock of `name`.

    `holder` says who has it, where that is known.
    """
    who = f"another run ({holder})" if holder else "another run"
    stuck = f"; if {holder} is stuck, end it" if holder else ""
    return LockTimeoutError(
        f"{who} held the lock of {name} for longer than {max(wait, 0.0):g} s",
        hint=f"wait until it is done, or allow a longer wait{stuck}",
    )
