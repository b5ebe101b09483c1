"""What issuers say of a token's end, truly or not."""

from datetime import UTC, datetime

from refresher.model.credential import UNKNOWN, Expiry
from tests.simulation.machine import moment
from tests.simulation.places import Token


def whole() -> float:
    """Give the whole life."""
    return 1.0


def told_truly(token: Token) -> Expiry:
    """Tell the true end."""
    return moment(token.ends)


def told_nothing(_token: Token) -> Expiry:
    """Leave the end out."""
    return UNKNOWN


def told_in_year_9999(_token: Token) -> Expiry:
    """Tell the last moment of the calendar."""
    return datetime.max.replace(tzinfo=UTC)


def told_in_1970(_token: Token) -> Expiry:
    """Tell the first moment of Unix time."""
    return datetime(1970, 1, 1, tzinfo=UTC)


def told_past(token: Token) -> Expiry:
    """Tell an end that was a minute before the token was made."""
    return moment(token.minted - 60)
