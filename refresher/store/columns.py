"""Values as they stand in the columns of the database.

A column holds what somebody put there, of any type. Reading raises
`ValueError` for what was never written here.
"""

import json
from datetime import UTC, datetime
from typing import Final

from refresher.model.credential import Expiry, Unending
from refresher.model.lease import Objection
from refresher.model.registered import RowState

_UNENDING: Final = {unending.value: unending for unending in Unending}
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_MOST: Final = 2**31
_NOT: Final = "the value is not {}"


def from_moment(moment: datetime | None) -> str | None:
    """Return a moment as ISO 8601 text."""
    return None if moment is None else _text(moment)


def to_moment(value: object) -> datetime | None:
    """Return the moment that was written as `value`; a moment without an offset is none."""
    return None if value is None else _moment(value)


def to_date(value: object) -> datetime:
    """Return the moment that was written as `value`, which only people look at.

    It hides no row: without an offset it is in UTC, and what is no moment is the
    first one of the calendar.
    """
    try:
        moment = datetime.fromisoformat(to_text(value))
    except ValueError:
        return _BEGINNING
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def from_expiry(expiry: Expiry) -> str:
    """Return an expiry as text: a moment, `never` or `unknown`."""
    return expiry.value if isinstance(expiry, Unending) else _text(expiry)


def to_expiry(value: object) -> Expiry:
    """Return the expiry that was written as `value`."""
    return _UNENDING.get(to_text(value)) or _moment(value)


def to_text(value: object) -> str:
    """Return `value`, which must be text."""
    if not isinstance(value, str):
        raise ValueError(_NOT.format("text"))  # noqa: TRY004 - one error for all that is unreadable
    return value


def to_optional_text(value: object) -> str | None:
    """Return `value`, which must be text or nothing."""
    return None if value is None else to_text(value)


def to_stored(value: object) -> bytes:
    """Return the bytes of a secret; a person may have written it as text."""
    return value if isinstance(value, bytes) else to_text(value).encode()


def to_digest(value: object) -> bytes | None:
    """Return `value`, which must be bytes or nothing."""
    if value is not None and not isinstance(value, bytes):
        raise ValueError(_NOT.format("bytes"))
    return value


def to_count(value: object) -> int:
    """Return `value`, which must be a number that can still be added to."""
    if not isinstance(value, int) or not 0 <= value < _MOST:
        raise ValueError(_NOT.format("a count"))
    return value


def to_state(value: object) -> RowState:
    """Return the state that was written as `value`."""
    return RowState(to_text(value))


def from_names(names: tuple[str, ...]) -> str:
    """Return names as a JSON list."""
    return json.dumps(names)


def to_names(value: object) -> tuple[str, ...]:
    """Return the names that were written as `value`."""
    return tuple(to_text(name) for name in _list(value))


def from_moments(moments: tuple[datetime, ...]) -> str:
    """Return moments as a JSON list."""
    return json.dumps([_text(moment) for moment in moments])


def to_moments(value: object) -> tuple[datetime, ...]:
    """Return the moments that were written as `value`."""
    return tuple(_moment(each) for each in _list(value))


def from_objections(objections: tuple[Objection, ...]) -> str:
    """Return objections as a JSON list of lists."""
    return json.dumps([[each.registry, each.reason, each.refused] for each in objections])


def to_objections(value: object) -> tuple[Objection, ...]:
    """Return the objections that were written as `value`."""
    found = []
    for each in _list(value):
        if not isinstance(each, list):
            raise ValueError(_NOT.format("a list"))  # noqa: TRY004 - the same
        registry, reason, refused = each
        found.append(Objection(to_text(registry), to_text(reason), bool(refused)))
    return tuple(found)


def _list(value: object) -> list[object]:
    try:
        found = json.loads(to_text(value))
    except RecursionError:
        found = None
    if not isinstance(found, list):
        raise ValueError(_NOT.format("a list"))  # noqa: TRY004 - the same
    return found


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(to_text(value))
    if moment.tzinfo is None:
        raise ValueError(_NOT.format("a moment with an offset"))
    return moment


def _text(moment: datetime) -> str:
    # In its own offset: the last hours of the calendar can't be told in another.
    return moment.isoformat(timespec="microseconds")
