"""The wait that a server asks for."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from refresher.ports import Clock


def retry_after(header: str, clock: Clock) -> float | None:
    """Return the seconds that a `Retry-After` asks for, if any (RFC 9110, section 10.2.3)."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        aware = moment.replace(tzinfo=moment.tzinfo or UTC)
        return max((aware - clock.now()).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
