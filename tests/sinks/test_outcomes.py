"""What errors mean for a target, and several outcomes for one."""

import pytest

from refresher.errors import PermanentError, RefresherError, RetryableError
from refresher.ports import Busy, Outcome, Refused, Written
from refresher.sinks.outcomes import not_done, together, told_of


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RetryableError("away"), Busy("away")),
        (RetryableError("away", hint="wait", retry_after=3.0), Busy("away: wait", 3.0)),
        (PermanentError("denied", hint="ask"), Refused("denied: ask")),
    ],
    ids=str,
)
def test_an_error_becomes_an_outcome(error: RefresherError, outcome: Outcome) -> None:
    """With what to do."""
    assert not_done(error) == outcome


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], Written()),
        ([Written(), None, Written(("a",))], Written(("x: a",))),
        ([Written(("a",)), Refused("b"), Refused("b")], Refused("x: b")),
        ([Refused("a"), Busy("b", 1.0), Busy("c", 2.0)], Busy("x: a; b; c", 2.0)),
        ([Busy("a")], Busy("x: a")),
        ([Busy("about x itself")], Busy("about x itself")),
    ],
    ids=str,
)
def test_a_target_is_written_only_if_all_of_it_is(
    outcomes: list[Outcome | None], expected: Outcome
) -> None:
    """What time may heal decides, with the longest wait."""
    assert together("x", outcomes) == expected


def test_a_reason_names_its_part_once() -> None:
    """It may do so by itself."""
    assert told_of("x", Refused("a")) == Refused("x: a")
    assert told_of("x", Busy("x: a", 1.0)) == Busy("x: a", 1.0)
