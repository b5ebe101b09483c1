"""The wait that a server asks for."""

import pytest

from refresher.net.retryafter import retry_after
from refresher.testing import FakeClock


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("\N{SUPERSCRIPT TWO}", None),
        ("Sun, 99 Mar 2026 12:00:30 GMT", None),
    ],
)
def test_seconds_and_moments_are_read(header: str, seconds: float | None) -> None:
    """A moment that has passed is no wait; what is neither asks for nothing."""
    assert retry_after(header, FakeClock()) == seconds
